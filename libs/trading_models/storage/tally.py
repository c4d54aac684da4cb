"""Counts and sums of record over all decisions, fills and trades, kept current by each commit."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import sqlalchemy as sa

from trading_models.base import (
    MONEY_SCALE,
    Fill,
    Trade,
    at_scale,
    decimal_text,
    figure,
    time_text,
)
from trading_models.storage import tables
from trading_models.storage.rows import Row
from trading_models.storage.unit import UnitOfWork

ZERO = Decimal(0)
HUNDRED = Decimal(100)


@dataclass(slots=True)
class Tally:
    """Money in the quote currency. A fee taken in the base asset counts at the fill's price."""

    decisions: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    fills: int = 0
    trades: int = 0
    wins: int = 0
    gross_profit: Decimal = ZERO
    gross_loss: Decimal = ZERO
    fees_paid: Decimal = ZERO

    @property
    def realized_pnl(self) -> Decimal:
        """Sum over closed trades, net of fees."""
        return self.gross_profit - self.gross_loss

    @property
    def win_rate_pct(self) -> Decimal:
        """Share of trades with a profit, 0..100; 0 without trades."""
        return HUNDRED * self.wins / self.trades if self.trades else ZERO

    @property
    def profit_factor(self) -> Decimal | None:
        """Gross profit over gross loss; None without a losing trade."""
        return self.gross_profit / self.gross_loss if self.gross_loss else None

    def add_decision(self, outcome: str, refused_by: str | None, count: int = 1) -> None:
        """Count decisions of one outcome."""
        self.decisions += count
        if outcome == "refused" and refused_by is not None:
            self.refusals[refused_by] = self.refusals.get(refused_by, 0) + count

    def add_trade(self, realized_pnl: Decimal) -> None:
        """Count one closed trade."""
        self.trades += 1
        self.wins += realized_pnl > 0
        self.gross_profit += max(realized_pnl, ZERO)
        self.gross_loss += max(-realized_pnl, ZERO)

    def add_fill(self, fee: Decimal, fee_asset: str, instrument_id: str, price: Decimal) -> None:
        """Count one execution and its fee."""
        base = instrument_id.partition("-")[0]
        self.fills += 1
        self.fees_paid += fee * price if fee_asset == base else fee


def apply_unit(tally: Tally, unit: UnitOfWork) -> None:
    """Bring `tally` past a committed unit in which every row was new."""
    for row in unit.decisions:
        tally.add_decision(row["outcome"], row["refused_by"])
    for fill in unit.fill_bodies:
        tally.add_fill(fill.fee, str(fill.fee_asset), str(fill.instrument_id), fill.price)
    for trade in unit.trade_bodies:
        tally.add_trade(trade.realized_pnl)


def load_tally(connection: sa.Connection) -> Tally:
    """Count everything that is stored."""
    tally = Tally()
    c = tables.decisions.c
    grouped = sa.select(c.outcome, c.refused_by, sa.func.count()).group_by(c.outcome, c.refused_by)
    for outcome, refused_by, count in (connection.execute(grouped)).all():
        tally.add_decision(outcome, refused_by, count)
    for (body,) in (connection.execute(sa.select(tables.fills.c.body))).all():
        fill = Fill.model_validate(_without(orjson.loads(body), "decision_id", "reason"))
        tally.add_fill(fill.fee, str(fill.fee_asset), str(fill.instrument_id), fill.price)
    for (body,) in (connection.execute(sa.select(tables.trades.c.body))).all():
        tally.add_trade(Trade.model_validate_json(body).realized_pnl)
    return tally


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


@dataclass(frozen=True, slots=True)
class AccountFigures:
    """The account at one bar close, as the orchestrator knows it; quote currency, pct 0..100."""

    equity: Decimal
    cash: Decimal
    equity_start: Decimal
    equity_day_start: Decimal
    unrealized_pnl: Decimal
    drawdown_pct: Decimal
    max_drawdown_pct: Decimal
    exposure: Decimal
    open_risk: Decimal
    bars_done: int
    bars_total: int | None
    market_time: datetime


def portfolio_summary(account: AccountFigures, tally: Tally) -> Row:
    """The figures of record of `GET /portfolio/summary` and of the live channel `portfolio`."""
    factor = tally.profit_factor
    day_pnl = account.equity - account.equity_day_start
    return {
        "equity": _money(account.equity),
        "cash": _money(account.cash),
        "equity_start": _money(account.equity_start),
        "unrealized_pnl": _money(account.unrealized_pnl),
        "realized_pnl": _money(tally.realized_pnl),
        "fees_paid": _money(tally.fees_paid),
        "day_pnl": _money(day_pnl),
        "day_pnl_pct": _pct(day_pnl, account.equity_day_start),
        "total_return_pct": _pct(account.equity - account.equity_start, account.equity_start),
        "drawdown_pct": decimal_text(figure(account.drawdown_pct)),
        "max_drawdown_pct": decimal_text(figure(account.max_drawdown_pct)),
        "exposure_pct": _pct(account.exposure, account.equity),
        "open_risk_pct": _pct(account.open_risk, account.equity),
        "trades": tally.trades,
        "wins": tally.wins,
        "win_rate_pct": decimal_text(figure(tally.win_rate_pct)),
        "profit_factor": None if factor is None else decimal_text(figure(factor)),
        "bars_done": account.bars_done,
        "bars_total": account.bars_total,
        "decisions": tally.decisions,
        "refusals": dict(sorted(tally.refusals.items())),
        "market_time": time_text(account.market_time),
    }


def _money(value: Decimal) -> str:
    return decimal_text(at_scale(value, MONEY_SCALE))


def _pct(part: Decimal, whole: Decimal) -> str:
    return decimal_text(figure(HUNDRED * part / whole if whole > 0 else ZERO))
