"""Composition root of one run: store, gateway client, orchestrator, and what the API shows."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from trading_api.context import AppContext, ControlResult, Security
from trading_api.services.market_reader import MarketReader
from trading_api.services.run_presenter import RunFacts, RunPresenter, Shown
from trading_api.settings import load_server_settings
from trading_api.ws.hub import Hub
from trading_models.base import (
    ApprovedOrder,
    Connectivity,
    Instrument,
    ManualClock,
    StopLevel,
    SystemClock,
    Timeframe,
    TradingState,
    from_millis,
)
from trading_models.config_manager import Settings, load_settings
from trading_models.execution import GatewayClient, until_reachable
from trading_models.llm_integration import Router
from trading_models.monitoring import HealthRegistry, setup_logging
from trading_models.orchestrator import Orchestrator, Parts
from trading_models.paper_trading import LockstepDriver
from trading_models.persistence import Store, sqlite_url
from trading_models.risk_management import RiskEngine
from trading_models.security import (
    Passwords,
    RequestSigner,
    SecurityPolicy,
    load_approval_key,
    load_service_key,
    write_secret_file,
)

DEMO_USER = "demo"
LINK_TTL_S = 60
GATEWAY_PERIOD_S = 2.0
GATEWAY_STALE_S = 10.0


class GatewayControl:
    """Implements ControlPort: pause, resume and kill go straight to the gateway."""

    def __init__(self, gateway: GatewayClient) -> None:
        self._gateway = gateway

    async def pause(self, reason: str) -> ControlResult:
        """No new entries."""
        return _control_result(await self._gateway.kill(StopLevel.NO_ENTRIES.value, reason))

    async def resume(self, reason: str) -> ControlResult:
        """Back to ACTIVE."""
        return _control_result(await self._gateway.resume(reason))

    async def kill(self, level: StopLevel, reason: str) -> ControlResult:
        """One of the four stops."""
        return _control_result(await self._gateway.kill(level.value, reason))


def _control_result(reply: Mapping[str, Any]) -> ControlResult:
    level = reply.get("level")
    return ControlResult(
        trading_state=TradingState(reply["trading_state"]),
        level=None if level is None else StopLevel(level),
        canceled=int(reply.get("canceled", 0)),
        orders=tuple(reply.get("orders", ())),
    )


class TradingLoop:
    """Implements BackgroundRunner: the orchestrator, and a probe of the gateway's health."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        driver: LockstepDriver | None,
        presenter: RunPresenter,
        gateway: GatewayClient,
        health: HealthRegistry,
    ) -> None:
        self._orchestrator, self._driver = orchestrator, driver
        self._presenter, self._gateway, self._health = presenter, gateway, health
        self._task: asyncio.Task[None] | None = None
        self.clock_offset_ms: int | None = None

    async def run(self) -> None:
        """Trade until the data ends or `stop` is called."""
        probe = asyncio.create_task(self._probe_gateway())
        self._task = asyncio.create_task(self._trade())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._task.cancelled():
                raise
        finally:
            probe.cancel()

    async def stop(self) -> None:
        """Stop at the next await: everything committed so far is kept."""
        if self._task is not None:
            self._task.cancel()

    async def _trade(self) -> None:
        if self._driver is None:
            outcome = await self._orchestrator.run_free()
        else:
            outcome = await self._orchestrator.run_lockstep(self._driver)
        self._presenter.finish(outcome)
        # The run has ended; the API stays up so that people can look at it.
        while True:
            self._presenter.on_state("finished")
            await asyncio.sleep(GATEWAY_PERIOD_S)

    async def _probe_gateway(self) -> None:
        self._health.watch("execution-gateway", stale_after_s=GATEWAY_STALE_S)
        while True:
            with contextlib.suppress(Connectivity):
                status = await self._gateway.status()
                self.clock_offset_ms = status.get("clock_offset_ms")
                complaint = None if status["venue_connected"] else "venue not reached"
                self._health.report("execution-gateway", complaint=complaint)
            await asyncio.sleep(GATEWAY_PERIOD_S)


@dataclass(slots=True)
class Runtime:
    """What `python -m trading_api` serves; `close` releases it."""

    context: AppContext
    gateway: GatewayClient
    driver: LockstepDriver | None

    async def close(self) -> None:
        """Close connections and the store."""
        await self.gateway.aclose()
        if self.driver is not None:
            await self.driver.aclose()
        await self.context.store.close()


async def build_runtime(run_dir: Path) -> Runtime:
    """Everything of one run, wired. Waits for the gateway.

    Raises ConfigError, SecurityError or StorageError when the run folder is not sound.
    """
    clock = SystemClock()
    setup_logging("trading-api", clock)
    settings = load_settings(run_dir / "config.toml")
    row = tomllib.loads((run_dir / "orchestrator.toml").read_text(encoding="utf-8"))
    key = load_service_key(run_dir / "keys.json", "orchestrator")
    gateway = GatewayClient(row["gateway_url"], RequestSigner(key, clock))
    instruments = await until_reachable(gateway.instruments)
    settings = settings.funded_in(instruments[0].quote_currency)
    store = await Store.open(sqlite_url(run_dir / "ats.db"), clock=clock)
    health = HealthRegistry(clock)
    market = MarketReader(settings, instruments, Timeframe(row["timeframe"]))
    shown = Shown(Hub(clock), store, market, health, clock)
    orchestrator, presenter = _wire_orchestrator(run_dir, row, settings, gateway, shown)
    driver = None
    if row["mode"] == "lockstep":
        token = (run_dir / "control-token").read_text(encoding="utf-8").strip()
        driver = LockstepDriver(row["control_url"], token)
    loop = TradingLoop(orchestrator, driver, presenter, gateway, health)
    policy = SecurityPolicy()
    await _prepare_login(run_dir, store, policy)
    context = AppContext(
        store=store,
        hub=shown.hub,
        control=GatewayControl(gateway),
        market=market,
        health=health,
        settings=load_server_settings(run_dir),
        security=Security((run_dir / "jwt-secret").read_bytes().strip(), policy),
        clock=clock,
        clock_offset_ms=lambda: loop.clock_offset_ms,
        background=loop,
    )
    return Runtime(context, gateway, driver)


def _wire_orchestrator(
    run_dir: Path,
    row: Mapping[str, Any],
    settings: Settings,
    gateway: GatewayClient,
    shown: Shown,
) -> tuple[Orchestrator, RunPresenter]:
    timeframe = Timeframe(row["timeframe"])
    router = Router(settings.llm)
    facts = RunFacts(
        run_dir=run_dir,
        mode=row["mode"],
        data_name=row["data_name"],
        timeframe=timeframe.code,
        venue="simulated venue",
        llm_label=router.label,
        bars_total=row["total_bars"],
    )
    presenter = RunPresenter(facts, settings, shown)
    instruments = list(shown.market.instruments())
    parts = Parts(
        settings=settings,
        instruments=instruments,
        timeframe=timeframe,
        gateway=gateway,
        store=shown.store,
        router=router,
        risk=_risk_engine(run_dir, settings, instruments, timeframe),
        market_clock=ManualClock(from_millis(0)),
        transport_clock=shown.clock,
        watcher=presenter,
        bars_total=row["total_bars"],
    )
    return Orchestrator(parts), presenter


def _risk_engine(
    run_dir: Path, settings: Settings, instruments: list[Instrument], timeframe: Timeframe
) -> RiskEngine:
    approval_key = load_approval_key(run_dir / "keys.json")

    def sign(order: ApprovedOrder) -> str:
        return order.signature(approval_key)

    return RiskEngine(settings, sign, instruments, bar_length=timeframe.duration)


async def _prepare_login(run_dir: Path, store: Store, policy: SecurityPolicy) -> None:
    """The run's user (once), and a fresh one-time token for the link that the CLI prints."""
    if await store.find_user(DEMO_USER) is None:
        password = secrets.token_urlsafe(18)
        await store.put_user(DEMO_USER, Passwords(policy).hash(password), "admin")
        body = orjson.dumps({"username": DEMO_USER, "password": password})
        write_secret_file(run_dir / "demo-credentials.json", body)
    token = await store.issue_token("login", DEMO_USER, LINK_TTL_S)
    write_secret_file(run_dir / "login.json", orjson.dumps({"token": token}))
