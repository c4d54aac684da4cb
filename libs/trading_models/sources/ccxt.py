"""History of any exchange that ccxt knows (an extra: requirements/exchanges.txt)."""

from __future__ import annotations

import hashlib
import importlib
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from trading_models.base import DataUnavailable, Timeframe
from trading_models.sources._api import Progress, RawBars

_PAGE = 1000
_COLUMNS = ("time", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to download: bars with start_ms <= opened_at and closed by stop_ms."""

    exchange: str
    market: str
    timeframe: Timeframe
    start_ms: int
    stop_ms: int


def download(wanted: Wanted, progress: Progress | None = None) -> RawBars:
    """Closed bars page by page. DataUnavailable if the extra, the exchange or the net is absent."""
    library = _library()
    client = _client(library, wanted.exchange)
    rows: list[list[Any]] = []
    since, step = wanted.start_ms, wanted.timeframe.millis
    total = max(0, (wanted.stop_ms - wanted.start_ms) // step)
    while since + step <= wanted.stop_ms:
        page = _page(library, client, wanted, since)
        fresh = [row for row in page if since <= row[0] and row[0] + step <= wanted.stop_ms]
        rows += fresh
        if progress is not None:
            progress(len(rows), total)
        if not fresh:
            break
        since = int(fresh[-1][0]) + step
    if not rows:
        raise DataUnavailable(
            f"{wanted.exchange} has no {wanted.timeframe.code} bars of {wanted.market} in that span"
        )
    return _table(wanted, rows)


def _library() -> ModuleType:
    try:
        return importlib.import_module("ccxt")
    except ImportError as error:
        raise DataUnavailable(
            "downloads need ccxt, which is not installed",
            next_step="pip install --require-hashes -r requirements/exchanges.txt",
        ) from error


def _client(library: ModuleType, exchange: str) -> Any:
    if exchange not in library.exchanges:
        raise DataUnavailable(
            f"ccxt knows no exchange {exchange!r}; it knows {len(library.exchanges)}, "
            "such as binance, kraken, coinbase"
        )
    return getattr(library, exchange)({"enableRateLimit": True, "timeout": 20_000})


def _page(library: ModuleType, client: Any, wanted: Wanted, since: int) -> list[list[Any]]:
    try:
        page: list[list[Any]] = client.fetch_ohlcv(
            wanted.market, wanted.timeframe.code, since=since, limit=_PAGE
        )
    except library.NetworkError as error:
        raise DataUnavailable(
            f"{wanted.exchange} cannot be reached: {error}",
            next_step="check the network, or import a file with `ats data import PATH`",
        ) from error
    except library.BaseError as error:
        raise DataUnavailable(f"{wanted.exchange} refused {wanted.market}: {error}") from error
    return page


def _table(wanted: Wanted, rows: list[list[Any]]) -> RawBars:
    text = json.dumps(rows, separators=(",", ":"))
    table = np.array(rows, dtype=np.float64)
    return RawBars(
        name=f"ccxt:{wanted.exchange}:{wanted.market}:{wanted.timeframe.code}",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        row=np.arange(1, len(rows) + 1, dtype=np.int64),
        opened_at=np.array([int(row[0]) for row in rows], dtype=np.int64),
        values={name: table[:, i] for i, name in enumerate(_COLUMNS) if i},
        cells={name: [row[i] for row in rows] for i, name in enumerate(_COLUMNS)},
    )
