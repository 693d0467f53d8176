"""The port of `saga.bus` on kafka-python: the only package that knows which client library carries the messages.

Two kinds of broker answer here, and the bus must be told which: the embedded one, whose quirks need settings of their
own, and a real cluster, which gets none of them. The library's errors leave this package as `BrokerUnavailable`.
"""

from workshop.kafka_bus.bus import KafkaBus
from workshop.kafka_bus.origin import address_in

__all__ = ["KafkaBus", "address_in"]
