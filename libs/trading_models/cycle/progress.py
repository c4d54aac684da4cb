"""How far a run has come: what the next bar needs, and what the report will show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading_models.base import Bar, Portfolio, time_text, to_millis

__all__ = ["RunProgress", "drawdown_pct"]


@dataclass(slots=True)
class RunProgress:
    """Counters of record and the equity curve; `closed_at`, `equity`, `close` have equal length."""

    last_equity: Decimal
    equity_day_start: Decimal
    step: int = 0
    gateway_seq: int = 0
    orders: int = 0
    day: datetime | None = None
    market_time: datetime | None = None
    closed_at: list[int] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)

    def advance(
        self, step: int, gateway_seq: int, portfolio: Portfolio, bars: Sequence[Bar]
    ) -> None:
        """Take one decided bar; the first bar of a UTC day keeps the equity before it."""
        self.step, self.gateway_seq = step, gateway_seq
        self.market_time = at = portfolio.market_time
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.day != day:
            self.equity_day_start, self.day = self.last_equity, day
        self.last_equity = portfolio.equity
        self.closed_at.append(to_millis(at))
        self.equity.append(float(portfolio.equity))
        self.close.append(float(bars[0].close))

    def to_row(self) -> dict[str, Any]:
        """For the run state; the curve itself is in the equity table."""
        return {
            "step": self.step,
            "gateway_seq": self.gateway_seq,
            "orders": self.orders,
            "market_time": None if self.market_time is None else time_text(self.market_time),
            "day": None if self.day is None else time_text(self.day),
            "equity_day_start": f"{self.equity_day_start:f}",
            "last_equity": f"{self.last_equity:f}",
        }

    def restore(self, row: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> None:
        """Inverse of `to_row`; `curve` holds the stored equity points, ascending."""
        self.step, self.gateway_seq = row["step"], row["gateway_seq"]
        self.orders = row["orders"]
        self.market_time = datetime.fromisoformat(row["market_time"])
        self.day = datetime.fromisoformat(row["day"])
        self.equity_day_start = Decimal(row["equity_day_start"])
        self.last_equity = Decimal(row["last_equity"])
        self.closed_at = [to_millis(datetime.fromisoformat(point["at"])) for point in curve]
        self.equity = [float(point["equity"]) for point in curve]


def drawdown_pct(portfolio: Portfolio) -> Decimal:
    """Percent below the highest equity so far, at six decimals."""
    peak = max(portfolio.drawdown.peak_equity, portfolio.equity)
    return (100 * (peak - portfolio.equity) / peak).quantize(Decimal("0.000001"))
