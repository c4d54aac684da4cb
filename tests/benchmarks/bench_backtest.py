"""Bars per second and peak memory of the product's backtest, next to baselines of the same run.

Run by ``./ats bench backtest``, or by hand: ``python tests/benchmarks/bench_backtest.py [bars]
[--profile]``. The bars repeat the bar-to-bar returns of the BTC sample in seeded blocks.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import platform
import pstats
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bench_indicators import talib_set
from numpy.typing import NDArray
from trading_engine import Backtest, IndicatorSet

from ats.local_backtest import backtest_columns
from ats.replay_data import DataChoice, load_columns
from trading_models import backtesting
from trading_models.base import canonical_json
from trading_models.config_manager import Settings, load_settings
from trading_models.market_data import Columns
from trading_models.signals import MarketView

ROWS = 1_000_000
SEED = 11
BLOCK = 96  # one day of 15-minute bars keeps its own course
SMALLEST_PRICE = 100  # mantissa: far from zero, where a tick would be a large return
HOTTEST = 5


def long_columns(sample: Columns, rows: int) -> Columns:
    """`rows` gapless bars out of the sample's returns; the mean return is taken out."""
    rng = np.random.default_rng(SEED)
    close = sample["close"].astype(np.float64)
    returns = np.diff(np.log(close))
    returns -= returns.mean()
    starts = rng.integers(0, len(returns) - BLOCK, rows // BLOCK + 1)
    chosen = (starts[:, None] + np.arange(BLOCK)).ravel()[:rows]
    level = np.log(close[0]) + np.cumsum(returns[chosen])
    # Sampled blocks drift apart from their mean; pull the end back to the start.
    level -= np.linspace(0.0, level[-1] - level[0], rows)
    scale = np.exp(level) / close[chosen + 1]
    arrays: dict[str, NDArray[Any]] = {
        name: np.maximum(np.rint(sample[name][chosen + 1] * scale), SMALLEST_PRICE).astype(np.int64)
        for name in ("open", "high", "low", "close")
    }
    arrays["high"] = np.maximum.reduce([arrays["high"], arrays["open"], arrays["close"]])
    arrays["low"] = np.minimum.reduce([arrays["low"], arrays["open"], arrays["close"]])
    step = sample.timeframe.millis
    first = int(sample.opened_at[0]) // (24 * 3_600_000) * 24 * 3_600_000
    arrays["opened_at"] = first + step * np.arange(rows, dtype=np.int64)
    arrays["volume"] = sample.volume[chosen + 1].astype(np.float64)
    arrays["flags"] = np.zeros(rows, dtype=np.uint8)
    return Columns(sample.instrument, sample.timeframe, arrays, f"{rows:,} repeated bars")


class Meter:
    """CPU and wall seconds of named pieces of work, and what they returned."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.wall: dict[str, float] = {}
        self.results: dict[str, Any] = {}

    def measured(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work` with its times added up under `name`."""

        def run(*args: Any, **kwargs: Any) -> Any:
            cpu, wall = time.process_time(), time.perf_counter()
            result = work(*args, **kwargs)
            self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
            self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
            self.results[name] = result
            return result

        return run


def native_loop(columns: Columns, settings: Settings, view: MarketView) -> None:
    """The engine over the same bars without a single decision."""
    names = ("opened_at", "open", "high", "low", "close")
    config = {
        "balances": {str(k): str(v) for k, v in settings.venue.balances.items()},
        "maker_fee_rate": str(settings.venue.maker_fee_rate),
        "taker_fee_rate": str(settings.venue.taker_fee_rate),
        "slippage_bps": str(settings.venue.slippage_bps),
        "position": json.loads(backtesting.manager_params(settings, columns.instrument)),
        "drawdown": json.loads(backtesting.drawdown_params(settings)),
    }
    instrument = canonical_json(columns.instrument).decode()
    arrays = [columns[name] for name in names]
    engine = Backtest(json.dumps(config), instrument, *arrays, columns.closed_at, view.atr)
    engine.run_to(columns.rows - 1)
    engine.finish()


def frame_columns(view: MarketView) -> list[tuple[NDArray[Any], ...]]:
    """Bars of each analysis timeframe: opened_at, open, high, low, close, volume."""
    return [
        (
            frame.closed_at - frame.timeframe.millis,
            *(
                np.ascontiguousarray(frame.values[frame.index[name]])
                for name in ("open", "high", "low", "close", "volume")
            ),
        )
        for frame in view.frames
    ]


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def peak_mb() -> float:
    """Largest resident memory of this process so far, in 10**6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def say(text: str) -> None:
    """One line of output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show(rows: int, name: str, cpu: float, wall: float) -> None:
    """One line of the result."""
    say(
        f"  {name:<32} {cpu:>8.2f} s CPU {rows / max(cpu, 1e-9):>13,.0f} bars/s"
        f" {wall:>9.2f} s wall {rows / max(wall, 1e-9):>13,.0f} bars/s"
    )


def run_benchmark(columns: Columns, settings: Settings) -> None:
    """Measure and print."""
    rows, meter, before = columns.rows, Meter(), peak_mb()
    backtesting.batch_view = meter.measured("view", backtesting.batch_view)  # type: ignore[attr-defined]
    backtesting.screen_view = meter.measured("screen", backtesting.screen_view)  # type: ignore[attr-defined]
    result = meter.measured("total", backtest_columns)(columns, settings)
    peak = peak_mb()
    view: MarketView = meter.results["view"]
    frames = frame_columns(view)
    meter.measured("native", native_loop)(columns, settings, view)
    meter.measured("kernels", lambda: [IndicatorSet().batch(*bars) for bars in frames])()
    meter.measured("talib", lambda: [talib_set(bars) for bars in frames])()
    decide = [t["total"] - t["view"] - t["screen"] for t in (meter.cpu, meter.wall)]
    outputs = sum(len(frame.index) for frame in view.frames)
    say(f"bars {rows:,}, figures per bar {outputs} on {len(view.frames)} timeframes")
    say(
        f"candidates {result.candidates:,}, fills {len(result.fills):,}, "
        f"trades {len(result.trades):,}, ledger {result.ledger_sha256[:16]}"
    )
    show(rows, "view (indicators, patterns)", meter.cpu["view"], meter.wall["view"])
    show(rows, "screen (score of every bar)", meter.cpu["screen"], meter.wall["screen"])
    show(rows, "decide loop (risk, engine)", *decide)
    show(rows, "total", meter.cpu["total"], meter.wall["total"])
    say("baselines of the same run")
    show(rows, "engine loop without decisions", meter.cpu["native"], meter.wall["native"])
    show(rows, "our indicator set alone", meter.cpu["kernels"], meter.wall["kernels"])
    show(rows, "TA-Lib, the studies it has", meter.cpu["talib"], meter.wall["talib"])
    say(
        f"ratios: total / engine loop {meter.cpu['total'] / meter.cpu['native']:.1f}, "
        f"our indicators / TA-Lib {meter.cpu['kernels'] / meter.cpu['talib']:.2f}, "
        f"decide loop per candidate {1e6 * decide[0] / max(result.candidates, 1):.0f} us"
    )
    say(f"peak memory {peak:,.0f} MB (before the run {before:,.0f} MB)")


def profile(columns: Columns, settings: Settings) -> None:
    """Print where the decide loop spends its time."""
    profiler = cProfile.Profile()
    profiler.runcall(backtest_columns, columns, settings)
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(HOTTEST)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bars", nargs="?", type=int, default=ROWS)
    parser.add_argument("--profile", action="store_true", help="show the hottest functions")
    arguments = parser.parse_args()
    settings = load_settings(environment={})
    sample = load_columns(DataChoice("sample"), settings)
    columns = long_columns(sample, arguments.bars)
    say(f"machine: {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}")
    if arguments.profile:
        profile(columns, settings)
    else:
        run_benchmark(columns, settings)


if __name__ == "__main__":
    main()
