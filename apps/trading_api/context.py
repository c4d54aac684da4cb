"""What the API needs from the rest of the system. The orchestrator's side implements it.

Nothing here knows a route; nothing behind it knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from trading_api.settings import ServerSettings
from trading_api.ws.hub import Hub
from trading_models.base import Clock, Instrument, StopLevel, Timeframe, TradingState
from trading_models.monitoring import HealthRegistry
from trading_models.persistence import Store
from trading_models.security import SecurityPolicy

JsonRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ControlResult:
    """State of the account after a control action, as the gateway confirmed it."""

    trading_state: TradingState
    level: StopLevel | None = None
    canceled: int = 0
    orders: Sequence[JsonRow] = ()


class ControlPort(Protocol):
    """Pause, resume, kill. Errors of the gateway pass through as ExecutionError."""

    async def pause(self, reason: str) -> ControlResult:
        """No new entries."""
        ...

    async def resume(self, reason: str) -> ControlResult:
        """Back to ACTIVE."""
        ...

    async def kill(self, level: StopLevel, reason: str) -> ControlResult:
        """One of the four stops; returns when the gateway has carried it out."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """The newest `limit` bars that opened before `before` (None: up to the newest closed)."""

    instrument_id: str
    timeframe: Timeframe
    before: datetime | None
    limit: int


@dataclass(frozen=True, slots=True)
class IndicatorSeries:
    """Columns of equal length; NaN while an indicator is cold (sent as null)."""

    opened_at: Sequence[str]
    values: Mapping[str, Sequence[float]]


class MarketPort(Protocol):
    """Closed bars and what is computed from them. DataUnavailable for an unknown name."""

    def instruments(self) -> Sequence[Instrument]:
        """What this run trades."""
        ...

    async def bars(self, query: SeriesQuery) -> Sequence[JsonRow]:
        """Ascending rows `opened_at, open, high, low, close, volume, flags, missing`, as sent."""
        ...

    async def indicators(self, query: SeriesQuery, names: Sequence[str]) -> IndicatorSeries:
        """Values at the bars that `bars` gives for the same query."""
        ...

    def indicator_catalog(self) -> Sequence[JsonRow]:
        """`name, outputs, params, warmup, scale, origin` of every indicator."""
        ...

    def pattern_catalog(self) -> Sequence[JsonRow]:
        """The same for patterns."""
        ...

    def risk_rules(self) -> Sequence[JsonRow]:
        """`name, priority, params, summary` of every rule in the order of review."""
        ...


class BackgroundRunner(Protocol):
    """The orchestrator as the API's lifespan sees it."""

    async def run(self) -> None:
        """Work until the data ends or `stop` is called; an exception ends the process."""
        ...

    async def stop(self) -> None:
        """Ask `run` to come to an end at the next bar boundary."""
        ...


@dataclass(frozen=True, slots=True)
class Security:
    """Secrets and policy of sessions."""

    jwt_secret: bytes
    policy: SecurityPolicy = field(default_factory=SecurityPolicy)

    def __repr__(self) -> str:
        return f"Security(policy={self.policy!r})"


@dataclass(frozen=True, slots=True)
class AppContext:
    """Everything `create_app` is given. `clock` is transport time."""

    store: Store
    hub: Hub
    control: ControlPort
    market: MarketPort
    health: HealthRegistry
    settings: ServerSettings
    security: Security
    clock: Clock
    clock_offset_ms: Callable[[], int | None] = lambda: None
    background: BackgroundRunner | None = None
