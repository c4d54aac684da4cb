"""The market data reader against a stand-in gateway: resume, order, refusal, staleness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from fakes.gateway_server import GatewayServer
from fakes.store_records import wire
from trading_models.base import Bar, DataStale, DataUnavailable, ManualClock
from trading_models.market_data import FeedGap, GatewayMarket, Link, TradeTick
from trading_models.security import RequestSigner, ServiceKey

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(30)]
NOW = datetime(2024, 1, 1, tzinfo=UTC)
ID = "BTC-USD.SIM"
LINK = {"type": "link", "connected": True, "at": "2021-09-27T14:00:00.000Z"}


def bar(number: int) -> dict[str, Any]:
    start = datetime(2021, 9, 27, 13, 45, tzinfo=UTC) + number * timedelta(minutes=15)
    times = {
        name: f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        for name, at in (("opened_at", start), ("closed_at", start + timedelta(minutes=15)))
    }
    return {"type": "bar", "bar": {**wire("bar")[0], **times}}


def trade(number: int) -> dict[str, Any]:
    return {
        "type": "trade", "instrument_id": ID, "trade_id": str(number), "price": "100.10",
        "quantity": "0.5", "taker_side": "BUY", "event_at": "2021-09-27T14:00:00.000Z",
        "received_at": "2021-09-27T14:00:00.001Z",
    }  # fmt: skip


@pytest_asyncio.fixture
async def server() -> AsyncIterator[GatewayServer]:
    made = GatewayServer()
    await made.start()
    yield made
    await made.stop()


Open = Callable[[GatewayMarket], AsyncGenerator[Any, None]]


@pytest_asyncio.fixture
async def listen() -> AsyncIterator[Open]:
    """Opens a reader's messages; they are closed at the end of the test."""
    async with AsyncExitStack() as stack:

        def start(reader: GatewayMarket) -> AsyncGenerator[Any, None]:
            stream = reader.messages()
            stack.push_async_callback(stream.aclose)
            return stream

        yield start


def market(url: str, clock: ManualClock, **more: Any) -> GatewayMarket:
    signer = RequestSigner(ServiceKey("reader", bytes(32), frozenset({"read"})), clock)
    return GatewayMarket(url, signer, clock, **more)


async def take(stream: AsyncIterator[Any], count: int) -> list[Any]:
    return [await anext(stream) for _ in range(count)]


async def test_bars_resume_after_the_last_one_and_come_once(
    server: GatewayServer, listen: Open
) -> None:
    server.frames["/v1/market"] = [LINK, bar(0), bar(1), bar(1), {"type": "new kind"}]
    reader = market(server.url, ManualClock(NOW))
    stream = listen(reader)
    link, first, second = await take(stream, 3)
    assert (isinstance(link, Link), reader.is_venue_connected) == (True, True)
    assert server.upgrades[0].target == "/v1/market?channels=bars"
    await server.stop()
    server.frames["/v1/market"] = [bar(0), bar(1), bar(2)]
    await server.start()
    third = await anext(stream)
    closed = [item.closed_at for item in (first, second, third) if isinstance(item, Bar)]
    assert closed == [datetime(2021, 9, 27, 14, minute, tzinfo=UTC) for minute in (0, 15, 30)]
    resumed = "/v1/market?channels=bars&from=2021-09-27T14:15:00.000Z"
    assert server.upgrades[-1].target == resumed


async def test_a_hole_in_trades_is_told_only_after_a_reconnect(
    server: GatewayServer, listen: Open
) -> None:
    server.frames["/v1/market"] = [trade(1), trade(2)]
    reader = market(server.url, ManualClock(NOW), channels=("trades",), instruments=(ID,))
    stream = listen(reader)
    assert [item.trade_id for item in await take(stream, 2)] == [1, 2]
    assert server.upgrades[0].target == f"/v1/market?channels=trades&instruments={ID}"
    await server.stop()
    server.frames["/v1/market"] = [trade(5), trade(6)]
    await server.start()
    gap, tick, after = await take(stream, 3)
    assert (isinstance(gap, FeedGap), gap.channel) == (True, "trades")
    assert (isinstance(tick, TradeTick), tick.trade_id, after.trade_id) == (True, 5, 6)


async def test_staleness_is_visible(server: GatewayServer, listen: Open) -> None:
    clock = ManualClock(NOW)
    reader = market(server.url, clock)
    limit = timedelta(seconds=5)
    with pytest.raises(DataStale, match="nothing yet"):
        reader.check_fresh(limit)
    server.frames["/v1/market"] = [LINK]
    stream = listen(reader)
    await anext(stream)
    reader.check_fresh(limit)
    clock.set(NOW + timedelta(seconds=6))
    with pytest.raises(DataStale, match=r"6\.0 s ago, allowed 5\.0 s"):
        reader.check_fresh(limit)
    await server.stop()
    waiting = asyncio.ensure_future(anext(stream))
    while reader.is_connected:
        await asyncio.sleep(0.005)
    with pytest.raises(DataStale, match="gateway connected: False"):
        reader.check_fresh(limit)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def test_a_refusal_ends_the_stream_and_an_outage_does_not(listen: Open) -> None:
    answers = [503, 400]

    def refuse(connection: ServerConnection, request: Request) -> Response:
        status = answers.pop(0)
        detail = orjson.dumps({"detail": 'channels has "x"'}).decode()
        return connection.respond(status, detail)

    async def nothing(connection: ServerConnection) -> None:
        raise AssertionError("never accepted")

    async with serve(nothing, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        reader = market(f"http://127.0.0.1:{port}", ManualClock(NOW), channels=("x",))
        with pytest.raises(DataUnavailable, match=r"400.*channels has"):
            await anext(listen(reader))
    assert answers == []


async def test_a_slow_reader_holds_the_gateway_back_instead_of_filling_memory() -> None:
    sent = 0
    full = asyncio.Event()

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        frame = orjson.dumps({**trade(1), "padding": "x" * 65_536})
        for _ in range(2_000):
            try:
                async with asyncio.timeout(0.5):
                    await connection.send(frame)
            except TimeoutError:
                full.set()
                return
            sent += 1

    async with serve(flood, "127.0.0.1", 0, compression=None, close_timeout=0.2) as server:
        port = server.sockets[0].getsockname()[1]
        async with aclosing(market(f"http://127.0.0.1:{port}", ManualClock(NOW)).messages()) as got:
            await anext(got)
            await asyncio.wait_for(full.wait(), 20)
            assert sent < 2_000, "the socket filled up: the sender had to wait"
