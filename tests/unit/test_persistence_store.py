"""The store on SQLite: what goes in comes out, once, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from fakes import store_records as records
from trading_models.base import ManualClock, StorageError
from trading_models.persistence import Store, Window, sqlite_url
from trading_models.storage.reads import _paged

pytestmark = pytest.mark.asyncio


class ListSink:
    """Keeps what the store publishes."""

    def __init__(self) -> None:
        self.updates: list[tuple[str, list[Any]]] = []

    def replace(self, channel: str, data: Any) -> None:
        self.updates.append((channel, [data]))

    def apply(self, channel: str, ops: Any) -> None:
        self.updates.append((channel, list(ops)))


async def _fail_inside_a_unit(store: Store) -> None:
    async with store.unit() as unit:
        unit.add_decision(records.decision(1))
        unit.set_run_state("bar", 1)
        raise RuntimeError("stop")


async def _add_fill(store: Store, bar: int, **changes: Any) -> None:
    async with store.unit() as unit:
        key = records.decision_id(1)
        unit.add_fill(records.fill(1, **changes), decision_id=key, reason="entry")
        unit.set_run_state("bar", bar)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "ats.db")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(records.START)


@pytest_asyncio.fixture
async def store(url: str, clock: ManualClock) -> AsyncIterator[Store]:
    opened = await Store.open(url, clock=clock)
    yield opened
    await opened.close()


async def test_a_bar_comes_back_as_it_was_written(store: Store) -> None:
    record, key = records.decision(1, "approved"), records.decision_id(1)
    async with store.unit() as unit:
        unit.add_decision(record)
        unit.put_order(records.order(1))
        unit.add_fill(records.fill(1), decision_id=key, reason="entry")
        unit.upsert_position(records.position())
        unit.add_trade(records.trade(1))
        unit.add_equity_point(*records.equity_at(1))
        unit.set_run_state("gateway_seq", {"seq": 42})
    stored = await store.read.decision(key)
    assert stored is not None
    body = record.model_dump(mode="json")
    joined = {"orders", "fills", "outcome_trade"}
    assert {k: v for k, v in stored.items() if k not in joined} == {
        k: v for k, v in body.items() if k not in joined
    }
    assert stored["orders"][0]["client_order_id"] == records.order(1).client_order_id
    assert stored["fills"][0]["reason"] == "entry"
    assert stored["outcome_trade"]["trade_no"] == 1
    assert (await store.read.positions()) == [records.position().model_dump(mode="json")]
    assert await store.get_run_state("gateway_seq") == {"seq": 42}
    assert (await store.read.equity(10))[0]["equity"] == "10001.00000000"


async def test_an_error_inside_the_unit_leaves_no_trace(store: Store) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        await _fail_inside_a_unit(store)
    assert (await store.read.counts())["decisions"] == 0
    assert await store.get_run_state("bar") is None


async def test_deciding_a_bar_again_changes_nothing(store: Store) -> None:
    for _ in range(2):
        async with store.unit() as unit:
            unit.add_decision(records.decision(1, "refused"))
            unit.add_fill(records.fill(1), decision_id=records.decision_id(1), reason="entry")
            unit.add_equity_point(*records.equity_at(1))
    counts = await store.read.counts()
    assert (counts["decisions"], counts["fills"], counts["equity"]) == (1, 1, 1)
    assert store.tally.decisions == 1
    assert store.tally.refusals == {"safe_mode": 1}
    assert (await store.verify_audit()).is_intact


async def test_the_first_record_of_a_decision_stays_and_the_difference_is_audited(
    store: Store, tmp_path: Path
) -> None:
    for headline in ("first", "second"):
        async with store.unit() as unit:
            unit.add_decision(records.decision(1, headline=headline))
    stored = await store.read.decision(records.decision_id(1))
    assert stored is not None
    assert stored["headline"] == "first"
    rows = sqlite3.connect(tmp_path / "ats.db").execute("select kind from audit").fetchall()
    assert [kind for (kind,) in rows] == ["decision", "decision_differs"]
    assert (await store.verify_audit()).is_intact


async def test_a_fill_with_other_contents_is_refused_with_its_whole_bar(store: Store) -> None:
    await _add_fill(store, 1)
    with pytest.raises(StorageError, match=r"fill BTC-USD.SIM/1 is stored with other contents"):
        await _add_fill(store, 2, price="1.00")
    assert await store.get_run_state("bar") == 1
    assert (await store.verify_audit()).is_intact


async def test_an_older_order_event_does_not_overwrite_a_newer_one(store: Store) -> None:
    for seq, status in ((50, "FILLED"), (45, "ACCEPTED")):
        async with store.unit() as unit:
            unit.put_order(records.order(1, gateway_seq=seq, status=status))
    page = await store.read.orders(status="all", limit=10, cursor=None)
    assert [row["status"] for row in page.rows] == ["FILLED"]
    assert (await store.read.orders(status="open", limit=10, cursor=None)).rows == []


async def test_a_flat_position_leaves_the_list(store: Store) -> None:
    sink = ListSink()
    store.attach(sink)
    for position in (records.position(), records.flat_position()):
        async with store.unit() as unit:
            unit.upsert_position(position)
    assert await store.read.positions() == []
    assert [ops[0][0] for _, ops in sink.updates] == ["set", "del"]


async def test_updates_are_published_after_the_commit_only(store: Store) -> None:
    sink = ListSink()
    store.attach(sink)
    with pytest.raises(RuntimeError, match="stop"):
        await _fail_inside_a_unit(store)
    assert sink.updates == []
    async with store.unit() as unit:
        unit.add_decision(records.decision(1, "approved"))
    channel, ops = sink.updates[0]
    page = await store.read.decisions(limit=1, cursor=None, outcome="all")
    assert (channel, ops[0][2]) == ("decisions", page.rows[0])


async def test_the_tally_is_the_same_after_reopening(store: Store, url: str) -> None:
    for number, outcome in enumerate(("approved", "refused", "no_candidate", "exit")):
        async with store.unit() as unit:
            unit.add_decision(records.decision(number, outcome))
    async with store.unit() as unit:
        key = records.decision_id(0)
        unit.add_fill(records.fill(1), decision_id=key, reason="entry")
        fee = {"fee": "0.50000000", "fee_asset": "USD"}
        unit.add_fill(records.fill(2, **fee), decision_id=key, reason="stop")
        unit.add_trade(records.trade(1, "3.00000000"))
        unit.add_trade(records.trade(2, "-2.00000000"))
    again = await Store.open(url)
    assert again.tally == store.tally
    await again.close()
    assert store.tally.realized_pnl == 1
    assert store.tally.profit_factor == records.Decimal("1.5")
    # 0.00001 BTC at 43557.48, and half a dollar.
    assert store.tally.fees_paid == records.Decimal("0.9355748")


async def test_concurrent_units_all_commit_in_one_chain(store: Store, url: str) -> None:
    other = await Store.open(url)

    async def append(target: Store, number: int) -> None:
        await target.append_audit("note", {"number": number})

    await asyncio.gather(*(append((store, other)[n % 2], n) for n in range(20)))
    report = await store.verify_audit()
    assert (report.is_intact, report.records) == (True, 20)
    await other.close()


async def test_pages_cover_everything_once(store: Store) -> None:
    for number in range(25):
        async with store.unit() as unit:
            unit.add_decision(records.decision(number, ("refused", "no_candidate")[number % 2]))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.read.decisions(limit=4, cursor=cursor, outcome="refused")
        seen += [row["decision_id"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [records.decision_id(n) for n in range(24, -1, -2)]
    window = Window(from_at=records.START, to_at=records.START + 4 * records.BAR, limit=2)
    signals = await store.read.signals(window)
    assert [row["decision_id"] for row in signals] == [records.decision_id(n) for n in (2, 4)]


@pytest.mark.parametrize(("count", "limit"), [(1, 2), (10, 10), (11, 10), (100, 7), (99, 2)])
async def test_equity_is_thinned_and_keeps_both_ends(store: Store, count: int, limit: int) -> None:
    async with store.unit() as unit:
        for number in range(count):
            unit.add_equity_point(*records.equity_at(number))
    points = [records.Decimal(p["equity"]) for p in await store.read.equity(limit)]
    assert len(points) <= limit
    assert (points[0], points[-1]) == (10_000, 10_000 + count - 1)
    assert points == sorted(points)


async def test_tokens_and_sessions_end(store: Store, clock: ManualClock) -> None:
    await store.put_user("ada", "hash", "admin")
    token = await store.issue_token("login", "ada", 60)
    late = await store.issue_token("login", "ada", 60)
    assert await store.redeem_token("other", token) is None
    assert await store.redeem_token("login", token) == "ada"
    assert await store.redeem_token("login", token) is None
    await store.add_session("one", "ada", 120)
    await store.add_session("two", "ada", 120)
    await store.revoke_session("one")
    clock.advance(timedelta(seconds=61))
    assert await store.redeem_token("login", late) is None
    assert await store.session_user("one") is None
    assert (await store.session_user("two")) == await store.find_user("ada")
    clock.advance(timedelta(seconds=60))
    assert await store.session_user("two") is None
    with pytest.raises(StorageError, match="role 'root' is unknown"):
        await store.put_user("eve", "hash", "root")


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.append_audit("note", {})


@given(count=st.integers(0, 20), limit=st.integers(1, 20))
async def test_the_cursor_appears_exactly_when_more_follows(count: int, limit: int) -> None:
    rows: list[tuple[int, dict[str, Any]]] = [(n, {}) for n in range(count, 0, -1)][: limit + 1]
    page = _paged(rows, limit)
    assert len(page.rows) == min(count, limit)
    assert (page.next_cursor is not None) == (count > limit)
