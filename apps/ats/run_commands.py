"""`ats up`, `demo`, `down`, `status`, `logs`: run the system and look at it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ats.errors import Interrupted, ProcessFailed
from ats.instance import InstanceLock
from ats.output import BarProgress, console, print_json, print_line
from ats.run_directory import RunDirectory, prune_runs
from ats.system import PreparedRun, RunningSystem, SystemOptions, prepare
from trading_models.base import SystemClock
from trading_models.config_manager import Settings

STOP_WAIT_S = 40.0
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


def login_link(run: RunDirectory, url: str) -> str | None:
    """The one-time link of this run's demo user, None when the API wrote none."""
    token = run.read_json("login.json").get("token")
    return None if token is None else f"{url}/login#token={token}"


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


def stop_system(var: Path) -> bool:
    """Ask the running supervisor to stop and wait for it; False when none runs."""
    lock = InstanceLock(var)
    if lock.ask_to_stop() is None:
        return False
    deadline = time.monotonic() + STOP_WAIT_S
    while lock.is_held():
        if time.monotonic() > deadline:
            raise ProcessFailed(
                f"the supervisor did not stop within {STOP_WAIT_S:.0f} s: "
                "look at its processes with 'ats status'"
            )
        time.sleep(0.1)
    return True


def status(var: Path) -> dict[str, Any]:
    """What runs: the run, its processes with their own health answers, and its progress."""
    lock = InstanceLock(var)
    if not lock.is_held():
        return {"running": False}
    run = RunDirectory(var / "runs" / str(lock.holder().get("run_id")))
    body = run.read_json("run.json")
    ports = body.get("ports", {})
    checks = {
        "simulated-venue": f"http://127.0.0.1:{ports.get('venue')}/api/v3/ping",
        "execution-gateway": f"http://127.0.0.1:{ports.get('gateway')}/readyz",
        "trading-api": f"http://127.0.0.1:{ports.get('api')}/healthz",
    }
    services = {
        name: {"pid": body.get("pids", {}).get(name), "health": _probe(url)}
        for name, url in checks.items()
    }
    return {
        "running": True,
        "run_id": run.run_id,
        "url": body.get("url"),
        "services": services,
        "progress": run.read_json("progress.json"),
    }


def _probe(url: str) -> str:
    try:
        response = httpx2.get(url, timeout=2.0)
    except httpx2.TransportError as error:
        return f"down ({error})"
    return "ok" if response.is_success else f"degraded ({response.status_code})"


def follow_logs(
    run: RunDirectory, service: str | None, *, follow: bool, write: Callable[[str], None]
) -> None:
    """Print the log lines of a run's processes, and go on printing new ones with `follow`."""
    files = sorted(run.logs.glob("*.log"))
    chosen = [file for file in files if service is None or file.stem == service]
    if not chosen:
        known = ", ".join(file.stem for file in files) or "none yet"
        raise ProcessFailed(f"no log of {service!r} in {run.logs}; there are: {known}")
    offsets = dict.fromkeys(chosen, 0)
    while True:
        for file in chosen:
            with file.open("rb") as stream:
                stream.seek(offsets[file])
                text = stream.read()
            whole = text.rfind(b"\n") + 1
            offsets[file] += whole
            for line in text[:whole].decode("utf-8", errors="replace").splitlines():
                write(f"{file.stem:<18} {line}")
        if not follow:
            return
        time.sleep(0.5)


def newest_run(var: Path) -> RunDirectory:
    """The newest run folder.

    Raises ProcessFailed when there is none.
    """
    runs = sorted(path for path in (var / "runs").glob("*") if path.is_dir())
    if not runs:
        raise ProcessFailed(f"no run in {var / 'runs'}: start one with 'ats demo'")
    return RunDirectory(runs[-1])


def read_summary(run: RunDirectory) -> dict[str, Any]:
    """The summary of an ended run.

    Raises ProcessFailed when the run has not ended.
    """
    try:
        return dict(json.loads(run.summary.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ProcessFailed(f"run {run.run_id} has no summary: it has not ended") from None
