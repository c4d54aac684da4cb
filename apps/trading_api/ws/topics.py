"""The channels: delivery class, and how many rows a snapshot holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

BARS = re.compile(r"bars\.([A-Z0-9._-]{1,64})\.(1m|5m|15m|30m|1h|4h|1d)")


@dataclass(frozen=True, slots=True)
class Topic:
    """`is_must`: every change arrives. Otherwise only the newest value counts.

    `rows` bounds a keyed snapshot: when a new key comes in, the oldest one leaves the snapshot.
    """

    is_must: bool
    rows: int | None = None


FIXED: dict[str, Topic] = {
    "portfolio": Topic(is_must=False),
    "health": Topic(is_must=False),
    "mode": Topic(is_must=True),
    "risk": Topic(is_must=True),
    "positions": Topic(is_must=True, rows=1_000),
    "orders": Topic(is_must=True, rows=500),
    "fills": Topic(is_must=True, rows=500),
    "trades": Topic(is_must=True, rows=500),
    "decisions": Topic(is_must=True, rows=200),
}
BARS_TOPIC = Topic(is_must=True, rows=500)


def topic_of(channel: str) -> Topic | None:
    """The topic of a channel name; None for a name that is not a channel."""
    found = FIXED.get(channel)
    if found is None and BARS.fullmatch(channel):
        return BARS_TOPIC
    return found


def bars_instrument(channel: str) -> str | None:
    """The instrument of a bars channel."""
    match = BARS.fullmatch(channel)
    return None if match is None else match.group(1)
