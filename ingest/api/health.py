"""For those who watch the service: does it live, can it work, what has it counted."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.shapes import Health, Ready

MAX_LAG_S = 60.0  # longer than any store needs: it is stuck

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="read_health")
async def read_health() -> Health:
    """The process answers; nothing is said of the broker or the store."""
    return Health(status="alive")


@router.get(
    "/readyz", operation_id="read_readiness", response_class=JSONResponse, responses={503: {"model": Ready}}
)
def read_readiness(given: Given) -> Ready:
    """200 when the broker is connected and the store takes what comes, else 503."""
    now = given.readiness()
    is_ready = now.is_broker_connected and now.is_store_writable and now.lag_s < MAX_LAG_S
    ready = Ready(
        is_ready=is_ready,
        is_broker_connected=now.is_broker_connected,
        is_store_writable=now.is_store_writable,
        lag_s=round(now.lag_s, 3),
    )
    return JSONResponse(ready.model_dump(), 200 if is_ready else 503)  # type: ignore[return-value]


@router.get(
    "/metrics",
    operation_id="read_metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_metrics(given: Given) -> Response:
    """Counters and gauges in Prometheus' text format."""
    return Response(generate_latest(given.registry), media_type=CONTENT_TYPE_LATEST)
