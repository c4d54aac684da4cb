"""The whole system on recorded bars: same ledger twice, equal to the backtest, through kills."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ats.parity import compare_with_backtest
from ats.places import program
from ats.replay_data import DataChoice
from ats.system import RunningSystem, SystemOptions, prepare
from trading_models.base import SystemClock
from trading_models.config_manager import load_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
STEPS = 1000
KILLED = ("simulated-venue", "execution-gateway", "trading-api")
KILLS_EACH = 3


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Summary and run folder of an undisturbed run."""
    return run_once(tmp_path_factory.mktemp("reference"), lambda _system: None)


def run_once(
    var: Path, disturb: Callable[[RunningSystem], Any], steps: int = STEPS
) -> tuple[dict[str, Any], Path]:
    for name in ("simulated-venue", "execution-gateway"):
        program(name)
    settings = load_settings()
    choice = DataChoice("sample", steps=steps)
    prepared = prepare(SystemOptions(choice, "test"), settings, var, SystemClock().now())

    async def run() -> dict[str, Any]:
        system = RunningSystem(prepared, lambda _name, _text: None)
        try:
            await system.start()
            disturbance = disturb(system)
            task = asyncio.ensure_future(disturbance) if disturbance is not None else None
            summary = await system.until_ended(lambda _progress: None)
            if task is not None:
                await task
            return summary
        finally:
            await system.stop()

    return asyncio.run(run()), prepared.directory.path


def test_two_runs_have_the_same_ledger(
    reference: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    again, _ = run_once(tmp_path, lambda _system: None)
    assert again["ledger_sha256"] == reference[0]["ledger_sha256"]
    assert again["fills"] == reference[0]["fills"] > 0
    assert again["decisions"] == reference[0]["decisions"] == again["bars"]


def test_backtest_equals_the_system(reference: tuple[dict[str, Any], Path]) -> None:
    result = compare_with_backtest(reference[1])
    assert result["differences"] == []
    assert result["equal"]
    assert result["trades"] == reference[0]["trades"] > 0


@pytest.mark.parametrize("name", KILLED)
def test_kill_changes_nothing(
    name: str, reference: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    rolls = random.Random(f"kill {name}")
    moments = sorted(rolls.randrange(100, STEPS - 100) for _ in range(KILLS_EACH))
    killed: list[int] = []

    async def kill(system: RunningSystem) -> None:
        run = system.prepared.directory
        for moment in moments:
            while run.read_json("progress.json").get("bars_done", 0) < moment:
                await asyncio.sleep(0.005)
            pid = system.pids[name]
            if pid not in killed:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            while system.pids[name] == pid:
                await asyncio.sleep(0.005)

    summary, _ = run_once(tmp_path, kill)
    assert len(killed) == KILLS_EACH
    assert summary["ledger_sha256"] == reference[0]["ledger_sha256"]
    assert summary["trades"] == reference[0]["trades"]
    assert summary["orders"] == reference[0]["orders"]


def test_free_running_decides_every_bar(tmp_path: Path) -> None:
    settings = load_settings()
    options = SystemOptions(DataChoice("sample", steps=300), "free", speed=18_000.0)
    prepared = prepare(options, settings, tmp_path, SystemClock().now())

    async def run() -> dict[str, Any]:
        system = RunningSystem(prepared, lambda _name, _text: None)
        try:
            await system.start()
            return await system.until_ended(lambda _progress: None)
        finally:
            await system.stop()

    summary = asyncio.run(run())
    assert summary["bars"] == summary["decisions"] == 300
