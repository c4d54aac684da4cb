"""The same store on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from fakes import store_records as records
from trading_models.base import StorageError
from trading_models.persistence import Store, Window, sqlite_url

pytestmark = pytest.mark.asyncio

POSTGRES_URL = os.environ.get("ATS_TEST_POSTGRES_URL")


async def _empty_postgres() -> str:
    if POSTGRES_URL is None:
        pytest.skip("ATS_TEST_POSTGRES_URL is not set: run ./ats services-test")
    engine = create_async_engine(POSTGRES_URL)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        await connection.execute(sa.text("CREATE SCHEMA public"))
    await engine.dispose()
    return POSTGRES_URL


@pytest_asyncio.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return await _empty_postgres()
    return sqlite_url(tmp_path / "ats.db")


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()


async def _write(store: Store, number: int) -> None:
    async with store.unit() as unit:
        unit.add_decision(records.decision(number, ("approved", "refused")[number % 2]))
        unit.put_order(records.order(number))
        key = records.decision_id(number)
        unit.add_fill(records.fill(number), decision_id=key, reason="entry")
        unit.upsert_position(records.position())
        unit.add_trade(records.trade(number + 1))
        unit.add_equity_point(*records.equity_at(number))
        unit.set_run_state("bar", number)


async def test_bars_are_written_once_and_read_back(store: Store, url: str) -> None:
    for number in (0, 1, 1, 2):
        await _write(store, number)
    counts = await store.read.counts()
    names = ("decisions", "orders", "fills", "trades", "equity")
    assert {name: counts[name] for name in names} == dict.fromkeys(names, 3)
    assert await store.get_run_state("bar") == 2
    record = await store.read.decision(records.decision_id(1))
    assert record is not None
    assert (record["outcome"], len(record["orders"]), len(record["fills"])) == ("refused", 1, 1)
    assert len(await store.read.positions()) == 1
    assert [t["trade_no"] for t in (await store.read.trades(limit=2, cursor=None)).rows] == [3, 2]
    assert len(await store.read.signals(Window(limit=10))) == 3
    assert (await store.verify_audit()).is_intact
    again = await Store.open(url)
    assert again.tally == store.tally
    await again.close()


async def test_a_conflict_rolls_the_whole_bar_back(store: Store) -> None:
    await _write(store, 0)
    with pytest.raises(StorageError, match="other contents"):
        await _conflicting(store)
    assert await store.get_run_state("bar") == 0
    assert (await store.read.counts())["decisions"] == 1
    await _write(store, 1)
    assert (await store.verify_audit()).is_intact


async def _conflicting(store: Store) -> None:
    async with store.unit() as unit:
        unit.add_decision(records.decision(5))
        unit.add_trade(records.trade(1, "9.00000000"))
        unit.set_run_state("bar", 5)


async def test_two_writers_share_one_audit_chain(store: Store, url: str) -> None:
    other = await Store.open(url)
    both = (store, other)
    await asyncio.gather(*(both[n % 2].append_audit("note", {"n": n}) for n in range(10)))
    report = await store.verify_audit()
    assert (report.is_intact, report.records) == (True, 10)
    await other.close()


async def test_one_token_is_redeemed_by_one_of_many(store: Store, url: str) -> None:
    await store.put_user("ada", "hash", "viewer")
    await store.put_user("ada", "other", "admin")
    token = await store.issue_token("login", "ada", 60)
    other = await Store.open(url)
    answers = await asyncio.gather(
        *(s.redeem_token("login", token) for s in (store, other) for _ in range(5))
    )
    assert sorted(a for a in answers if a) == ["ada"]
    user = await store.find_user("ada")
    assert user is not None
    assert (user.password_hash, user.role) == ("other", "admin")
    await other.close()


async def test_a_newer_schema_is_refused(store: Store, url: str) -> None:
    await store.close()
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(StorageError, match="9999 is newer"):
        await Store.open(url)
