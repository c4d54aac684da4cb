"""Feeds of the gateway that reconnect by themselves: order events and closed bars.

Events resume at the next sequence number, bars after the last closing time this side has.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
from websockets.exceptions import WebSocketException

from trading_models.base import Bar, ExecutionError, OrderEvent
from trading_models.execution.client import RETRY_PAUSES_S, GatewayClient


class _Feed(ABC):
    """A WebSocket reader that reconnects by itself and wakes those who wait for its messages."""

    def __init__(self, client: GatewayClient) -> None:
        self._client = client
        self._arrived = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.is_connected = False

    def start(self) -> None:
        """Read in the background until `stop`."""
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def wait_until(self, check: Callable[[], bool]) -> None:
        """Wait until `check` holds, or the reader died of an error (raised here)."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: check() or self._has_failed())
        if self._has_failed() and self._task is not None:
            self._task.result()

    def _has_failed(self) -> bool:
        task = self._task
        return task is not None and task.done()

    async def _run(self) -> None:
        attempt = 0
        try:
            while True:
                try:
                    async with self._client.websocket(self._path()) as socket:
                        self.is_connected = True
                        attempt = 0
                        async for message in socket:
                            self._take(orjson.loads(message))
                            async with self._arrived:
                                self._arrived.notify_all()
                except (OSError, WebSocketException):
                    self.is_connected = False
                self.is_connected = False
                await asyncio.sleep(RETRY_PAUSES_S[min(attempt, len(RETRY_PAUSES_S) - 1)])
                attempt += 1
        finally:
            # A waiter must hear of the end of this task, whatever ended it.
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._wake())

    async def _wake(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    @abstractmethod
    def _path(self) -> str:
        """Where to connect now."""

    @abstractmethod
    def _take(self, message: dict[str, Any]) -> None:
        """Keep one message."""


class EventFeed(_Feed):
    """Order events in sequence, from `next_seq` on, each exactly once."""

    def __init__(self, client: GatewayClient, next_seq: int) -> None:
        super().__init__(client)
        self._next_seq = next_seq
        self._taken = next_seq - 1
        self._waiting: deque[dict[str, Any]] = deque()

    async def through(self, gateway_seq: int) -> list[OrderEvent | dict[str, Any]]:
        """Every event not yet taken up to `gateway_seq`; trading-state events stay plain."""
        await self.wait_until(lambda: self._next_seq > gateway_seq)
        events: list[OrderEvent | dict[str, Any]] = []
        while self._waiting and self._waiting[0]["gateway_seq"] <= gateway_seq:
            row = self._waiting.popleft()
            self._taken = row["gateway_seq"]
            is_state = row["event"] == "trading_state"
            events.append(row if is_state else OrderEvent.model_validate(row))
        return events

    @property
    def newest_seq(self) -> int:
        """Sequence number of the newest event received."""
        return self._next_seq - 1

    @property
    def taken_seq(self) -> int:
        """Sequence number of the newest event handed out."""
        return self._taken

    def _path(self) -> str:
        return f"/v1/events?from={self._next_seq}"

    def _take(self, message: dict[str, Any]) -> None:
        seq = message["gateway_seq"]
        if seq < self._next_seq:
            return
        if seq > self._next_seq:
            raise ExecutionError(
                f"event feed jumped from {self._next_seq - 1} to {seq}: an order event is missing; "
                "restart the gateway and check its journal"
            )
        self._waiting.append(message)
        self._next_seq = seq + 1


class BarFeed(_Feed):
    """Closed bars in the order of the venue; forming bars are kept as the latest only.

    After a disconnect the gateway is asked for every bar that closed since the last one.
    """

    def __init__(self, client: GatewayClient) -> None:
        super().__init__(client)
        self._closed: deque[Bar] = deque()
        self._newest: dict[str, datetime] = {}
        self.forming: dict[str, Bar] = {}
        self.is_venue_connected = False

    async def take(self, closed_at: datetime, count: int) -> list[Bar]:
        """The `count` bars that closed at `closed_at`; older bars not asked for are dropped."""

        def arrived() -> list[Bar]:
            return [bar for bar in self._closed if bar.closed_at == closed_at]

        await self.wait_until(lambda: len(arrived()) >= count)
        bars = arrived()
        self._closed = deque(bar for bar in self._closed if bar.closed_at > closed_at)
        return sorted(bars, key=lambda bar: bar.instrument_id)

    async def next_bar(self) -> Bar:
        """The next closed bar (free-running mode)."""
        await self.wait_until(lambda: bool(self._closed))
        return self._closed.popleft()

    def forget_through(self, closed_at: datetime, instrument_id: str) -> None:
        """Ignore bars up to `closed_at` from now on: they were handled before a restart."""
        self._newest[instrument_id] = closed_at
        self._closed = deque(b for b in self._closed if not self._is_old(b, closed_at))

    @staticmethod
    def _is_old(bar: Bar, closed_at: datetime) -> bool:
        return bar.closed_at <= closed_at

    def _path(self) -> str:
        if not self._newest:
            return "/v1/market"
        # What one instrument gets twice by this is dropped in `_take`.
        since = min(self._newest.values())
        return f"/v1/market?from={since:%Y-%m-%dT%H:%M:%S}.{since.microsecond // 1000:03d}Z"

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "link":
            self.is_venue_connected = bool(message["connected"])
            return
        if message["type"] != "bar":
            return
        bar = Bar.model_validate(message["bar"])
        if not bar.is_closed:
            self.forming[bar.instrument_id] = bar
            return
        newest = self._newest.get(bar.instrument_id)
        if newest is not None and bar.closed_at <= newest:
            return
        self._newest[bar.instrument_id] = bar.closed_at
        self._closed.append(bar)
