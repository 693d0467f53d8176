"""What a run needs besides itself: nothing where it is embedded, else Apache Kafka, Redis and PostgreSQL."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.brokers.kinds import KafkaServer
from tests.support.system.stack import PostgresServer, RedisServer

JARS = Path(__file__).resolve().parents[2] / "var" / "kafka"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`settings` lead to the parts, `pids` are their processes by name. An embedded run brings its own."""

    settings: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)
    kafka: KafkaServer | None = None


@contextmanager
def embedded() -> Iterator[Parts]:
    yield Parts()


@contextmanager
def real() -> Iterator[Parts]:
    """Start the parts on free ports, with nothing in them. Raises CannotStart, CannotStartKafka."""
    JARS.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="saga-bench-kafka-") as directory, ExitStack() as begun:
        kafka = KafkaServer(Path(directory), cache=JARS)
        begun.callback(kafka.kill)
        kafka.start()
        redis = RedisServer()
        begun.callback(redis.kill)
        # As its operator would run it: what a commit promised is on the disk.
        postgres = PostgresServer(fsync="on")
        begun.callback(postgres.remove)
        yield Parts(
            settings={
                "KAFKA_BOOTSTRAP_SERVERS": kafka.address,
                "REDIS_URL": redis.url,
                "BACKSTAGE": "false",
                **postgres.settings,
            },
            pids={"kafka": kafka.pid, "redis": redis.pid, "postgresql": postgres.pid},
            kafka=kafka,
        )
