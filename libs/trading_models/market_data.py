"""Market data: the bar store, import behind a quality gate, timeframes as of a bar, staleness.

Data is refused, or marked; it is never invented. `var/data` holds per instrument and timeframe
`bars/<instrument_id>/<timeframe>/{bars.parquet,manifest.json}` and, made on demand,
`cache/<parquet sha256>/<column>.npy` (docs/concepts/interfaces.md section 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from trading_engine import BarAggregator

from trading_models.base import (
    Bar,
    DataRejected,
    DataStale,
    DataUnavailable,
    FrozenModel,
    Instrument,
    InstrumentId,
    Timeframe,
    UtcTime,
    canonical_json,
    decimal_from_float,
    flag_names,
    from_mantissa,
    from_millis,
    to_millis,
)
from trading_models.sources import _prepare, _profiles, _store, ccxt, sample
from trading_models.sources._api import FloatArray, IntArray, Progress, RawBars
from trading_models.sources._live import BestQuote, BookUpdate, FeedGap, Link, TradeTick
from trading_models.sources._prepare import ImportOptions, parse_instrument_id
from trading_models.sources.gateway import GatewayMarket

SAMPLE_FILES = sample.SAMPLE_FILES

__all__ = [
    "COLUMN_NAMES",
    "SAMPLE_FILES",
    "AsOfFrames",
    "BarStore",
    "BestQuote",
    "BookUpdate",
    "CheckReport",
    "Columns",
    "FeedGap",
    "Frame",
    "GatewayMarket",
    "ImportOptions",
    "Link",
    "Manifest",
    "Progress",
    "TradeTick",
    "check_fresh",
    "download",
    "ensure_sample",
    "parse_instrument_id",
    "profiles",
]

_OHLC = ("open", "high", "low", "close")
#: Names of the `.npy` files of a columns folder.
COLUMN_NAMES = tuple(_store.COLUMNS)


class SourceNote(FrozenModel):
    """Where the bars came from."""

    name: str
    sha256: str


class ProfileNote(FrozenModel):
    """Which import profile changed them."""

    name: str
    version: int


class GapNote(FrozenModel):
    """Absent bars: opened_at of the first absent one, of the next present one, and how many."""

    start: UtcTime = Field(alias="from")
    stop: UtcTime = Field(alias="to")
    missing: int


class Manifest(FrozenModel):
    """What the store knows about one file of bars."""

    counts: dict[str, int]
    first_opened_at: UtcTime
    gaps: tuple[GapNote, ...]
    instrument: Instrument
    last_opened_at: UtcTime
    parquet_sha256: str
    profile: ProfileNote | None
    rows: int
    schema_version: Literal[1] = Field(default=1, alias="schema")
    source: SourceNote
    timeframe: Timeframe
    volume_unit: Literal["base", "quote"]


@dataclass(frozen=True, slots=True)
class Columns:
    """N bars as arrays: int64 times and price mantissas, float64 volume, uint8 flags.

    `directory` holds them as `.npy` files for the venue and the engine; None for a slice that was
    not exported.
    """

    instrument: Instrument
    timeframe: Timeframe
    arrays: Mapping[str, NDArray[Any]]
    name: str
    directory: Path | None = None

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.arrays[column]

    @property
    def rows(self) -> int:
        """Number of bars."""
        return int(self.arrays["opened_at"].shape[0])

    @property
    def opened_at(self) -> IntArray:
        """(N,) milliseconds UTC."""
        return self.arrays["opened_at"]

    @property
    def closed_at(self) -> IntArray:
        """(N,) milliseconds UTC."""
        closed: IntArray = self.arrays["opened_at"] + self.timeframe.millis
        return closed

    @property
    def volume(self) -> FloatArray:
        """(N,) in the manifest's volume_unit."""
        return self.arrays["volume"]

    def prices(self, column: str) -> FloatArray:
        """(N,) float64 prices of `open`, `high`, `low` or `close`, for analysis only."""
        floats: FloatArray = self.arrays[column] / 10.0**self.instrument.price_scale
        return floats

    def between(self, start: datetime | None = None, stop: datetime | None = None) -> Columns:
        """Bars with start <= opened_at < stop. DataUnavailable if none is left."""
        opened_at = self.opened_at
        first = 0 if start is None else int(np.searchsorted(opened_at, to_millis(start)))
        last = self.rows if stop is None else int(np.searchsorted(opened_at, to_millis(stop)))
        if first >= last:
            raise DataUnavailable(
                f"{self.name} holds no bar in that span; it has {self.rows} from "
                f"{from_millis(int(opened_at[0])).isoformat()} to "
                f"{from_millis(int(opened_at[-1])).isoformat()}"
            )
        return self.slice(first, last)

    def slice(self, first: int, last: int) -> Columns:
        """Bars first..last-1; the same object if that is all of them."""
        if first <= 0 and last >= self.rows:
            return self
        arrays = {name: column[first:last] for name, column in self.arrays.items()}
        return replace(self, arrays=arrays, directory=None)

    def export(self, directory: Path) -> Columns:
        """Write the columns as `.npy` files and return them with that directory."""
        _store.export_columns(directory, self.arrays)
        return replace(self, directory=directory)

    def bar(self, index: int) -> Bar:
        """One bar as a domain value."""
        scale = self.instrument.price_scale
        row = {name: from_mantissa(self.arrays[name][index], scale) for name in _OHLC}
        opened_at = int(self.opened_at[index])
        return Bar(
            **row,
            opened_at=from_millis(opened_at),
            closed_at=from_millis(opened_at + self.timeframe.millis),
            flags=flag_names(int(self.arrays["flags"][index])),
            instrument_id=self.instrument.instrument_id,
            timeframe=self.timeframe,
            volume=decimal_from_float(float(self.volume[index])),
        )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Result of `BarStore.check`: `problems` is empty when record and manifest agree."""

    manifest: Manifest
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Nothing was found."""
        return not self.problems


def profiles() -> tuple[tuple[str, str], ...]:
    """(name@version, what it does) of every import profile."""
    return tuple((profile.reference, profile.summary) for profile in _profiles.PROFILES)


class BarStore:
    """Bars on disk. Written by imports and downloads, read by everybody else."""

    def __init__(self, root: Path) -> None:
        self._bars = root / "bars"
        self._cache = root / "cache"

    def import_file(self, path: Path, options: ImportOptions) -> tuple[Manifest, ...]:
        """Import all instruments of `path`. DataRejected names every broken rule; nothing stays."""
        from trading_models.sources.file import read_bars  # noqa: PLC0415 - loads polars

        return self.import_raw(read_bars(path), path, options)

    def import_raw(
        self, raw: RawBars, path: Path | str, options: ImportOptions
    ) -> tuple[Manifest, ...]:
        """Import a table that a source has read; `path` names it in messages."""
        # Everything is judged before anything is written.
        prepared = _prepare.prepare(raw, path, options)
        source = SourceNote(name=raw.name, sha256=raw.sha256)
        return tuple(self._write(part, source) for part in prepared)

    def _write(self, part: _prepare.Prepared, source: SourceNote) -> Manifest:
        bars, profile = part.bars, part.rules.profile
        folder = self._folder(part.instrument.instrument_id, part.rules.timeframe)
        manifest = Manifest(
            counts=dict(bars.counts),
            first_opened_at=from_millis(int(bars.opened_at[0])),
            gaps=tuple(
                GapNote(start=from_millis(g.start), stop=from_millis(g.stop), missing=g.missing)
                for g in bars.gaps
            ),
            instrument=part.instrument,
            last_opened_at=from_millis(int(bars.opened_at[-1])),
            parquet_sha256=_store.write_parquet(folder / "bars.parquet", bars),
            profile=ProfileNote(name=profile.name, version=profile.version) if profile else None,
            rows=len(bars.opened_at),
            source=source,
            timeframe=part.rules.timeframe,
            volume_unit=part.volume_unit,
        )
        _store.write_whole(folder / "manifest.json", canonical_json(manifest) + b"\n")
        return manifest

    def list(self) -> tuple[Manifest, ...]:
        """All manifests, by instrument and timeframe."""
        found = [_read_manifest(path) for path in self._bars.glob("*/*/manifest.json")]
        found.sort(key=lambda m: (m.instrument.instrument_id, m.timeframe.minutes))
        return tuple(found)

    def manifest(self, instrument_id: InstrumentId, timeframe: Timeframe | None = None) -> Manifest:
        """One manifest; without a timeframe the finest one stored. DataUnavailable lists others."""
        stored = self.list()
        for manifest in stored:
            if manifest.instrument.instrument_id == instrument_id and timeframe in (
                None,
                manifest.timeframe,
            ):
                return manifest
        names = ", ".join(f"{m.instrument.instrument_id} {m.timeframe.code}" for m in stored)
        wanted = f"{instrument_id} {timeframe.code}" if timeframe else instrument_id
        raise DataUnavailable(
            f"no bars of {wanted} in {self._bars}; stored: {names or 'nothing'}",
            next_step="ats data sample, or ats data import PATH --symbol BASE-QUOTE",
        )

    def open(self, instrument_id: InstrumentId, timeframe: Timeframe | None = None) -> Columns:
        """The columns, memory-mapped. DataRejected if the record does not fit its manifest."""
        manifest = self.manifest(instrument_id, timeframe)
        folder = self._folder(instrument_id, manifest.timeframe)
        directory = self._cache / manifest.parquet_sha256
        if not directory.is_dir():
            _store.build_cache(folder / "bars.parquet", manifest.parquet_sha256, directory)
        return Columns(
            instrument=manifest.instrument,
            timeframe=manifest.timeframe,
            arrays=_store.map_columns(directory),
            name=f"{instrument_id} {manifest.timeframe.code}",
            directory=directory,
        )

    def check(self, instrument_id: InstrumentId, timeframe: Timeframe | None = None) -> CheckReport:
        """Compare record, cache and manifest: hash, row count, order, span, bar shape."""
        manifest = self.manifest(instrument_id, timeframe)
        folder = self._folder(instrument_id, manifest.timeframe)
        return CheckReport(manifest, tuple(self._problems(manifest, folder / "bars.parquet")))

    def _problems(self, manifest: Manifest, parquet: Path) -> Iterator[str]:
        if not parquet.is_file():
            yield f"{parquet} is gone"
            return
        found = _store.file_sha256(parquet)
        if found != manifest.parquet_sha256:
            yield f"{parquet} has SHA-256 {found}, the manifest says {manifest.parquet_sha256}"
            return
        columns = self.open(manifest.instrument.instrument_id, manifest.timeframe)
        opened_at = columns.opened_at
        if columns.rows != manifest.rows:
            yield f"{columns.rows} rows, the manifest says {manifest.rows}"
        if (np.diff(opened_at) <= 0).any():
            yield "bars are not in strictly ascending order"
        span = (from_millis(int(opened_at[0])), from_millis(int(opened_at[-1])))
        if span != (manifest.first_opened_at, manifest.last_opened_at):
            yield f"span {span[0].isoformat()}..{span[1].isoformat()} differs from the manifest"
        low, high = columns["low"], columns["high"]
        for name in ("open", "close"):
            if ((columns[name] < low) | (columns[name] > high)).any():
                yield f"{name} lies outside low..high"

    def _folder(self, instrument_id: InstrumentId, timeframe: Timeframe) -> Path:
        return self._bars / instrument_id / timeframe.code


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataRejected(
            f"{path} is not a manifest of this version: {str(error).splitlines()[0]}",
            next_step=f"remove {path.parent} and import the file again",
        ) from error


def ensure_sample(store: BarStore, progress: Progress | None = None) -> tuple[Manifest, ...]:
    """Import the sample unless the same files with the same profiles are stored already."""
    stored = store.list()
    result: list[Manifest] = []
    for done, item in enumerate(SAMPLE_FILES):
        path = item.locate()
        digest = _store.file_sha256(path)
        present = [
            m
            for m in stored
            if m.source.sha256 == digest
            and m.profile is not None
            and f"{m.profile.name}@{m.profile.version}" == item.profile
            and store.check(m.instrument.instrument_id, m.timeframe).is_sound
        ]
        wanted = len(_profiles.find_profile(item.profile).symbols)
        complete = len(present) == wanted
        result += (
            present if complete else store.import_file(path, ImportOptions(profile=item.profile))
        )
        if progress is not None:
            progress(done + 1, len(SAMPLE_FILES))
    return tuple(result)


def download(
    store: BarStore,
    market: tuple[str, str],
    timeframe: Timeframe,
    span: tuple[datetime, datetime],
    progress: Progress | None = None,
) -> tuple[Manifest, ...]:
    """Download closed bars of (exchange, market) with start <= opened_at, closed by the stop.

    DataUnavailable if ccxt, the exchange or the network is missing; the gate applies as to files.
    """
    exchange, name = market
    wanted = ccxt.Wanted(exchange, name, timeframe, to_millis(span[0]), to_millis(span[1]))
    raw = ccxt.download(wanted, progress)
    symbol = parse_instrument_id(name.partition(":")[0], exchange.upper())
    return store.import_raw(raw, raw.name, ImportOptions(symbol=symbol, timeframe=timeframe))


# ---- timeframes as of a bar -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """M closed bars of one timeframe and, for each of N base bars, the newest one known there.

    `arrays`: opened_at, closed_at, open, high, low, close (int64), volume (float64), missing and
    known_index (int64: the base bar at which the bar became known). `row` is (N,), -1 for none.
    """

    timeframe: Timeframe
    arrays: Mapping[str, NDArray[Any]]
    row: IntArray

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.arrays[column]


class AsOfFrames:
    """Higher timeframes of base columns, aligned so that no base bar sees an unclosed bar (K18)."""

    def __init__(self, columns: Columns, timeframes: Sequence[Timeframe]) -> None:
        base = columns.timeframe
        self.timeframes = tuple(t for t in timeframes if t.minutes >= base.minutes)
        self.frames = {t: _frame(columns, t) for t in self.timeframes}

    def __getitem__(self, timeframe: Timeframe) -> Frame:
        return self.frames[timeframe]

    def newest(self, timeframe: Timeframe, base_index: int) -> int | None:
        """Row of the newest bar of `timeframe` closed at base bar `base_index`, None before."""
        row = int(self.frames[timeframe].row[base_index])
        return row if row >= 0 else None


def _frame(columns: Columns, timeframe: Timeframe) -> Frame:
    known = np.arange(columns.rows, dtype=np.int64)
    if timeframe is columns.timeframe:
        same = {name: columns[name] for name in ("opened_at", *_OHLC, "volume")}
        empty = np.zeros(columns.rows, dtype=np.int64)
        extra = {"closed_at": columns.closed_at, "missing": empty, "known_index": known}
        return Frame(timeframe, {**same, **extra}, known)
    aggregator = BarAggregator(columns.timeframe.minutes, timeframe.minutes)
    arrays = aggregator.batch(
        *(np.asarray(columns[name]) for name in ("opened_at", *_OHLC, "volume"))
    )
    row = np.searchsorted(arrays["known_index"], known, side="right") - 1
    return Frame(timeframe, arrays, row.astype(np.int64))


def check_fresh(
    closed_at: datetime, now: datetime, timeframe: Timeframe, *, stale_after_bars: int
) -> None:
    """DataStale if the newest closed bar is older than `stale_after_bars` bars at `now`."""
    limit = timeframe.duration * stale_after_bars
    age = now - closed_at
    if age > limit:
        raise DataStale(
            f"newest {timeframe.code} bar closed at {closed_at.isoformat()}, "
            f"{age.total_seconds():.0f} s ago; allowed: {limit.total_seconds():.0f} s",
            next_step="no new risk is taken until bars arrive; check `ats status`",
        )
