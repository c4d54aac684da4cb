"""Which bars a run or a backtest uses: the sample or a file, whole or a span of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ats.options import bar_store
from ats.run_directory import ReplayData
from trading_models.base import DataUnavailable
from trading_models.config_manager import Settings
from trading_models.market_data import (
    BarStore,
    Columns,
    ImportOptions,
    ensure_sample,
    parse_instrument_id,
)

SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class DataChoice:
    """`source` is `sample` or a path; `start` and `end` are ISO times, `steps` a number of bars."""

    source: str = SAMPLE
    symbol: str | None = None
    start: str | None = None
    end: str | None = None
    steps: int | None = None


def load_columns(
    choice: DataChoice,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Columns:
    """The chosen bars, imported first when they are not in the store yet.

    Raises DataRejected for a file that breaks a rule and DataUnavailable for an empty span.
    """
    store = bar_store(settings)
    if choice.source == SAMPLE:
        ensure_sample(store, progress)
        wanted = settings.data.sample
        if choice.symbol is not None:
            wanted = parse_instrument_id(choice.symbol, "SIM")
        columns = store.open(wanted)
    else:
        columns = _import(store, choice)
    columns = columns.between(_moment(choice.start, "--from"), _moment(choice.end, "--to"))
    return columns if choice.steps is None else columns.slice(0, choice.steps)


def _import(store: BarStore, choice: DataChoice) -> Columns:
    path = Path(choice.source)
    if not path.is_file():
        raise DataUnavailable(
            f"no such file: {path}", next_step="give --data sample, or a CSV or Parquet file"
        )
    symbol = None if choice.symbol is None else parse_instrument_id(choice.symbol, "SIM")
    manifests = store.import_file(path, ImportOptions(symbol=symbol))
    return store.open(manifests[0].instrument.instrument_id, manifests[0].timeframe)


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataUnavailable(
            f"{option} {text!r} is not a time; write 2021-10-01 or 2021-10-01T12:00"
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def replay_data(columns: Columns, run_folder: Path) -> ReplayData:
    """Bars as the venue reads them; a span of a file is written into the run folder."""
    directory = columns.directory
    if directory is None:
        name = f"{columns.instrument.instrument_id}-{columns.timeframe.code}"
        directory = run_folder / "columns" / name
        columns.export(directory)
    return ReplayData(
        instrument=columns.instrument,
        timeframe=columns.timeframe.code,
        columns_dir=directory,
        name=columns.name,
        rows=columns.rows,
    )
