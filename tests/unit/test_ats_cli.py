"""The command line as a user types it: help, machine output, errors that say what to do."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner, Result

from ats import cli, prove_commands
from ats.cli import app
from ats.options import HOME
from ats.processes import ProcessFailed, free_port
from trading_models import __version__

HEAVY = ("alembic", "fastapi", "jinja2", "numpy", "polars", "sqlalchemy", "trading_engine")
HOLDER = """
import sys
from pathlib import Path
from ats.instance import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
lock.acquire()
lock.describe({"run_id": "20240101T000000-up"})
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own for runs and locks."""
    for module in (cli, prove_commands):
        monkeypatch.setattr(module, "var_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f"[data]\ndir = {json.dumps(str(tmp_path / 'store'))}\n", encoding="utf-8")
    return path


@pytest.fixture
def holder(var: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the supervisor's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(var)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def document(result: Result) -> dict[str, object]:
    """The JSON document that a machine reads: the last line."""
    found = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, ats.cli; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_has_help_and_json() -> None:
    root = typer.main.get_command(app)
    commands = {
        f"{name} {sub}".strip(): command
        for name, group in root.commands.items()  # type: ignore[attr-defined]
        for sub, command in getattr(group, "commands", {"": group}).items()
    }
    assert {"demo", "data check", "config check", "audit verify", "parity"} <= set(commands)
    for name, command in commands.items():
        options = {word for parameter in command.params for word in parameter.opts}
        assert "--json" in options, name
        assert command.help, name
        assert run(*name.split(), "--help").exit_code == 0, name


def test_version() -> None:
    assert run("--version").stdout.strip() == __version__


@pytest.mark.parametrize(
    "words",
    [
        ["backtest", "--steps", "0"],
        ["demo", "--port", "70000"],
        ["up", "--speed", "0"],
        ["demo", "--no-such-option"],
        ["no-such-command"],
    ],
)
def test_wrong_words_end_with_code_2_before_anything_starts(var: Path, words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert list(var.iterdir()) == []


def test_live_is_said_not_to_exist(var: Path) -> None:
    result = run("up", "--mode", "live", "--json")
    assert result.exit_code == 1
    assert "only paper" in str(document(result)["detail"])
    assert document(result)["next_step"] == "ats up --mode paper"


def test_an_unknown_file_names_itself(var: Path, config: Path) -> None:
    for command in ("backtest", "demo"):
        words = [command, "--data", "nowhere.csv", "--json", "--config", str(config)]
        result = run(*words)
        assert result.exit_code == 1, result.output
        body = document(result)
        assert body["error"] == "DataUnavailable"
        assert "nowhere.csv" in str(body["detail"])
        assert "CSV or Parquet" in str(body["next_step"])


def test_a_failed_start_leaves_no_run_behind(var: Path, config: Path) -> None:
    run("demo", "--data", "nowhere.csv", "--config", str(config))
    assert list((var / "runs").glob("*")) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[risk]\n\nper_trade_pct = 7\n", 3, "0.25..2"),
        ("[risk]\nper_trade_pc = 1\n", 2, "did you mean per_trade_pct?"),
        ("[llm]\npolicy = 'guess'\n", 2, "pinned"),
        ("[risk\n", 1, "not valid TOML"),
    ],
)
def test_a_configuration_error_names_file_line_and_range(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    result = run("config", "check", "--config", str(path), "--json")
    assert result.exit_code == 1
    body = document(result)
    assert body["error"] == "ConfigError"
    assert f"{path}:{line}: " in str(body["detail"])
    assert words in str(body["detail"])


def test_the_shipped_configuration_is_the_defaults(tmp_path: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("", encoding="utf-8")
    shipped = document(run("config", "check", "--config", str(HOME / "config.toml"), "--json"))
    default = document(run("config", "check", "--config", str(empty), "--json"))
    assert shipped["valid"] is True
    assert shipped["hash"] == default["hash"]


def test_config_show_prints_every_section() -> None:
    body = document(run("config", "show", "--json"))
    assert {"data", "venue", "strategy", "position", "risk", "llm", "supervisor"} <= set(body)


def test_nothing_runs(var: Path) -> None:
    result = run("status", "--json")
    assert result.exit_code == 1
    assert document(result) == {"running": False}
    assert "ats demo" in run("status").stdout
    assert document(run("down", "--json")) == {"stopped": False}


def test_without_a_run_the_next_step_is_named(var: Path) -> None:
    for words in (["report"], ["explain", "2021-10-05T12:15"], ["audit", "verify"], ["logs"]):
        result = run(*words, "--json")
        assert result.exit_code == 1, words
        assert "ats demo" in str(document(result)["detail"]), words


@pytest.mark.parametrize("words", [["up"], ["demo", "--headless", "--until-end"]])
def test_a_second_system_is_refused(
    var: Path, holder: subprocess.Popen[str], words: list[str]
) -> None:
    result = run(*words, "--json")
    assert result.exit_code == 1
    body = document(result)
    assert body["error"] == "InstanceHeld"
    assert str(holder.pid) in str(body["detail"])
    assert "ats down" in str(body["detail"])


def test_a_port_in_use_is_named(var: Path, config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ProcessFailed, match=f"port {port} is in use"):
            free_port(port)
        words = ["--data", "sample", "--steps", "10", "--config", str(config)]
        result = run("up", "--port", str(port), *words, "--json")
    assert result.exit_code == 1
    body = document(result)
    assert f"port {port} is in use" in str(body["detail"])
    assert "--port" in str(body["detail"])


def test_backtest_and_its_report(var: Path, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    words = ["--steps", "2000", "--report", str(out), "--config", str(config), "--json"]
    result = run("backtest", *words)
    assert result.exit_code == 0, result.output
    body = document(result)
    assert body["bars"] == 2000
    assert Path(str(body["report"])) == out / "index.html"
    assert (out / "report.json").is_file()
    again = document(run("backtest", *words))
    assert again["ledger_sha256"] == body["ledger_sha256"]


def test_doctor_says_what_is_missing_and_how_to_mend_it(var: Path) -> None:
    result = run("doctor", "--json")
    findings = json.loads(result.stdout)
    by_name = {finding["name"]: finding for finding in findings}
    assert by_name["trading_engine"]["status"] == "ok"
    assert by_name["configuration"]["status"] == "ok"
    for finding in findings:
        assert finding["status"] in {"ok", "warning", "missing"}
        assert finding["detail"]
        assert finding["fix"] or finding["status"] == "ok", finding
    missing = any(finding["status"] == "missing" for finding in findings)
    assert result.exit_code == int(missing)
