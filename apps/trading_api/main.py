"""Puts the application together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI

from trading_api import static
from trading_api.auth import Authenticator
from trading_api.context import AppContext
from trading_api.deps import Services, get_session
from trading_api.errors import install_handlers
from trading_api.middleware import RequestGuard
from trading_api.openapi_document import build_document
from trading_api.routers import (
    access,
    control,
    decisions,
    live,
    market,
    operations,
    portfolio,
    system,
    trading,
)
from trading_api.services.control import ControlService
from trading_api.services.live_figures import LiveFigures, health_report
from trading_models.monitoring import get_logger
from trading_models.persistence import Window

API = "/api/v1"
HEALTH_PERIOD_S = 2.0
HEALTH_STALE_S = 10.0
SEED_ROWS = 200
LOG = get_logger("trading_api")

OnFailure = Callable[[BaseException], None]


def create_routes() -> FastAPI:
    """The application without its context: enough for the OpenAPI document."""
    # The built-in documentation pages load scripts from elsewhere.
    app = FastAPI(title="trading_api", docs_url=None, redoc_url=None, openapi_url=None)
    protected = APIRouter(prefix=API, dependencies=[Depends(get_session)])
    for module in (portfolio, trading, decisions, market, control, system):
        protected.include_router(module.router)

    @protected.get("/openapi.json", include_in_schema=False)
    async def openapi_document() -> dict[str, Any]:
        return build_document(app)

    app.include_router(access.router, prefix=API)
    app.include_router(protected)
    app.include_router(live.router, prefix=API)
    app.include_router(operations.router)
    install_handlers(app)
    return app


def create_app(context: AppContext, *, on_failure: OnFailure | None = None) -> FastAPI:
    """The whole application. `on_failure` is told when the background runner raises."""
    app = create_routes()
    app.include_router(static.router)
    authenticator = Authenticator(
        context.store, context.clock, context.security.jwt_secret, context.security.policy
    )
    app.state.services = Services(
        context,
        authenticator,
        ControlService(context.control, context.store),
        LiveFigures(context.hub),
    )
    app.router.lifespan_context = _lifespan(context, on_failure)
    app.add_middleware(
        RequestGuard, clock=context.clock, max_body_bytes=context.settings.max_body_bytes
    )
    return app


def _lifespan(context: AppContext, on_failure: OnFailure | None) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await _seed(context)
        context.store.attach(context.hub)
        context.hub.start()
        watcher = asyncio.create_task(_watch_health(context))
        runner = _start_background(context, on_failure)
        try:
            yield
        finally:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
            if context.background is not None and runner is not None:
                await context.background.stop()
                await asyncio.wait({runner})
            await context.hub.stop()

    return lifespan


def _start_background(
    context: AppContext, on_failure: OnFailure | None
) -> asyncio.Task[None] | None:
    if context.background is None:
        return None

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        LOG.critical("background_failed", error=repr(error), exc_info=error)
        if on_failure is not None:
            on_failure(error)

    runner = asyncio.create_task(context.background.run())
    runner.add_done_callback(ended)
    return runner


async def _seed(context: AppContext) -> None:
    """Live channels begin with what the store knows, also after a restart."""
    read, hub = context.store.read, context.hub
    decided = await read.decisions(limit=SEED_ROWS, cursor=None, outcome="all")
    hub.seed("decisions", {row["decision_id"]: row for row in reversed(decided.rows)})
    ordered = await read.orders(status="all", limit=SEED_ROWS, cursor=None)
    hub.seed("orders", {row["client_order_id"]: row for row in reversed(ordered.rows)})
    filled = await read.fills(Window(limit=SEED_ROWS))
    hub.seed("fills", {f"{row['instrument_id']}/{row['trade_id']}": row for row in filled})
    closed = await read.trades(limit=SEED_ROWS, cursor=None)
    hub.seed("trades", {str(row["trade_no"]): row for row in reversed(closed.rows)})
    hub.seed("positions", {row["instrument_id"]: row for row in await read.positions()})


async def _watch_health(context: AppContext) -> None:
    """Measure the database, then publish the health of every part."""
    context.health.watch("database", stale_after_s=HEALTH_STALE_S)
    while True:
        started = context.clock.monotonic()
        await context.store.get_run_state("healthz")
        elapsed_ms = (context.clock.monotonic() - started) * 1000
        context.health.report("database", latency_ms=elapsed_ms)
        report = health_report(
            context.health,
            clock_offset_ms=context.clock_offset_ms(),
            version=context.settings.version,
        )
        context.hub.replace("health", report)
        await asyncio.sleep(HEALTH_PERIOD_S)
