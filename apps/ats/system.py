"""One whole system: prepare its run folder, start its processes, follow it to its end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ats.places import dashboard_folder, program
from ats.processes import ProcessGroup, ProcessSpec, free_port, free_ports
from ats.replay_data import DataChoice, load_columns, replay_data
from ats.run_directory import (
    Ports,
    ReplayData,
    RunDirectory,
    create_run,
    write_process_configs,
    write_secrets,
)
from trading_models.config_manager import Settings

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class SystemOptions:
    """What to run: data, how fast, on which port."""

    data: DataChoice
    label: str
    speed: float | None = None  # None = lock-step; else market seconds per wall second
    port: int = 0
    config_file: Path | None = None


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run folder that is ready to be started."""

    directory: RunDirectory
    ports: Ports
    data: tuple[ReplayData, ...]


def prepare(options: SystemOptions, settings: Settings, var: Path, now: datetime) -> PreparedRun:
    """Create the run folder with data, secrets, ports and the configuration of each process."""
    venue, control, gateway = free_ports(3)
    ports = Ports(venue, control, gateway, free_port(options.port))
    columns = load_columns(options.data, settings)
    settings = settings.funded_in(columns.instrument.quote_currency)
    run = create_run(var / "runs", now, options.label)
    data = (replay_data(columns, run.path),)
    write_secrets(run)
    config = run.path / "config.toml"
    source = options.config_file
    config.write_text(source.read_text(encoding="utf-8") if source else "", encoding="utf-8")
    replay = {
        "mode": "lockstep" if options.speed is None else "free",
        "speed": options.speed or 1.0,
        "dashboard_dir": str(dashboard_folder()),
    }
    write_process_configs(run, settings, data, ports, replay)
    return PreparedRun(run, ports, data)


class RunningSystem:
    """Venue, gateway and API of one run."""

    def __init__(self, prepared: PreparedRun, on_event: Callable[[str, str], None]) -> None:
        self.prepared = prepared
        self._group = ProcessGroup(on_event)

    @property
    def url(self) -> str:
        """Where the dashboard is."""
        return f"http://127.0.0.1:{self.prepared.ports.api}"

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return self._group.pids

    async def start(self) -> None:
        """Start the three processes, each after the one before is ready."""
        for spec in self._specs():
            await self._group.start(spec)
        self._write_run_file()

    async def stop(self) -> None:
        """Stop the processes, the API first."""
        await self._group.stop()

    async def until_ended(self, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Follow the run until the orchestrator wrote its summary; returns the summary.

        Raises ProcessFailed when a process cannot be kept alive.
        """
        run = self.prepared.directory
        while True:
            if run.summary.exists():
                on_progress(run.read_json("progress.json"))
                return run.read_json("report/summary.json")
            if self._group.failure is not None:
                raise self._group.failure
            on_progress(run.read_json("progress.json"))
            self._write_run_file()
            await asyncio.sleep(POLL_S)

    def _write_run_file(self) -> None:
        run, ports = self.prepared.directory, self.prepared.ports
        body = run.read_json("run.json")
        fresh = {
            "run_id": run.run_id,
            "mode": "paper",
            "url": self.url,
            "ports": {
                "venue": ports.venue,
                "control": ports.control,
                "gateway": ports.gateway,
                "api": ports.api,
            },
            "pids": self.pids,
            "data": [item.name for item in self.prepared.data],
        }
        if body != fresh:
            run.write_json("run.json", fresh)

    def _specs(self) -> list[ProcessSpec]:
        run, ports = self.prepared.directory, self.prepared.ports
        api = [sys.executable, "-m", "trading_api", "--run-dir", str(run.path)]
        return [
            ProcessSpec(
                "simulated-venue",
                [program("simulated-venue"), "--config", str(run.path / "venue.toml")],
                run.logs / "simulated-venue.log",
                f"http://127.0.0.1:{ports.venue}/api/v3/ping",
            ),
            ProcessSpec(
                "execution-gateway",
                [program("execution-gateway"), "--config", str(run.path / "gateway.toml")],
                run.logs / "execution-gateway.log",
                f"http://127.0.0.1:{ports.gateway}/healthz",
            ),
            ProcessSpec("trading-api", api, run.logs / "trading-api.log", f"{self.url}/healthz"),
        ]
