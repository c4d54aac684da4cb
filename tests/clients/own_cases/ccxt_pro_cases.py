"""ccxt.pro: watching, and orders over the WebSocket API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import ccxt.pro
from adapters.ccxt_rest import configure, options
from support.cases import Collection, Failed, expect, expect_equal
from support.context import Context

CASES = Collection()
SYMBOL = "BTC/USDT"
Work = Callable[[Context, Any], Awaitable[None]]


def with_client(work: Work) -> Callable[[Context], Coroutine[Any, Any, None]]:
    """Give the case a client of its own and close it."""

    async def body(ctx: Context) -> None:
        client = configure(ccxt.pro.binance(options(ctx.endpoints, "main")), ctx.endpoints)
        try:
            await client.load_markets()
            await work(ctx, client)
        finally:
            await client.close()

    return body


async def first(watching: Awaitable[Any], move: Callable[[], Any]) -> Any:
    """What a watch brings while the market or the account is moved."""
    task = asyncio.ensure_future(watching)
    for _ in range(60):
        await asyncio.to_thread(move)
        done, _pending = await asyncio.wait([task], timeout=0.3)
        if done:
            return task.result()
    task.cancel()
    raise Failed("nothing came")


def watching(method: str) -> None:
    """Declare the case of a public watch."""

    async def watch(ctx: Context, client: Any) -> None:
        words = [SYMBOL] if method == "watch_bids_asks" else SYMBOL
        found = await first(getattr(client, method)(words), lambda: ctx.control.advance(200))
        expect(found, "nothing")

    CASES.case(method.replace("_", "-"))(with_client(watch))


def watching_own(method: str) -> None:
    """Declare the case of a watch on the account."""

    async def watch(ctx: Context, client: Any) -> None:
        expect(await first(getattr(client, method)(), lambda: ctx.order("BUY", "MARKET")))

    CASES.case(method.replace("_", "-"))(with_client(watch))


def asking(method: str) -> None:
    """Declare the case of a question over the WebSocket API."""

    async def ask(ctx: Context, client: Any) -> None:
        if method == "cancel_all_orders_ws":
            await asyncio.to_thread(ctx.order)
        words = [] if method == "fetch_balance_ws" else [SYMBOL]
        expect(await getattr(client, method)(*words) is not None)

    CASES.case(method.replace("_", "-"))(with_client(ask))


for name in ("ticker", "trades", "order_book", "ohlcv", "bids_asks"):
    watching(f"watch_{name}")
for name in ("orders", "my_trades", "balance"):
    watching_own(f"watch_{name}")
for name in ("balance", "my_trades", "orders", "ohlcv"):
    asking(f"fetch_{name}_ws")
asking("cancel_all_orders_ws")


async def order_life(ctx: Context, client: Any) -> None:
    """Place, read, list and cancel over the WebSocket API."""
    amount, price = float(ctx.quantity()), float(ctx.price(-160))
    made = await client.create_order_ws(SYMBOL, "limit", "buy", amount, price)
    found = await client.fetch_order_ws(made["id"], SYMBOL)
    expect_equal(found["status"], "open")
    expect_equal(len(await client.fetch_open_orders_ws(SYMBOL)), 1)
    ended = await client.cancel_order_ws(made["id"], SYMBOL)
    expect_equal(ended["status"], "canceled")


CASES.case("ws-order-life")(with_client(order_life))
