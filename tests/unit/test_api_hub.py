"""The live hub: sequence numbers, resume, conflation, slow clients - without a socket."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import store_records as records
from trading_api.ws import client as client_module
from trading_api.ws.client import LiveClient
from trading_api.ws.hub import RING_S, Hub
from trading_api.ws.protocol import CloseCode
from trading_models.base import ManualClock

pytestmark = pytest.mark.asyncio

LATER = records.START + timedelta(hours=1)


def _hub() -> tuple[Hub, ManualClock]:
    clock = ManualClock(records.START)
    return Hub(clock), clock


async def _drain(client: LiveClient) -> list[dict[str, Any]]:
    """Every frame that waits, as a client would read it."""
    frames = []
    while client._queue:
        frame = await client.next_frame()
        assert frame is not None
        frames.append(json.loads(frame))
    return frames


def _reader(hub: Hub, *channels: str) -> LiveClient:
    client = hub.connect("session", LATER)
    for channel in channels:
        hub.subscribe(client, channel, None)
    return client


async def test_a_subscriber_gets_a_snapshot_then_contiguous_deltas() -> None:
    hub, _ = _hub()
    hub.apply("orders", [("set", "a", {"status": "ACCEPTED"})])
    client = _reader(hub, "orders")
    hub.apply("orders", [("set", "b", {"status": "FILLED"}), ("del", "a")])
    snap, delta = await _drain(client)
    assert snap == {
        "t": "snap",
        "ch": "orders",
        "epoch": hub.epoch,
        "seq": 1,
        "data": {"a": {"status": "ACCEPTED"}},
    }
    assert (delta["t"], delta["seq"]) == ("delta", 2)
    assert delta["ops"] == [["set", "b", {"status": "FILLED"}], ["del", "a"]]


async def test_a_one_object_channel_sends_its_changed_fields() -> None:
    hub, _ = _hub()
    hub.replace("mode", {"mode": "paper", "trading_state": "ACTIVE", "note": "x"})
    client = _reader(hub, "mode")
    hub.replace("mode", {"mode": "paper", "trading_state": "HALTED"})
    hub.replace("mode", {"mode": "paper", "trading_state": "HALTED"})
    _, delta = await _drain(client)
    assert sorted(delta["ops"]) == [["del", "note"], ["set", "trading_state", "HALTED"]]
    assert hub.state("mode") == {"mode": "paper", "trading_state": "HALTED"}


async def test_latest_values_are_sent_once_per_flush() -> None:
    hub, _ = _hub()
    client = _reader(hub, "portfolio")
    for equity in range(50):
        hub.replace("portfolio", {"equity": str(equity)})
    hub.flush()
    hub.flush()
    snap, delta = await _drain(client)
    assert (snap["seq"], snap["data"]) == (0, {})
    assert (delta["seq"], delta["ops"]) == (1, [["set", "equity", "49"]])


async def test_a_lagging_client_gets_a_snapshot_of_the_newest_value() -> None:
    hub, _ = _hub()
    client = _reader(hub, "portfolio")
    await _drain(client)
    for equity in range(5):
        hub.replace("portfolio", {"equity": str(equity), "cash": "1"})
        hub.flush()
    (frame,) = await _drain(client)
    assert (frame["t"], frame["seq"]) == ("snap", 5)
    assert frame["data"] == {"equity": "4", "cash": "1"}
    hub.replace("portfolio", {"equity": "9", "cash": "1"})
    hub.flush()
    (delta,) = await _drain(client)
    assert (delta["t"], delta["seq"]) == ("delta", 6)


async def test_resume_sends_what_was_missed_and_nothing_else() -> None:
    hub, _ = _hub()
    for number in range(10):
        hub.apply("fills", [("set", str(number), number)])
    client = hub.connect("session", LATER)
    hub.subscribe(client, "fills", (hub.epoch, 7))
    assert [f["seq"] for f in await _drain(client)] == [8, 9, 10]
    hub.subscribe(client, "fills", (hub.epoch, 10))
    assert await _drain(client) == []


@pytest.mark.parametrize("since", [("other-epoch", 9), (None, 11), (None, 3)])
async def test_resume_from_the_unknown_gives_a_snapshot(since: tuple[str | None, int]) -> None:
    hub, clock = _hub()
    for number in range(10):
        hub.apply("fills", [("set", str(number), number)])
        if number == 4:
            clock.advance(timedelta(seconds=RING_S + 1))
    client = hub.connect("session", LATER)
    hub.subscribe(client, "fills", (since[0] or hub.epoch, since[1]))
    (frame,) = await _drain(client)
    assert (frame["t"], frame["seq"], len(frame["data"])) == ("snap", 10, 10)


async def test_the_heartbeat_names_the_heads_that_were_sent() -> None:
    hub, _ = _hub()
    client = _reader(hub, "orders", "portfolio")
    hub.apply("orders", [("set", "a", 1)])
    hub.replace("portfolio", {"equity": "1"})
    hub.flush()
    hub.apply("trades", [("set", "1", 1)])
    hub.beat()
    hub.beat()
    frames = await _drain(client)
    beats = [frame for frame in frames if frame["t"] == "hb"]
    assert beats == [
        {"t": "hb", "ts": "2021-09-27T14:00:00.000Z", "heads": {"orders": 1, "portfolio": 1}}
    ]


async def test_a_slow_client_is_dropped_and_others_are_not_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "QUEUE_FRAMES", 20)
    hub, _ = _hub()
    slow, quick = _reader(hub, "orders"), _reader(hub, "orders")
    received = []
    for number in range(40):
        hub.apply("orders", [("set", str(number), number)])
        received += await _drain(quick)
    assert slow.close_code is CloseCode.TOO_SLOW
    assert await slow.next_frame() is None
    assert quick.close_code is None
    assert [f["seq"] for f in received] == list(range(41))


async def test_an_ended_session_ends_its_connections() -> None:
    hub, clock = _hub()
    mine, other = hub.connect("mine", LATER), hub.connect("other", LATER)
    hub.drop_session("mine")
    assert mine.close_code is CloseCode.UNAUTHENTICATED
    assert other.close_code is None
    clock.set(LATER)
    hub.beat()
    assert other.close_code is CloseCode.UNAUTHENTICATED


async def test_a_snapshot_keeps_the_newest_rows_only() -> None:
    hub, _ = _hub()
    for number in range(250):
        hub.apply("decisions", [("set", str(number), number)])
    state = hub.state("decisions")
    assert state is not None
    assert list(state) == [str(n) for n in range(50, 250)]
    hub.apply("decisions", [("set", "60", "again")])
    assert len(hub.state("decisions") or {}) == 200


async def test_an_unknown_channel_is_refused() -> None:
    hub, _ = _hub()
    with pytest.raises(ValueError, match="'gossip' is not a channel"):
        hub.apply("gossip", [("set", "a", 1)])


class Mirror:
    """The dashboard's reducer in small: applies only what fits, asks again for what does not."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.data: dict[str, Any] = {}

    def take(self, frame: dict[str, Any]) -> bool:
        """True when a gap was seen."""
        if frame["t"] == "snap":
            self.seq, self.data = frame["seq"], dict(frame["data"])
        elif self.seq is not None and frame["seq"] == self.seq + 1:
            self.seq = frame["seq"]
            for op in frame["ops"]:
                if op[0] == "set":
                    self.data[op[1]] = op[2]
                else:
                    self.data.pop(op[1], None)
        elif self.seq is None or frame["seq"] > self.seq:
            return True
        return False


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.integers(0, 99)),
        st.tuples(st.just("del"), st.integers(0, 4)),
        st.tuples(st.sampled_from(["flush", "read", "lose", "resubscribe"])),
    ),
    max_size=60,
)


@pytest.mark.parametrize("channel", ["positions", "portfolio"])
@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
async def test_any_history_of_losses_ends_in_the_servers_state(
    channel: str, steps: list[tuple[Any, ...]]
) -> None:
    hub, _ = _hub()
    client, mirror = _reader(hub, channel), Mirror()

    async def read(lose: bool) -> None:
        frames = await _drain(client)
        for frame in frames[1:] if lose else frames:
            if mirror.take(frame):
                since = None if mirror.seq is None else (hub.epoch, mirror.seq)
                hub.subscribe(client, channel, since)

    for step in steps:
        if step[0] in ("set", "del"):
            op = ("set", str(step[1]), step[2]) if step[0] == "set" else ("del", str(step[1]))
            hub.apply(channel, [op])
        elif step[0] == "flush":
            hub.flush()
        elif step[0] == "resubscribe":
            hub.unsubscribe(client, channel)
            hub.subscribe(client, channel, None)
        else:
            await read(lose=step[0] == "lose")
    hub.flush()
    # The heartbeat reveals a lost tail.
    hub.beat()
    head = hub._channels[channel].seq
    await read_all(client, mirror)
    if mirror.seq != head:
        hub.subscribe(client, channel, None if mirror.seq is None else (hub.epoch, mirror.seq))
        await read_all(client, mirror)
    assert mirror.data == (hub.state(channel) or {})
    assert mirror.seq == head


async def read_all(client: LiveClient, mirror: Mirror) -> None:
    """Take everything; heartbeats are not of a channel."""
    for frame in await _drain(client):
        if frame["t"] != "hb":
            mirror.take(frame)
