"""Mode, risk state, control and health."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from trading_models.base import Figure, FrozenModel, Number, StopLevel, TradingState, UtcTime
from trading_models.monitoring import HealthStatus

Reason = Annotated[str, Field(min_length=1, max_length=200)]
AgentState = Literal["starting", "running", "paused", "finished", "failed"]


class ModeReply(FrozenModel):
    """What runs, on which account, and whether it is real."""

    mode: Literal["backtest", "paper", "live"]
    label: Literal["DEMO", "PAPER", "LIVE"]
    account: str
    venue: str
    trading_state: TradingState
    agent_state: AgentState
    market_time: UtcTime | None
    data_name: str
    llm_label: str


class RiskLimitReply(FrozenModel):
    """One limit and how much of it is used."""

    name: str
    value: Number | None
    limit: Number | None
    used_pct: Figure | None


class RiskStateReply(FrozenModel):
    """Whether and why trading is restricted."""

    trading_state: TradingState
    level: StopLevel | None
    reason: str | None
    safe_mode: bool
    safe_mode_until: UtcTime | None
    limits: list[RiskLimitReply]
    daily_drawdown_pct: Figure
    monthly_drawdown_pct: Figure


class ReasonRequest(FrozenModel):
    """Why; it goes to the audit chain."""

    reason: Reason


class KillRequest(FrozenModel):
    """Which stop and why; `confirm` is `CLOSE` in live mode for cancel_all and flatten."""

    level: StopLevel
    reason: Reason
    confirm: Annotated[str, Field(max_length=32)] | None = None


class ControlReply(FrozenModel):
    """The account after the action, as the gateway confirmed it."""

    trading_state: TradingState
    level: StopLevel | None
    canceled: int = 0
    orders: list[dict[str, Any]] = Field(default_factory=list)


class ServiceHealthReply(FrozenModel):
    """One part: its state, the age of its newest report, and what it says."""

    name: str
    status: HealthStatus
    age_s: float | None
    detail: str
    latency_ms: float | None


class HealthReply(FrozenModel):
    """All parts; the worst required one decides."""

    status: HealthStatus
    services: list[ServiceHealthReply]
    clock_offset_ms: int | None
    version: str


class VersionReply(FrozenModel):
    """What is installed."""

    version: str
    commit: str


class LivenessReply(FrozenModel):
    """Answer of `/healthz`."""

    status: Literal["ok"]


class ProblemReply(FrozenModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    allowed: str | None = None
    next_step: str | None = None
    request_id: str | None = None
