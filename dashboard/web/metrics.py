"""What Prometheus is told at /metrics.

All but what concerns this process alone is read from the read model, and so the same at every web process.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from django.db import DatabaseError
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboard.models import Board, Saga, Service
from dashboard.readmodel import figures
from dashboard.readmodel.figures import BUCKETS_S, Counts
from dashboard.readmodel.services import row_of
from saga.state import COMPENSATED, COMPENSATING, COMPLETED, RUNNING, STUCK

REGISTRY = CollectorRegistry()
SOCKETS = Gauge("saga_workshop_sockets", "Browsers that are connected to this process.", registry=REGISTRY)
REQUESTS = Counter(
    "saga_workshop_http_requests",
    "Requests that this process answered.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "saga_workshop_http_request_seconds", "How long this process took to answer.", ["route"], registry=REGISTRY
)
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
STEP = "service", "step", "action"
BOUNDS = (*map(str, BUCKETS_S), "+Inf")


class _ReadModel(Collector):
    """Asks the read model whenever Prometheus asks; if that does not answer, this process still tells of itself."""

    def collect(self) -> Iterator[Metric]:
        try:
            found = [*_of_sagas(), *_of_services(Service.objects.all()), *_counted(figures.current())]
        except DatabaseError:
            found = []
        yield _gauge("read_model_up", "Did the read model answer just now?", bool(found))
        yield from found


def _of_sagas() -> Iterator[Metric]:
    by_status = {status: Count("pk", filter=Q(status=status)) for status in (RUNNING, COMPENSATING, STUCK)}
    unfinished = Saga.objects.filter(finished=None)
    under_way = unfinished.aggregate(**by_status, waiting=Count("pk", filter=Q(fed_offset=None)))
    waiting, board = under_way.pop("waiting"), Board.current()
    sagas = GaugeMetricFamily(
        "saga_workshop_sagas", "Sagas by status, all that ever ended included.", labels=["status"]
    )
    for status, count in (under_way | {COMPLETED: board.completed, COMPENSATED: board.compensated}).items():
        sagas.add_metric([status], count)
    yield sagas
    yield _gauge("outbox_waiting", "Sagas that are not fed to the broker yet.", waiting)
    yield _gauge("sagas_in_flight", "Sagas fed to the broker and not ended.", sum(under_way.values()) - waiting)
    yield CounterMetricFamily("saga_workshop_sagas_accepted", "Sagas accepted.", value=board.accepted)
    yield CounterMetricFamily(
        "saga_workshop_sagas_pruned", "Ended sagas that are forgotten by now.", value=board.pruned
    )
    yield CounterMetricFamily("saga_workshop_dead_letters", "Messages nobody could read.", value=board.dead_letters)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"saga_workshop_{name}", text, value=value)


def _of_services(services: Iterable[Service]) -> Iterator[Metric]:
    rows = [row_of(service) for service in services]
    about = {
        "backlog": "Messages that wait for the service, or that it has in hand: the lag of its consumer group.",
        "in_flight": "Messages that the service has in hand.",
        "rate": "Messages that it finishes in a second.",
        "partitions": "Partitions that its living instances have.",
    }
    for name, text in about.items():
        family = GaugeMetricFamily(f"saga_workshop_service_{name}", text, labels=["service"])
        for row in rows:
            family.add_metric([row["name"]], row[name])
        yield family


def _counted(counts: Counts) -> Iterator[Metric]:
    retries = CounterMetricFamily("saga_workshop_retries", "Attempts that failed and are tried again.", labels=STEP)
    for labels, [count] in counts.of(figures.RETRIES):
        retries.add_metric(labels, count)
    yield retries
    about = {
        figures.STEP_SECONDS: (
            "From taking on a step to its outcome, retries and their pauses included.",
            (*STEP, "outcome"),
        ),
        figures.SAGA_SECONDS: ("From accepting a saga to its end.", ("scenario", "style", "end")),
        figures.PROJECTION_DELAY_SECONDS: ("From an attempt's end to its row, for the oldest new one of a batch.", ()),
    }
    for name, (text, names) in about.items():
        family = HistogramMetricFamily(f"saga_workshop_{name}", text, labels=names)
        for labels, (total, *buckets) in counts.of(name):
            family.add_metric(labels, list(zip(BOUNDS, accumulate(buckets), strict=False)), total)
        yield family


REGISTRY.register(_ReadModel())
ProcessCollector(registry=REGISTRY)


def count_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware. Routes are counted as they are written in the code, so nobody can make up new ones."""

    def count(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        route = request.resolver_match.route if request.resolver_match else "other"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(route, method, response.status_code).inc()
        REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)
        return response

    return count


def exposition() -> bytes:
    """Return everything in Prometheus' text format."""
    return generate_latest(REGISTRY)
