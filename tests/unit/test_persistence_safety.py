"""What must not go wrong: newer schemas, broken files, tampering, kill -9, migrations."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fakes import store_records as records
from trading_models.base import StorageError
from trading_models.persistence import Store, sqlite_url
from trading_models.storage import schema, tables

FAKES = Path(__file__).resolve().parents[1]


async def _write_bars(path: Path, count: int) -> None:
    store = await Store.open(sqlite_url(path))
    for number in range(count):
        async with store.unit() as unit:
            unit.add_decision(records.decision(number))
            unit.add_fill(
                records.fill(number), decision_id=records.decision_id(number), reason="entry"
            )
            unit.add_trade(records.trade(number + 1))
    await store.close()


async def _verify(path: Path) -> str | None:
    store = await Store.open_for_audit(sqlite_url(path))
    report = await store.verify_audit()
    await store.close()
    return None if report.is_intact else f"{report.first_bad_seq}: {report.problem}"


async def _set_state(store: Store, **values: object) -> None:
    async with store.unit() as unit:
        for key, value in values.items():
            unit.set_run_state(key, value)


def _rights(folder: Path) -> dict[str, int]:
    """What group and others may do with each file."""
    return {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}


def _execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.asyncio
async def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ats.db"
    await _write_bars(path, 1)
    _execute(path, "update alembic_version set version_num = '9999'")
    with pytest.raises(StorageError, match=r"9999 is newer than \d{4}(?s:.)*next: "):
        await Store.open(sqlite_url(path))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select count(*) from decisions").fetchone() == (1,)


@pytest.mark.asyncio
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ats.db"
    path.write_bytes(b"this is not a database, and it is long enough to be looked at" * 20)
    with pytest.raises(StorageError, match="not a database"):
        await Store.open(sqlite_url(path))


@pytest.mark.asyncio
async def test_an_empty_file_has_nothing_to_verify(tmp_path: Path) -> None:
    store = await Store.open_for_audit(sqlite_url(tmp_path / "ats.db"))
    with pytest.raises(StorageError, match="no such table"):
        await store.verify_audit()
    await store.close()


@pytest.mark.asyncio
@pytest.mark.skipif(os.name != "posix", reason="POSIX rights")
async def test_the_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = await Store.open(sqlite_url(tmp_path / "ats.db"))
    await store.append_audit("note", {})
    modes = _rights(tmp_path)
    await store.close()
    assert "ats.db-wal" in modes
    assert set(modes.values()) == {0}


@pytest.mark.asyncio
async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        await Store.open(sqlite_url(tmp_path / "nowhere" / "ats.db"))


@pytest.mark.asyncio
async def test_a_full_disk_loses_the_bar_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "ats.db"
    store = await Store.open(sqlite_url(path))
    await _set_state(store, bar=1)
    limit = sa.text("PRAGMA max_page_count = 1")
    await store._session.run(lambda connection: connection.execute(limit).scalar())
    with pytest.raises(StorageError, match="full"):
        await _set_state(store, bar=2, large="x" * 100_000)
    assert await store.get_run_state("bar") == 1
    limit = sa.text("PRAGMA max_page_count = 100000")
    await store._session.run(lambda connection: connection.execute(limit).scalar())
    await _set_state(store, bar=3)
    assert await store.get_run_state("bar") == 3
    await store.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("update audit set body = '{}' where seq = 5", "5: entry 5 was changed"),
        ("update audit set at = at + 1 where seq = 4", "4: entry 4 was changed"),
        ("delete from audit where seq = 6", "6: entry 6 is missing"),
        ("update audit set hash = previous_hash where seq = 7", "7: entry 7 was changed"),
        ("update decisions set body = x'00' where seq = 2", "4: decision "),
        ("delete from decisions where seq = 1", "1: decision "),
        ("update fills set body = replace(body, 'BUY', 'SELL') where seq = 3", "8: fill "),
        ("update trades set body = '{}' where trade_no = 1", "3: trade 1 of entry 3 was changed"),
        (
            """insert into trades
            (trade_no, instrument_id, exit_at, entry_decision_id, digest, body)
            select 99, instrument_id, exit_at, entry_decision_id, digest, body from trades
            where trade_no = 1""",
            "10: 1 rows of trades are not in the chain",
        ),
    ],
)
async def test_tampering_is_located(tmp_path: Path, change: str, found: str) -> None:
    path = tmp_path / "ats.db"
    await _write_bars(path, 3)
    assert await _verify(path) is None
    _execute(path, change)
    problem = await _verify(path)
    assert problem is not None
    assert problem.startswith(found), problem


@pytest.mark.asyncio
async def test_a_row_that_cannot_be_read_is_named_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "ats.db"
    await _write_bars(path, 1)
    _execute(path, "update trades set body = '{}'")
    with pytest.raises(StorageError, match=r"cannot be read(?s:.)*audit verify"):
        await Store.open(sqlite_url(path))


def test_the_migration_gives_exactly_the_declared_tables(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'ats.db'}")
    with engine.begin() as connection:
        schema.migrate(connection)
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, tables.metadata) == []
        schema.run_migrations(connection, "base")
        assert set(sa.inspect(connection).get_table_names()) <= {"alembic_version"}
        schema.run_migrations(connection)
        assert compare_metadata(context, tables.metadata) == []
    engine.dispose()


WRITER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from fakes import store_records as records
from trading_models.persistence import Store, sqlite_url

async def main():
    store = await Store.open(sqlite_url(Path(sys.argv[1])))
    number = store.tally.decisions
    while True:
        async with store.unit() as unit:
            unit.add_decision(records.decision(number))
            unit.add_equity_point(*records.equity_at(number))
            unit.add_trade(records.trade(number + 1))
            unit.set_run_state("bars", number + 1)
        number += 1
        print(number, flush=True)

asyncio.run(main())
"""


def _run_until_killed(path: Path, commits: int) -> int:
    """Start a writer, kill -9 after `commits` reports; the last commit it reported."""
    command = [sys.executable, "-c", WRITER, str(path), str(FAKES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        reported = 0
        for _ in range(commits):
            reported = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        # Reports that were in the pipe when the signal came.
        rest = writer.stdout.read().splitlines()
    return int(rest[-1]) if rest else reported


@pytest.mark.skipif(os.name != "posix", reason="kill -9 needs POSIX")
def test_kill_9_in_mid_commit_leaves_whole_bars(tmp_path: Path) -> None:
    path = tmp_path / "ats.db"
    for commits in (1, 7, 30):
        reported = _run_until_killed(path, commits)

        async def check(reported: int = reported) -> None:
            store = await Store.open(sqlite_url(path))
            bars = await store.get_run_state("bars")
            counts = await store.read.counts()
            assert bars in (reported, reported + 1)
            assert {counts[n] for n in ("decisions", "equity", "trades")} == {bars}
            assert counts["audit"] == 2 * bars
            assert (await store.verify_audit()).is_intact
            await store.close()

        asyncio.run(check())
