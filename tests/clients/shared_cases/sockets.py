"""WebSocket API calls and streams through the client's own socket methods."""

from __future__ import annotations

import queue
from typing import Any

from support.cases import Registry, expect, expect_equal
from support.context import Context

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


def api(r: Registry) -> None:
    """WebSocket API: the same answers as REST."""
    public: dict[str, dict[str, Any]] = {
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
    signed: dict[str, dict[str, Any]] = {
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

    for method, words in {**public, **signed}.items():
        call = f"WS {method}"
        if not r.offers(call):
            r.has_no(call, "no method")
            continue

        @r.case(f"ws-{method}")
        def read(ctx: Context, call: str = call, words: dict[str, Any] = words) -> None:
            answer = ctx.call(call, **words)
            expect(answer is not None, "no answer")

    if r.offers("WS order.place"):

        @r.case("ws-order-life", ["LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"])
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

        @r.case("ws-market")
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

        @r.case("ws-cancel-all")
        def cancel_all(ctx: Context) -> None:
            ctx.order()
            answer = ctx.call("WS openOrders.cancelAll", symbol=ctx.symbol)
            expect_equal(len(answer), 1)

        @r.case("ws-refused")
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


def streams(r: Registry) -> None:
    """Every stream of which the client has a subscription method."""
    for name, (pattern, key, value) in STREAMS.items():
        if not r.offers(f"STREAM {name}"):
            r.has_no(f"STREAM {name}", "no method")
            continue

        @r.case(f"stream-{name}")
        def receive(
            ctx: Context,
            name: str = name,
            pattern: str = pattern,
            key: str = key,
            value: str | None = value,
        ) -> None:
            stream = ctx.call(f"STREAM {name}", stream=pattern.format(s=ctx.symbol.lower()))
            try:
                seen: list[Any] = []
                for _ in range(40):
                    ctx.control.advance(200)
                    try:
                        seen.append(stream.next(0.5))
                    except queue.Empty:
                        continue
                    if check(seen[-1], key, value):
                        return
                expect(False, f"no {name} message; first of {len(seen)}: {seen[:1]}")
            finally:
                stream.close()

    if r.offers("STREAM user"):

        @r.case("stream-user-order-life")
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


def register(r: Registry) -> None:
    """All cases over sockets."""
    api(r)
    streams(r)
