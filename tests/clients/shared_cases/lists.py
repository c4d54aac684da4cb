"""Order lists: OCO, OTO, OTOCO."""

from __future__ import annotations

from typing import Any

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()

SIDES = ("BUY", "SELL")


def legs(
    ctx: Context, side: str, prefix: str = "", kind: str = "STOP_LOSS_LIMIT"
) -> dict[str, Any]:
    """A target and a stop around the market, in the parameter names of a list."""
    above, below = ("LIMIT_MAKER", kind) if side == "SELL" else (kind, "LIMIT_MAKER")
    words: dict[str, Any] = {}
    for place, leg, distance in (("Above", above, 150), ("Below", below, -150)):
        key = f"{prefix}{place}" if prefix else place.lower()
        words[f"{key}Type"] = leg
        if leg == "LIMIT_MAKER":
            words[f"{key}Price"] = ctx.price(distance)
        else:
            words[f"{key}StopPrice"] = ctx.price(distance)
        if leg.endswith("_LIMIT"):
            words[f"{key}Price"] = ctx.price(distance)
            words[f"{key}TimeInForce"] = "GTC"
    return words


def oco(ctx: Context, side: str = "SELL", kind: str = "STOP_LOSS_LIMIT") -> Any:
    """Place an OCO away from the market."""
    return ctx.call(
        "POST /api/v3/orderList/oco",
        symbol=ctx.symbol,
        side=side,
        quantity=ctx.quantity(),
        listClientOrderId=ctx.new_id(),
        **legs(ctx, side, kind=kind),
    )


def working(ctx: Context, side: str, distance: int) -> dict[str, Any]:
    """The first order of an OTO or OTOCO."""
    return {
        "symbol": ctx.symbol,
        "listClientOrderId": ctx.new_id(),
        "workingType": "LIMIT",
        "workingSide": side,
        "workingPrice": ctx.price(distance),
        "workingQuantity": ctx.quantity(200),
        "workingTimeInForce": "GTC",
    }


@CASES.case("oco", [(side, kind) for side in SIDES for kind in ("STOP_LOSS", "STOP_LOSS_LIMIT")])
def place(ctx: Context, side: str, kind: str) -> None:
    answer = oco(ctx, side, kind)
    expect_equal(answer["contingencyType"], "OCO")
    expect_equal(
        (answer["listStatusType"], answer["listOrderStatus"]), ("EXEC_STARTED", "EXECUTING")
    )
    expect_equal(len(answer["orders"]), 2)
    ctx.clean()


@CASES.case("oco-take-profit-leg")
def take_profit(ctx: Context) -> None:
    words = {
        "aboveType": "TAKE_PROFIT",
        "aboveStopPrice": ctx.price(150),
        "belowType": "STOP_LOSS",
        "belowStopPrice": ctx.price(-150),
    }
    answer = ctx.call(
        "POST /api/v3/orderList/oco",
        symbol=ctx.symbol,
        side="SELL",
        quantity=ctx.quantity(),
        **words,
    )
    expect_equal(len(answer["orders"]), 2)
    ctx.clean()


@CASES.case("oco-wrong-order-of-prices")
def wrong(ctx: Context) -> None:
    words = {
        "aboveType": "LIMIT_MAKER",
        "abovePrice": ctx.price(-150),
        "belowType": "STOP_LOSS",
        "belowStopPrice": ctx.price(150),
    }
    ctx.refused(
        -2010,
        "POST /api/v3/orderList/oco",
        symbol=ctx.symbol,
        side="SELL",
        quantity=ctx.quantity(),
        **words,
    )


@CASES.case("oco-cancel-one-leg-ends-both")
def one_leg(ctx: Context) -> None:
    answer = oco(ctx)
    ctx.call("DELETE /api/v3/order", symbol=ctx.symbol, orderId=answer["orders"][0]["orderId"])
    expect_equal(ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol), [])


@CASES.case("list-cancel", ["orderListId", "listClientOrderId"])
def cancel(ctx: Context, how: str) -> None:
    answer = oco(ctx)
    ended = ctx.call("DELETE /api/v3/orderList", symbol=ctx.symbol, **{how: answer[how]})
    expect_equal((ended["listStatusType"], ended["listOrderStatus"]), ("ALL_DONE", "ALL_DONE"))
    expect_equal(len(ended["orderReports"]), 2)


@CASES.case("list-query", ["orderListId", "origClientOrderId"])
def query(ctx: Context, how: str) -> None:
    answer = oco(ctx)
    key = answer["orderListId"] if how == "orderListId" else answer["listClientOrderId"]
    found = ctx.call("GET /api/v3/orderList", **{how: key})
    expect_equal(int(found["orderListId"]), int(answer["orderListId"]))
    ctx.clean()


@CASES.case("list-open-and-all")
def listing(ctx: Context) -> None:
    answer = oco(ctx)
    wanted = int(answer["orderListId"])
    opened = ctx.call("GET /api/v3/openOrderList")
    expect(wanted in {int(item["orderListId"]) for item in opened}, opened)
    every = ctx.call("GET /api/v3/allOrderList")
    expect(wanted in {int(item["orderListId"]) for item in every})
    ctx.clean()
    expect_equal(ctx.call("GET /api/v3/openOrderList"), [])


@CASES.case("oto", [(side, is_filled) for side in SIDES for is_filled in (False, True)])
def oto(ctx: Context, side: str, is_filled: bool) -> None:
    toward = 30 if side == "BUY" else -30
    words = working(ctx, side, toward if is_filled else -toward * 5)
    other = "SELL" if side == "BUY" else "BUY"
    answer = ctx.call(
        "POST /api/v3/orderList/oto",
        **words,
        pendingType="LIMIT",
        pendingSide=other,
        pendingPrice=ctx.price(250 if other == "SELL" else -250),
        pendingQuantity=ctx.quantity(100),
        pendingTimeInForce="GTC",
    )
    expect_equal(answer["contingencyType"], "OTO")
    opened = ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol)
    states = sorted(item["status"] for item in opened)
    expect_equal(states, ["NEW"] if is_filled else ["NEW", "PENDING_NEW"])
    ctx.clean()


@CASES.case("otoco", [(side, is_filled) for side in SIDES for is_filled in (False, True)])
def otoco(ctx: Context, side: str, is_filled: bool) -> None:
    toward = 30 if side == "BUY" else -30
    other = "SELL" if side == "BUY" else "BUY"
    words = working(ctx, side, toward if is_filled else -toward * 5)
    answer = ctx.call(
        "POST /api/v3/orderList/otoco",
        **words,
        pendingSide=other,
        pendingQuantity=ctx.quantity(100),
        **legs(ctx, other, "pending"),
    )
    expect_equal(len(answer["orders"]), 3)
    opened = ctx.call("GET /api/v3/openOrders", symbol=ctx.symbol)
    states = sorted(item["status"] for item in opened)
    wanted = ["NEW", "NEW"] if is_filled else ["NEW", "PENDING_NEW", "PENDING_NEW"]
    expect_equal(states, wanted)
    ctx.clean()
