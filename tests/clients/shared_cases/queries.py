"""Account, orders and trades: each legal combination of parameters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()


# Order queries.


@CASES.case("query-by", ["orderId", "origClientOrderId"])
def query(ctx: Context, how: str) -> None:
    made = ctx.order()
    key = made["orderId"] if how == "orderId" else made["clientOrderId"]
    found = ctx.call("GET /api/v3/order", symbol=ctx.symbol, **{how: key})
    expect_equal(int(found["orderId"]), int(made["orderId"]))
    expect_equal(found["status"], "NEW")
    ctx.clean()


@CASES.case("open-orders", [True, False])
def opened(ctx: Context, by_symbol: bool) -> None:
    made = ctx.order()
    words = {"symbol": ctx.symbol} if by_symbol else {}
    found = ctx.call("GET /api/v3/openOrders", **words)
    expect_equal([item["clientOrderId"] for item in found], [made["clientOrderId"]])
    ctx.clean()


@CASES.case("all-orders-limit", [1, 10, 1000])
def limited(ctx: Context, limit: int) -> None:
    ctx.order()
    ctx.clean()
    found = ctx.call("GET /api/v3/allOrders", symbol=ctx.symbol, limit=limit)
    expect(0 < len(found) <= limit, len(found))


@CASES.case("all-orders-from-id")
def from_id(ctx: Context) -> None:
    first = int(ctx.order()["orderId"])
    second = int(ctx.order()["orderId"])
    ctx.clean()
    found = ctx.call("GET /api/v3/allOrders", symbol=ctx.symbol, orderId=first)
    ids = [int(item["orderId"]) for item in found]
    expect_equal(ids[:1], [first], "orderId is inclusive")
    expect(second in ids, ids)


@CASES.case("all-orders-times")
def times(ctx: Context) -> None:
    made = ctx.order("BUY", "LIMIT", newOrderRespType="RESULT")
    at = int(made["transactTime"])
    ctx.clean()
    found = ctx.call("GET /api/v3/allOrders", symbol=ctx.symbol, startTime=at, endTime=at)
    expect(made["clientOrderId"] in {item["clientOrderId"] for item in found}, found)


@CASES.case("all-orders-range-too-long")
def too_long(ctx: Context) -> None:
    day = 86_400_000
    ctx.refused(-1127, "GET /api/v3/allOrders", symbol=ctx.symbol, startTime=day, endTime=3 * day)


# Own trades.


def traded(ctx: Context) -> Any:
    return ctx.order("BUY", "MARKET", newOrderRespType="FULL")


@CASES.case("my-trades", ["symbol", "orderId", "fromId", "orderId-fromId", "times", "limit"])
def my_trades(ctx: Context, shape: str) -> None:
    made = traded(ctx)
    first = int(made["fills"][0]["tradeId"])
    at = int(made["transactTime"])
    words: dict[str, Any] = {
        "symbol": {},
        "orderId": {"orderId": made["orderId"]},
        "fromId": {"fromId": first},
        "orderId-fromId": {"orderId": made["orderId"], "fromId": first},
        "times": {"startTime": at, "endTime": at},
        "limit": {"limit": 1000},
    }[shape]
    found = ctx.call("GET /api/v3/myTrades", symbol=ctx.symbol, **words)
    ids = [int(item["id"]) for item in found]
    expect(first in ids, (first, ids))
    if shape in ("orderId", "orderId-fromId"):
        expect_equal({int(item["orderId"]) for item in found}, {int(made["orderId"])})


@CASES.case("my-trades-illegal", ["orderId-times", "fromId-times"])
def illegal(ctx: Context, shape: str) -> None:
    key = shape.split("-", maxsplit=1)[0]
    ctx.refused(
        -1128, "GET /api/v3/myTrades", symbol=ctx.symbol, startTime=1, endTime=2, **{key: 1}
    )


@CASES.case("my-trades-sum")
def sums(ctx: Context) -> None:
    made = traded(ctx)
    found = ctx.call("GET /api/v3/myTrades", symbol=ctx.symbol, orderId=made["orderId"])
    total = sum(Decimal(str(item["qty"])) for item in found)
    expect_equal(total, Decimal(str(made["executedQty"])))


@CASES.case("prevented-matches")
def prevented(ctx: Context) -> None:
    _, ask = ctx.top()
    maker = ctx.order("SELL", "LIMIT", price=str(ask))
    ctx.order(
        "BUY",
        "LIMIT",
        price=ctx.price(30),
        quantity=ctx.quantity(100_000),
        selfTradePreventionMode="EXPIRE_MAKER",
    )
    found = ctx.call("GET /api/v3/myPreventedMatches", symbol=ctx.symbol, orderId=maker["orderId"])
    expect(isinstance(found, list), found)
    ctx.clean()


@CASES.case("allocations")
def allocations(ctx: Context) -> None:
    expect_equal(ctx.call("GET /api/v3/myAllocations", symbol=ctx.symbol), [])


# Funds, fees, counts.


@CASES.case("account")
def whole(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/account")
    truth = ctx.control.ledger("main")["balances"]
    told = {
        row["asset"]: Decimal(str(row["free"])) + Decimal(str(row["locked"]))
        for row in answer["balances"]
    }
    for asset, row in truth.items():
        expect_equal(told[asset], Decimal(row["free"]) + Decimal(row["locked"]), asset)


@CASES.case("account-omit-zero")
def omit_zero(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/account", omitZeroBalances="true")
    for row in answer["balances"]:
        expect(Decimal(str(row["free"])) + Decimal(str(row["locked"])) > 0, row)


@CASES.case("account-locks-funds")
def locks(ctx: Context) -> None:
    quote = ctx.symbol[3:]
    made = ctx.order("BUY", "LIMIT")
    rows = {row["asset"]: row for row in ctx.call("GET /api/v3/account")["balances"]}
    wanted = Decimal(str(made["price"])) * Decimal(str(made["origQty"]))
    expect_equal(Decimal(str(rows[quote]["locked"])), wanted)
    ctx.clean()


@CASES.case("commission")
def commission(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/account/commission", symbol=ctx.symbol)
    expect_equal(answer["symbol"], ctx.symbol)
    expect(Decimal(str(answer["standardCommission"]["taker"])) > 0, answer)


@CASES.case("order-count")
def count(ctx: Context) -> None:
    before = {row["interval"]: int(row["count"]) for row in ctx.call("GET /api/v3/rateLimit/order")}
    ctx.order()
    after = {row["interval"]: int(row["count"]) for row in ctx.call("GET /api/v3/rateLimit/order")}
    expect_equal(after["DAY"], before["DAY"] + 1)
    ctx.clean()


@CASES.case("my-filters", needs="GET /api/v3/myFilters")
def my_filters(ctx: Context) -> None:
    ctx.call("GET /api/v3/myFilters", symbol=ctx.symbol)
