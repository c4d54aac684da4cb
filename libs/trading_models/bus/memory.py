"""The bus of the embedded default: one process, nothing survives its end.

What must survive is in the database and in the gateway's journal; the bus only carries news.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson

from trading_models.base import StorageError, canonical_json
from trading_models.bus._api import REDELIVER_AFTER_S, TOPIC_LIMIT, Message


@dataclass(slots=True)
class _Pending:
    """A message that was handed out and not acknowledged."""

    sequence: int
    deadline: float
    delivery_count: int


@dataclass(slots=True)
class _Group:
    next_sequence: int
    pending: dict[int, _Pending] = field(default_factory=dict)


@dataclass(slots=True)
class _Topic:
    name: str
    entries: deque[bytes]
    first_sequence: int = 1
    groups: dict[str, _Group] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def end_sequence(self) -> int:
        return self.first_sequence + len(self.entries)

    def append(self, entry: bytes) -> int:
        sequence = self.end_sequence
        if len(self.entries) == self.entries.maxlen:
            self.first_sequence += 1
        self.entries.append(entry)
        self.wake()
        return sequence

    def wake(self) -> None:
        """Let every waiting consumer look again."""
        self.changed.set()
        self.changed = asyncio.Event()


class MemoryBus:
    """Implements `Bus`. Bodies are encoded at once: a publisher may go on changing its object."""

    def __init__(
        self,
        *,
        redeliver_after_s: float = REDELIVER_AFTER_S,
        topic_limit: int = TOPIC_LIMIT,
        monotonic: Callable[[], float] = monotonic,
    ) -> None:
        self._redeliver_after_s = redeliver_after_s
        self._topic_limit = topic_limit
        self._monotonic = monotonic
        self._topics: dict[str, _Topic] = {}
        self._closed = False

    async def publish(self, topic: str, body: Mapping[str, Any]) -> str:
        """Append `body` to `topic`; returns the id."""
        return str(self._topic(topic).append(canonical_json(body)))

    async def subscribe(self, topic: str, *, group: str, consumer: str) -> MemorySubscription:
        """Join `group`. Pending work is shared, so a consumer's name carries no state here."""
        del consumer
        log = self._topic(topic)
        joined = log.groups.setdefault(group, _Group(log.first_sequence))
        return MemorySubscription(log, joined, self._redeliver_after_s, self._monotonic)

    async def close(self) -> None:
        """Forget everything and refuse further use."""
        self._closed = True
        self._topics.clear()

    def _topic(self, name: str) -> _Topic:
        if self._closed:
            raise StorageError(f"bus is closed; topic {name!r} cannot be used")
        found = self._topics.get(name)
        if found is None:
            found = self._topics[name] = _Topic(name, deque(maxlen=self._topic_limit))
        return found


class MemorySubscription:
    """Implements `Subscription` over a shared topic log."""

    def __init__(
        self,
        topic: _Topic,
        group: _Group,
        redeliver_after_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._topic = topic
        self._group = group
        self._redeliver_after_s = redeliver_after_s
        self._monotonic = monotonic
        self._held: set[int] = set()

    async def receive(self, timeout_s: float) -> Message | None:
        """The next message: an overdue one first, then a new one, else wait."""
        deadline = self._monotonic() + timeout_s
        while True:
            changed = self._topic.changed
            message = self._take()
            if message is not None:
                return message
            now = self._monotonic()
            if now >= deadline:
                return None
            overdue = (p.deadline for p in self._group.pending.values())
            wake_at = min(deadline, min(overdue, default=deadline))
            try:
                await asyncio.wait_for(changed.wait(), max(wake_at - now, 0.001))
            except TimeoutError:
                continue

    async def ack(self, message_id: str) -> None:
        """Mark as done."""
        self._group.pending.pop(int(message_id), None)
        self._held.discard(int(message_id))

    async def close(self) -> None:
        """Give back what was not acknowledged at once: nobody else will finish it."""
        now = self._monotonic()
        for sequence in self._held & self._group.pending.keys():
            self._group.pending[sequence].deadline = now
        self._held.clear()
        self._topic.wake()

    def _take(self) -> Message | None:
        now = self._monotonic()
        for pending in list(self._group.pending.values()):
            if pending.sequence < self._topic.first_sequence:
                del self._group.pending[pending.sequence]
            elif pending.deadline <= now:
                pending.delivery_count += 1
                return self._deliver(pending)
        sequence = max(self._group.next_sequence, self._topic.first_sequence)
        if sequence >= self._topic.end_sequence:
            return None
        self._group.next_sequence = sequence + 1
        return self._deliver(_Pending(sequence, now, 1))

    def _deliver(self, pending: _Pending) -> Message:
        pending.deadline = self._monotonic() + self._redeliver_after_s
        self._group.pending[pending.sequence] = pending
        self._held.add(pending.sequence)
        entry = self._topic.entries[pending.sequence - self._topic.first_sequence]
        return Message(
            str(pending.sequence), self._topic.name, orjson.loads(entry), pending.delivery_count
        )
