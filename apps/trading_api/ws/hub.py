"""The live state and its readers: channels, ring buffers, bounded queues.

A publisher never waits. A must-channel sends every change; a latest-channel sends its newest value
ten times a second at most, and a client that lags behind gets a snapshot instead of a backlog. A
client whose queue is full is dropped with a code: it reconnects and resumes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trading_api.ws import protocol
from trading_api.ws.client import LiveClient
from trading_api.ws.topics import Topic, topic_of
from trading_models.base import Clock, time_text
from trading_models.bus import UpdateOp
from trading_models.monitoring import LIVE_CLIENTS

RING_FRAMES = 10_000
RING_S = 300.0
FLUSH_S = 0.1
BEAT_S = 1.0


@dataclass(slots=True)
class _Channel:
    topic: Topic
    seq: int = 0
    state: dict[str, Any] = field(default_factory=dict)
    #: (seq, monotonic time, encoded frame), contiguous and ending at `seq`.
    ring: deque[tuple[int, float, str]] = field(default_factory=lambda: deque(maxlen=RING_FRAMES))
    readers: set[LiveClient] = field(default_factory=set)
    #: Latest class only: what has not been sent yet, newest per key.
    pending: dict[str, UpdateOp] = field(default_factory=dict)

    def change(self, ops: Sequence[UpdateOp]) -> None:
        for op in ops:
            if op[0] == "del":
                self.state.pop(op[1], None)
                continue
            if op[1] not in self.state and len(self.state) == self.topic.rows:
                del self.state[next(iter(self.state))]
            self.state[op[1]] = op[2]

    def frames_after(self, seq: int) -> list[str] | None:
        """What follows `seq`; None when the ring does not reach back that far."""
        if seq > self.seq or (seq < self.seq and (not self.ring or self.ring[0][0] > seq + 1)):
            return None
        return [frame for number, _, frame in self.ring if number > seq]


class Hub:
    """Implements `UpdateSink`. Belongs to one event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.epoch = secrets.token_hex(8)
        self._channels: dict[str, _Channel] = {}
        self._clients: set[LiveClient] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to flush and to beat; call inside the event loop."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._every(FLUSH_S, self.flush)),
                asyncio.create_task(self._every(BEAT_S, self.beat)),
            ]

    async def stop(self) -> None:
        """End the tasks and send every client away."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        for client in list(self._clients):
            self.drop(client, protocol.CloseCode.GOING_AWAY)

    def state(self, channel: str) -> dict[str, Any] | None:
        """A copy of the channel's present data; None before its first update."""
        found = self._channels.get(channel)
        return dict(found.state) if found is not None and found.state else None

    def replace(self, channel: str, data: Mapping[str, Any]) -> None:
        """New value of a one-object channel: its changed fields are sent."""
        state = self._channel(channel).state
        ops: list[UpdateOp] = [("del", key) for key in state if key not in data]
        for key, value in data.items():
            if key not in state or state[key] != value:
                ops.append(("set", key, value))
        self.apply(channel, ops)

    def apply(self, channel: str, ops: Sequence[UpdateOp]) -> None:
        """Change the state; send now (must) or at the next flush (latest)."""
        if not ops:
            return
        found = self._channel(channel)
        found.change(ops)
        if found.topic.is_must:
            self._send(channel, found, list(ops))
        else:
            for op in ops:
                found.pending[op[1]] = op

    def seed(self, channel: str, rows: Mapping[str, Any]) -> None:
        """State from the store, oldest row first, before anything is published."""
        self._channel(channel).change([("set", key, row) for key, row in rows.items()])

    def flush(self) -> None:
        """Send what the latest-channels collected."""
        for name, channel in self._channels.items():
            if channel.pending:
                ops, channel.pending = list(channel.pending.values()), {}
                self._send(name, channel, ops)

    def beat(self) -> None:
        """Heartbeat to every client; end sessions that have expired."""
        now = self._clock.now()
        for client in list(self._clients):
            if client.expires_at <= now:
                self.drop(client, protocol.CloseCode.UNAUTHENTICATED)
                continue
            heads = {
                name: channel.seq
                for name, channel in self._channels.items()
                if channel.topic.is_must and client in channel.readers
            }
            client.push_heartbeat(time_text(now), heads)

    def connect(self, session_id: str, expires_at: datetime) -> LiveClient:
        """A new reader; it ends with its session."""
        client = LiveClient(session_id, expires_at, self._compose)
        self._clients.add(client)
        LIVE_CLIENTS.set(len(self._clients))
        return client

    def drop(self, client: LiveClient, code: protocol.CloseCode) -> None:
        """Forget a reader; its connection closes with `code`."""
        for channel in self._channels.values():
            channel.readers.discard(client)
        self._clients.discard(client)
        if client.close_code is None:
            client.close(code)
        LIVE_CLIENTS.set(len(self._clients))

    def drop_session(self, session_id: str) -> None:
        """Close every connection of a session that has ended."""
        for client in [c for c in self._clients if c.session_id == session_id]:
            self.drop(client, protocol.CloseCode.UNAUTHENTICATED)

    def subscribe(self, client: LiveClient, name: str, since: tuple[str, int] | None) -> None:
        """Start (or restart) a channel: what follows `since` if possible, else a snapshot."""
        channel = self._channel(name)
        self._flush_one(name, channel)
        is_new = client not in channel.readers
        channel.readers.add(client)
        missed = None
        if since is not None and since[0] == self.epoch:
            missed = channel.frames_after(since[1])
        if is_new:
            client.forget(name)
        if missed is None:
            client.push(protocol.snap(name, self.epoch, channel.seq, channel.state))
        for frame in missed or ():
            client.push(frame)
        if not channel.topic.is_must:
            client.sent_seq[name] = channel.seq
        self._drop_if_full(client)

    def unsubscribe(self, client: LiveClient, name: str) -> None:
        """Stop a channel."""
        if name in self._channels:
            self._channels[name].readers.discard(client)
        client.forget(name)

    def subscriptions(self, client: LiveClient, *, but: str) -> int:
        """Number of channels the client reads, not counting `but`."""
        return sum(client in c.readers for name, c in self._channels.items() if name != but)

    def _channel(self, name: str) -> _Channel:
        found = self._channels.get(name)
        if found is None:
            topic = topic_of(name)
            if topic is None:
                raise ValueError(f"{name!r} is not a channel")
            found = self._channels[name] = _Channel(topic)
        return found

    def _flush_one(self, name: str, channel: _Channel) -> None:
        """A snapshot shows everything, so nothing of it may be waiting."""
        if channel.pending:
            ops, channel.pending = list(channel.pending.values()), {}
            self._send(name, channel, ops)

    def _send(self, name: str, channel: _Channel, ops: list[UpdateOp]) -> None:
        channel.seq += 1
        now = self._clock.monotonic()
        frame = protocol.delta(name, self.epoch, channel.seq, ops)
        channel.ring.append((channel.seq, now, frame))
        while channel.ring[0][1] < now - RING_S:
            channel.ring.popleft()
        for client in list(channel.readers):
            if channel.topic.is_must:
                client.push(frame)
                self._drop_if_full(client)
            else:
                client.push_latest(name, channel.seq, frame)

    def _drop_if_full(self, client: LiveClient) -> None:
        if client.is_full:
            self.drop(client, protocol.CloseCode.TOO_SLOW)

    def _compose(self, name: str) -> tuple[int, str]:
        channel = self._channels[name]
        return channel.seq, protocol.snap(name, self.epoch, channel.seq, channel.state)

    @staticmethod
    async def _every(period_s: float, work: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(period_s)
            work()
