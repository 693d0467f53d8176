"""How messages look on the wire: CloudEvents 1.0 in JSON, structured mode, keyed by what they are about.

Encoding and decoding live here and nowhere else. Decoding rejects whatever it does not know: bytes from a topic are
foreign until they have passed through `decode`.
See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and its Kafka protocol binding.
"""

import json
import re
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from saga import times, tracing
from saga.bus import Outgoing
from saga.errors import MessageRejected

CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=utf-8")
MAX_BYTES = 256 * 1024
# The one character that JSON and Python know and PostgreSQL holds nowhere: NUL, escaped, its backslash not.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Payload(Protocol):
    """What every message class offers: its type on the wire, its own id, what it is about, and its trace."""

    TYPE: ClassVar[str]

    @property
    def id(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def trace_id(self) -> str | None: ...


P = TypeVar("P", bound=Payload)
D = TypeVar("D")


class Envelope(BaseModel, Generic[D]):
    """The CloudEvents context attributes around a message. Extension attributes of others are ignored."""

    model_config = ConfigDict(frozen=True, strict=True)

    specversion: str
    id: Annotated[str, StringConstraints(min_length=1)]
    source: Annotated[str, StringConstraints(min_length=1)]
    type: str
    subject: str
    time: Annotated[str, AfterValidator(times.with_zone)]
    datacontenttype: Annotated[str, StringConstraints(pattern="^application/json")]
    traceparent: str | None = None
    data: D


@cache
def _envelope_of(kind: type[P]) -> type[Envelope[Any]]:
    return Envelope[kind]  # type: ignore[valid-type]


def encode(message: Payload, *, topic: str, source: str, at: str) -> Outgoing:
    """Return `message` as it goes to `topic`; `source` is the service that says it, `at` its RFC 3339 time."""
    traceparent = tracing.traceparent(message.trace_id or tracing.trace_id_of(message.subject), message.id)
    envelope = _envelope_of(type(message)).model_construct(
        specversion="1.0",
        id=message.id,
        source=f"/saga-workshop/{source}",
        type=message.TYPE,
        subject=message.subject,
        time=at,
        datacontenttype="application/json",
        traceparent=traceparent,
        data=message,
    )
    value = envelope.__pydantic_serializer__.to_json(envelope)
    return Outgoing(topic=topic, key=message.subject.encode(), value=value, headers=headers(traceparent))


def headers(traceparent: str | None) -> tuple[tuple[str, bytes], ...]:
    """Return the Kafka headers of a message: what it is, and which trace it belongs to if that is known."""
    return (CONTENT_TYPE, (tracing.HEADER, traceparent.encode())) if traceparent else (CONTENT_TYPE,)


def decode(kind: type[P], value: bytes | str | None) -> P:
    """Return the message of class `kind` that `value` is. Raises MessageRejected, with a reason a person can use."""
    if not value:
        raise MessageRejected("the message is empty")
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    if len(raw) > MAX_BYTES:
        raise MessageRejected(f"the message has {len(raw)} bytes; {MAX_BYTES} is the most")
    if holds_nul(raw):  # asked first, so that no reason holds one
        raise MessageRejected("the message holds a NUL character, which no database would take")
    try:
        envelope = _envelope_of(kind).model_validate_json(raw)
    except ValidationError as error:
        raise MessageRejected(_reason(kind, raw, error)) from error
    if envelope.type != kind.TYPE or envelope.specversion != "1.0":
        raise MessageRejected(_unknown_version(kind, envelope.type, envelope.specversion))
    if envelope.subject != envelope.data.subject:
        raise MessageRejected(
            f"the subject is {envelope.subject[:80]!r}, and the message about {envelope.data.subject!r}"
        )
    return cast(P, envelope.data)


def holds_nul(raw: bytes) -> bool:
    """Does JSON text hold the character that no database would take?"""
    return b"\\u0000" in raw and _NUL.search(raw) is not None


def traceparent_in(value: str) -> str | None:
    """Return the `traceparent` attribute of a message, if it has one."""
    found = (_peek(value) or {}).get(tracing.HEADER)
    return found if tracing.trace_id_in(str(found)) else None


def _reason(kind: type[Payload], value: bytes, error: ValidationError) -> str:
    found = _peek(value)
    if found is None:
        return "the message is not a JSON object in UTF-8"
    if found.get("type") != kind.TYPE:
        return _unknown_version(kind, found.get("type"), found.get("specversion"))
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))


def _peek(value: bytes | str) -> dict[str, Any] | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unknown_version(kind: type[Payload], found: object, specversion: object) -> str:
    return f"type {str(found)[:80]!r} (CloudEvents {str(specversion)[:8]!r}) is not {kind.TYPE!r} of CloudEvents '1.0'"
