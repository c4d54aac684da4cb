"""Performance of an equity curve and its trades: pure functions.

Conventions (K40): daily equity at UTC midnight, 365 days a year (252 for equities), risk-free rate
0, all costs included. Figures are analysis (float); money of record stays Decimal in its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
CRYPTO_DAYS = 365
EQUITY_DAYS = 252


class ClosedTrade(Protocol):
    """What a round trip must tell to be measured."""

    @property
    def entry_at(self) -> datetime: ...  # noqa: D102 - see Trade

    @property
    def exit_at(self) -> datetime: ...  # noqa: D102

    @property
    def realized_pnl(self) -> Decimal: ...  # noqa: D102

    @property
    def r_multiple(self) -> Decimal | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Performance:
    """Key figures of a run; None where the data cannot support one. `*_pct` are 0..100."""

    total_return_pct: float
    max_drawdown_pct: float
    sharpe: float | None
    sortino: float | None
    mar: float | None
    days: int
    trades: int
    wins: int
    win_rate_pct: float | None
    profit_factor: float | None
    average_trade: float | None
    average_r: float | None
    average_hours_held: float | None


def drawdown_pct(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percent below the running peak, shape (N,), 0..100."""
    peak = np.maximum.accumulate(equity)
    result: NDArray[np.float64] = 100.0 * (peak - equity) / peak
    return result


def daily_returns(closed_at: NDArray[np.int64], equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Relative change from one UTC day's last equity to the next day's, shape (days - 1,)."""
    if len(equity) == 0:
        return np.empty(0)
    # A bar that closes at midnight belongs to the day it completes.
    day = (closed_at - 1) // DAY_MS
    last = np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
    closes = equity[last]
    result: NDArray[np.float64] = closes[1:] / closes[:-1] - 1.0
    return result


def measure(
    closed_at: NDArray[np.int64],
    equity: NDArray[np.float64],
    trades: Sequence[ClosedTrade],
    *,
    days_per_year: int = CRYPTO_DAYS,
) -> Performance:
    """Key figures of an equity curve (N,) in money with closing times (N,) in milliseconds."""
    returns = daily_returns(closed_at, equity)
    total = float(equity[-1] / equity[0] - 1.0) if len(equity) else 0.0
    deepest = float(drawdown_pct(equity).max()) if len(equity) else 0.0
    years = len(returns) / days_per_year
    annual = (1.0 + total) ** (1.0 / years) - 1.0 if years > 0 and total > -1 else None
    pnl = [float(trade.realized_pnl) for trade in trades]
    held = [(trade.exit_at - trade.entry_at).total_seconds() / 3600 for trade in trades]
    multiples = [float(trade.r_multiple) for trade in trades if trade.r_multiple is not None]
    losses = -sum(value for value in pnl if value < 0)
    wins = sum(value > 0 for value in pnl)
    return Performance(
        total_return_pct=100.0 * total,
        max_drawdown_pct=deepest,
        sharpe=_ratio(
            returns, float(returns.std(ddof=1)) if len(returns) > 1 else 0, days_per_year
        ),
        sortino=_ratio(returns, _downside(returns), days_per_year),
        mar=100.0 * annual / deepest if annual is not None and deepest > 0 else None,
        days=len(returns) + 1 if len(equity) else 0,
        trades=len(pnl),
        wins=wins,
        win_rate_pct=100.0 * wins / len(pnl) if pnl else None,
        profit_factor=sum(v for v in pnl if v > 0) / losses if losses > 0 else None,
        average_trade=float(np.mean(pnl)) if pnl else None,
        average_r=float(np.mean(multiples)) if multiples else None,
        average_hours_held=float(np.mean(held)) if held else None,
    )


def _ratio(returns: NDArray[np.float64], risk: float, days_per_year: int) -> float | None:
    """Mean over risk, annualised; None for fewer than two returns or no risk."""
    if len(returns) < 2 or risk <= 0:
        return None
    return float(returns.mean() / risk * np.sqrt(days_per_year))


def _downside(returns: NDArray[np.float64]) -> float:
    """Root mean square of the negative returns over all days."""
    return float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))) if len(returns) else 0.0
