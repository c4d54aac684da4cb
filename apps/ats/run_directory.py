"""The folder of one run: keys, configuration of each process, state, logs and report.

Everything a run needs to continue after a crash is here (docs/concepts/interfaces.md section 9);
secrets have mode 0600. Old runs are pruned by count and by disk use.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trading_models.base import Instrument
from trading_models.config_manager import Settings

ORCHESTRATOR_SCOPES = ["read", "orders:write", "orders:cancel", "admin:kill"]
SUPERVISOR_SCOPES = ["read", "admin:kill"]
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports of the four listeners; fixed for a run so that a restart finds them again."""

    venue: int
    control: int
    gateway: int
    api: int


@dataclass(frozen=True, slots=True)
class ReplayData:
    """What the simulated venue replays: instrument, columns, and the name shown to people."""

    instrument: Instrument
    timeframe: str
    columns_dir: Path
    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Paths inside one run's folder."""

    path: Path

    @property
    def run_id(self) -> str:
        """Name of the folder."""
        return self.path.name

    @property
    def database(self) -> Path:
        """SQLite database of the run."""
        return self.path / "ats.db"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.path / "logs"

    @property
    def summary(self) -> Path:
        """Written last by the orchestrator: the run has ended."""
        return self.path / "report" / "summary.json"

    @property
    def progress(self) -> Path:
        """Rewritten about twice a second while bars are processed."""
        return self.path / "progress.json"

    @property
    def login(self) -> Path:
        """One-time token for the browser, written when the API has started."""
        return self.path / "login.json"

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON file of this folder; empty when it does not exist yet."""
        try:
            return dict(json.loads((self.path / name).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def write_json(self, name: str, body: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        target = self.path / name
        fresh = target.with_suffix(".new")
        fresh.write_text(json.dumps(body, indent=1, default=str), encoding="utf-8")
        fresh.replace(target)

    def write_secret(self, name: str, text: str) -> Path:
        """Write a file that only its owner can read, unless it exists."""
        target = self.path / name
        if not target.exists():
            target.touch(mode=OWNER_ONLY)
            target.write_text(text, encoding="utf-8")
        return target


def create_run(runs: Path, now: datetime, label: str) -> RunDirectory:
    """A new empty run folder named by time and label."""
    base = f"{now:%Y%m%dT%H%M%S}-{label}"
    path = runs / base
    number = 1
    while path.exists():
        number += 1
        path = runs / f"{base}-{number}"
    path.mkdir(parents=True)
    (path / "report").mkdir()
    return RunDirectory(path)


def write_secrets(run: RunDirectory) -> None:
    """Fresh keys for this run: approval key, service keys, venue credentials, tokens."""
    keys = {
        "approval_key": secrets.token_hex(32),
        "keys": [
            {"id": "orchestrator", "secret": secrets.token_hex(32), "scopes": ORCHESTRATOR_SCOPES},
            {"id": "supervisor", "secret": secrets.token_hex(32), "scopes": SUPERVISOR_SCOPES},
        ],
    }
    run.write_secret("keys.json", json.dumps(keys))
    venue = {"api_key": secrets.token_hex(32), "api_secret": secrets.token_hex(32)}
    run.write_secret("venue-credentials.json", json.dumps(venue))
    run.write_secret("control-token", secrets.token_hex(32))
    run.write_secret("jwt-secret", secrets.token_hex(32))


def write_process_configs(
    run: RunDirectory,
    settings: Settings,
    data: Sequence[ReplayData],
    ports: Ports,
    replay: Mapping[str, Any],
) -> None:
    """Write venue.toml, gateway.toml, api.toml and orchestrator.toml.

    `replay` holds `mode` (lockstep | free), `speed` and what the API needs to know of the run.
    """
    (run.path / "venue.toml").write_text(_venue_toml(run, settings, data, ports, replay))
    (run.path / "gateway.toml").write_text(_gateway_toml(run, settings, data, ports))
    (run.path / "api.toml").write_text(_api_toml(ports, replay))
    (run.path / "orchestrator.toml").write_text(_orchestrator_toml(data, ports, replay))


def _text(value: object) -> str:
    return json.dumps(str(value))


def _venue_toml(
    run: RunDirectory,
    settings: Settings,
    data: Sequence[ReplayData],
    ports: Ports,
    replay: Mapping[str, Any],
) -> str:
    venue = settings.venue
    balances = ", ".join(f"{name} = {_text(amount)}" for name, amount in venue.balances.items())
    lines = [
        f'listen = "127.0.0.1:{ports.venue}"',
        f'control_listen = "127.0.0.1:{ports.control}"',
        f"port_file = {_text(run.path / 'venue.port')}",
        f"state_dir = {_text(run.path / 'venue-state')}",
        f"control_token_file = {_text(run.path / 'control-token')}",
        f"credentials_file = {_text(run.path / 'venue-credentials.json')}",
        f"mode = {_text(replay['mode'])}",
        f"speed = {float(replay['speed'])}",
        f"balances = {{ {balances} }}",
        f"maker_fee_rate = {_text(venue.maker_fee_rate)}",
        f"taker_fee_rate = {_text(venue.taker_fee_rate)}",
        f"slippage_bps = {_text(venue.slippage_bps)}",
    ]
    for item in data:
        instrument = item.instrument.model_dump(mode="json")
        lines.append("\n[[instrument]]")
        lines += [
            f"{name} = {value if isinstance(value, int) else _text(value)}"
            for name, value in instrument.items()
        ]
        lines.append(f"timeframe = {_text(item.timeframe)}")
        lines.append(f"columns_dir = {_text(item.columns_dir)}")
    return "\n".join(lines) + "\n"


def _gateway_toml(
    run: RunDirectory, settings: Settings, data: Sequence[ReplayData], ports: Ports
) -> str:
    limits = settings.gateway_limits
    symbols = ", ".join(_text(item.instrument.symbol) for item in data)
    lines = [
        f'listen = "127.0.0.1:{ports.gateway}"',
        f"port_file = {_text(run.path / 'gateway.port')}",
        f"journal_dir = {_text(run.path / 'journal')}",
        f"keys_file = {_text(run.path / 'keys.json')}",
        f"account = {_text(settings.account)}",
        "\n[venue]",
        'kind = "binance_spot"',
        f'rest_url = "http://127.0.0.1:{ports.venue}"',
        f'stream_url = "ws://127.0.0.1:{ports.venue}"',
        f'ws_api_url = "ws://127.0.0.1:{ports.venue}/ws-api/v3"',
        f"credentials_file = {_text(run.path / 'venue-credentials.json')}",
        'venue_name = "SIM"',
        f"symbols = [{symbols}]",
        f"timeframe = {_text(data[0].timeframe)}",
        "recv_window_ms = 300",
        "engine_timeout_ms = 300",
        "margin_ms = 200",
        "\n[limits]",
        f"max_order_notional = {_text(limits.max_order_notional)}",
        f"max_instrument_notional = {_text(limits.max_instrument_notional)}",
        f"max_orders_per_minute = {limits.max_orders_per_minute}",
    ]
    return "\n".join(lines) + "\n"


def _api_toml(ports: Ports, replay: Mapping[str, Any]) -> str:
    lines = [
        f"port = {ports.api}",
        f"dashboard_dir = {_text(replay['dashboard_dir'])}",
        'report_dir = "report"',
    ]
    return "\n".join(lines) + "\n"


def _orchestrator_toml(data: Sequence[ReplayData], ports: Ports, replay: Mapping[str, Any]) -> str:
    lines = [
        f'gateway_url = "http://127.0.0.1:{ports.gateway}"',
        f'control_url = "http://127.0.0.1:{ports.control}"',
        f"mode = {_text(replay['mode'])}",
        f"data_name = {_text(data[0].name)}",
        f"timeframe = {_text(data[0].timeframe)}",
        f"total_bars = {max(item.rows for item in data)}",
    ]
    return "\n".join(lines) + "\n"


def prune_runs(runs: Path, *, keep: int, max_bytes: int) -> list[Path]:
    """Delete the oldest ended runs beyond `keep` or beyond `max_bytes` in all; returns them."""
    if not runs.is_dir():
        return []
    ended = sorted(path for path in runs.iterdir() if path.is_dir())
    sizes = {path: _size(path) for path in ended}
    removed: list[Path] = []
    while ended and (len(ended) > keep or sum(sizes[path] for path in ended) > max_bytes):
        oldest = ended.pop(0)
        shutil.rmtree(oldest, ignore_errors=True)
        removed.append(oldest)
    return removed


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
