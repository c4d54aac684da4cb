"""Health, version, report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from trading_api.deps import ServicesDep
from trading_api.errors import ProblemError
from trading_api.schemas.system import HealthReply, VersionReply
from trading_api.services.live_figures import health_report

router = APIRouter(tags=["system"])
REPORT_PATH = "/report/index.html"


@router.get("/system/health", response_model=HealthReply)
async def health(services: ServicesDep) -> dict[str, Any]:
    """Every part with the age of its newest report."""
    context = services.context
    return health_report(
        context.health,
        clock_offset_ms=context.clock_offset_ms(),
        version=context.settings.version,
    )


@router.get("/system/version")
async def version(services: ServicesDep) -> VersionReply:
    """What is installed."""
    settings = services.context.settings
    return VersionReply(version=settings.version, commit=settings.commit)


@router.get("/report", status_code=302, response_class=RedirectResponse)
async def report(services: ServicesDep) -> Response:
    """The finished report; 404 while the run goes on."""
    folder = services.context.settings.report_dir
    if folder is None or not (folder / "index.html").is_file():
        raise ProblemError(
            404, "there is no report yet", next_step="it is written when the run has ended"
        )
    return RedirectResponse(REPORT_PATH, status_code=302)
