"""The folder of one run: secrets for the owner only, configurations that parse, pruning."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ats.run_directory import (
    Ports,
    ReplayData,
    RunDirectory,
    create_run,
    prune_runs,
    write_process_configs,
    write_secrets,
)
from fakes.decision_data import INSTRUMENT, OTHER
from trading_models.config_manager import load_settings
from trading_models.security import load_approval_key, load_service_key

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
SECRETS = ("keys.json", "venue-credentials.json", "control-token", "jwt-secret")
PORTS = Ports(venue=9001, control=9002, gateway=9003, api=9004)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return create_run(tmp_path / "runs", NOW, "demo")


def test_names_sort_by_time_and_never_clash(tmp_path: Path) -> None:
    first, second = (create_run(tmp_path, NOW, "demo") for _ in range(2))
    assert first.run_id == "20240506T070809-demo"
    assert second.run_id == "20240506T070809-demo-2"
    assert (first.path / "report").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_secrets_are_for_the_owner_only(run: RunDirectory) -> None:
    before = os.umask(0)
    try:
        write_secrets(run)
    finally:
        os.umask(before)
    for name in SECRETS:
        assert stat.S_IMODE((run.path / name).stat().st_mode) == 0o600, name


def test_secrets_differ_and_survive_a_restart(run: RunDirectory, tmp_path: Path) -> None:
    write_secrets(run)
    first = {name: (run.path / name).read_text() for name in SECRETS}
    write_secrets(run)
    assert {name: (run.path / name).read_text() for name in SECRETS} == first
    other = create_run(tmp_path / "runs", NOW, "demo")
    write_secrets(other)
    assert all((other.path / name).read_text() != text for name, text in first.items())


def test_the_key_file_is_read_by_the_library(run: RunDirectory) -> None:
    write_secrets(run)
    path = run.path / "keys.json"
    assert len(load_approval_key(path)) == 32
    body = json.loads(path.read_text())
    scopes = {key["id"]: set(key["scopes"]) for key in body["keys"]}
    assert "orders:write" in scopes["orchestrator"]
    assert "orders:write" not in scopes["supervisor"], "the supervisor never trades"
    assert load_service_key(path, "orchestrator") != load_service_key(path, "supervisor")


def test_process_configurations_parse_and_agree(run: RunDirectory) -> None:
    data = [
        ReplayData(item, "15m", run.path / "columns" / item.symbol, 'a "quoted" name', 100 + number)
        for number, item in enumerate((INSTRUMENT, OTHER))
    ]
    replay = {"mode": "free", "speed": 60.0, "dashboard_dir": "dist"}
    write_process_configs(run, load_settings(environment={}), data, PORTS, replay)
    found = {
        name: tomllib.loads((run.path / f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("venue", "gateway", "api", "orchestrator")
    }
    venue, gateway = found["venue"], found["gateway"]
    assert venue["listen"] == "127.0.0.1:9001"
    assert venue["control_listen"] == "127.0.0.1:9002"
    assert venue["balances"] == {"USD": "10000"}
    assert [row["instrument_id"] for row in venue["instrument"]] == ["BTC-USD.SIM", "ETH-USD.SIM"]
    assert venue["instrument"][0]["tick_size"] == "0.01"
    assert venue["instrument"][0]["price_scale"] == 2
    assert gateway["venue"]["rest_url"] == "http://127.0.0.1:9001"
    assert gateway["venue"]["symbols"] == ["BTCUSD", "ETHUSD"]
    assert gateway["venue"]["credentials_file"] == venue["credentials_file"]
    assert found["orchestrator"]["gateway_url"] == f"http://{gateway['listen']}"
    assert found["orchestrator"]["control_url"] == f"http://{venue['control_listen']}"
    assert found["orchestrator"]["data_name"] == 'a "quoted" name'
    assert found["orchestrator"]["total_bars"] == 101
    assert found["api"]["port"] == 9004
    listeners = [venue["listen"], venue["control_listen"], gateway["listen"]]
    assert all(address.startswith("127.0.0.1:") for address in listeners)


def test_json_files_are_written_whole(run: RunDirectory) -> None:
    assert run.read_json("progress.json") == {}
    run.write_json("progress.json", {"bars_done": 1})
    run.write_json("progress.json", {"bars_done": 2})
    assert run.read_json("progress.json") == {"bars_done": 2}
    assert {path.name for path in run.path.iterdir()} == {"progress.json", "report"}


def filled(runs: Path, name: str, size: int) -> Path:
    folder = runs / name
    (folder / "journal").mkdir(parents=True)
    (folder / "journal" / "segment").write_bytes(b"x" * size)
    return folder


def test_the_oldest_runs_are_removed_first(tmp_path: Path) -> None:
    runs = [filled(tmp_path, f"2024010{day}T000000-demo", 10) for day in (3, 1, 2)]
    removed = prune_runs(tmp_path, keep=1, max_bytes=1_000)
    assert [path.name[:8] for path in removed] == ["20240101", "20240102"]
    assert [path.exists() for path in runs] == [True, False, False]


def test_disk_use_is_capped(tmp_path: Path) -> None:
    for day in (1, 2, 3):
        filled(tmp_path, f"2024010{day}T000000-demo", 400)
    removed = prune_runs(tmp_path, keep=10, max_bytes=900)
    assert [path.name[:8] for path in removed] == ["20240101"]
    assert prune_runs(tmp_path, keep=10, max_bytes=900) == []


def test_nothing_to_prune(tmp_path: Path) -> None:
    assert prune_runs(tmp_path / "absent", keep=0, max_bytes=0) == []
