"""Signed HTTP and WebSocket client of the gateway (docs/concepts/interfaces.md section 3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect

from trading_models.base import (
    ApprovedOrder,
    Bar,
    Connectivity,
    ExecutionError,
    Instrument,
    OrderStatus,
    VenueRejected,
)
from trading_models.security import RequestSigner

T = TypeVar("T")

# A gateway that restarts is back within seconds; asking more often gains nothing.
RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)
SETTLE_MS = 5_000
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
