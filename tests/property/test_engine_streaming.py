"""Streaming, batch, snapshots and cuts of the engine's studies agree to the bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading_engine import BarAggregator, IndicatorSet, PatternSet

from fakes.engine_bars import MINUTE_MS, Columns, part, recorded, walk

SETS = [IndicatorSet, PatternSet]
Engine = type[IndicatorSet] | type[PatternSet]
FIELDS = ("opened_at", "closed_at", "open", "high", "low", "close", "volume", "missing")


def bits(values: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.ascontiguousarray(values).view(np.int64)


def stream(engine: IndicatorSet | PatternSet, columns: Columns) -> np.ndarray:  # type: ignore[type-arg]
    bars = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([engine.update(*bar) for bar in bars]).T


@pytest.mark.parametrize("make", SETS)
@pytest.mark.parametrize("name", ["walk", "binance_spot_15m/SOLUSDT"])
def test_streaming_equals_batch(make: Engine, name: str) -> None:
    columns = walk(10_000, seed=1) if name == "walk" else recorded(name)
    assert np.array_equal(bits(stream(make(), columns)), bits(make().batch(*columns)))


@pytest.mark.parametrize("make", SETS)
def test_any_split_of_a_batch_equals_one_batch(make: Engine) -> None:
    columns = walk(3_000, seed=2)
    whole = make().batch(*columns)
    rng = np.random.default_rng(3)
    for _ in range(20):
        cuts = [0, *sorted(rng.integers(0, 3_000, 5)), 3_000]
        engine = make()
        parts = [engine.batch(*part(columns, a, b)) for a, b in itertools.pairwise(cuts)]
        assert np.array_equal(bits(np.hstack(parts)), bits(whole)), cuts


@pytest.mark.parametrize("make", SETS)
def test_a_restored_set_continues_to_the_bit(make: Engine) -> None:
    columns = walk(2_000, seed=4)
    whole = make().batch(*columns)
    for cut in [0, 1, 2, 13, 14, 15, 95, 96, 97, *range(100, 2_000, 190)]:
        engine, other = make(), make()
        engine.batch(*part(columns, 0, cut))
        other.batch(*part(columns, 0, 50))
        other.restore(engine.snapshot())
        rest = part(columns, cut, cut + 150)
        assert np.array_equal(bits(stream(other, rest)), bits(whole[:, cut : cut + 150])), cut


@pytest.mark.parametrize("make", SETS)
def test_removing_future_bars_changes_nothing_at_1000_cuts(make: Engine) -> None:
    columns = walk(3_000, seed=6)
    whole = bits(make().batch(*columns))
    rng = np.random.default_rng(7)
    for cut in rng.integers(1, 3_000, 1_000):
        assert np.array_equal(bits(make().batch(*part(columns, 0, cut))), whole[:, :cut]), cut


@pytest.mark.parametrize("make", SETS)
def test_changing_future_bars_changes_nothing_before(make: Engine) -> None:
    columns = walk(2_000, seed=8)
    changed = tuple(column.copy() for column in columns)
    for column in changed[1:]:
        column[1_500:] *= 3.0
    before, after = make().batch(*columns), make().batch(*changed)  # type: ignore[arg-type]
    assert np.array_equal(bits(before[:, :1_500]), bits(after[:, :1_500]))
    assert not np.array_equal(bits(before), bits(after))


@pytest.mark.parametrize("make", SETS)
def test_refused_input_changes_nothing(make: Engine) -> None:
    columns = walk(400, seed=9)
    engine, clean = make(), make()
    first, rest = part(columns, 0, 300), part(columns, 300)
    engine.batch(*first)
    clean.batch(*first)
    snapshot = engine.snapshot()
    broken = [column.copy() for column in rest]
    broken[4][50] = np.nan
    with pytest.raises(ValueError, match=r"bar 50 .* not a finite number"):
        engine.batch(*broken)
    with pytest.raises(ValueError, match="is not after"):
        engine.batch(*first)
    with pytest.raises(ValueError, match="high below low"):
        engine.update(int(rest[0][0]), 10.0, 9.0, 10.0, 10.0, 1.0)
    with pytest.raises(ValueError, match="close has 99"):
        engine.batch(*rest[:4], rest[4][1:], rest[5])
    with pytest.raises(ValueError, match="contiguous"):
        engine.batch(*[column[::2] for column in rest])
    with pytest.raises(ValueError, match="snapshot is damaged"):
        engine.restore(snapshot[:60] + bytes([snapshot[60] ^ 1]) + snapshot[61:])
    with pytest.raises(ValueError, match="snapshot"):
        engine.restore(b"")
    assert engine.snapshot() == snapshot
    assert np.array_equal(bits(engine.batch(*rest)), bits(clean.batch(*rest)))


def test_a_snapshot_of_other_studies_is_refused() -> None:
    taken = IndicatorSet([("rsi", {"period": 14})]).snapshot()
    with pytest.raises(ValueError, match=r"rsi_14.*rsi_15"):
        IndicatorSet([("rsi", {"period": 15})]).restore(taken)


def base_bars(minutes: list[int], seed: int) -> Columns:
    """Base bars at the given minutes; prices are mantissas."""
    rng = np.random.default_rng(seed)
    rows = len(minutes)
    opened = rng.integers(9_000, 11_000, rows)
    close = rng.integers(9_000, 11_000, rows)
    high = np.maximum(opened, close) + rng.integers(0, 100, rows)
    low = np.minimum(opened, close) - rng.integers(0, 100, rows)
    volume = np.where(rng.random(rows) < 0.2, 0.0, rng.random(rows))
    times = np.array(minutes, dtype=np.int64) * MINUTE_MS
    return times, opened, high, low, close, volume  # type: ignore[return-value]


def brute_force(columns: Columns, base: int, target: int) -> list[tuple[float, ...]]:
    """Bucket by bucket; a bucket closes with its boundary bar or with the next base bar."""
    times, opened, high, low, close, volume = columns
    span, bucket_of = target * MINUTE_MS, times // (target * MINUTE_MS)
    out = []
    for bucket in np.unique(bucket_of):
        rows = np.flatnonzero(bucket_of == bucket)
        start, end = bucket * span, (bucket + 1) * span
        reaches = times[rows[-1]] + base * MINUTE_MS == end
        known = rows[-1] if reaches else rows[-1] + 1
        if known < len(times):
            total = 0.0
            for value in volume[rows]:
                total += value
            prices = (opened[rows[0]], high[rows].max(), low[rows].min(), close[rows[-1]])
            missing = target // base - len(rows)
            out.append((start, end, *prices, total, missing, known))
    return out


def batch_rows(columns: Columns, base: int, target: int) -> list[tuple[float, ...]]:
    found = BarAggregator(base, target).batch(*columns)  # type: ignore[arg-type]
    assert set(found) == {*FIELDS, "known_index"}
    return list(zip(*(found[name].tolist() for name in (*FIELDS, "known_index")), strict=True))


@settings(max_examples=200, deadline=None)
@given(
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 7, 30, 200]), min_size=1, max_size=300),
    pair=st.sampled_from([(15, 15), (15, 60), (15, 240), (60, 240), (15, 1440), (5, 15)]),
    start=st.integers(-5_000, 5_000),
    seed=st.integers(0, 99),
)
def test_aggregation_equals_brute_force(
    gaps: list[int], pair: tuple[int, int], start: int, seed: int
) -> None:
    base, target = pair
    minutes = ((start + np.cumsum(gaps)) * base).tolist()
    columns = base_bars(minutes, seed)
    wanted = brute_force(columns, base, target)
    assert batch_rows(columns, base, target) == wanted
    aggregator, live = BarAggregator(base, target), []
    for index, bar in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        live += [(*higher, index) for higher in aggregator.update(*bar)]
    assert live == wanted


def test_aggregation_in_stages_equals_aggregation_at_once() -> None:
    rng = np.random.default_rng(12)
    columns = base_bars((np.cumsum(rng.choice([1, 1, 1, 3], 20_000)) * 15).tolist(), 13)
    hours = BarAggregator(15, 60).batch(*columns)  # type: ignore[arg-type]
    direct = BarAggregator(15, 1440).batch(*columns)  # type: ignore[arg-type]
    staged = BarAggregator(60, 1440).batch(*(hours[name] for name in FIELDS[:1] + FIELDS[2:7]))
    rows = len(staged["opened_at"])
    assert rows >= len(direct["opened_at"]) - 1 > 100
    for name in ("opened_at", "closed_at", "open", "high", "low", "close"):
        assert np.array_equal(staged[name], direct[name][:rows]), name
    np.testing.assert_allclose(staged["volume"], direct["volume"][:rows], rtol=1e-12)


@pytest.mark.parametrize(
    ("base", "target"), [(15, 50), (0, 60), (15, 0), (-15, 60), (60, 15), (15, 2880)]
)
def test_impossible_timeframes_are_refused(base: int, target: int) -> None:
    with pytest.raises(ValueError, match="multiple of the base"):
        BarAggregator(base, target)
