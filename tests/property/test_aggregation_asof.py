"""Higher timeframes over generated base bars with gaps: no bar is seen before it is closed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_engine import BarAggregator

from trading_models.base import Instrument, Timeframe
from trading_models.market_data import AsOfFrames, Columns

FRAMES = (Timeframe.M15, Timeframe.H1, Timeframe.H4, Timeframe.D1)
STEP = Timeframe.M15.millis
INSTRUMENT = Instrument(
    base_currency="BTC", instrument_id="BTC-USD.SIM", min_notional="10", min_quantity="0.00001",
    price_scale=2, quantity_scale=5, quote_currency="USD", step_size="0.00001", symbol="BTCUSD",
    tick_size="0.01",
)  # fmt: skip


@st.composite
def columns(draw: st.DrawFn) -> Columns:
    jumps = st.integers(1, 1) | st.integers(1, 7) | st.integers(1, 250)
    steps = draw(st.lists(jumps, min_size=1, max_size=120))
    first = draw(st.integers(0, 500))
    opened_at = (first + np.cumsum([0, *steps])).astype(np.int64) * STEP
    count = len(opened_at)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    opens, closes = rng.integers(1000, 2000, size=(2, count))
    arrays = {
        "opened_at": opened_at,
        "open": opens,
        "high": np.maximum(opens, closes) + rng.integers(0, 50, count),
        "low": np.minimum(opens, closes) - rng.integers(0, 50, count),
        "close": closes,
        "volume": rng.integers(0, 100, count).astype(np.float64),
        "flags": np.zeros(count, dtype=np.uint8),
    }
    return Columns(INSTRUMENT, Timeframe.M15, arrays, "generated")


@settings(deadline=None)
@given(columns())
def test_no_base_bar_sees_an_unclosed_bar(base: Columns) -> None:
    frames = AsOfFrames(base, FRAMES)
    for timeframe in FRAMES:
        frame = frames[timeframe]
        for index in range(base.rows):
            row = int(frame.row[index])
            if row >= 0:
                assert frame["closed_at"][row] <= base.closed_at[index]
                assert frame["known_index"][row] <= index
            later = frame["closed_at"][row + 1 :]
            known = frame["known_index"][row + 1 :]
            assert (known > index).all()
            assert (later > base.opened_at[index]).all(), "a bar known by now was kept back"


@settings(deadline=None)
@given(columns())
def test_higher_bars_hold_exactly_their_base_bars(base: Columns) -> None:
    frames = AsOfFrames(base, FRAMES)
    for timeframe in FRAMES[1:]:
        frame = frames[timeframe]
        slots = timeframe.millis // STEP
        for row in range(len(frame["opened_at"])):
            start = int(frame["opened_at"][row])
            assert start % timeframe.millis == 0
            assert frame["closed_at"][row] == start + timeframe.millis
            inside = (base.opened_at >= start) & (base.opened_at < start + timeframe.millis)
            assert frame["missing"][row] == slots - np.count_nonzero(inside)
            assert frame["open"][row] == base["open"][inside][0]
            assert frame["close"][row] == base["close"][inside][-1]
            assert frame["high"][row] == base["high"][inside].max()
            assert frame["low"][row] == base["low"][inside].min()
            assert frame["volume"][row] == pytest.approx(base.volume[inside].sum())


@settings(deadline=None)
@given(columns(), st.data())
def test_the_future_changes_nothing(base: Columns, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, base.rows))
    whole, prefix = AsOfFrames(base, FRAMES), AsOfFrames(base.slice(0, cut), FRAMES)
    for timeframe in FRAMES:
        assert prefix[timeframe].row.tolist() == whole[timeframe].row[:cut].tolist()
        known = len(prefix[timeframe]["opened_at"])
        for name in ("opened_at", "closed_at", "open", "high", "low", "close", "volume", "missing"):
            assert prefix[timeframe][name].tolist() == whole[timeframe][name][:known].tolist()


@settings(deadline=None)
@given(columns())
def test_streaming_equals_batch(base: Columns) -> None:
    frame = AsOfFrames(base, (Timeframe.H4,))[Timeframe.H4]
    aggregator = BarAggregator(15, 240)
    names = ("opened_at", "open", "high", "low", "close", "volume")
    streamed: list[tuple[float, ...]] = []
    known: list[int] = []
    for index in range(base.rows):
        closed = aggregator.update(*(base[name][index].item() for name in names))
        streamed += closed
        known += [index] * len(closed)
    order = ("opened_at", "closed_at", "open", "high", "low", "close", "volume", "missing")
    assert streamed == list(zip(*(frame[name].tolist() for name in order), strict=True))
    assert known == frame["known_index"].tolist()
