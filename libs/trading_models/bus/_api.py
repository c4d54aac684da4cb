"""What a message bus promises, and the sink for live updates.

Order is kept per topic. Delivery is at least once: a message that was not acknowledged comes again,
to the same consumer or to another of its group, with a higher `delivery_count`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

#: One keyed change of a live channel: `("set", key, row)` or `("del", key)`.
UpdateOp = tuple[Literal["set"], str, Any] | tuple[Literal["del"], str]

#: A message that nobody acknowledges for this long is handed out again.
REDELIVER_AFTER_S = 30.0
#: Messages kept per topic; the oldest go first, delivered or not.
TOPIC_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message as delivered. `message_id` is opaque; `delivery_count` starts at 1."""

    message_id: str
    topic: str
    body: Mapping[str, Any]
    delivery_count: int


class Subscription(Protocol):
    """One consumer of a group. Messages are shared among the consumers of a group."""

    async def receive(self, timeout_s: float) -> Message | None:
        """The next message, or None when none came within `timeout_s`."""
        ...

    async def ack(self, message_id: str) -> None:
        """Mark as done: it is never delivered to this group again. Repeating is harmless."""
        ...

    async def close(self) -> None:
        """Leave. What was not acknowledged goes to the others of the group after a while."""
        ...


class Bus(Protocol):
    """Topics with consumer groups. A new group sees the topic from its oldest kept message."""

    async def publish(self, topic: str, body: Mapping[str, Any]) -> str:
        """Append `body` (JSON without floats) to `topic` and return its message id."""
        ...

    async def subscribe(self, topic: str, *, group: str, consumer: str) -> Subscription:
        """Join `group` under the name `consumer`; the group is created when it is new."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...


class UpdateSink(Protocol):
    """Where the orchestrator puts live updates. Never blocks; never raises for a slow reader."""

    def replace(self, channel: str, data: Mapping[str, Any]) -> None:
        """New value of a channel that is one object: portfolio, mode, risk, health."""
        ...

    def apply(self, channel: str, ops: Sequence[UpdateOp]) -> None:
        """Changes of a keyed channel: positions, orders, fills, trades, decisions, bars.*."""
        ...
