"""`ats up` and `ats demo`: start the system, follow it, show its end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ats.errors import Interrupted
from ats.instance import InstanceLock
from ats.observation import login_link
from ats.output import BarProgress, console, print_json, print_line
from ats.run_directory import RunDirectory, prune_runs
from ats.system import PreparedRun, RunningSystem, SystemOptions, prepare
from trading_models.base import SystemClock
from trading_models.config_manager import Settings

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a run is shown and when it ends."""

    headless: bool = False
    until_end: bool = False
    as_json: bool = False


def run_system(
    options: SystemOptions, settings: Settings, var: Path, shown: Presentation
) -> dict[str, Any]:
    """Start everything, follow the run, show its end; returns the summary.

    Raises InstanceHeld for a second system, ProcessFailed when a part cannot be started or kept
    alive, Interrupted after Ctrl-C.
    """
    lock = InstanceLock(var)
    lock.acquire()
    try:
        limits = settings.supervisor
        cap = limits.disk_cap_mb * MEGABYTE
        for removed in prune_runs(var / "runs", keep=limits.runs_kept - 1, max_bytes=cap):
            console.print(f"removed old run {removed.name}", style="dim")
        prepared = prepare(options, settings, var, SystemClock().now())
        lock.describe({"run_id": prepared.directory.run_id})
        return asyncio.run(_run(prepared, shown))
    finally:
        lock.release()


async def _run(prepared: PreparedRun, shown: Presentation) -> dict[str, Any]:
    started = time.perf_counter()
    events: list[str] = []

    def on_event(name: str, text: str) -> None:
        events.append(f"{name} {text}")
        console.print(f"{name} {text}", style="yellow")

    system = RunningSystem(prepared, on_event)
    stop = _stop_event()
    try:
        await _or_stop(system.start(), stop)
        _announce(system, shown)
        with BarProgress("replaying", shown=not shown.as_json) as progress:
            summary = dict(await _or_stop(system.until_ended(progress.update), stop))
        summary["wall_s"] = round(time.perf_counter() - started, 1)
        prepared.directory.write_json("report/summary.json", summary)
        _print_end(prepared.directory, summary, shown)
        if not shown.until_end:
            console.print("The dashboard stays up; stop with Ctrl-C.")
            await stop.wait()
        return summary
    finally:
        await system.stop()


def _stop_event() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    return stop


async def _or_stop(work: Any, stop: asyncio.Event) -> Any:
    task = asyncio.ensure_future(work)
    waiter = asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        return task.result()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    raise Interrupted("stopped before the end; its state is kept in the run folder")


def _announce(system: RunningSystem, shown: Presentation) -> None:
    run = system.prepared.directory
    console.print(f"[bold]Dashboard[/bold] {system.url}  (run {run.run_id})", soft_wrap=True)
    link = login_link(run, system.url)
    if link is None:
        return
    console.print(f"One-time login, valid for 60 s: {link}", soft_wrap=True)
    if not shown.headless:
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(link)


def _print_end(run: RunDirectory, summary: dict[str, Any], shown: Presentation) -> None:
    report = run.path / "report" / "index.html"
    if shown.as_json:
        print_json(summary)
        return
    rows = [
        ("bars", summary["bars"]),
        ("trades", summary["trades"]),
        ("equity", f"{summary['equity_start']} -> {summary['equity_end']}"),
        ("deepest drawdown", f"{summary['max_drawdown_pct']} %"),
        ("costs", summary["costs"]),
        ("ledger SHA-256", summary["ledger_sha256"]),
        ("report", report),
    ]
    for name, value in rows:
        print_line(f"{name:>18}  {value}")
