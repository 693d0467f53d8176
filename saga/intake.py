"""What may come in: bytes from a saga's topic become a message there, or a reason why they are none."""

from saga import routing, wire
from saga.definitions import REPLIES, definition_of
from saga.errors import MessageRejected
from saga.messages import Reply, SagaMessage


def message_on(topic: str, *, key: bytes | None, value: bytes | str | None) -> SagaMessage | Reply:
    """Return the message that a record of one of the sagas' topics is. Raises MessageRejected."""
    if topic != REPLIES:
        request = wire.decode(SagaMessage, value)
        routing.check_addressed(request, topic=topic, key=key)
        return request
    reply = wire.decode(Reply, value)
    definition_of(reply.scenario).step(reply.step)
    if key != reply.saga_id.encode():
        raise MessageRejected("the message's key is not its saga id")
    return reply
