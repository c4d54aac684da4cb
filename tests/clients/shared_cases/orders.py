"""Placing, testing, cancelling, replacing and amending single orders."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support.adapter import Refused
from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()

TYPES = [
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
]
SIDES = ("BUY", "SELL")
ACK = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
RESULT = ACK | {
    "price",
    "origQty",
    "executedQty",
    "origQuoteOrderQty",
    "cummulativeQuoteQty",
    "status",
    "timeInForce",
    "type",
    "side",
    "workingTime",
    "selfTradePreventionMode",
}
CONDITIONAL = {"stopPrice", "workingTime", "trailingDelta", "trailingTime"}


# Seven types, both sides, three shapes of the answer.

COMBINATIONS = [
    (kind, side, shape) for kind in TYPES for side in SIDES for shape in ("ACK", "RESULT", "FULL")
]


@CASES.case("order", COMBINATIONS)
def order(ctx: Context, kind: str, side: str, shape: str) -> None:
    answer = ctx.order(side, kind, newOrderRespType=shape)
    fields = set(answer) - CONDITIONAL
    wanted = {"ACK": ACK, "RESULT": RESULT, "FULL": RESULT | {"fills"}}[shape]
    expect_equal(fields - {"fills"}, wanted - {"fills"} - CONDITIONAL, "fields")
    if shape == "FULL":
        expect_equal("fills" in answer, True, "fills")
    if kind == "MARKET" and shape != "ACK":
        expect_equal(answer["status"], "FILLED")
    elif shape != "ACK":
        expect_equal(answer["status"], "NEW")
    ctx.clean()


@CASES.case("order-default-shape", [("LIMIT", True), ("MARKET", True), ("STOP_LOSS", False)])
def default_shape(ctx: Context, kind: str, is_full: bool) -> None:
    answer = ctx.order("BUY", kind)
    expect_equal("status" in answer, is_full, "default answer")
    ctx.clean()


@CASES.case("market-quote", SIDES)
def by_quote(ctx: Context, side: str) -> None:
    answer = ctx.order(side, "MARKET", quoteOrderQty="150", newOrderRespType="FULL")
    spent = Decimal(str(answer["cummulativeQuoteQty"]))
    expect_equal(answer["status"], "FILLED")
    expect(Decimal(100) < spent <= Decimal(150), spent)


@CASES.case("market-fills-add-up", SIDES)
def fills(ctx: Context, side: str) -> None:
    answer = ctx.order(side, "MARKET", newOrderRespType="FULL")
    total = sum(Decimal(str(fill["qty"])) for fill in answer["fills"])
    expect_equal(total, Decimal(str(answer["executedQty"])))
    asset = ctx.symbol[:3] if side == "BUY" else ctx.symbol[3:]
    expect_equal({fill["commissionAsset"] for fill in answer["fills"]}, {asset})


@CASES.case("limit-time-in-force", ["GTC", "IOC", "FOK"])
def time_in_force(ctx: Context, word: str) -> None:
    answer = ctx.order("BUY", "LIMIT", timeInForce=word)
    expect_equal(answer["status"], "NEW" if word == "GTC" else "EXPIRED")
    ctx.clean()


@CASES.case("limit-crossing", ["GTC", "IOC", "FOK"])
def crossing(ctx: Context, word: str) -> None:
    answer = ctx.order("BUY", "LIMIT", timeInForce=word, price=ctx.price(20))
    expect_equal(answer["status"], "FILLED")


@CASES.case("trailing", [("STOP_LOSS", "SELL"), ("TAKE_PROFIT", "BUY")])
def trailing(ctx: Context, kind: str, side: str) -> None:
    words = {"symbol": ctx.symbol, "side": side, "type": kind, "quantity": ctx.quantity()}
    ctx.call("POST /api/v3/order", **words, trailingDelta=100, newClientOrderId=ctx.new_id())
    found = ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol)
    expect_equal(int(found[0]["trailingDelta"]), 100)
    ctx.clean()


@CASES.case("iceberg")
def iceberg(ctx: Context) -> None:
    answer = ctx.order(
        "BUY",
        "LIMIT",
        quantity=ctx.quantity(400),
        icebergQty=ctx.quantity(50),
        newOrderRespType="RESULT",
    )
    expect_equal(answer["status"], "NEW")
    found = ctx.call("GET /api/v3/order", symbol=ctx.symbol, orderId=answer["orderId"])
    expect(Decimal(str(found["icebergQty"])) > 0, found)
    ctx.clean()


@CASES.case("strategy")
def strategy(ctx: Context) -> None:
    ctx.order("BUY", "LIMIT", strategyId=7, strategyType=1_000_001)
    found = ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol)[0]
    expect_equal((int(found["strategyId"]), int(found["strategyType"])), (7, 1_000_001))
    ctx.clean()


@CASES.case("self-trade-prevention", ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])
def prevention(ctx: Context, mode: str) -> None:
    _, ask = ctx.top()
    ctx.order("SELL", "LIMIT", price=str(ask), selfTradePreventionMode=mode)
    answer = ctx.order(
        "BUY",
        "LIMIT",
        price=ctx.price(30),
        quantity=ctx.quantity(20_000),
        selfTradePreventionMode=mode,
        newOrderRespType="RESULT",
    )
    expect_equal(answer["selfTradePreventionMode"], mode)
    prevented = answer["status"] == "EXPIRED_IN_MATCH"
    if mode in ("NONE", "EXPIRE_MAKER"):
        expect_equal(prevented, False, "the taker lives")
    ctx.clean()


@CASES.case("order-test", TYPES)
def order_test(ctx: Context, kind: str) -> None:
    words: dict[str, Any] = {
        "symbol": ctx.symbol,
        "side": "SELL",
        "type": kind,
        "quantity": ctx.quantity(),
    }
    if kind.endswith("LIMIT") or kind == "LIMIT_MAKER":
        words["price"] = ctx.price(200)
    if kind.endswith("LIMIT"):
        words["timeInForce"] = "GTC"
    if kind.startswith(("STOP", "TAKE")):
        words["stopPrice"] = ctx.price(-100 if kind.startswith("STOP") else 100)
    ctx.call("POST /api/v3/order/test", **words)
    expect_equal(ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol), [], "nothing rests")


@CASES.case("order-test-commission")
def order_test_commission(ctx: Context) -> None:
    answer = ctx.call(
        "POST /api/v3/order/test",
        symbol=ctx.symbol,
        side="BUY",
        type="MARKET",
        quantity=ctx.quantity(),
        computeCommissionRates="true",
    )
    expect("standardCommissionForOrder" in answer, answer)


# By either id, with restrictions, all at once.


@CASES.case("cancel-by", ["orderId", "origClientOrderId"])
def cancel(ctx: Context, how: str) -> None:
    made = ctx.order()
    word = made["orderId"] if how == "orderId" else made["clientOrderId"]
    name = ctx.new_id()
    answer = ctx.call(
        "DELETE /api/v3/order", symbol=ctx.symbol, newClientOrderId=name, **{how: word}
    )
    expect_equal(answer["status"], "CANCELED")
    expect_equal(answer["origClientOrderId"], made["clientOrderId"])
    expect_equal(answer["clientOrderId"], name)


@CASES.case("cancel-restriction", ["ONLY_NEW", "ONLY_PARTIALLY_FILLED"])
def restriction(ctx: Context, word: str) -> None:
    made = ctx.order()
    words = {"symbol": ctx.symbol, "orderId": made["orderId"], "cancelRestrictions": word}
    if word == "ONLY_NEW":
        expect_equal(ctx.call("DELETE /api/v3/order", **words)["status"], "CANCELED")
    else:
        ctx.refused(-2011, "DELETE /api/v3/order", **words)
        ctx.clean()


@CASES.case("cancel-open-orders")
def cancel_all(ctx: Context) -> None:
    names = {ctx.order()["clientOrderId"] for _ in range(3)}
    answer = ctx.call("DELETE /api/v3/openOrders", symbol=ctx.symbol)
    expect_equal({item["origClientOrderId"] for item in answer}, names)
    expect_equal(ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol), [])


MODES = ("STOP_ON_FAILURE", "ALLOW_FAILURE")


def replacement(ctx: Context, mode: str, **words: Any) -> dict[str, Any]:
    return {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "cancelReplaceMode": mode,
        "timeInForce": "GTC",
        "quantity": ctx.quantity(),
        "price": ctx.price(-150),
        "newClientOrderId": ctx.new_id(),
        **words,
    }


@CASES.case("cancel-replace-both", MODES)
def replace_both(ctx: Context, mode: str) -> None:
    made = ctx.order()
    answer = ctx.call(
        "POST /api/v3/order/cancelReplace",
        **replacement(ctx, mode, cancelOrderId=made["orderId"]),
    )
    results = (answer["cancelResult"], answer["newOrderResult"])
    expect_equal(results, ("SUCCESS", "SUCCESS"))
    ctx.clean()


@CASES.case("cancel-replace-unknown", MODES)
def replace_unknown(ctx: Context, mode: str) -> None:
    words = replacement(ctx, mode, cancelOrigClientOrderId="nothing-like-it")
    code, status = (-2022, 400) if mode == "STOP_ON_FAILURE" else (-2021, 409)
    ctx.refused(code, "POST /api/v3/order/cancelReplace", status=status, **words)
    resting = ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol)
    expect_equal(len(resting), 0 if mode == "STOP_ON_FAILURE" else 1)
    if resting:
        ctx.clean()


@CASES.case("cancel-replace-new-refused", MODES)
def replace_refused(ctx: Context, mode: str) -> None:
    made = ctx.order()
    words = replacement(ctx, mode, cancelOrderId=made["orderId"], quantity=ctx.quantity(5_000_000))
    ctx.refused(-2021, "POST /api/v3/order/cancelReplace", status=409, **words)
    expect_equal(ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol), [])


@CASES.case("cancel-replace-both-fail")
def replace_none(ctx: Context) -> None:
    words = replacement(
        ctx,
        "ALLOW_FAILURE",
        cancelOrigClientOrderId="nothing-like-it",
        quantity=ctx.quantity(5_000_000),
    )
    ctx.refused(-2022, "POST /api/v3/order/cancelReplace", **words)


# amend/keepPriority: smaller only, the id may change, the history is kept.
AMEND = "PUT /api/v3/order/amend/keepPriority"


@CASES.case("amend", needs=AMEND)
def amend(ctx: Context) -> None:
    made = ctx.order(quantity=ctx.quantity(400))
    smaller = ctx.quantity(200)
    answer = ctx.call(AMEND, symbol=ctx.symbol, orderId=made["orderId"], newQty=smaller)
    expect_equal(Decimal(str(answer["amendedOrder"]["qty"])), Decimal(smaller))
    history = ctx.call("GET /api/v3/order/amendments", symbol=ctx.symbol, orderId=made["orderId"])
    expect_equal(len(history), 1)
    ctx.clean()


@CASES.case("amend-larger", needs=AMEND)
def larger(ctx: Context) -> None:
    made = ctx.order()
    try:
        ctx.call(AMEND, symbol=ctx.symbol, orderId=made["orderId"], newQty=ctx.quantity(900))
    except Refused as refusal:
        expect_equal(refusal.code, -2038)
    else:
        expect(False, "a larger quantity was accepted")
    ctx.clean()
