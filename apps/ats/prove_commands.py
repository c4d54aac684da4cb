"""`ats backtest`, `report`, `parity`, `explain`, `audit verify`: answers that can be checked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from ats.options import (
    FAILED,
    AsJson,
    ConfigFile,
    DataOption,
    FromOption,
    StepsOption,
    SymbolOption,
    ToOption,
    config_path,
    guarded,
    settings_from,
    var_folder,
)
from ats.output import BarProgress, print_json, print_line


def backtest(
    data: DataOption = "sample",
    symbol: SymbolOption = None,
    from_at: FromOption = None,
    to_at: ToOption = None,
    steps: StepsOption = None,
    out: Annotated[
        Path | None, typer.Option("--report", help="Folder for the HTML and JSON report.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run the strategy over recorded bars in one process, without sockets."""
    from ats.local_backtest import backtest_columns, report_of, summary_of
    from ats.replay_data import DataChoice, load_columns

    def action() -> None:
        settings = settings_from(config)
        choice = DataChoice(data, symbol, from_at, to_at, steps)
        columns = load_columns(choice, settings)
        with BarProgress("backtest", shown=not as_json) as progress:
            result = backtest_columns(
                columns,
                settings,
                lambda done, total: progress.update({"bars_done": done, "bars_total": total}),
            )
        summary = summary_of(result, columns)
        if out is not None:
            summary["report"] = str(report_of(result, columns, settings, summary, out))
        _print_rows(summary, as_json=as_json)

    guarded(action, as_json=as_json)


def report(
    run: Annotated[str | None, typer.Argument(help="Run id; default: the newest run.")] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Report a backtest of this file (or sample).")
    ] = None,
    symbol: SymbolOption = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")] = Path("var/report"),
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show where the report of a run is, or make one by backtesting a file."""
    from ats.observation import newest_run, read_summary
    from ats.run_directory import RunDirectory

    if data is not None:
        backtest(data=data, symbol=symbol, out=out, config=config, as_json=as_json)
        return

    def action() -> None:
        var = var_folder()
        folder = RunDirectory(var / "runs" / run) if run else newest_run(var)
        summary = {**read_summary(folder), "report": str(folder.path / "report" / "index.html")}
        _print_rows(summary, as_json=as_json)

    guarded(action, as_json=as_json)


def parity(
    data: DataOption = "sample",
    symbol: SymbolOption = None,
    from_at: FromOption = None,
    to_at: ToOption = None,
    steps: StepsOption = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Prove that the backtest's trades equal those of the lock-step paper system."""
    from ats.parity import run_parity
    from ats.replay_data import DataChoice

    def action() -> None:
        choice = DataChoice(data, symbol, from_at, to_at, steps)
        with BarProgress("lock-step run", shown=not as_json) as progress:
            body = run_parity(choice, settings_from(config), config_path(config), progress.update)
        if as_json:
            print_json(body)
        else:
            word = "equal" if body["equal"] else "DIFFERENT"
            print_line(f"{word}: {body['trades']} trades, {body['fills']} fills")
            for row in body["differences"]:
                print_line(f"  {row}")
        if not body["equal"]:
            raise typer.Exit(FAILED)

    guarded(action, as_json=as_json)


def explain(
    bar: Annotated[str, typer.Argument(help="Closing time of a bar (ISO) or a decision id.")],
    run: Annotated[str | None, typer.Option("--run", help="Run id; default: newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why a bar was traded or not: score, opinions, every risk rule, and the nearest flip."""
    from ats.explanation import explain_lines, find_record
    from ats.observation import newest_run
    from ats.run_directory import RunDirectory

    def action() -> None:
        var = var_folder()
        folder = RunDirectory(var / "runs" / run) if run else newest_run(var)
        record = asyncio.run(find_record(folder, bar))
        if as_json:
            print_json(record)
            return
        for line in explain_lines(record):
            print_line(line)

    guarded(action, as_json=as_json)


def audit_verify(
    run: Annotated[str | None, typer.Option("--run", help="Run id; default: newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the audit chain; the first changed record is named."""
    from dataclasses import asdict

    from ats.observation import newest_run
    from ats.run_directory import RunDirectory
    from trading_models.persistence import Store, sqlite_url

    async def verify(folder: RunDirectory) -> dict[str, Any]:
        store = await Store.open_for_audit(sqlite_url(folder.database))
        try:
            return asdict(await store.verify_audit())
        finally:
            await store.close()

    def action() -> None:
        var = var_folder()
        folder = RunDirectory(var / "runs" / run) if run else newest_run(var)
        body = asyncio.run(verify(folder))
        _print_rows(body, as_json=as_json)
        if body["first_bad_seq"] is not None:
            raise typer.Exit(FAILED)

    guarded(action, as_json=as_json)


def _print_rows(body: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(body)
        return
    for name, value in body.items():
        print_line(f"{name:>18}  {value}")
