"""Every topic of the project, who reads it, and how many partitions it has."""

from saga.definitions import COORDINATOR, DEFINITIONS, REPLIES, SAGAS, Closing, Step

TRACE = "trace"
DEAD_LETTER = "dead-letter"
HEARTBEAT = "heartbeat"
CONTROL = "control"
FORGET = "forget"

# One partition each: what a service was told last, and how it feels, must arrive in the order it was said.
_IN_ONE_ORDER = (HEARTBEAT, CONTROL, FORGET)


def _topics_by_service() -> dict[str, tuple[str, ...]]:
    topics: dict[str, dict[str, None]] = {}
    for definition in DEFINITIONS.values():
        asked_for: list[Step | Closing] = [*definition.steps, *([definition.closing] if definition.closing else [])]
        for asked in asked_for:
            topics.setdefault(asked.service, {}).update(dict.fromkeys((asked.topic, asked.undo_topic)))
    topics[COORDINATOR] = dict.fromkeys((SAGAS, REPLIES))
    return {service: tuple(names) for service, names in topics.items()}


TOPICS_BY_SERVICE = _topics_by_service()
SERVICES = tuple(TOPICS_BY_SERVICE)
PARTICIPANTS = tuple(service for service in SERVICES if service != COORDINATOR)
SAGA_TOPICS = tuple(topic for topics in TOPICS_BY_SERVICE.values() for topic in topics)


def partitions_by_topic(partitions: int) -> dict[str, int]:
    """Return every topic with its number of partitions, `partitions` where order between sagas does not matter."""
    spread = dict.fromkeys((*SAGA_TOPICS, TRACE, DEAD_LETTER), partitions)
    return spread | dict.fromkeys(_IN_ONE_ORDER, 1)
