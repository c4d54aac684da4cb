"""The WebSocket over a real socket: ticket, snapshot, deltas, gap, resume, slow client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from fakes import api_app, store_records
from fakes.api_app import Running
from trading_api.ws import client as client_module

pytestmark = pytest.mark.asyncio

WAIT_S = 10.0


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with api_app.running(tmp_path) as started:
        await started.login()
        started.publish_figures()
        yield started


@pytest_asyncio.fixture
async def address(running: Running) -> AsyncIterator[str]:
    async with api_app.served(running) as served:
        yield served


async def _ticket(running: Running) -> str:
    response = await running.client.post("/api/v1/auth/ws-ticket")
    ticket: str = response.json()["ticket"]
    return ticket


async def _send(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def _next(socket: ClientConnection, *kinds: str) -> dict[str, Any]:
    """The next frame of one of `kinds`; heartbeats in between are passed over."""
    async with asyncio.timeout(WAIT_S):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if not kinds or frame["t"] in kinds:
                return frame


async def _open(running: Running, address: str) -> ClientConnection:
    socket = await connect(f"ws://{address}/api/v1/ws", proxy=None)
    await _send(socket, op="auth", ticket=await _ticket(running))
    return socket


async def _close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(WAIT_S):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed:
            return socket.close_code


async def test_hello_then_snapshot_then_what_the_store_commits(
    running: Running, address: str
) -> None:
    await api_app.fill_store(running.store)
    socket = await _open(running, address)
    hello = await _next(socket)
    assert (hello["t"], hello["v"], hello["mode"]) == ("hello", 1, "paper")
    assert hello["epoch"] == running.hub.epoch
    await _send(socket, op="sub", ch="decisions", since=None)
    snap = await _next(socket, "snap")
    assert len(snap["data"]) == 12
    async with running.store.unit() as unit:
        unit.add_decision(store_records.decision(50, "approved"))
    delta = await _next(socket, "delta")
    assert delta["seq"] == snap["seq"] + 1
    listed = await running.client.get("/api/v1/decisions?limit=1")
    assert delta["ops"] == [["set", store_records.decision_id(50), listed.json()["decisions"][0]]]
    await socket.close()


async def test_the_portfolio_channel_equals_the_rest_answer(running: Running, address: str) -> None:
    socket = await _open(running, address)
    await _send(socket, op="sub", ch="portfolio", since=None)
    data = (await _next(socket, "snap"))["data"]
    point = data.pop("equity_point")
    assert data == (await running.client.get("/api/v1/portfolio/summary")).json()
    assert point["equity"] == data["equity"]
    running.publish_figures(bars_done=11)
    delta = await _next(socket, "delta")
    assert delta["ops"] == [["set", "bars_done", 11]]
    await socket.close()


async def test_after_a_restart_the_channels_begin_with_the_stored_rows(tmp_path: Path) -> None:
    async with api_app.running(tmp_path) as first:
        await api_app.fill_store(first.store)
    async with api_app.running(tmp_path, is_fresh=False) as second:
        for channel, count in (("decisions", 12), ("orders", 2), ("trades", 2), ("fills", 1)):
            assert len(second.hub.state(channel) or {}) == count
        assert list(second.hub.state("positions") or {}) == [store_records.INSTRUMENT]


async def test_a_reconnecting_client_gets_what_it_missed(running: Running, address: str) -> None:
    first = await _open(running, address)
    await _send(first, op="sub", ch="orders", since=None)
    snap = await _next(first, "snap")
    await first.close()
    for number in range(5):
        async with running.store.unit() as unit:
            unit.put_order(store_records.order(number))
    second = await _open(running, address)
    since = {"epoch": snap["epoch"], "seq": snap["seq"]}
    await _send(second, op="sub", ch="orders", since=since)
    missed = [await _next(second, "delta") for _ in range(5)]
    assert [frame["seq"] for frame in missed] == [snap["seq"] + n for n in range(1, 6)]
    await _send(second, op="resume", ch="orders", epoch=snap["epoch"], **{"from": snap["seq"] + 3})
    again = [await _next(second, "delta", "snap") for _ in range(2)]
    assert again == missed[3:]
    await _send(second, op="resume", ch="orders", epoch="of-another-start", **{"from": 1})
    fresh = await _next(second, "delta", "snap")
    assert (fresh["t"], len(fresh["data"])) == ("snap", 5)
    await second.close()


async def test_the_heartbeat_carries_the_heads(running: Running, address: str) -> None:
    socket = await _open(running, address)
    await _send(socket, op="sub", ch="orders", since=None)
    await _next(socket, "snap")
    running.hub.apply("orders", [("set", "a", {"status": "FILLED"})])
    beat = await _next(socket, "hb")
    assert beat["heads"] == {"orders": 1}
    await _send(socket, op="unsub", ch="orders")
    while (await _next(socket, "hb"))["heads"]:
        pass
    await socket.close()


async def test_channels_that_do_not_exist_are_refused_and_the_rest_goes_on(
    running: Running, address: str
) -> None:
    socket = await _open(running, address)
    for channel in ("gossip", "bars.ETH-USD.SIM.15m", "bars.BTC-USD.SIM.7m"):
        await _send(socket, op="sub", ch=channel, since=None)
        refused = await _next(socket, "error")
        assert (refused["ch"], bool(refused["title"])) == (channel, True)
    await _send(socket, op="sub", ch="bars.BTC-USD.SIM.15m", since=None)
    assert (await _next(socket, "snap"))["data"] == {}
    await socket.close()


async def test_a_ticket_works_once_and_for_thirty_seconds(running: Running, address: str) -> None:
    used, late = await _ticket(running), await _ticket(running)
    url = f"ws://{address}/api/v1/ws"
    first = await connect(url, proxy=None)
    await _send(first, op="auth", ticket=used)
    assert (await _next(first))["t"] == "hello"
    running.clock.advance(timedelta(seconds=31))
    for ticket in (used, late, "x" * 43):
        socket = await connect(url, proxy=None)
        await _send(socket, op="auth", ticket=ticket)
        assert await _close_code(socket) == 4401
    await first.close()


@pytest.mark.parametrize(
    "first", ['{"op":"sub","ch":"orders"}', "not json", '{"op":"auth"}', b"\x00", "x" * 10_000]
)
async def test_anything_but_a_ticket_first_is_refused(
    running: Running, address: str, first: str | bytes
) -> None:
    socket = await connect(f"ws://{address}/api/v1/ws", proxy=None)
    await socket.send(first)
    assert await _close_code(socket) == 4401


async def test_another_origin_is_refused(running: Running, address: str) -> None:
    url = f"ws://{address}/api/v1/ws"
    socket = await connect(url, proxy=None, origin="http://evil.example")  # type: ignore[arg-type]
    assert await _close_code(socket) == 4403
    good = await connect(url, proxy=None, origin=f"http://{address}")  # type: ignore[arg-type]
    await _send(good, op="auth", ticket=await _ticket(running))
    assert (await _next(good))["t"] == "hello"
    await good.close()


async def test_garbage_after_the_ticket_closes_the_connection(
    running: Running, address: str
) -> None:
    socket = await _open(running, address)
    await _next(socket)
    await socket.send('{"op":"sub","ch":"orders","since":{"epoch":1}}')
    assert await _close_code(socket) == 4400


async def test_logout_closes_the_live_connection(running: Running, address: str) -> None:
    socket = await _open(running, address)
    await _next(socket)
    await running.client.post("/api/v1/auth/logout")
    assert await _close_code(socket) == 4401


async def test_a_client_that_does_not_read_is_dropped_and_publishing_goes_on(
    running: Running, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "QUEUE_FRAMES", 200)
    slow, quick = await _open(running, address), await _open(running, address)
    for socket in (slow, quick):
        await _send(socket, op="sub", ch="orders", since=None)
        await _next(socket, "snap")
    slow.transport.pause_reading()
    number = 0
    while len(running.hub._clients) == 2 and number < 5_000:
        number += 1
        running.hub.apply("orders", [("set", str(number), "x" * 20_000)])
        assert (await _next(quick, "delta"))["seq"] == number
    assert len(running.hub._clients) == 1, "the slow client is still there"
    slow.transport.resume_reading()
    assert await _close_code(slow) in (4408, 1006)
    await quick.close()
