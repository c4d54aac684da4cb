"""Opening times of rows in any usual writing, as milliseconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from trading_models.sources._api import NO_TIME, IntArray

# Epoch numbers tell their unit by size; 10**11 s is the year 5138, 10**11 ms is 1973.
_EPOCH_UNITS = ((10**17, 10**6), (10**14, 10**3), (10**11, 1))
_SECONDS_TO_MS = 1000


def opened_at_of(column: pl.Series) -> IntArray:
    """(N,) int64; `NO_TIME` where a value cannot be read. Times without offset are UTC."""
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        millis = column.cast(pl.Datetime("ms")).cast(pl.Int64)
        return np.asarray(millis.fill_null(NO_TIME).to_numpy(), dtype=np.int64)
    if column.dtype.is_integer():
        return np.array([_epoch(value) for value in column], dtype=np.int64)
    texts = column.cast(pl.String).to_list()
    return np.array([_text_time(text) for text in texts], dtype=np.int64)


def _text_time(text: str | None) -> int:
    if text is None:
        return NO_TIME
    text = text.strip()
    if text.isascii() and text.isdigit():
        return _epoch(int(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return NO_TIME
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return round(at.timestamp() * _SECONDS_TO_MS)


def _epoch(value: int | None) -> int:
    if value is None or value < 0:
        return NO_TIME
    for least, divisor in _EPOCH_UNITS:
        if value >= least:
            return value // divisor
    return value * _SECONDS_TO_MS
