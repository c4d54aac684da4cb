"""Bars for the engine's tests: seeded walks, and the recorded candles beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Columns = tuple[Ints, Floats, Floats, Floats, Floats, Floats]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
RECORDED = (
    "binance_spot_1h/BTCUSDT",
    "binance_spot_15m/SOLUSDT",
    "binance_spot_5m/ETHUSDT",
    "us_equity_1h/SPY",
    "fx_1h/GBPUSD",
)
MINUTE_MS = 60_000


def walk(rows: int, seed: int) -> Columns:
    """A walk on a tick grid with flat stretches, gaps and bars without volume."""
    rng = np.random.default_rng(seed)
    step = rng.normal(0, 3e-3, rows)
    step[rng.random(rows) < 0.15] = 0.0
    step[rows // 2 : rows // 2 + 60] = 0.0
    close = np.round(1_000 * np.exp(np.cumsum(step)), 2)
    opened = np.concatenate([[1_000.0], close[:-1]])
    reach = np.round(np.abs(rng.normal(0, 1.5, (2, rows))) * (step != 0), 2)
    high, low = np.maximum(opened, close) + reach[0], np.minimum(opened, close) - reach[1]
    volume = np.where(rng.random(rows) < 0.2, 0.0, rng.lognormal(3, 1, rows))
    minutes = np.cumsum(np.where(rng.random(rows) < 0.01, rng.integers(2, 300, rows), 1) * 15)
    return minutes.astype(np.int64) * MINUTE_MS, opened, high, low, close, volume


def recorded(name: str, rows: int = 10_000) -> Columns:
    """The last `rows` bars of a recorded file; skips where the files are not at hand."""
    path = SHARED / "candles" / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded candles at {path}")
    return to_columns(pl.read_parquet(path).sort("ts").tail(rows))


def to_columns(frame: pl.DataFrame) -> Columns:
    """Columns of a candle file."""
    prices = (
        np.ascontiguousarray(frame[name].cast(pl.Float64).to_numpy())
        for name in ("open", "high", "low", "close", "volume")
    )
    opened_at = frame["ts"].dt.epoch("ms").to_numpy().astype(np.int64)
    opened, high, low, close, volume = prices
    return opened_at, opened, high, low, close, volume


def part(columns: Columns, start: int, stop: int | None = None) -> Columns:
    """Rows `start:stop` of every column."""
    times, opened, high, low, close, volume = (column[start:stop] for column in columns)
    return times, opened, high, low, close, volume  # type: ignore[return-value]
