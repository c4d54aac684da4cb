"""ccxt: the unified methods, its exception classes, and ccxt.pro."""

from __future__ import annotations

from typing import Any

import ccxt
from support.cases import Collection, expect, expect_equal, expect_raises
from support.context import Context

CASES = Collection()

SYMBOL = "BTC/USDT"


# What a bot written for ccxt calls.


@CASES.case("load-markets")
def markets(ctx: Context) -> None:
    found = ctx.adapter.client.load_markets(reload=True)
    market = found[SYMBOL]
    expect(market["spot"] and market["active"], market)
    expect_equal(str(market["precision"]["price"]), "0.01")


@CASES.case(
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


@CASES.case("fetch-balance")
def account(ctx: Context) -> None:
    expect(ctx.adapter.client.fetch_balance()["USDT"]["total"] > 0, "nothing")


@CASES.case("order-life", ["limit", "post_only", "stop_loss", "take_profit"])
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


@CASES.case("market-order", ["buy", "sell"])
def market(ctx: Context, side: str) -> None:
    made = ctx.adapter.client.create_order(SYMBOL, "market", side, float(ctx.quantity()))
    expect_equal(made["status"], "closed")
    expect(made["fee"] or made["fees"], made)


@CASES.case("market-buy-with-cost")
def cost(ctx: Context) -> None:
    made = ctx.adapter.client.create_market_buy_order_with_cost(SYMBOL, 100)
    expect(90 < made["cost"] <= 100, made["cost"])


@CASES.case("edit-order")
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


@CASES.case(
    "history",
    ["fetch_my_trades", "fetch_orders", "fetch_closed_orders", "fetch_canceled_orders"],
)
def history(ctx: Context, method: str) -> None:
    ctx.order("BUY", "MARKET")
    expect(isinstance(getattr(ctx.adapter.client, method)(SYMBOL), list))


@CASES.case("cancel-all")
def cancel_all(ctx: Context) -> None:
    ctx.order()
    ctx.adapter.client.cancel_all_orders(SYMBOL)
    expect_equal(ctx.adapter.client.fetch_open_orders(SYMBOL), [])


# Our codes become the exceptions that bots catch.


@CASES.case("class-order-not-found")
def not_found(ctx: Context) -> None:
    client = ctx.adapter.client
    expect_raises(ccxt.OrderNotFound, lambda: client.fetch_order("987654321", SYMBOL))


@CASES.case("class-insufficient-funds")
def poor(ctx: Context) -> None:
    client = ctx.adapter.client
    amount, price = float(ctx.quantity(5_000_000)), float(ctx.price(-100))
    expect_raises(
        ccxt.InsufficientFunds,
        lambda: client.create_order(SYMBOL, "limit", "buy", amount, price),
    )


@CASES.case("class-invalid-order")
def invalid(ctx: Context) -> None:
    client, price = ctx.adapter.client, float(ctx.price(-100))
    # ccxt makes BadRequest of -1013 on spot and InvalidOrder of the -2010 of the engine.
    expect_raises(
        ccxt.BadRequest, lambda: client.create_order(SYMBOL, "limit", "buy", 0.00001, price)
    )
    expect_raises(
        ccxt.InvalidOrder,
        lambda: client.create_order(SYMBOL, "limit", "buy", 0.01, price, {"stopLossPrice": 1.0}),
    )


@CASES.case("class-authentication")
def authentication(ctx: Context) -> None:
    other = ctx.adapter.with_account("stranger")
    expect_raises(ccxt.AuthenticationError, other.client.fetch_balance)


faults = [
    ("too_many_requests", ccxt.RateLimitExceeded),
    ("ban", ccxt.DDoSProtection),
    ("server_error", ccxt.ExchangeNotAvailable),
    ("waf", ccxt.ExchangeError),
]


@CASES.case("class-of-fault", [name for name, _ in faults])
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
