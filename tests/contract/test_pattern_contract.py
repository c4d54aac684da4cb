"""Patterns: the catalogue's promises, TA-Lib where it has the pattern, and planted cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import talib
from trading_engine import IndicatorSet, PatternSet, indicator_catalog, pattern_catalog

from fakes.engine_bars import MINUTE_MS, RECORDED, Columns, Floats, recorded, walk

Case = tuple[Columns, dict[int, float]]
CASES = 200
CATALOGS = [(indicator_catalog, IndicatorSet), (pattern_catalog, PatternSet)]
SCALES = {"price", "percent", "volume", "ratio", "state"}
STATES = ("pin_bar", "engulfing", "doji", "breakout", "divergence")


def bars(opened: Any, high: Any, low: Any, close: Any) -> Columns:
    rows = len(opened)
    times = np.arange(rows, dtype=np.int64) * 15 * MINUTE_MS
    prices = (np.array(values, dtype=np.float64) for values in (opened, high, low, close))
    first, top, bottom, last = prices
    return times, first, top, bottom, last, np.ones(rows)


@pytest.mark.parametrize(("catalog", "make"), CATALOGS)
def test_catalog_rows_keep_their_promises(catalog: Any, make: Any) -> None:
    columns = walk(700, seed=21)
    default = make().outputs
    for row in catalog():
        alone = make([(row["name"], {})])
        assert alone.outputs == row["outputs"]
        assert make([(row["name"], row["params"])]).outputs == row["outputs"]
        assert set(row["outputs"]) <= set(default)
        assert row["scale"] == row["scales"][0]
        assert set(row["scales"]) <= SCALES
        assert (alone.warmup, alone.warmups) == (row["warmup"], row["warmups"])
        assert all(low <= row["params"][k] <= high for k, (low, high) in row["ranges"].items())
        values = alone.batch(*columns)
        assert values.shape == (len(row["outputs"]), 700)
        for warmup, line in zip(alone.warmups, values, strict=True):
            assert np.isnan(line[: warmup - 1]).all(), row["name"]


@pytest.mark.parametrize(("catalog", "make"), CATALOGS)
def test_params_outside_their_range_are_refused(catalog: Any, make: Any) -> None:
    for row in catalog():
        for param, (low, high) in row["ranges"].items():
            for value in (low - 1, high + 1, float("nan")):
                with pytest.raises(ValueError, match=f"{row['name']}: {param}=.*allowed"):
                    make([(row["name"], {param: value})])
        with pytest.raises(ValueError, match="has no parameter"):
            make([(row["name"], {"nonsense": 1.0})])
        with pytest.raises(ValueError, match="asked for twice"):
            make([(row["name"], {}), (row["name"], {})])
    with pytest.raises(ValueError, match=r"unknown .*nonsense.*known: "):
        make([("nonsense", {})])


def test_a_flat_series_gives_no_pattern() -> None:
    flat = np.full(300, 100.0)
    engine = PatternSet()
    found = dict(zip(engine.outputs, engine.batch(*bars(flat, flat, flat, flat)), strict=True))
    assert set(found) == {
        *STATES, "support", "resistance", "support_touches", "resistance_touches",
    }  # fmt: skip
    for name in STATES:
        assert not np.nan_to_num(found[name]).any(), name
    assert np.isnan(found["support"]).all()
    assert np.isnan(found["resistance"]).all()


@pytest.mark.parametrize("name", ["walk", *RECORDED])
def test_doji_and_engulfing_equal_talib(name: str) -> None:
    columns = walk(10_000, seed=22) if name == "walk" else recorded(name)
    _, opened, high, low, close, _ = columns
    doji, engulfing = PatternSet([("doji", {}), ("engulfing", {})]).batch(*columns)
    wanted = (talib.CDLDOJI(opened, high, low, close) != 0) & (high > low)
    # A sum that never drifts and one that does part only where the body equals the limit.
    assert (doji[10:] != wanted[10:]).mean() <= 5e-3
    limit = 0.1 * np.convolve(high - low, np.ones(10) / 10, "valid")[:-1]
    clear = np.abs(np.abs(close - opened)[10:] - limit) > 1e-9 * close[10:]
    assert np.array_equal(doji[10:][clear], wanted[10:][clear])
    has_body = np.concatenate([[False], (opened != close)[:-1]])
    wanted_engulfing = np.sign(talib.CDLENGULFING(opened, high, low, close)) * has_body
    assert np.array_equal(engulfing[2:], wanted_engulfing[2:])
    assert np.abs(engulfing[2:]).sum() > 100


@pytest.mark.parametrize("name", ["walk", *RECORDED])
def test_levels_bracket_the_close(name: str) -> None:
    columns = walk(10_000, seed=23) if name == "walk" else recorded(name)
    engine = PatternSet([("support_resistance", {})])
    support, resistance, below, above = engine.batch(*columns)
    close, warm = columns[4], engine.warmup - 1
    assert (np.isnan(support) | (support <= close)).all()
    assert (np.isnan(resistance) | (resistance >= close)).all()
    assert np.array_equal(np.isnan(support[warm:]), below[warm:] == 0)
    assert np.array_equal(np.isnan(resistance[warm:]), above[warm:] == 0)
    assert np.isfinite(support[warm:]).mean() > 0.5


class Walker:
    """Bars with clear bodies and short wicks: no doji, no pin bar, no engulfing among them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows: list[tuple[float, float, float, float]] = []
        self.price, self.body = 1_000.0, 5.0

    def bar(self, body: float, upper: float, lower: float) -> int:
        """Adds a bar that opens at the last close; answers its index."""
        opened, close = self.price, self.price + body
        top, bottom = max(opened, close), min(opened, close)
        self.rows.append((opened, top + upper, bottom - lower, close))
        self.price, self.body = close, body
        return len(self.rows) - 1

    def background(self, count: int) -> None:
        for _ in range(count):
            size = self.rng.uniform(4, 8)
            turns = self.rng.random() < 0.5 and abs(self.body) > 5
            side = -np.sign(self.body) if turns else np.sign(self.body)
            size = min(size, 0.8 * abs(self.body)) if turns else size
            self.bar(side * size, *self.rng.uniform(0.02, 0.15, 2) * size)

    def columns(self) -> Columns:
        return bars(*zip(*self.rows, strict=True))


def pin_case(seed: int) -> Case:
    walker = Walker(seed)
    walker.background(40)
    decoy = walker.rng.uniform(6, 10)  # a wick of little more than half the range is no pin
    walker.bar(np.sign(walker.body) * 0.32 * decoy, 0.13 * decoy, 0.55 * decoy)
    walker.background(5)
    size, side = walker.rng.uniform(6, 25), walker.rng.choice([-1.0, 1.0])
    wick, nose = walker.rng.uniform(0.64, 0.9), walker.rng.uniform(0, 0.08)
    wicks = (nose * size, wick * size) if side > 0 else (wick * size, nose * size)
    at = walker.bar(walker.rng.choice([-1, 1]) * (1 - wick - nose) * size, *wicks)
    walker.body = 6.0
    walker.background(15)
    return walker.columns(), {at: side}


def doji_case(seed: int) -> Case:
    walker = Walker(seed)
    walker.background(40)
    walker.bar(walker.rng.choice([-1, 1]) * 1.6, 3, 3)  # a small body, no doji
    walker.body = 6.0
    walker.background(5)
    at = walker.bar(walker.rng.uniform(-0.4, 0.4), *walker.rng.uniform(1, 6, 2))
    walker.body = 6.0
    walker.background(15)
    return walker.columns(), {at: 1.0}


def engulfing_case(seed: int) -> Case:
    walker = Walker(seed)
    walker.background(40)
    side = -np.sign(walker.body)
    walker.price -= side * walker.rng.uniform(0, 1.5)
    size = abs(walker.body) + walker.rng.uniform(2, 8)
    at = walker.bar(side * size, 0.4, 0.4)
    walker.bar(-side * 0.6 * size, 0.4, 0.4)  # an inside bar, no engulfing
    walker.background(15)
    return walker.columns(), {at: float(side)}


def swing_path(rng: np.random.Generator, points: list[float], steps: list[int]) -> list[float]:
    """Closes that run through the points, with a little noise on the way."""
    path = [points[0]]
    for start, end, count in zip(points, points[1:], steps, strict=False):
        way = start + (end - start) * np.arange(1, count + 1) / count
        way[:-1] += rng.normal(0, 0.03 * abs(end - start) / count, count - 1)
        path += way.tolist()
    return path


def path_columns(path: list[float], wick: float) -> Columns:
    opened, close = np.array(path[:-1]), np.array(path[1:])
    high, low = np.maximum(opened, close) + wick, np.minimum(opened, close) - wick
    return bars(opened, high, low, close)


def range_path(rng: np.random.Generator, swings: int) -> tuple[list[float], list[int]]:
    """Turning points of a market between 990 and 1010, ending in the middle."""
    points, steps = [1_000.0], []
    for _ in range(swings):
        points += [1_010 + rng.uniform(-0.5, 0.5), 990 + rng.uniform(-0.5, 0.5)]
        steps += rng.integers(9, 14, 2).tolist()
    return [*points, 1_000.0], [*steps, 8]


def breakout_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    points, steps = range_path(rng, 5)
    path = swing_path(rng, points, steps)
    side = rng.choice([-1.0, 1.0])
    if seed % 4 == 0:  # a wick through the level is no breakout
        columns = path_columns([*path, 1_001.0, 1_000.0], 0.3)
        columns[2 if side > 0 else 3][-2] = 1_000 + side * 20
        return columns, {}
    path += [1_000 + side * (14 + rng.uniform(0, 6)), 1_000 + side * 22]
    return path_columns(path, 0.3), {len(path) - 3: side}


def divergence_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    side = rng.choice([-1.0, 1.0])
    is_decoy = seed % 4 == 0
    fall, rise = rng.uniform(11, 14), rng.uniform(5.5, 7)
    second = rise + rng.uniform(1.5, 3)  # a lower low, reached slowly
    steps = [40, 12, 8, 15, 10]
    drift = 12.0
    if is_decoy:  # a lower low in free fall after a gentle one: momentum agrees
        drift, fall, rise, second, steps = 24.0, 5.0, 3.0, 15.0, [40, 14, 8, 9, 10]
    moves = np.cumsum([0.0, drift, -fall, rise, -second, 8.0])
    path = swing_path(rng, (1_000 + side * moves).tolist(), steps)
    truth = {} if is_decoy else {sum(steps[:4]) - 1 + 5: side}
    return path_columns(path, 0.05), truth


PLANTED: dict[str, Callable[[int], Case]] = {
    "pin_bar": pin_case,
    "doji": doji_case,
    "engulfing": engulfing_case,
    "breakout": breakout_case,
    "divergence": divergence_case,
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_patterns_are_found(name: str) -> None:
    hits = misses = false = 0
    for seed in range(CASES):
        columns, truth = PLANTED[name](seed)
        values = np.nan_to_num(PatternSet([(name, {})]).batch(*columns)[0])
        for at, side in truth.items():
            hits += values[at] == side
            misses += values[at] != side
        false += sum(1 for at in np.flatnonzero(values) if truth.get(int(at)) != values[at])
    recall, precision = hits / (hits + misses), hits / max(1, hits + false)
    assert recall >= 0.95, f"{name}: recall {recall}, {misses} missed"
    assert precision >= 0.95, f"{name}: precision {precision}, {false} false"


def test_planted_levels_are_found() -> None:
    found = wanted = reported = 0
    for seed in range(CASES):
        rng = np.random.default_rng(seed)
        path = swing_path(rng, *range_path(rng, 4))
        columns = path_columns(path, 0.3)
        last: Floats = PatternSet([("support_resistance", {})]).batch(*columns)[:, -1]
        reach = 0.5 * IndicatorSet([("atr", {})]).batch(*columns)[0, -1]
        right = [abs(last[0] - 989.7) <= reach + 0.5, abs(last[1] - 1_010.3) <= reach + 0.5]
        touched = [last[2] >= 3, last[3] >= 3]
        found += sum(r and t for r, t in zip(right, touched, strict=True))
        reported += int(np.isfinite(last[:2]).sum())
        wanted += 2
    assert found / wanted >= 0.95
    assert found / reported >= 0.95
