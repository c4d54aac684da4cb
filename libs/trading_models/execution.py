"""Client of the execution gateway: signed HTTP, the order event feed and the closed-bar feed.

The gateway's interface is docs/concepts/interfaces.md section 3. Both feeds survive a restart of
the gateway: events resume at the next sequence number, bars come from the gateway without a gap.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from trading_models.base import (
    ApprovedOrder,
    Bar,
    Connectivity,
    ExecutionError,
    Instrument,
    OrderEvent,
    OrderStatus,
    VenueRejected,
)
from trading_models.security import RequestSigner

T = TypeVar("T")

# A gateway that restarts is back within seconds; asking more often gains nothing.
RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
SETTLE_MS = 5_000
NOT_SENT_ATTEMPTS = 5
TRANSIENT_STATUS = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class OrderReply:
    """What the gateway said about an order: its status now and those of its child legs."""

    client_order_id: str
    status: OrderStatus
    children: tuple[tuple[str, str, OrderStatus], ...] = ()
    reason: str | None = None

    @property
    def is_settled(self) -> bool:
        """Neither the order nor a child leg waits for the venue any more."""
        pending = {OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN}
        return self.status not in pending and all(c[2] not in pending for c in self.children)


@dataclass(frozen=True, slots=True)
class SyncReply:
    """Answer of `/v1/sync`: apply own events up to `gateway_seq`."""

    gateway_seq: int
    through_execution_id: int


class GatewayClient:
    """Asynchronous client of one gateway.

    Raises Connectivity when the gateway cannot be reached or says "not now" (retryable), and
    ExecutionError when it answers with a problem.
    """

    def __init__(self, base_url: str, signer: RequestSigner) -> None:
        self._signer = signer
        self._base_url = base_url
        limits = httpx2.Limits(max_connections=8, max_keepalive_connections=8)
        self._http = httpx2.AsyncClient(base_url=base_url, timeout=35.0, limits=limits)

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._http.aclose()

    async def submit(
        self, approved: ApprovedOrder, signature: str, *, wait_ms: int = SETTLE_MS
    ) -> OrderReply:
        """Hand over an approved order; waits up to `wait_ms` for a settled status."""
        headers = {"Idempotency-Key": approved.idempotency_key, "X-ATS-Signature": signature}
        path = f"/v1/orders?wait_ms={wait_ms}"
        body = approved.canonical()
        return _order_reply(await self._call("POST", path, body, headers))

    async def order(self, client_order_id: str) -> OrderReply:
        """Status of one order."""
        return _order_reply(await self._call("GET", f"/v1/orders/{client_order_id}"))

    async def settled(self, client_order_id: str) -> OrderReply:
        """Poll an order until neither it nor a child waits for the venue; UNKNOWN waits."""
        while True:
            reply = await self.order(client_order_id)
            if reply.is_settled:
                return reply
            await asyncio.sleep(RETRY_PAUSES_S[0])

    async def cancel(self, client_order_id: str, *, wait_ms: int = SETTLE_MS) -> OrderReply:
        """Cancel an order, or the list that a leg belongs to; repeating is harmless."""
        path = f"/v1/orders/{client_order_id}?wait_ms={wait_ms}"
        return _order_reply(await self._call("DELETE", path))

    async def sync(self, through_execution_id: int) -> SyncReply:
        """Wait until every execution up to the id is journaled and nothing is in flight."""
        body = orjson.dumps({"through_execution_id": through_execution_id})
        reply = await self._call("POST", "/v1/sync", body)
        return SyncReply(reply["gateway_seq"], reply["through_execution_id"])

    async def kill(self, level: str, reason: str) -> Mapping[str, Any]:
        """Raise the stop level: no_entries, reduce_only, cancel_all or flatten."""
        body = orjson.dumps({"level": level, "reason": reason})
        return await self._call("POST", "/v1/kill", body)

    async def resume(self, reason: str) -> Mapping[str, Any]:
        """Lift the stop level."""
        return await self._call("POST", "/v1/resume", orjson.dumps({"reason": reason}))

    async def status(self) -> Mapping[str, Any]:
        """Trading state, connections, unresolved instruments, journal size."""
        return await self._call("GET", "/v1/status")

    async def instruments(self) -> list[Instrument]:
        """The venue's instruments with their trading rules."""
        reply = await self._call("GET", "/v1/instruments")
        return [Instrument.model_validate(row) for row in reply["instruments"]]

    async def klines(
        self, instrument_id: str, timeframe: str, *, start_at: datetime | None, limit: int = 1000
    ) -> list[Bar]:
        """Closed bars, ascending, from `start_at` on; at most 1,000."""
        query = f"instrument_id={instrument_id}&timeframe={timeframe}&limit={limit}"
        if start_at is not None:
            query += f"&start_at={start_at:%Y-%m-%dT%H:%M:%S}.{start_at.microsecond // 1000:03d}Z"
        reply = await self._call("GET", f"/v1/klines?{query}")
        return [Bar.model_validate(row) for row in reply["bars"]]

    @asynccontextmanager
    async def websocket(self, path: str) -> AsyncIterator[ClientConnection]:
        """A signed WebSocket connection to `path`."""
        url = self._base_url.replace("http://", "ws://", 1) + path
        headers = self._signer.headers("GET", path, b"")
        async with connect(
            url, additional_headers=headers, compression=None, max_size=None, proxy=None
        ) as socket:
            yield socket

    async def _call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        signed = {**self._signer.headers(method, path, body), **(headers or {})}
        if body:
            signed["Content-Type"] = "application/json"
        try:
            response = await self._http.request(method, path, content=body, headers=signed)
        except httpx2.TransportError as error:
            raise Connectivity(f"gateway not reached at {self._base_url}: {error}") from error
        if response.is_success:
            return dict(orjson.loads(response.content))
        raise _problem(response)


def _problem(response: httpx2.Response) -> ExecutionError:
    try:
        problem = orjson.loads(response.content)
        text = f"{problem.get('title', '')}: {problem.get('detail', '')}"
    except (orjson.JSONDecodeError, AttributeError):
        text = response.text[:200]
    if response.status_code in TRANSIENT_STATUS:
        return Connectivity(f"gateway answered {response.status_code}: {text}")
    return VenueRejected(f"gateway answered {response.status_code}: {text}")


def _order_reply(row: Mapping[str, Any]) -> OrderReply:
    children = tuple(
        (child["leg"], child["client_order_id"], OrderStatus(child["status"]))
        for child in row.get("children", ())
    )
    status = OrderStatus(row["status"])
    return OrderReply(row["client_order_id"], status, children, row.get("reason"))


async def until_reachable(call: Callable[[], Awaitable[T]]) -> T:
    """Repeat a call while the other side restarts; only for calls that are safe to repeat."""
    attempt = 0
    while True:
        try:
            return await call()
        except Connectivity:
            await asyncio.sleep(RETRY_PAUSES_S[min(attempt, len(RETRY_PAUSES_S) - 1)])
            attempt += 1


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
    """Closed bars in the order of the venue; forming bars are kept as the latest only."""

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
        return "/v1/market"

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "link":
            self.is_venue_connected = bool(message["connected"])
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


Approve = Callable[[int], tuple[ApprovedOrder, str]]


class OrderDesk:
    """Places approved orders and waits for what became of them (K9, K11).

    Every call is safe to repeat: the gateway knows an order by its idempotency key.
    """

    def __init__(self, client: GatewayClient) -> None:
        self._client = client

    async def place(self, approve: Approve) -> OrderReply:
        """Submit until the order is settled; NOT_SENT is tried again up to NOT_SENT_ATTEMPTS.

        `approve(attempt)` gives the order and its signature for that attempt.
        """
        attempt = 0
        while True:
            reply = await self._submit(*approve(attempt))
            if not reply.is_settled:
                reply = await self._settled(reply.client_order_id)
            attempt += 1
            if reply.status is not OrderStatus.NOT_SENT or attempt == NOT_SENT_ATTEMPTS:
                return reply

    async def cancel(self, client_order_id: str) -> OrderReply:
        """Cancel and wait until the order is no longer open."""
        reply = await until_reachable(lambda: self._client.cancel(client_order_id))
        while not reply.status.is_terminal:
            await asyncio.sleep(RETRY_PAUSES_S[0])
            reply = await until_reachable(lambda: self._client.order(client_order_id))
        return reply

    async def _submit(self, approved: ApprovedOrder, signature: str) -> OrderReply:
        return await until_reachable(lambda: self._client.submit(approved, signature))

    async def _settled(self, client_order_id: str) -> OrderReply:
        return await until_reachable(lambda: self._client.settled(client_order_id))
