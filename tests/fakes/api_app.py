"""The real application over a real store; only the gateway and the bar source are stand-ins."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI

from fakes import store_records as records
from trading_api.context import (
    AppContext,
    ControlResult,
    IndicatorSeries,
    Security,
    SeriesQuery,
)
from trading_api.main import create_app
from trading_api.settings import ServerSettings
from trading_api.ws.hub import Hub
from trading_models.base import (
    DataUnavailable,
    Instrument,
    ManualClock,
    StopLevel,
    TradingState,
    from_millis,
    time_text,
    to_millis,
)
from trading_models.monitoring import HealthRegistry
from trading_models.persistence import (
    AccountFigures,
    Store,
    portfolio_summary,
    sqlite_url,
)
from trading_models.security import Passwords, SecurityPolicy

PASSWORD = "correct horse battery"
# As cheap as the policy allows: the tests hash often.
POLICY = SecurityPolicy(argon2_time_cost=1, argon2_memory_kib=8192, argon2_parallelism=1)
HEADERS = {"X-Requested-With": "ats"}
USERS = {"vera": "viewer", "tom": "trader", "ada": "admin"}


@dataclass
class RecordingControl:
    """Stands for the gateway: keeps its level and every call."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    error: Exception | None = None

    async def pause(self, reason: str) -> ControlResult:
        return self._record("pause", reason, StopLevel.NO_ENTRIES)

    async def resume(self, reason: str) -> ControlResult:
        return self._record("resume", reason, None)

    async def kill(self, level: StopLevel, reason: str) -> ControlResult:
        return self._record(f"kill {level.value}", reason, level)

    def _record(self, action: str, reason: str, level: StopLevel | None) -> ControlResult:
        if self.error is not None:
            raise self.error
        self.calls.append((action, reason))
        state = TradingState.ACTIVE if level is None else level.trading_state
        return ControlResult(state, level)


class LadderMarket:
    """Bars whose close is their number; enough to see that queries arrive and shapes fit."""

    def __init__(self, count: int = 300) -> None:
        self._count = count

    def instruments(self) -> Sequence[Instrument]:
        return [Instrument.model_validate(records.wire("instrument")[0])]

    async def bars(self, query: SeriesQuery) -> Sequence[dict[str, Any]]:
        return [_bar(at, number) for number, at in self._chosen(query)]

    async def indicators(self, query: SeriesQuery, names: Sequence[str]) -> IndicatorSeries:
        unknown = [name for name in names if name not in ("ema_20", "rsi_14")]
        if unknown:
            raise DataUnavailable(f"no indicator {unknown[0]!r}")
        chosen = self._chosen(query)
        cold = [float("nan") if number < 20 else float(number) for number, _ in chosen]
        return IndicatorSeries([time_text(at) for _, at in chosen], dict.fromkeys(names, cold))

    def indicator_catalog(self) -> Sequence[dict[str, Any]]:
        return [_entry("ema_20")]

    def pattern_catalog(self) -> Sequence[dict[str, Any]]:
        return [_entry("doji")]

    def risk_rules(self) -> Sequence[dict[str, Any]]:
        return [{"name": "stale_data", "priority": 10, "params": {}, "summary": "bars are fresh"}]

    def _chosen(self, query: SeriesQuery) -> list[tuple[int, datetime]]:
        if query.instrument_id != records.INSTRUMENT:
            raise DataUnavailable(f"{query.instrument_id} is not traded here")
        start = to_millis(records.START)
        found = [
            (number, from_millis(start + number * query.timeframe.millis))
            for number in range(self._count)
        ]
        return [b for b in found if query.before is None or b[1] < query.before][-query.limit :]


def _bar(at: datetime, number: int) -> dict[str, Any]:
    price = f"{number + 1}.00"
    names = ("open", "high", "low", "close")
    return {
        "opened_at": time_text(at),
        **dict.fromkeys(names, price),
        "volume": "1",
        "flags": [],
        "missing": 0,
    }


def _entry(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "outputs": [name],
        "params": {},
        "warmup": 20,
        "scale": "price",
        "origin": "engine",
    }


MODE = {
    "mode": "paper",
    "label": "DEMO",
    "account": "paper-1",
    "venue": "SIM",
    "trading_state": "ACTIVE",
    "agent_state": "running",
    "market_time": time_text(records.START),
    "data_name": "sample",
    "llm_label": "rules (no LLM)",
}
RISK = {
    "trading_state": "ACTIVE",
    "level": None,
    "reason": None,
    "safe_mode": False,
    "safe_mode_until": None,
    "limits": [{"name": "daily_drawdown", "value": "0.5", "limit": "8", "used_pct": "6.25"}],
    "daily_drawdown_pct": "0.500000",
    "monthly_drawdown_pct": "0.500000",
}


@dataclass
class Running:
    """One application with its parts and an HTTP client that sends the CSRF header."""

    app: FastAPI
    context: AppContext
    client: httpx2.AsyncClient
    clock: ManualClock
    control: RecordingControl

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def hub(self) -> Hub:
        return self.context.hub

    async def login(self, username: str = "tom") -> None:
        body = {"username": username, "password": PASSWORD}
        response = await self.client.post("/api/v1/auth/login", json=body)
        assert response.status_code == 200, response.text

    def publish_figures(self, **changes: Any) -> None:
        """What the orchestrator publishes at each bar."""
        account = replace(FIGURES, **changes)
        summary = portfolio_summary(account, self.store.tally)
        point = {"at": summary["market_time"], "equity": summary["equity"], "drawdown_pct": "0"}
        self.hub.replace("portfolio", {**summary, "equity_point": point})
        self.hub.replace("mode", MODE)
        self.hub.replace("risk", RISK)


_D = records.Decimal
FIGURES = AccountFigures(
    equity=_D("10100"),
    cash=_D("9000"),
    equity_start=_D("10000"),
    equity_day_start=_D("10050"),
    unrealized_pnl=_D("12.5"),
    drawdown_pct=_D("0.5"),
    max_drawdown_pct=_D("1.25"),
    exposure=_D("1010"),
    open_risk=_D("50.5"),
    bars_done=10,
    bars_total=100,
    market_time=records.START,
)


_TEMPLATE: list[bytes] = []


def _keep(path: Path) -> None:
    _TEMPLATE.append(path.read_bytes())


def _restore(path: Path) -> None:
    path.write_bytes(_TEMPLATE[0])


async def open_store(path: Path, clock: ManualClock) -> Store:
    """A migrated database with the users. Made once, then copied: migrating takes half a second."""
    if not _TEMPLATE:
        store = await Store.open(sqlite_url(path), clock=clock)
        passwords = Passwords(POLICY)
        for username, role in USERS.items():
            await store.put_user(username, passwords.hash(PASSWORD), role)
        await store.close()
        _keep(path)
    _restore(path)
    return await Store.open(sqlite_url(path), clock=clock)


@asynccontextmanager
async def running(
    folder: Path, *, is_fresh: bool = True, **settings: Any
) -> AsyncIterator[Running]:
    """The application inside its lifespan, reached without a socket."""
    clock = ManualClock(records.START)
    path = folder / "ats.db"
    store = await (open_store(path, clock) if is_fresh else Store.open(sqlite_url(path)))
    control = RecordingControl()
    context = AppContext(
        store=store,
        hub=Hub(clock),
        control=control,
        market=LadderMarket(),
        health=HealthRegistry(clock),
        settings=ServerSettings(**settings),
        security=Security(b"k" * 32, POLICY),
        clock=clock,
    )
    app = create_app(context)
    transport = httpx2.ASGITransport(app=app)
    address = "http://127.0.0.1:8000"
    try:
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url=address, headers=HEADERS) as client,
        ):
            yield Running(app, context, client, clock, control)
    finally:
        await store.close()


class _QuietServer(uvicorn.Server):
    """Leaves the signal handlers of the test run alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(running: Running) -> AsyncIterator[str]:
    """The application on a loopback port; gives `host:port`."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        running.app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws_per_message_deflate=False,
    )
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


async def fill_store(store: Store, bars: int = 12) -> None:
    """Decisions of every outcome, an order, a fill, a position, two trades, equity."""
    outcomes = ("no_candidate", "approved", "refused", "exit")
    for number in range(bars):
        async with store.unit() as unit:
            unit.add_decision(records.decision(number, outcomes[number % 4]))
            unit.add_equity_point(*records.equity_at(number))
    async with store.unit() as unit:
        unit.put_order(records.order(1))
        unit.put_order(records.order(5, status="FILLED", event="order_accepted"))
        unit.add_fill(records.fill(1), decision_id=records.decision_id(1), reason="entry")
        unit.upsert_position(records.position())
        unit.add_trade(records.trade(1))
        unit.add_trade(records.trade(5, "-0.50000000"))
