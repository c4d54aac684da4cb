"""`ats parity`: the backtest's trades equal those of the lock-step paper system."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ats.local_backtest import backtest_columns
from ats.replay_data import DataChoice
from ats.run_directory import RunDirectory
from ats.system import RunningSystem, SystemOptions, prepare
from trading_models.backtesting import BacktestResult
from trading_models.base import Instrument, SystemClock, Timeframe
from trading_models.config_manager import Settings, load_settings
from trading_models.market_data import Columns

COMPARED = ("market_time", "order_side", "quantity", "price", "fee", "fee_asset", "reason")
SHOWN_DIFFERENCES = 20


def run_parity(
    choice: DataChoice,
    settings: Settings,
    config_file: Path | None,
    on_progress: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Run the lock-step system on a private copy, then the backtest, and compare their ledgers."""
    with tempfile.TemporaryDirectory(prefix="ats-parity-") as name:
        private = Path(name)
        options = SystemOptions(choice, "parity", config_file=config_file)
        prepared = prepare(options, settings, private, SystemClock().now())

        async def run() -> dict[str, Any]:
            system = RunningSystem(prepared, lambda _name, _text: None)
            try:
                await system.start()
                return await system.until_ended(on_progress)
            finally:
                await system.stop()

        asyncio.run(run())
        return compare_with_backtest(prepared.directory.path)


def compare_with_backtest(run_folder: Path) -> dict[str, Any]:
    """Backtest the bars that a finished run traded and list every difference."""
    run = RunDirectory(run_folder)
    settings = load_settings(run.path / "config.toml")
    columns = columns_of_run(run)
    result = backtest_columns(columns, settings)
    summary = run.read_json("report/summary.json")
    differences = difference_rows(result, fills_of_run(run))
    same_hash = result.ledger_sha256 == summary.get("ledger_sha256")
    return {
        "equal": not differences and same_hash,
        "trades": len(result.trades),
        "fills": len(result.fills),
        "bars": columns.rows,
        "ledger_sha256": {
            "backtest": result.ledger_sha256,
            "system": summary.get("ledger_sha256"),
        },
        "differences": differences[:SHOWN_DIFFERENCES],
    }


def columns_of_run(run: RunDirectory) -> Columns:
    """The bars that the venue of this run replayed."""
    venue = tomllib.loads((run.path / "venue.toml").read_text(encoding="utf-8"))
    row = venue["instrument"][0]
    folder = Path(row.pop("columns_dir"))
    timeframe = Timeframe(row.pop("timeframe"))
    arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
    instrument = Instrument.model_validate(row)
    return Columns(instrument, timeframe, arrays, str(instrument.instrument_id), folder)


def fills_of_run(run: RunDirectory) -> list[dict[str, Any]]:
    """Fills of a run in the order of its ledger."""
    connection = sqlite3.connect(f"file:{run.database}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT body FROM fills ORDER BY seq").fetchall()
    finally:
        connection.close()
    return [dict(orjson.loads(body)) for (body,) in rows]


def difference_rows(
    result: BacktestResult, system: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One row for each field of a fill that differs, and for each fill that one side lacks."""
    rows: list[dict[str, Any]] = []
    for number in range(max(len(result.fills), len(system))):
        expected = result.fills[number] if number < len(result.fills) else None
        found = system[number] if number < len(system) else None
        if expected is None or found is None:
            side = "backtest" if found is None else "system"
            rows.append({"fill": number + 1, "only_in": side, "row": expected or found})
            continue
        rows += [
            {"fill": number + 1, "field": name, "backtest": expected[name], "system": found[name]}
            for name in COMPARED
            if expected[name] != found[name]
        ]
    return rows
