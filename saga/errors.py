"""What can go wrong with a saga's messages and with the road they travel."""


class SagaError(Exception):
    """Root of what can go wrong with sagas, their messages and their road; `dashboard.errors` has its refusals."""


class DefinitionError(SagaError):
    """Raised when a saga definition contradicts itself."""


class MessageRejected(SagaError):
    """Raised when a message cannot be worked on, now or ever: it is none, or names or lacks what it must not."""


class StepFailed(SagaError):
    """Raised when a participant cannot do a step, now or ever: a business failure. Only an undo is tried again."""


class BrokerUnavailable(SagaError):
    """Raised when the broker did not answer, or did not acknowledge, in time. Trying again can help."""
