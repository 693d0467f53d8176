"""One trace from the click to the end of its saga: W3C Trace Context, in every message.

It is there twice: as a Kafka header, where tools look, and as CloudEvents' own extension attribute. Spans are named by
what they are about and not at random, so a message that is said again belongs to the same span.
See https://www.w3.org/TR/trace-context/ and CloudEvents' extension "Distributed Tracing".
"""

import re
from hashlib import blake2b
from typing import Annotated

from pydantic import StringConstraints

HEADER = "traceparent"
TraceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_SAMPLED = "01"


def trace_id_in(traceparent: str | None) -> str | None:
    """Return the trace that a `traceparent` of somebody else belongs to, None if it is none."""
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None or not int(found[1], 16) or not int(found[2], 16):
        return None
    # Only versions to come may say more than these four parts.
    return None if found[3] and found[0].startswith("00") else found[1]


def trace_id_of(name: str) -> str:
    """Return the trace of something that nobody named one for: a UUID, as saga ids are, is one by itself."""
    bare = name.replace("-", "")
    return bare if _TRACE_ID.fullmatch(bare) else blake2b(name.encode(), digest_size=16).hexdigest()


def traceparent(trace_id: str, message_id: str) -> str:
    """Return the `traceparent` of the message with this id."""
    return f"00-{trace_id}-{blake2b(message_id.encode(), digest_size=8).hexdigest()}-{_SAMPLED}"
