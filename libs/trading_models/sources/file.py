"""CSV (plain or gzip) and Parquet files with bars.

Columns, in any case: a time (ts, datetime, date, timestamp, time, opened_at, open_time), open,
high, low, close, volume; `adj close` and `ticker` where a profile needs them.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from trading_models.base import DataRejected, DataUnavailable
from trading_models.sources._api import FloatArray, RawBars
from trading_models.sources._times import opened_at_of

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "time": ("ts", "datetime", "date", "timestamp", "time", "opened_at", "open_time"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v", "vol"),
    "adjusted_close": ("adj close", "adj_close", "adjusted_close", "adjclose"),
    "ticker": ("ticker",),
}
_REQUIRED = ("time", "open", "high", "low", "close", "volume")
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


def read_bars(path: Path) -> RawBars:
    """All rows of `path`, unrepaired. DataUnavailable or DataRejected says what is wrong."""
    if not str(path).lower().endswith(_SUFFIXES):
        raise DataRejected(
            f"{path}: unknown kind of file; allowed: {', '.join(_SUFFIXES)}",
            next_step="convert it to CSV or Parquet",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataUnavailable(f"{path} cannot be read: {error.strerror}") from error
    frame = _parse(path, content)
    if frame.height == 0:
        raise DataRejected(f"{path} holds no rows")
    columns = _columns(path, frame)
    return RawBars(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        row=np.arange(1, frame.height + 1, dtype=np.int64),
        opened_at=opened_at_of(frame[columns["time"]]),
        values={
            name: _numbers(frame[column])
            for name, column in columns.items()
            if name not in ("time", "ticker")
        },
        cells={name: frame[column] for name, column in columns.items()},
        ticker=_tickers(frame, columns),
    )


def _parse(path: Path, content: bytes) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(io.BytesIO(content))
        if path.suffix.lower() == ".gz":
            content = gzip.decompress(content)
        # Everything as text: the gate must see what the file says, not what a guess made of it.
        return pl.read_csv(content, infer_schema_length=0)
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        first_line = str(error).splitlines()[0]
        raise DataRejected(f"{path} cannot be parsed: {first_line}") from error


def _columns(path: Path, frame: pl.DataFrame) -> dict[str, str]:
    present = {name.strip().lower(): name for name in reversed(frame.columns)}
    found = {
        ours: present[alias]
        for ours, aliases in _ALIASES.items()
        for alias in reversed(aliases)
        if alias in present
    }
    lacking = [name for name in _REQUIRED if name not in found]
    if lacking:
        wanted = "; ".join(f"{name}: {' | '.join(_ALIASES[name])}" for name in lacking)
        raise DataRejected(
            f"{path}: rule columns: {', '.join(lacking)} not found in {', '.join(frame.columns)}",
            offences=[
                {
                    "rule": "columns",
                    "count": len(lacking),
                    "row": 0,
                    "value": ", ".join(frame.columns),
                    "allowed": wanted,
                }
            ],
            next_step=f"rename the columns ({wanted})",
        )
    return found


def _tickers(frame: pl.DataFrame, columns: Mapping[str, str]) -> np.ndarray[Any, Any] | None:
    if "ticker" not in columns:
        return None
    return np.array([str(value) for value in frame[columns["ticker"]]], dtype=np.str_)


def _numbers(column: pl.Series) -> FloatArray:
    text = column.dtype == pl.String
    numbers = (
        column.str.strip_chars().cast(pl.Float64, strict=False)
        if text
        else (column.cast(pl.Float64, strict=False))
    )
    return np.asarray(numbers.fill_null(float("nan")).to_numpy(), dtype=np.float64)
