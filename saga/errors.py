"""What can go wrong with a saga's messages and with the road they travel."""


class SagaError(Exception):
    """Root of every error of this project."""


class DefinitionError(SagaError):
    """Raised when a saga definition contradicts itself."""


class MessageRejected(SagaError):
    """Raised when bytes from a topic are not a message that this reader understands."""


class StepFailed(SagaError):
    """Raised when a participant cannot do a step, now or ever: a business failure. Only an undo goes on after it."""


class BrokerUnavailable(SagaError):
    """Raised when the broker did not answer, or did not acknowledge, in time. Trying again can help."""
