"""What machines ask of this process: whether it lives, whether everything works, and what it has counted."""

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status
from prometheus_client import CONTENT_TYPE_LATEST

from dashboard.backstage.health import HEALTH, service_reports
from dashboard.web.answers import Alive, Readiness
from dashboard.web.metrics import exposition

router = Router()
_TEXT = {"responses": {200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}}}


@router.get("/healthz", response=Alive, summary="Does this process answer?")
def healthz(request: HttpRequest) -> dict[str, bool]:
    return {"ok": True}


@router.get("/readyz", response={200: Readiness, 503: Readiness}, summary="Does everything work? By dependency")
def readyz(request: HttpRequest) -> Status:
    dependencies = HEALTH.report() + service_reports()
    ready = all(dependency["ok"] for dependency in dependencies)
    return Status(200 if ready else 503, {"ready": ready, "dependencies": dependencies})


@router.get("/metrics", openapi_extra=_TEXT, summary="What was counted, for Prometheus")
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
