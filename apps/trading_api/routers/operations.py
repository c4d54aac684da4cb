"""For the supervisor and Prometheus: outside /api/v1, without a session."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import APIRouter
from starlette.responses import Response

from trading_api.deps import AddressDep, StoreDep
from trading_api.errors import ProblemError
from trading_api.schemas.system import LivenessReply
from trading_models.monitoring import metrics_text

router = APIRouter(tags=["operations"])
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz")
async def healthz(store: StoreDep) -> LivenessReply:
    """The process answers and its database can be read; a problem document otherwise."""
    await store.get_run_state("healthz")
    return LivenessReply(status="ok")


@router.get("/metrics", response_class=Response)
async def metrics(address: AddressDep) -> Response:
    """Prometheus text, for this machine only."""
    if not _is_loopback(address):
        raise ProblemError(403, "metrics are served to this machine only")
    return Response(metrics_text(), media_type=METRICS_TYPE)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
