"""WebSocket API calls and streams through the client's own socket methods."""

from __future__ import annotations

import queue
from typing import Any

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()

STREAMS = {
    "trade": ("{s}@trade", "e", "trade"),
    "aggTrade": ("{s}@aggTrade", "e", "aggTrade"),
    "kline_1m": ("{s}@kline_1m", "e", "kline"),
    "kline_1s": ("{s}@kline_1s", "e", "kline"),
    "miniTicker": ("{s}@miniTicker", "e", "24hrMiniTicker"),
    "ticker": ("{s}@ticker", "e", "24hrTicker"),
    "bookTicker": ("{s}@bookTicker", "s", "BTCUSDT"),
    "depth": ("{s}@depth", "e", "depthUpdate"),
    "depth@100ms": ("{s}@depth@100ms", "e", "depthUpdate"),
    "depth5": ("{s}@depth5", "lastUpdateId", None),
    "depth20@100ms": ("{s}@depth20@100ms", "lastUpdateId", None),
    "ticker_1h": ("{s}@ticker_1h", "e", "1hTicker"),
    "ticker_4h": ("{s}@ticker_4h", "e", "4hTicker"),
    "avgPrice": ("{s}@avgPrice", "e", "avgPrice"),
    "!miniTicker@arr": ("!miniTicker@arr", "e", "24hrMiniTicker"),
}


# WebSocket API: the same answers as REST.
PUBLIC: dict[str, dict[str, Any]] = {
    "ping": {},
    "time": {},
    "exchangeInfo": {"symbol": "BTCUSDT"},
    "depth": {"symbol": "BTCUSDT", "limit": 5},
    "trades.recent": {"symbol": "BTCUSDT", "limit": 5},
    "trades.historical": {"symbol": "BTCUSDT", "limit": 5},
    "trades.aggregate": {"symbol": "BTCUSDT", "limit": 5},
    "klines": {"symbol": "BTCUSDT", "interval": "1m", "limit": 5},
    "uiKlines": {"symbol": "BTCUSDT", "interval": "1m", "limit": 5},
    "avgPrice": {"symbol": "BTCUSDT"},
    "ticker": {"symbol": "BTCUSDT", "windowSize": "1h"},
    "ticker.24hr": {"symbol": "BTCUSDT"},
    "ticker.tradingDay": {"symbol": "BTCUSDT"},
    "ticker.price": {"symbol": "BTCUSDT"},
    "ticker.book": {"symbol": "BTCUSDT"},
}
SIGNED: dict[str, dict[str, Any]] = {
    "account.status": {},
    "account.commission": {"symbol": "BTCUSDT"},
    "account.rateLimits.orders": {},
    "openOrders.status": {"symbol": "BTCUSDT"},
    "allOrders": {"symbol": "BTCUSDT"},
    "myTrades": {"symbol": "BTCUSDT"},
    "myPreventedMatches": {"symbol": "BTCUSDT", "orderId": 1},
    "myAllocations": {"symbol": "BTCUSDT"},
    "myFilters": {"symbol": "BTCUSDT"},
    "openOrderLists.status": {},
    "allOrderLists": {},
}


def reading(method: str, words: dict[str, Any]) -> None:
    """Declare the case of a call that only reads."""
    call = f"WS {method}"

    @CASES.case(f"ws-{method}", needs=call)
    def read(ctx: Context) -> None:
        expect(ctx.call(call, **words) is not None, "no answer")


for name, parameters in {**PUBLIC, **SIGNED}.items():
    reading(name, parameters)


@CASES.case(
    "ws-order-life",
    ["LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
    needs="WS order.place",
)
def life(ctx: Context, kind: str) -> None:
    words: dict[str, Any] = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": kind,
        "quantity": ctx.quantity(),
        "price": ctx.price(-150),
        "newClientOrderId": ctx.new_id(),
        "newOrderRespType": "RESULT",
    }
    if kind != "LIMIT_MAKER":
        words["timeInForce"] = "GTC"
    if kind.startswith(("STOP", "TAKE")):
        words["stopPrice"] = ctx.price(100 if kind.startswith("STOP") else -100)
    made = ctx.call("WS order.place", **words)
    expect_equal(made["status"], "NEW")
    found = ctx.call("WS order.status", symbol=ctx.symbol, orderId=made["orderId"])
    expect_equal(found["clientOrderId"], made["clientOrderId"])
    ended = ctx.call("WS order.cancel", symbol=ctx.symbol, orderId=made["orderId"])
    expect_equal(ended["status"], "CANCELED")


@CASES.case("ws-market", needs="WS order.place")
def market(ctx: Context) -> None:
    made = ctx.call(
        "WS order.place",
        symbol=ctx.symbol,
        side="BUY",
        type="MARKET",
        quantity=ctx.quantity(),
        newOrderRespType="FULL",
    )
    expect_equal(made["status"], "FILLED")


@CASES.case("ws-cancel-all", needs="WS order.place")
def cancel_all(ctx: Context) -> None:
    ctx.order()
    answer = ctx.call("WS openOrders.cancelAll", symbol=ctx.symbol)
    expect_equal(len(answer), 1)


@CASES.case("ws-refused", needs="WS order.place")
def refused(ctx: Context) -> None:
    ctx.refused(
        -1013,
        "WS order.place",
        symbol=ctx.symbol,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.00001",
        price=ctx.price(-100),
    )


def check(message: Any, key: str, value: str | None) -> bool:
    """Whether a message is of the wanted kind, raw or wrapped."""
    rows = message if isinstance(message, list) else [message]
    for row in rows:
        body = row.get("data", row) if isinstance(row, dict) else row
        body = body[0] if isinstance(body, list) else body
        if isinstance(body, dict) and key in body and value in (None, body[key]):
            return True
    return False


def receiving(name: str) -> None:
    """Declare the case of one market stream."""
    pattern, key, value = STREAMS[name]

    @CASES.case(f"stream-{name}", needs=f"STREAM {name}")
    def receive(ctx: Context) -> None:
        receive_one(ctx, name, pattern.format(s=ctx.symbol.lower()), (key, value))


def receive_one(ctx: Context, name: str, path: str, wanted: tuple[str, str | None]) -> None:
    """Subscribe, move the market, and wait for a message of the wanted kind."""
    stream = ctx.call(f"STREAM {name}", stream=path)
    try:
        seen: list[Any] = []
        for _ in range(40):
            ctx.control.advance(200)
            try:
                seen.append(stream.next(0.5))
            except queue.Empty:
                continue
            if check(seen[-1], *wanted):
                return
        expect(False, f"no {name} message; first of {len(seen)}: {seen[:1]}")
    finally:
        stream.close()


for stream_name in STREAMS:
    receiving(stream_name)


@CASES.case("stream-user-order-life", needs="STREAM user")
def user(ctx: Context) -> None:
    stream = ctx.call("STREAM user")
    try:
        made = ctx.order()
        ctx.call("DELETE /api/v3/order", symbol=ctx.symbol, orderId=made["orderId"])
        bought = ctx.order("BUY", "MARKET")
        kinds: list[tuple[str, str]] = []
        balances = 0
        while ("TRADE", bought["clientOrderId"]) not in kinds or not balances:
            message = stream.next()
            event = message.get("event", message)
            event = event.get("data", event)
            if event["e"] == "executionReport":
                kinds.append((event["x"], event["c"]))
            balances += event["e"] == "outboundAccountPosition"
        expect_equal(kinds[0], ("NEW", made["clientOrderId"]))
        expect_equal(kinds[1][0], "CANCELED")
    finally:
        stream.close()
