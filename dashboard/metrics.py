"""What Prometheus is told at /metrics: figures of the read model as they are now, others counted as they happen."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboard.models import Board, Saga, Service
from dashboard.services import row_of
from saga.messages import Kind, Trace
from saga.state import COMPENSATED, COMPLETED, STUCK

REGISTRY = CollectorRegistry()
SOCKETS = Gauge("saga_workshop_sockets", "Browsers that are connected to this process.", registry=REGISTRY)
RETRIES = Counter("saga_workshop_retries", "Attempts that failed and are tried again.", ["service"], registry=REGISTRY)
PROJECTION_DELAY = Histogram(
    "saga_workshop_projection_delay_seconds",
    "From the moment that a service spoke of to the moment that its row is written, for the oldest of a batch.",
    registry=REGISTRY,
)
_TRYING_AGAIN = (Kind.RETRYING, Kind.UNDO_FAILED)


class _ReadModel(Collector):
    """Asks the read model whenever Prometheus asks."""

    def collect(self) -> Iterator[Metric]:
        board = Board.current()
        stuck = Saga.objects.filter(status=STUCK).count()
        sagas = GaugeMetricFamily("saga_workshop_sagas", "Sagas by where they are.", labels=["status"])
        sagas.add_metric(["under way"], board.accepted - board.ended - stuck)
        sagas.add_metric([COMPLETED], board.completed)
        sagas.add_metric([COMPENSATED], board.compensated)
        sagas.add_metric([STUCK], stuck)
        yield sagas
        yield CounterMetricFamily("saga_workshop_sagas_accepted", "Sagas accepted.", value=board.accepted)
        yield CounterMetricFamily("saga_workshop_dead_letters", "Messages nobody could read.", value=board.dead_letters)
        yield from _of_services([row_of(service) for service in Service.objects.all()])


def _of_services(rows: Iterable[dict[str, object]]) -> Iterator[Metric]:
    about = {
        "backlog": "Messages that wait for the service.",
        "in_flight": "Messages that the service has in hand.",
        "partitions": "Partitions that its living instances have.",
    }
    for name, text in about.items():
        family = GaugeMetricFamily(f"saga_workshop_service_{name}", text, labels=["service"])
        for row in rows:
            family.add_metric([str(row["name"])], float(str(row[name])))
        yield family


REGISTRY.register(_ReadModel())


def on_projected(traces: Iterable[Trace]) -> None:
    """Count what a batch of trace messages tells, once it is written down."""
    events = [event for trace in traces for event in trace.events]
    for event in events:
        if event.kind in _TRYING_AGAIN:
            RETRIES.labels(event.service).inc()
    if events:
        oldest = datetime.fromisoformat(min(event.at for event in events))
        PROJECTION_DELAY.observe(max(0.0, (datetime.now(UTC) - oldest).total_seconds()))


def exposition() -> bytes:
    """Return everything in Prometheus' text format."""
    return generate_latest(REGISTRY)
