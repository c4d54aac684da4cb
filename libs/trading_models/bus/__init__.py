"""Message bus: the interface, an in-memory implementation and Redis Streams."""

from __future__ import annotations

from trading_models.bus._api import (
    REDELIVER_AFTER_S,
    TOPIC_LIMIT,
    Bus,
    Message,
    Subscription,
    UpdateOp,
    UpdateSink,
)
from trading_models.bus.memory import MemoryBus
from trading_models.bus.redis import RedisBus

__all__ = [
    "REDELIVER_AFTER_S",
    "TOPIC_LIMIT",
    "Bus",
    "MemoryBus",
    "Message",
    "RedisBus",
    "Subscription",
    "UpdateOp",
    "UpdateSink",
]
