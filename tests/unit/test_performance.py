"""Performance figures against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_models.performance_monitoring import (
    DAY_MS,
    EQUITY_DAYS,
    daily_returns,
    drawdown_pct,
    measure,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
QUARTER = DAY_MS // 4


@dataclass(frozen=True)
class Trip:
    """A closed trade."""

    realized_pnl: Decimal
    r_multiple: Decimal | None
    hours: int = 6

    @property
    def entry_at(self) -> datetime:
        return START

    @property
    def exit_at(self) -> datetime:
        return START + timedelta(hours=self.hours)


def closes(*equity: float) -> tuple[np.ndarray, np.ndarray]:
    """One equity point at each midnight, the first one day after START."""
    first = int(START.timestamp() * 1000) + DAY_MS
    return first + DAY_MS * np.arange(len(equity), dtype=np.int64), np.array(equity, dtype=float)


def test_drawdown_is_percent_below_the_running_peak() -> None:
    found = drawdown_pct(np.array([100.0, 120.0, 90.0, 120.0, 60.0]))
    assert found.tolist() == [0.0, 0.0, 25.0, 0.0, 50.0]


def test_a_close_at_midnight_belongs_to_the_day_it_completes() -> None:
    first = int(START.timestamp() * 1000)
    # Four closes of day one (the last at midnight), then four of day two.
    closed_at = first + QUARTER * np.arange(1, 9, dtype=np.int64)
    equity = np.array([100.0, 101.0, 102.0, 110.0, 111.0, 112.0, 113.0, 121.0])
    assert daily_returns(closed_at, equity).tolist() == [pytest.approx(0.1)]


def test_no_bars_no_figures() -> None:
    figures = measure(np.empty(0, dtype=np.int64), np.empty(0), ())
    assert figures.total_return_pct == 0.0
    assert figures.days == 0
    assert figures.sharpe is figures.sortino is figures.mar is figures.win_rate_pct is None


def test_ratios_by_hand() -> None:
    # Daily returns +10 %, -10 %, +20 %: mean 1/15, sample deviation sqrt(7/300).
    figures = measure(*closes(100.0, 110.0, 99.0, 118.8), ())
    assert figures.days == 4
    assert figures.total_return_pct == pytest.approx(18.8)
    assert figures.max_drawdown_pct == pytest.approx(10.0)
    mean = 1 / 15
    assert figures.sharpe == pytest.approx(mean / math.sqrt(7 / 300) * math.sqrt(365))
    # Downside: root mean square of (0, -0.1, 0) over three days.
    assert figures.sortino == pytest.approx(mean / math.sqrt(0.01 / 3) * math.sqrt(365))
    annual = 100 * (1.188 ** (365 / 3) - 1)
    assert figures.mar == pytest.approx(annual / 10.0)


def test_equities_have_fewer_days_in_a_year() -> None:
    crypto = measure(*closes(100.0, 110.0, 99.0, 118.8), ())
    shares = measure(*closes(100.0, 110.0, 99.0, 118.8), (), days_per_year=EQUITY_DAYS)
    assert crypto.sharpe is not None
    assert shares.sharpe == pytest.approx(crypto.sharpe * math.sqrt(252 / 365))


def test_a_ratio_without_risk_is_no_number() -> None:
    figures = measure(*closes(100.0, 100.0, 100.0), ())
    assert figures.sharpe is None
    assert figures.sortino is None
    assert figures.mar is None
    assert measure(*closes(100.0, 110.0, 121.0), ()).sortino is None


def test_trade_figures_by_hand() -> None:
    trades = [
        Trip(Decimal("30"), Decimal("1.5"), hours=2),
        Trip(Decimal("-10"), Decimal("-0.5"), hours=4),
        Trip(Decimal("-10"), None, hours=6),
        Trip(Decimal("0"), Decimal("0"), hours=12),
    ]
    figures = measure(*closes(100.0, 110.0), trades)
    assert (figures.trades, figures.wins) == (4, 1)
    assert figures.win_rate_pct == 25.0
    assert figures.profit_factor == pytest.approx(1.5)
    assert figures.average_trade == pytest.approx(2.5)
    assert figures.average_r == pytest.approx(1 / 3)
    assert figures.average_hours_held == 6.0


def test_without_a_loss_there_is_no_profit_factor() -> None:
    assert measure(*closes(100.0, 110.0), [Trip(Decimal(5), None)]).profit_factor is None


@given(st.lists(st.floats(min_value=1.0, max_value=1e9), min_size=1, max_size=60))
def test_drawdown_stays_in_its_range_and_ends_at_peaks(values: list[float]) -> None:
    equity = np.array(values)
    found = drawdown_pct(equity)
    assert (found >= 0.0).all()
    assert (found < 100.0).all()
    assert found[int(np.argmax(equity))] == 0.0
