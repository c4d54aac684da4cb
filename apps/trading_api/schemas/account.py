"""Portfolio, positions, orders, fills, trades."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from trading_models.base import (
    DecisionId,
    Figure,
    Fill,
    FillReason,
    FrozenModel,
    Instrument,
    Money,
    OrderState,
    Position,
    Trade,
    UtcTime,
)

Count = Annotated[int, Field(ge=0)]
Cursor = str | None


class SummaryReply(FrozenModel):
    """The account at the newest bar; every figure of record."""

    equity: Money
    cash: Money
    equity_start: Money
    unrealized_pnl: Money
    realized_pnl: Money
    fees_paid: Money
    day_pnl: Money
    day_pnl_pct: Figure
    total_return_pct: Figure
    drawdown_pct: Figure
    max_drawdown_pct: Figure
    exposure_pct: Figure
    open_risk_pct: Figure
    trades: Count
    wins: Count
    win_rate_pct: Figure
    profit_factor: Figure | None
    bars_done: Count
    bars_total: Count | None
    decisions: Count
    refusals: dict[str, Count]
    market_time: UtcTime


class EquityPointReply(FrozenModel):
    """Equity at one bar close; drawdown in percent below the peak."""

    at: UtcTime
    equity: Money
    drawdown_pct: Figure


class EquityReply(FrozenModel):
    """Oldest first; thinned evenly, first and last kept."""

    points: list[EquityPointReply]


class InstrumentsReply(FrozenModel):
    """What this run trades."""

    instruments: list[Instrument]


class PositionsReply(FrozenModel):
    """Open positions."""

    positions: list[Position]


class OrdersReply(FrozenModel):
    """Newest first."""

    orders: list[OrderState]
    next_cursor: Cursor


class FillReply(Fill):
    """A fill with the reason and the decision behind it."""

    decision_id: DecisionId
    reason: FillReason


class FillsReply(FrozenModel):
    """Oldest first."""

    fills: list[FillReply]


class TradesReply(FrozenModel):
    """Newest first."""

    trades: list[Trade]
    next_cursor: Cursor
