"""Redis Streams: the bus of a deployment with several orchestrators.

A topic is a stream, a group is a consumer group; overdue messages are taken over by XAUTOCLAIM.
The client library belongs to requirements/services and is imported when a bus is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from time import monotonic
from typing import Any, Self

import orjson

from trading_models.base import ConfigError, StorageError, canonical_json
from trading_models.bus._api import REDELIVER_AFTER_S, TOPIC_LIMIT, Message

FIELD = b"body"
# A blocking read ends this early, so that overdue messages are looked at in between.
BLOCK_MS = 1_000


class RedisBus:
    """Implements `Bus` on one Redis server; `prefix` keeps several systems apart."""

    def __init__(
        self,
        client: Any,
        *,
        prefix: str = "ats:",
        redeliver_after_s: float = REDELIVER_AFTER_S,
        topic_limit: int = TOPIC_LIMIT,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._redeliver_after_s = redeliver_after_s
        self._topic_limit = topic_limit

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        prefix: str = "ats:",
        redeliver_after_s: float = REDELIVER_AFTER_S,
        topic_limit: int = TOPIC_LIMIT,
    ) -> Self:
        """Open `url` and check that the server answers; ConfigError or StorageError otherwise."""
        redis_client = _library("redis.asyncio")
        client = redis_client.Redis.from_url(url)
        try:
            await client.ping()
        except redis_client.RedisError as error:
            await client.aclose()
            raise StorageError(
                f"Redis does not answer: {error}", next_step="start it or set bus to memory"
            ) from error
        return cls(
            client, prefix=prefix, redeliver_after_s=redeliver_after_s, topic_limit=topic_limit
        )

    async def publish(self, topic: str, body: Mapping[str, Any]) -> str:
        """XADD, trimmed to about `topic_limit` entries."""
        entry = {FIELD: canonical_json(body)}
        added = await self._client.xadd(
            self._prefix + topic, entry, maxlen=self._topic_limit, approximate=True
        )
        return _text(added)

    async def subscribe(self, topic: str, *, group: str, consumer: str) -> RedisSubscription:
        """Create the group at the oldest kept entry when it is new, then join it."""
        refused = _library("redis.exceptions").ResponseError
        stream = self._prefix + topic
        try:
            await self._client.xgroup_create(stream, group, id="0", mkstream=True)
        except refused as error:
            if "BUSYGROUP" not in str(error):
                raise StorageError(f"Redis refused group {group!r}: {error}") from error
        return RedisSubscription(
            self._client, (topic, stream, group, consumer), self._redeliver_after_s
        )

    async def close(self) -> None:
        """Close the connection pool."""
        await self._client.aclose()


class RedisSubscription:
    """Implements `Subscription` with XAUTOCLAIM, XREADGROUP and XACK."""

    def __init__(
        self,
        client: Any,
        names: tuple[str, str, str, str],
        redeliver_after_s: float,
    ) -> None:
        self._client = client
        self._topic, self._stream, self._group, self._consumer = names
        self._idle_ms = int(redeliver_after_s * 1000)

    async def receive(self, timeout_s: float) -> Message | None:
        """The next message: an overdue one first, then a new one, else wait."""
        deadline = monotonic() + timeout_s
        while True:
            entry = await self._overdue() or await self._new(deadline)
            if entry is not None:
                return await self._message(*entry)
            if monotonic() >= deadline:
                return None

    async def ack(self, message_id: str) -> None:
        """XACK; repeating is harmless."""
        await self._client.xack(self._stream, self._group, message_id)

    async def close(self) -> None:
        """Nothing to release: pending entries pass to the group when they are overdue."""

    async def _overdue(self) -> tuple[bytes, dict[bytes, bytes]] | None:
        claimed = await self._client.xautoclaim(
            self._stream, self._group, self._consumer, self._idle_ms, count=1
        )
        return _first(claimed[1])

    async def _new(self, deadline: float) -> tuple[bytes, dict[bytes, bytes]] | None:
        left_ms = int(max(deadline - monotonic(), 0.0) * 1000)
        # XREADGROUP blocks for ever at 0, hence at least one millisecond.
        block_ms = max(1, min(left_ms, BLOCK_MS, max(self._idle_ms, 1)))
        reply = await self._client.xreadgroup(
            self._group, self._consumer, {self._stream: ">"}, count=1, block=block_ms
        )
        for _stream, entries in reply or ():
            return _first(entries)
        return None

    async def _message(self, entry_id: bytes, fields: dict[bytes, bytes]) -> Message:
        count = 1
        with suppress(IndexError):
            pending = await self._client.xpending_range(
                self._stream, self._group, entry_id, entry_id, 1
            )
            count = int(pending[0]["times_delivered"])
        return Message(_text(entry_id), self._topic, orjson.loads(fields[FIELD]), count)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            "the Redis bus needs the package `redis`, which is not installed",
            next_step="install requirements/services.txt or set bus to memory",
        ) from error


def _first(entries: list[Any]) -> tuple[bytes, dict[bytes, bytes]] | None:
    # A claimed entry that was trimmed meanwhile comes back without fields.
    return next(((i, fields) for i, fields in entries if fields), None)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
