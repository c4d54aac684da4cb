"""Nanoseconds per bar of the indicator set, batch and live, next to TA-Lib in the same run.

Run by hand: ``python tests/benchmarks/bench_indicators.py [bars]``. CPU seconds, best of five.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import talib
from numpy.typing import NDArray
from trading_engine import IndicatorSet, PatternSet, indicator_catalog, pattern_catalog

Floats = NDArray[np.float64]
Columns = tuple[NDArray[np.int64], Floats, Floats, Floats, Floats, Floats]
MINUTE_MS = 60_000


def synthetic_bars(rows: int) -> Columns:
    """A seeded random walk of 15-minute bars."""
    rng = np.random.default_rng(7)
    close = 40_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, rows)))
    opened = np.concatenate([[40_000.0], close[:-1]])
    reach = np.abs(rng.normal(0, 4e-4, (2, rows))) * close
    high = np.maximum(opened, close) + reach[0]
    low = np.minimum(opened, close) - reach[1]
    volume = rng.lognormal(3, 1, rows)
    return np.arange(rows, dtype=np.int64) * 15 * MINUTE_MS, opened, high, low, close, volume


def best_ns(work: Callable[[], object], rows: int) -> float:
    """CPU nanoseconds per bar, best of five."""
    spent = []
    for _ in range(5):
        start = time.process_time_ns()
        work()
        spent.append(time.process_time_ns() - start)
    return min(spent) / rows


def talib_set(columns: Columns) -> None:
    """The ten studies of the set that TA-Lib has."""
    _, _, high, low, close, volume = columns
    talib.RSI(close, 14)
    for period in (20, 50, 200):
        talib.EMA(close, period)
    talib.MACD(close)
    talib.BBANDS(close, 20, 2, 2)
    talib.ATR(high, low, close, 14)
    talib.STOCH(high, low, close, 14, 3, talib.MA_Type.SMA, 3, talib.MA_Type.SMA)
    talib.CCI(high, low, close, 20)
    talib.MFI(high, low, close, volume, 14)
    talib.ADX(high, low, close, 14)
    talib.PLUS_DI(high, low, close, 14)
    talib.MINUS_DI(high, low, close, 14)
    talib.OBV(close, volume)


def run_one(
    make: type[IndicatorSet] | type[PatternSet],
    spec: tuple[str, dict[str, float]],
    columns: Columns,
) -> None:
    """One study over all bars."""
    make([spec]).batch(*columns)


def live_ns(make: Callable[[], IndicatorSet | PatternSet], columns: Columns, rows: int) -> float:
    """One Python call per bar with plain numbers."""
    bars = list(zip(*(column[:rows].tolist() for column in columns), strict=True))

    def run() -> None:
        update = make().update
        for bar in bars:
            update(*bar)

    return best_ns(run, rows)


def say(label: str, spent: float) -> None:
    """One line of the report."""
    sys.stdout.write(f"{label:44s} {spent:8.1f}\n")


def default_specs() -> list[tuple[str, dict[str, float]]]:
    """The product's default set, study by study."""
    specs: list[tuple[str, dict[str, float]]] = []
    for entry in indicator_catalog():
        periods = (20.0, 50.0, 200.0) if entry["name"] == "ema" else ()
        specs += [("ema", {"period": period}) for period in periods]
        specs += [] if periods else [(entry["name"], {})]
    return specs


def report_studies(columns: Columns, rows: int) -> None:
    """Every study alone, in batch."""
    for name, params in default_specs():
        spent = best_ns(partial(run_one, IndicatorSet, (name, params), columns), rows)
        say(f"  {name} {','.join(f'{value:g}' for value in params.values())}", spent)
    for entry in pattern_catalog():
        spent = best_ns(partial(run_one, PatternSet, (entry["name"], {}), columns), rows)
        say(f"  {entry['name']}", spent)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    columns = synthetic_bars(rows)
    sys.stdout.write(f"{rows:,} bars; CPU ns per bar, best of five\n")
    report_studies(columns, rows)
    slim = [spec for spec in default_specs() if spec[0] not in ("volume_profile", "regime")]
    core = best_ns(lambda: IndicatorSet(slim).batch(*columns), rows)
    peer = best_ns(lambda: talib_set(columns), rows)
    say("batch: the studies TA-Lib has, and VWAP", core)
    say("batch: TA-Lib 0.8, the same without VWAP", peer)
    say("ratio", core / peer)
    say("batch: default indicators", best_ns(lambda: IndicatorSet().batch(*columns), rows))
    say("batch: default patterns", best_ns(lambda: PatternSet().batch(*columns), rows))
    few = min(rows, 50_000)
    say("live: the studies TA-Lib has, and VWAP", live_ns(lambda: IndicatorSet(slim), columns, few))
    say("live: default indicators", live_ns(IndicatorSet, columns, few))
    say("live: default patterns", live_ns(PatternSet, columns, few))


if __name__ == "__main__":
    main()
