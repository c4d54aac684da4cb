"""The gateway client against a real socket: signatures, replies, retries, and both feeds."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio

from fakes.gateway_server import Asked, GatewayServer
from fakes.store_records import wire
from trading_models.base import (
    ApprovedOrder,
    Connectivity,
    ExecutionError,
    ManualClock,
    OrderEvent,
    OrderStatus,
    VenueRejected,
)
from trading_models.execution import (
    NOT_SENT_ATTEMPTS,
    BarFeed,
    EventFeed,
    GatewayClient,
    OrderDesk,
    until_reachable,
)
from trading_models.security import RequestSigner, ServiceKey

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]
NOW = datetime(2024, 1, 1, tzinfo=UTC)
SECRET = bytes(range(32))
ORDER_ID = "ats1-0123456789abcdefghjkmnpqrs-0"
APPROVED = ApprovedOrder.model_validate(wire("approved_order")[0])
STATE = {
    "event": "trading_state",
    "trading_state": "HALTED",
    "level": "flatten",
    "reason": "operator",
    "event_at": "2021-09-27T14:00:00.000Z",
}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[GatewayServer]:
    made = GatewayServer()
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def client(server: GatewayServer) -> AsyncIterator[GatewayClient]:
    key = ServiceKey("orchestrator", SECRET, frozenset({"read", "orders:write"}))
    made = GatewayClient(server.url, RequestSigner(key, ManualClock(NOW)))
    yield made
    await made.aclose()


def order(status: str, *children: tuple[str, str], **more: Any) -> dict[str, Any]:
    rows = [{"leg": leg, "client_order_id": f"ats1-{leg}", "status": s} for leg, s in children]
    return {"client_order_id": ORDER_ID, "status": status, "children": rows, **more}


def event(seq: int) -> dict[str, Any]:
    return {**wire("order_event")[0], "gateway_seq": seq}


def bar(number: int, **changes: Any) -> dict[str, Any]:
    start = datetime(2021, 9, 27, 13, 45, tzinfo=UTC) + number * timedelta(minutes=15)
    times = {
        name: f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        for name, at in (("opened_at", start), ("closed_at", start + timedelta(minutes=15)))
    }
    return {"type": "bar", "bar": {**wire("bar")[0], **times, **changes}}


def closed_at(number: int) -> datetime:
    return datetime(2021, 9, 27, 14, 0, tzinfo=UTC) + number * timedelta(minutes=15)


def assert_signed(asked: Asked) -> None:
    """As docs/concepts/interfaces.md section 2 spells it, computed independently."""
    words = [asked.method, asked.target, asked.headers["x-ats-timestamp"]]
    words += [asked.headers["x-ats-nonce"], hashlib.sha256(asked.body).hexdigest()]
    expected = hmac.new(SECRET, "\n".join(words).encode(), hashlib.sha256).hexdigest()
    assert asked.headers["x-ats-auth"] == expected
    assert asked.headers["x-ats-key"] == "orchestrator"
    assert asked.headers["x-ats-timestamp"] == str(int(NOW.timestamp() * 1000))
    assert 16 <= len(asked.headers["x-ats-nonce"]) <= 64


async def test_an_order_is_sent_as_published(server: GatewayServer, client: GatewayClient) -> None:
    server.reply("POST /v1/orders", (202, order("FILLED", ("entry.stop", "ACCEPTED"))))
    reply = await client.submit(APPROVED, "ab" * 32)
    (asked,) = server.asked
    assert_signed(asked)
    assert asked.body == APPROVED.canonical()
    assert asked.headers["idempotency-key"] == APPROVED.idempotency_key
    assert asked.headers["x-ats-signature"] == "ab" * 32
    assert reply.status is OrderStatus.FILLED
    assert reply.children == (("entry.stop", "ats1-entry.stop", OrderStatus.ACCEPTED),)
    assert reply.is_settled


async def test_every_call_is_signed_and_no_nonce_is_used_twice(
    server: GatewayServer, client: GatewayClient
) -> None:
    server.reply("POST /v1/sync", (200, {"gateway_seq": 7, "through_execution_id": 3}))
    server.reply("POST /v1/kill", (200, {"trading_state": "HALTED"}))
    server.reply("POST /v1/resume", (200, {"trading_state": "ACTIVE"}))
    server.reply("GET /v1/status", (200, {"venue_connected": True}))
    server.reply("GET /v1/klines", (200, {"bars": [wire("bar")[0]]}))
    server.reply("GET /v1/instruments", (200, {"instruments": [wire("instrument")[0]]}))
    assert (await client.sync(3)).gateway_seq == 7
    assert (await client.kill("flatten", "test"))["trading_state"] == "HALTED"
    assert (await client.resume("test"))["trading_state"] == "ACTIVE"
    assert (await client.status())["venue_connected"] is True
    (one,) = await client.klines("BTC-USD.SIM", "15m", start_at=closed_at(0), limit=5)
    assert one.closed_at == closed_at(0)
    assert [item.symbol for item in await client.instruments()] == ["BTCUSD"]
    for asked in server.asked:
        assert_signed(asked)
    assert len({asked.headers["x-ats-nonce"] for asked in server.asked}) == len(server.asked) == 6
    assert orjson.loads(server.asked[1].body) == {"level": "flatten", "reason": "test"}
    assert "start_at=2021-09-27T14:00:00.000Z" in server.asked[4].target


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, VenueRejected), (403, VenueRejected), (409, VenueRejected), (410, VenueRejected),
     (422, VenueRejected), (502, Connectivity), (503, Connectivity), (504, Connectivity)],
)  # fmt: skip
async def test_problems_are_told_apart(
    server: GatewayServer, client: GatewayClient, status: int, kind: type[Exception]
) -> None:
    problem = {"title": "limit", "detail": "max_order_notional is 100000"}
    server.reply("POST /v1/orders", (status, problem))
    with pytest.raises(kind, match=f"{status}: limit: max_order_notional is 100000"):
        await client.submit(APPROVED, "00")


async def test_an_answer_that_is_no_problem_document_is_shown(
    server: GatewayServer, client: GatewayClient
) -> None:
    server.reply("GET /v1/status", (500, b"not json at all"))
    with pytest.raises(VenueRejected, match="500: not json at all"):
        await client.status()


async def test_a_gateway_that_restarts_is_waited_for(
    server: GatewayServer, client: GatewayClient
) -> None:
    server.reply("GET /v1/status", (200, {"version": "1"}))
    await server.stop()
    with pytest.raises(Connectivity, match="gateway not reached"):
        await client.status()
    waiting = asyncio.create_task(until_reachable(client.status))
    await asyncio.sleep(0)
    await server.start()
    assert await waiting == {"version": "1"}


async def test_a_definite_no_is_not_repeated(server: GatewayServer, client: GatewayClient) -> None:
    server.reply("GET /v1/status", (403, {"title": "scope", "detail": "read is missing"}))
    with pytest.raises(VenueRejected):
        await until_reachable(client.status)
    assert len(server.asked) == 1


async def test_place_waits_through_unknown(server: GatewayServer, client: GatewayClient) -> None:
    server.reply("POST /v1/orders", (503, {}), (202, order("UNKNOWN")))
    path = f"GET /v1/orders/{ORDER_ID}"
    filled = order("FILLED", ("entry.stop", "SUBMITTED"))
    server.reply(path, (200, order("UNKNOWN")), (200, filled), (503, {}), (200, order("FILLED")))
    reply = await OrderDesk(client).place(lambda _attempt: (APPROVED, "00"))
    assert reply.status is OrderStatus.FILLED
    bodies = {asked.body for asked in server.asked if asked.method == "POST"}
    assert bodies == {APPROVED.canonical()}, "a repeat is the same order, byte for byte"


async def test_only_not_sent_is_tried_again(server: GatewayServer, client: GatewayClient) -> None:
    attempts: list[int] = []

    def approve(attempt: int) -> tuple[ApprovedOrder, str]:
        attempts.append(attempt)
        return APPROVED.model_copy(update={"attempt": attempt}), "00"

    server.reply("POST /v1/orders", (202, order("NOT_SENT")), (202, order("ACCEPTED")))
    assert (await OrderDesk(client).place(approve)).status is OrderStatus.ACCEPTED
    assert attempts == [0, 1]
    server.reply("POST /v1/orders", (202, order("REJECTED", reason="filter")))
    attempts.clear()
    reply = await OrderDesk(client).place(approve)
    assert (reply.status, reply.reason, attempts) == (OrderStatus.REJECTED, "filter", [0])
    server.reply("POST /v1/orders", (202, order("NOT_SENT")))
    attempts.clear()
    assert (await OrderDesk(client).place(approve)).status is OrderStatus.NOT_SENT
    assert attempts == list(range(NOT_SENT_ATTEMPTS))


async def test_cancel_waits_for_the_end(server: GatewayServer, client: GatewayClient) -> None:
    server.reply(f"DELETE /v1/orders/{ORDER_ID}", (202, order("ACCEPTED")))
    replies = [(200, order("PARTIALLY_FILLED")), (503, {}), (200, order("FILLED"))]
    server.reply(f"GET /v1/orders/{ORDER_ID}", *replies)
    assert (await OrderDesk(client).cancel(ORDER_ID)).status is OrderStatus.FILLED


async def test_events_arrive_once_through_a_reconnect(
    server: GatewayServer, client: GatewayClient
) -> None:
    server.frames["/v1/events"] = [event(5), {**STATE, "gateway_seq": 6}, event(7)]
    feed = EventFeed(client, next_seq=5)
    feed.start()
    try:
        first = await feed.through(6)
        assert isinstance(first[0], OrderEvent)
        assert first[1]["trading_state"] == "HALTED"  # type: ignore[index]
        assert (feed.taken_seq, server.upgrades[0].target) == (6, "/v1/events?from=5")
        assert_signed(server.upgrades[0])
        await feed.wait_until(lambda: feed.newest_seq == 7)
        await server.stop()
        # The gateway starts a little earlier than asked: what is known is not taken again.
        server.frames["/v1/events"] = [event(6), event(7), event(8)]
        await server.start()
        seqs = [row.gateway_seq for row in await feed.through(8) if isinstance(row, OrderEvent)]
        assert seqs == [7, 8]
        assert server.upgrades[-1].target == "/v1/events?from=8"
    finally:
        await feed.stop()


async def test_a_missing_event_stops_the_feed(server: GatewayServer, client: GatewayClient) -> None:
    server.frames["/v1/events"] = [event(5), event(7)]
    feed = EventFeed(client, next_seq=5)
    feed.start()
    with pytest.raises(ExecutionError, match="jumped from 5 to 7"):
        await feed.through(7)
    with pytest.raises(ExecutionError):
        await feed.stop()


async def test_bars_arrive_once_and_forming_bars_are_apart(
    server: GatewayServer, client: GatewayClient
) -> None:
    forming = bar(2, is_closed=False)
    link = {"type": "link", "connected": True, "at": "2021-09-27T14:00:00.000Z"}
    server.frames["/v1/market"] = [link, bar(0), bar(1), bar(0), bar(1), forming]
    feed = BarFeed(client)
    feed.start()
    try:
        (one,) = await feed.take(closed_at(1), 1)
        assert one.closed_at == closed_at(1)
        await feed.wait_until(lambda: "BTC-USD.SIM" in feed.forming)
        assert feed.forming["BTC-USD.SIM"].is_closed is False
        assert feed.is_venue_connected
        await server.stop()
        server.frames["/v1/market"] = [bar(1), bar(2)]
        await server.start()
        assert (await feed.next_bar()).closed_at == closed_at(2)
    finally:
        await feed.stop()


async def test_bars_of_before_a_restart_are_forgotten(
    server: GatewayServer, client: GatewayClient
) -> None:
    server.frames["/v1/market"] = [bar(0), bar(1), bar(2)]
    feed = BarFeed(client)
    feed.forget_through(closed_at(1), "BTC-USD.SIM")
    feed.start()
    try:
        assert (await feed.next_bar()).closed_at == closed_at(2)
    finally:
        await feed.stop()
