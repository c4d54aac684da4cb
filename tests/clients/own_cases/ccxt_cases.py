"""ccxt: the unified methods, its exception classes, and ccxt.pro."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt
import ccxt.pro
from adapters.ccxt_rest import configure, options
from support.cases import Registry, expect, expect_equal, expect_raises
from support.context import Context

SYMBOL = "BTC/USDT"


def unified(r: Registry) -> None:
    """What a bot written for ccxt calls."""

    @r.case("load-markets")
    def markets(ctx: Context) -> None:
        found = ctx.adapter.client.load_markets(reload=True)
        market = found[SYMBOL]
        expect(market["spot"] and market["active"], market)
        expect_equal(str(market["precision"]["price"]), "0.01")

    @r.case(
        "fetch",
        [
            "fetch_ticker",
            "fetch_order_book",
            "fetch_trades",
            "fetch_ohlcv",
            "fetch_bids_asks",
            "fetch_tickers",
            "fetch_last_prices",
        ],
    )
    def fetch(ctx: Context, method: str) -> None:
        many = method in ("fetch_bids_asks", "fetch_tickers", "fetch_last_prices")
        answer = getattr(ctx.adapter.client, method)([SYMBOL] if many else SYMBOL)
        expect(answer, "nothing")

    @r.case("fetch-account", ["fetch_balance", "fetch_trading_fee"])
    def account(ctx: Context, method: str) -> None:
        words = [SYMBOL] if method == "fetch_trading_fee" else []
        expect(getattr(ctx.adapter.client, method)(*words), "nothing")

    @r.case("order-life", ["limit", "post_only", "stop_loss", "take_profit"])
    def life(ctx: Context, kind: str) -> None:
        client = ctx.adapter.client
        words: dict[str, Any] = {
            "limit": {},
            "post_only": {"postOnly": True},
            "stop_loss": {"stopLossPrice": float(ctx.price(150))},
            "take_profit": {"takeProfitPrice": float(ctx.price(-150))},
        }[kind]
        made = client.create_order(
            SYMBOL, "limit", "buy", float(ctx.quantity()), float(ctx.price(-160)), words
        )
        found = client.fetch_order(made["id"], SYMBOL)
        expect_equal(found["status"], "open")
        expect_equal(len(client.fetch_open_orders(SYMBOL)), 1)
        ended = client.cancel_order(made["id"], SYMBOL)
        expect_equal(ended["status"], "canceled")

    @r.case("market-order", ["buy", "sell"])
    def market(ctx: Context, side: str) -> None:
        made = ctx.adapter.client.create_order(SYMBOL, "market", side, float(ctx.quantity()))
        expect_equal(made["status"], "closed")
        expect(made["fee"] or made["fees"], made)

    @r.case("market-buy-with-cost")
    def cost(ctx: Context) -> None:
        made = ctx.adapter.client.create_market_buy_order_with_cost(SYMBOL, 100)
        expect(90 < made["cost"] <= 100, made["cost"])

    @r.case("edit-order")
    def edit(ctx: Context) -> None:
        client = ctx.adapter.client
        made = client.create_order(
            SYMBOL, "limit", "buy", float(ctx.quantity()), float(ctx.price(-150))
        )
        again = client.edit_order(
            made["id"], SYMBOL, "limit", "buy", float(ctx.quantity()), float(ctx.price(-170))
        )
        expect(again["id"] != made["id"], again)
        ctx.clean()

    @r.case(
        "history",
        ["fetch_my_trades", "fetch_orders", "fetch_closed_orders", "fetch_canceled_orders"],
    )
    def history(ctx: Context, method: str) -> None:
        ctx.order("BUY", "MARKET")
        expect(isinstance(getattr(ctx.adapter.client, method)(SYMBOL), list))

    @r.case("cancel-all")
    def cancel_all(ctx: Context) -> None:
        ctx.order()
        ctx.adapter.client.cancel_all_orders(SYMBOL)
        expect_equal(ctx.adapter.client.fetch_open_orders(SYMBOL), [])


def classes(r: Registry) -> None:
    """Our codes become the exceptions that bots catch."""

    @r.case("class-order-not-found")
    def not_found(ctx: Context) -> None:
        client = ctx.adapter.client
        expect_raises(ccxt.OrderNotFound, lambda: client.fetch_order("987654321", SYMBOL))

    @r.case("class-insufficient-funds")
    def poor(ctx: Context) -> None:
        client = ctx.adapter.client
        amount, price = float(ctx.quantity(500_000_000)), float(ctx.price(-100))
        expect_raises(
            ccxt.InsufficientFunds,
            lambda: client.create_order(SYMBOL, "limit", "buy", amount, price),
        )

    @r.case("class-invalid-order")
    def invalid(ctx: Context) -> None:
        client, price = ctx.adapter.client, float(ctx.price(-100))
        expect_raises(
            ccxt.InvalidOrder, lambda: client.create_order(SYMBOL, "limit", "buy", 0.00001, price)
        )

    @r.case("class-authentication")
    def authentication(ctx: Context) -> None:
        other = ctx.adapter.with_account("stranger")
        expect_raises(ccxt.AuthenticationError, other.client.fetch_balance)

    faults = [
        ("too_many_requests", ccxt.RateLimitExceeded),
        ("ban", ccxt.DDoSProtection),
        ("server_error", ccxt.ExchangeNotAvailable),
        ("waf", ccxt.ExchangeError),
    ]

    @r.case("class-of-fault", [name for name, _ in faults])
    def fault(ctx: Context, name: str) -> None:
        rule = {
            "id": f"case-{name}",
            "fault": name,
            "endpoint": "GET /api/v3/ticker/price",
            "skip": 0,
            "count": 1,
        }
        ctx.control.faults([rule])
        call = lambda: ctx.adapter.client.public_get_ticker_price({"symbol": ctx.symbol})  # noqa: E731
        expect_raises((ccxt.BaseError,) if name == "waf" else dict(faults)[name], call)


def pro(r: Registry) -> None:
    """ccxt.pro: watching, and orders over the WebSocket API."""

    def with_client(work: Callable[[Context, Any], Awaitable[None]]) -> Callable[[Context], Any]:
        async def body(ctx: Context) -> None:
            client = configure(ccxt.pro.binance(options(ctx.endpoints, "main")), ctx.endpoints)
            try:
                await client.load_markets()
                await work(ctx, client)
            finally:
                await client.close()

        return body

    async def first(ctx: Context, watching: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(watching)
        for _ in range(60):
            await asyncio.to_thread(ctx.control.advance, 200)
            done, _pending = await asyncio.wait([task], timeout=0.3)
            if done:
                return task.result()
        task.cancel()
        raise AssertionError("nothing came")

    for method in (
        "watch_ticker",
        "watch_trades",
        "watch_order_book",
        "watch_ohlcv",
        "watch_bids_asks",
    ):

        async def watch(ctx: Context, client: Any, method: str = method) -> None:
            words = [SYMBOL] if method == "watch_bids_asks" else SYMBOL
            expect(await first(ctx, getattr(client, method)(words)), "nothing")

        r.case(method.replace("_", "-"))(with_client(watch))

    for method in ("watch_orders", "watch_my_trades", "watch_balance"):

        async def private(ctx: Context, client: Any, method: str = method) -> None:
            task = asyncio.ensure_future(getattr(client, method)())
            for _ in range(40):
                await asyncio.to_thread(ctx.order, "BUY", "MARKET")
                done, _pending = await asyncio.wait([task], timeout=0.5)
                if done:
                    expect(task.result(), "nothing")
                    return
            task.cancel()
            raise AssertionError("nothing came")

        r.case(method.replace("_", "-"))(with_client(private))

    async def order_life(ctx: Context, client: Any) -> None:
        made = await client.create_order_ws(
            SYMBOL, "limit", "buy", float(ctx.quantity()), float(ctx.price(-160))
        )
        found = await client.fetch_order_ws(made["id"], SYMBOL)
        expect_equal(found["status"], "open")
        expect_equal(len(await client.fetch_open_orders_ws(SYMBOL)), 1)
        ended = await client.cancel_order_ws(made["id"], SYMBOL)
        expect_equal(ended["status"], "canceled")

    r.case("ws-order-life")(with_client(order_life))

    for method in (
        "fetch_balance_ws",
        "fetch_my_trades_ws",
        "fetch_orders_ws",
        "fetch_ticker_ws",
        "fetch_ohlcv_ws",
        "fetch_order_book_ws",
        "cancel_all_orders_ws",
    ):

        async def ask(ctx: Context, client: Any, method: str = method) -> None:
            if method == "cancel_all_orders_ws":
                await asyncio.to_thread(ctx.order)
            words = [] if method == "fetch_balance_ws" else [SYMBOL]
            expect(await getattr(client, method)(*words) is not None)

        r.case(method.replace("_", "-"))(with_client(ask))


def register(r: Registry) -> None:
    """All cases of ccxt's own surface."""
    unified(r)
    classes(r)
    pro(r)
