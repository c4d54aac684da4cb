"""Live and batch views give the same bits; higher timeframes never show an open bar."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.decision_data import (
    CONTEXT,
    INSTRUMENT,
    SETTINGS,
    bar_at,
    cut,
    sample_columns,
    walk_columns,
)  # fmt: skip
from trading_models.base import DataError, Timeframe, from_millis
from trading_models.cycle.decide import candidate_at, screen_view
from trading_models.cycle.view import LiveView, Studies, analysis_timeframes, batch_view

PLUGINS = Studies(indicator_plugins=(("donchian", {}),), pattern_plugins=(("inside_bar", {}),))


def batch(columns, timeframe=Timeframe.M15, **options):
    return batch_view(columns, SETTINGS, INSTRUMENT, timeframe, **options)


def assert_same(live_view, whole, scored, position):
    """One live view against row `position` of the batch, to the bit; returns its screen."""
    live = screen_view(live_view, CONTEXT)
    for name in ("score", "stop_offset", "target_offset", "direction", "is_candidate", "is_exit"):
        one, many = getattr(live, name), getattr(scored, name)[position : position + 1]
        assert one.tobytes() == many.tobytes(), f"{name} at {position}"
    assert live.weights.tobytes() == scored.weights[:, position : position + 1].tobytes()
    assert live.parts(0) == scored.parts(position)
    assert live_view.decides[0] == whole.decides[position]
    assert live_view.atr.tobytes() == whole.atr[position : position + 1].tobytes()
    return live


def test_every_decision_of_the_sample_is_the_same_live_and_in_batch():
    columns = sample_columns()
    whole = batch(columns)
    scored = screen_view(whole, CONTEXT)
    view = LiveView(SETTINGS, INSTRUMENT, Timeframe.M15)
    candidates = 0
    for position in range(len(whole)):
        bar = bar_at(columns, position)
        seen = view.update(bar)
        live = assert_same(seen, whole, scored, position)
        candidates += int(live.is_candidate[0])
        if live.is_candidate[0] and candidates % 20 == 0:
            here = candidate_at(seen, live, 0, CONTEXT)
            assert here == candidate_at(whole, scored, position, CONTEXT)
            assert here.closed_at == bar.closed_at
    assert candidates >= 400, "twenty of them were compared in full"
    assert np.diff(columns["opened_at"]).max() > 900_000, "the sample has gaps"


@pytest.mark.parametrize(
    ("timeframe", "frames"),
    [(Timeframe.M5, 4), (Timeframe.M15, 4), (Timeframe.H1, 3), (Timeframe.D1, 1)],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_walks_with_gaps_on_any_base(timeframe, frames, seed):
    columns = walk_columns(seed, 1500, missing_share=0.1, step_ms=timeframe.millis)
    whole = batch(columns, timeframe, studies=PLUGINS)
    assert len(whole.frames) == frames
    scored = screen_view(whole, CONTEXT)
    view = LiveView(SETTINGS, INSTRUMENT, timeframe, studies=PLUGINS)
    for position in range(len(whole)):
        seen = view.warm_up({n: c[position : position + 1] for n, c in columns.items()})
        assert_same(seen, whole, scored, position)
    assert whole.decides.any()
    assert whole.decides.all() == (timeframe is not Timeframe.M5)


def test_the_view_at_one_row_is_the_live_view():
    columns = walk_columns(5, 900)
    whole, view = batch(columns), LiveView(SETTINGS, INSTRUMENT, Timeframe.M15)
    live = view.warm_up(cut(columns, 500))
    row = whole.at(499)
    assert row.closed_at == live.closed_at
    for one, other in zip(row.frames, live.frames, strict=True):
        assert one.values.tobytes() == other.values.tobytes()
        assert one.closed_at.tobytes() == other.closed_at.tobytes()
        assert one.missing.tobytes() == other.missing.tobytes()


def test_a_higher_bar_is_never_seen_before_it_closed():
    whole = batch(sample_columns())
    for frame in whole.frames:
        known = frame.row >= 0
        closed = frame.closed_at[frame.row[known]]
        assert (closed <= whole.closed_at[known]).all()
        # and never older than one bar length plus the gap that held it open
        assert (np.diff(frame.row[known]) >= 0).all()


def test_future_bars_change_nothing():
    columns = sample_columns()
    scored = screen_view(batch(columns), CONTEXT)
    for stop in np.random.default_rng(4).integers(300, 8000, 12):
        part = screen_view(batch(cut(columns, int(stop))), CONTEXT)
        assert part.score.tobytes() == scored.score[:stop].tobytes()


def test_missing_bars_are_counted():
    columns = walk_columns(9, 400, missing_share=0.0)
    kept = np.ones(400, dtype=bool)
    kept[201:203] = False
    whole = batch({name: column[kept] for name, column in columns.items()})
    hourly = whole.frames[1]
    assert hourly.missing[1:].sum() == 2, "the first bar is partial, one gap of two follows"


def test_timeframes_below_the_base_are_left_out():
    codes = [t.code for t in analysis_timeframes(SETTINGS, Timeframe.H1)]
    assert codes == ["1h", "4h", "1d"]


def test_a_base_above_every_analysis_timeframe_is_refused():
    settings = SETTINGS.model_copy(
        update={"data": SETTINGS.data.model_copy(update={"analysis_timeframes": (Timeframe.M15,)})}
    )
    with pytest.raises(DataError, match="bars of 1h cannot be analysed"):
        analysis_timeframes(settings, Timeframe.H1)


def test_live_view_refuses_what_is_not_the_next_closed_bar():
    columns = walk_columns(1, 20, missing_share=0.0)
    view = LiveView(SETTINGS, INSTRUMENT, Timeframe.M15)
    bar = bar_at(columns, 3)
    view.update(bar)
    assert from_millis(view.last_opened_at) == bar.opened_at
    with pytest.raises(DataError, match="is not after the last one"):
        view.update(bar)
    with pytest.raises(DataError, match="not closed yet"):
        view.update(bar_at(columns, 4).model_copy(update={"is_closed": False}))
    with pytest.raises(DataError, match="a bar of 1h"):
        view.update(bar_at(columns, 4).model_copy(update={"timeframe": Timeframe.H1}))
    with pytest.raises(DataError, match=r"ETH-USD\.SIM"):
        view.update(bar_at(columns, 4).model_copy(update={"instrument_id": "ETH-USD.SIM"}))


def test_returns_are_those_of_the_newest_bars():
    columns = walk_columns(6, 300)
    view = LiveView(SETTINGS, INSTRUMENT, Timeframe.M15)
    view.warm_up(cut(columns, 40))
    assert len(view.returns) == 39
    view.warm_up({name: column[40:] for name, column in columns.items()})
    closes = columns["close"][-(SETTINGS.risk.correlation_bars + 1) :]
    np.testing.assert_array_equal(view.returns, closes[1:] / closes[:-1] - 1.0)


def test_plugin_outputs_are_in_the_view():
    view = batch(walk_columns(2, 300), studies=PLUGINS)
    for frame in view.frames:
        assert "donchian_upper_20" in frame.index
        assert "inside_bar" in frame.index
