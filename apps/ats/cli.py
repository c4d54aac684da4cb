"""The command line. Every command has `--json`, exit code 0 only on success, and says what to do.

Commands import what they need when they run: `ats --help` must answer at once.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ats import prove_commands
from ats.data_commands import data_app
from ats.options import (
    FAILED,
    HOME,
    AsJson,
    ConfigFile,
    DataOption,
    FromOption,
    HeadlessOption,
    PortOption,
    StepsOption,
    SymbolOption,
    ToOption,
    UntilEndOption,
    config_path,
    guarded,
    settings_from,
    var_folder,
)
from ats.output import console, print_json, print_line
from trading_models import __version__
from trading_models.base import TradingError

app = typer.Typer(
    help="A trading system that runs by itself and can prove what it did.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
audit_app = typer.Typer(help="Prove that the records were not changed.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(config_app, name="config")
app.add_typer(audit_app, name="audit")
app.command()(prove_commands.backtest)
app.command()(prove_commands.report)
app.command()(prove_commands.parity)
app.command()(prove_commands.explain)
audit_app.command("verify")(prove_commands.audit_verify)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """A trading system that runs by itself and can prove what it did."""
    if version:
        print_line(__version__)
        raise typer.Exit


def _start(
    *,
    label: str,
    data: str,
    symbol: str | None,
    window: tuple[str | None, str | None, int | None],
    speed: float | None,
    port: int,
    config: Path | None,
    presentation: tuple[bool, bool, bool],
) -> None:
    from ats.replay_data import DataChoice
    from ats.run_commands import Presentation, run_system
    from ats.system import SystemOptions

    choice = DataChoice(data, symbol=symbol, start=window[0], end=window[1], steps=window[2])
    options = SystemOptions(choice, label, speed=speed, port=port, config_file=config_path(config))
    run_system(options, settings_from(config), var_folder(), Presentation(*presentation))


@app.command()
def demo(
    headless: HeadlessOption = False,
    until_end: UntilEndOption = False,
    data: DataOption = "sample",
    symbol: SymbolOption = None,
    from_at: FromOption = None,
    to_at: ToOption = None,
    steps: StepsOption = None,
    port: PortOption = 0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Trade recorded bars through every part of the system, in lock-step, and report."""

    def action() -> None:
        _start(
            label="demo",
            data=data,
            symbol=symbol,
            window=(from_at, to_at, steps),
            speed=None,
            port=port,
            config=config,
            presentation=(headless, until_end, as_json),
        )

    guarded(action, as_json=as_json)


@app.command()
def up(
    mode: Annotated[str, typer.Option("--mode", help="paper (live comes later).")] = "paper",
    data: DataOption = "sample",
    symbol: SymbolOption = None,
    from_at: FromOption = None,
    to_at: ToOption = None,
    steps: StepsOption = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.001, help="Market seconds per second (free-running)."),
    ] = None,
    until_end: UntilEndOption = False,
    headless: HeadlessOption = False,
    port: PortOption = 0,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Start and supervise everything; restart what dies; print the address of the dashboard."""

    def action() -> None:
        if mode != "paper":
            raise TradingError(
                f"mode {mode!r} cannot be started: this version has only paper (allowed: paper)",
                next_step="ats up --mode paper",
            )
        _start(
            label="up",
            data=data,
            symbol=symbol,
            window=(from_at, to_at, steps),
            speed=speed,
            port=port,
            config=config,
            presentation=(headless, until_end, as_json),
        )

    guarded(action, as_json=as_json)


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop the running system cleanly."""
    from ats.observation import stop_system

    def action() -> None:
        stopped = stop_system(var_folder())
        if as_json:
            print_json({"stopped": stopped})
        else:
            print_line("stopped" if stopped else "nothing was running")

    guarded(action, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, since when, and how healthy each process says it is."""
    from ats.observation import status as read_status

    body = read_status(var_folder())
    if as_json:
        print_json(body)
    elif not body["running"]:
        print_line("nothing is running; start with: ats demo")
    else:
        print_line(f"run {body['run_id']} at {body['url']}")
        for name, service in body["services"].items():
            print_line(f"  {name:<18} pid {service['pid']:<8} {service['health']}")
        for name, value in body["progress"].items():
            print_line(f"  {name:<18} {value}")
    if not body["running"]:
        raise typer.Exit(FAILED)


@app.command()
def logs(
    service: Annotated[str | None, typer.Argument(help="One process; default: all.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the logs of the newest run (they are JSON lines)."""
    from ats.observation import follow_logs, newest_run

    def write(line: str) -> None:
        print_line(line.split(maxsplit=1)[1] if as_json and " " in line else line)

    guarded(
        lambda: follow_logs(newest_run(var_folder()), service, follow=follow, write=write),
        as_json=as_json,
    )


@app.command()
def doctor(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """What this machine has, what is missing, and the command that mends it."""
    from ats.doctor import examine

    findings = examine(HOME, var_folder(), config_path(config))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            colour = {"ok": "green", "warning": "yellow", "missing": "red"}[finding.status]
            console.print(f"[{colour}]{finding.status:<8}[/] {finding.name:<18} {finding.detail}")
            if finding.fix and finding.status != "ok":
                console.print(f"{'':<9}{'':<18} -> {finding.fix}", style="dim")
    if any(finding.status == "missing" for finding in findings):
        raise typer.Exit(FAILED)


@config_app.command("check")
def config_check(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Validate the configuration; an error names file, line, key, value and allowed range."""

    def action() -> None:
        settings = settings_from(config)
        body = {"valid": True, "file": str(config_path(config)), "hash": settings.config_hash}
        if as_json:
            print_json(body)
        else:
            print_line(f"{body['file']} is valid (hash {settings.config_hash[:12]})")

    guarded(action, as_json=as_json)


@config_app.command("show")
def config_show(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the settings in force after all layers."""

    def action() -> None:
        body: dict[str, Any] = settings_from(config).model_dump(mode="json")
        print_json(body, pretty=not as_json)

    guarded(action, as_json=as_json)


def main() -> None:
    """Entry point."""
    app()
