"""Look at runs and stop the running one; needs no engine and no built program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from ats.errors import ProcessFailed
from ats.instance import InstanceLock
from ats.run_directory import RunDirectory

STOP_WAIT_S = 40.0


def login_link(run: RunDirectory, url: str) -> str | None:
    """The one-time link of this run's demo user, None when the API wrote none."""
    token = run.read_json("login.json").get("token")
    return None if token is None else f"{url}/login#token={token}"


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
