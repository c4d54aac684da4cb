"""The order desk: approved orders, placed and followed to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from trading_models.base import ApprovedOrder, OrderStatus
from trading_models.execution.client import (
    RETRY_PAUSES_S,
    GatewayClient,
    OrderReply,
    until_reachable,
)

NOT_SENT_ATTEMPTS = 5

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
