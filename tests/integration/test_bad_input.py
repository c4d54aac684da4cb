"""Bad input gets a clear error and loses nothing: what a user can do wrong, as a user does it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ats import cli, prove_commands
from ats.cli import app
from fakes import api_app, store_records
from trading_models.persistence import Store, sqlite_url

HEADER = "time,open,high,low,close,volume"
GOOD = [
    "2024-01-01T00:00:00Z,100.0,101.0,99.0,100.5,12",
    "2024-01-01T00:15:00Z,100.5,102.0,100.0,101.5,10",
    "2024-01-01T00:30:00Z,101.5,103.0,101.0,102.5,9",
    "2024-01-01T00:45:00Z,102.5,104.0,102.0,103.5,8",
]
# What is changed in the good file: rule, row (1-based), text of the value in the message.
BAD_ROWS = {
    "disorder": (lambda rows: [rows[0], rows[2], rows[1], rows[3]], 3, "2024-01-01T00:15"),
    "repeated_same": (lambda rows: [rows[0], rows[0], *rows[1:]], 2, "2024-01-01T00:00"),
    "repeated_other": (
        lambda rows: [rows[0], rows[0].replace("100.5", "100.7"), *rows[1:]],
        2,
        "2024-01-01T00:00",
    ),
    "off_grid": (
        lambda rows: [*rows, "2024-01-01T01:07:00Z,1,1,1,1,1"],
        5,
        "2024-01-01T01:07",
    ),
    "not_a_number": (lambda rows: [rows[0], rows[1].replace("101.5", "NaN"), *rows[2:]], 2, "NaN"),
    "not_a_time": (lambda rows: [*rows[:3], "yesterday,1,1,1,1,1"], 4, "yesterday"),
    "negative_volume": (lambda rows: [*rows[:3], rows[3].replace(",8", ",-8")], 4, "-8"),
    "impossible_range": (lambda rows: [rows[0].replace("101.0", "99.5"), *rows[1:]], 1, "99.5"),
    "non_positive_price": (lambda rows: [rows[0].replace("99.0", "0"), *rows[1:]], 1, "0"),
}
HOLDER = """
import sys
from pathlib import Path
from ats.instance import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
lock.acquire()
lock.describe({"run_id": "first-run"})
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (cli, prove_commands):
        monkeypatch.setattr(module, "var_folder", lambda: tmp_path)
    return tmp_path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(f"[data]\ndir = {json.dumps(str(tmp_path / 'store'))}\n", encoding="utf-8")
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def failure(*words: str) -> dict[str, str]:
    """The error document of a command that must end with code 1."""
    result = run(*words, "--json")
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    body = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(body, dict)
    return body


def write(path: Path, rows: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def stored(folder: Path) -> dict[str, bytes]:
    """Every file of the bar store's record."""
    files = (folder / "store" / "bars").rglob("*")
    return {str(path): path.read_bytes() for path in files if path.is_file()}


def test_the_good_file_is_good(config: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT.csv", GOOD)
    result = run("data", "import", str(path), "--config", str(config), "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["rows"] == 4


@pytest.mark.parametrize("rule", BAD_ROWS)
def test_a_bad_row_is_named_and_nothing_is_lost(config: Path, tmp_path: Path, rule: str) -> None:
    path = write(tmp_path / "BTCUSDT.csv", GOOD)
    words = ["data", "import", str(path), "--timeframe", "15m", "--config", str(config)]
    assert run(*words).exit_code == 0
    before = stored(tmp_path)
    assert before
    change: Callable[[list[str]], list[str]] = BAD_ROWS[rule][0]
    row, value = BAD_ROWS[rule][1:]
    write(path, change(list(GOOD)))
    body = failure(*words)
    assert body["error"] == "DataRejected"
    line = next(line for line in body["detail"].splitlines() if f" breaks {rule} " in line)
    assert f"BTCUSDT.csv row {row}: " in line
    assert value in line
    assert "allowed: " in line
    assert body["next_step"]
    assert stored(tmp_path) == before, "the older import stays as it was"


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("time,open,high,low,close", "volume"),
        ("when,open,high,low,close,volume", "time"),
        ("time,price,volume", "open, high, low, close"),
    ],
)
def test_wrong_columns_are_named(config: Path, tmp_path: Path, header: str, missing: str) -> None:
    width = header.count(",") + 1
    rows = [",".join(row.split(",")[:width]) for row in GOOD]
    path = write(tmp_path / "BTCUSDT.csv", rows, header)
    body = failure("data", "import", str(path), "--config", str(config))
    assert f"{missing} not found in" in body["detail"]
    assert str(path) in body["detail"]
    assert "rename the columns" in body["next_step"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty.csv"),
        ("only.csv", HEADER.encode() + b"\n", "holds no rows"),
        ("bars.parquet", b"PAR1 not really", "cannot be parsed"),
        ("bars.xlsx", b"PK", "unknown kind of file"),
        ("bars.csv.gz", b"\x1f\x8b broken", "cannot be parsed"),
        ("bytes.csv", b"\xff\xfe\x00\x01\x02", "bytes.csv"),
    ],
)
def test_a_file_that_is_no_table(
    config: Path, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    body = failure("data", "import", str(path), "--config", str(config))
    assert body["error"] == "DataRejected"
    assert words in body["detail"]
    assert stored(tmp_path) == {}


def test_a_dirty_file_starts_no_backtest_and_no_run(
    var: Path, config: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "BTCUSDT.csv", [*GOOD, GOOD[0]])
    for command in (["backtest"], ["parity"], ["demo", "--headless", "--until-end"]):
        body = failure(*command, "--data", str(path), "--config", str(config))
        assert "row 5" in body["detail"], command
    assert list((var / "runs").glob("*")) == []


def test_an_empty_span_says_what_there_is(config: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "BTCUSDT.csv", GOOD)
    words = ["backtest", "--data", str(path), "--config", str(config)]
    body = failure(*words, "--from", "2030-01-01")
    assert "2024-01-01T00:00" in body["detail"]
    assert "'soon' is not a time" in failure(*words, "--from", "soon")["detail"]


@pytest.mark.parametrize(
    ("text", "line", "allowed"),
    [
        ("[risk]\nper_trade_pct = 3\n", 2, "0.25..2"),
        ("[risk]\nportfolio_pct = 'all'\n", 2, "0.5..20"),
        ("[strategy]\nentry_treshold = 60\n", 2, "entry_threshold"),
        ("\n[nonsense]\nkey = 1\n", 2, "strategy"),
        ("[data]\nanalysis_timeframes = ['1h', '15m']\n", 1, "ascending"),
    ],
)
def test_configuration_errors_stop_every_command(
    var: Path, tmp_path: Path, text: str, line: int, allowed: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    for command in (["config", "check"], ["backtest"], ["up"], ["demo"]):
        body = failure(*command, "--config", str(path))
        assert body["error"] == "ConfigError", command
        assert f"{path}:{line}: " in body["detail"]
        assert allowed in body["detail"]
    assert not (var / "runs").exists()


def test_a_missing_configuration_file(tmp_path: Path) -> None:
    body = failure("config", "check", "--config", str(tmp_path / "nowhere.toml"))
    assert "nowhere.toml" in body["detail"]
    assert "--config" in body["next_step"]


@pytest.fixture
def newer_run(var: Path) -> Path:
    """A run whose database was written by a newer version."""
    folder = var / "runs" / "20240101T000000-demo"
    folder.mkdir(parents=True)

    async def fill() -> None:
        store = await Store.open(sqlite_url(folder / "ats.db"))
        async with store.unit() as unit:
            unit.add_decision(store_records.decision(1))
        await store.close()

    asyncio.run(fill())
    with closing(sqlite3.connect(folder / "ats.db")) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
        connection.commit()
    return folder


def test_a_newer_database_is_refused_and_kept(newer_run: Path) -> None:
    body = failure("explain", store_records.decision_id(1))
    assert body["error"] == "StorageError"
    assert "9999 is newer" in body["detail"]
    assert body["next_step"]
    with closing(sqlite3.connect(newer_run / "ats.db")) as connection:
        assert connection.execute("select count(*) from decisions").fetchone() == (1,)
        assert connection.execute("select version_num from alembic_version").fetchone() == ("9999",)


@pytest.mark.asyncio
async def test_a_wrong_password_says_no_more_than_that(tmp_path: Path) -> None:
    async with api_app.running(tmp_path) as running:
        replies = []
        for name, password in (("tom", "wrong"), ("nobody", "wrong")):
            body = {"username": name, "password": password}
            replies.append(await running.client.post("/api/v1/auth/login", json=body))
        assert [reply.status_code for reply in replies] == [401, 401]
        kept = [{k: v for k, v in r.json().items() if k != "request_id"} for r in replies]
        assert kept[0] == kept[1], "an unknown user is not told apart from a wrong password"
        assert "ats_session" not in running.client.cookies
        assert (await running.client.get("/api/v1/me")).status_code == 401
        await running.login("tom")
        assert (await running.client.get("/api/v1/me")).json()["username"] == "tom"


@pytest.fixture
def first(var: Path) -> Iterator[subprocess.Popen[str]]:
    """A supervisor that runs already."""
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


def test_a_second_up_is_refused_before_it_touches_anything(
    var: Path, config: Path, first: subprocess.Popen[str]
) -> None:
    before = (var / "supervisor.json").read_bytes()
    body = failure("up", "--config", str(config))
    assert body["error"] == "InstanceHeld"
    assert f"process {first.pid}, run first-run" in body["detail"]
    assert (var / "supervisor.json").read_bytes() == before
    assert not (var / "runs").exists()
    assert not (var / "store").exists()
