"""Refusals as each client sees them: the code, the status, the class."""

from __future__ import annotations

from typing import Any

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()


# Bad input.


@CASES.case(
    "refused-order",
    [
        ("quantity", "0.000001", -1013),
        ("quantity", "0", -1013),
        ("quantity", "0.0000000001", -1111),
        ("price", "0.001", -1013),
        ("quantity", "100", -2010),
        ("quantity", "-1", -1100),
        ("price", "abc", -1100),
        ("type", "NONSENSE", -1116),
        ("side", "HOLD", -1117),
        ("timeInForce", "DAY", -1115),
        ("symbol", "NOSUCH", -1121),
        ("newClientOrderId", "not.legal", -1100),
        ("newClientOrderId", "x" * 37, -1100),
        ("icebergQty", "0.00001", -1013),
    ],
)
def order(ctx: Context, name: str, value: str, code: int) -> None:
    words = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": ctx.quantity(),
        "price": ctx.price(-100),
        name: value,
    }
    ctx.refused(code, "POST /api/v3/order", **words)


@CASES.case("missing-order-parameter", ["timeInForce", "quantity", "price"])
def missing(ctx: Context, name: str) -> None:
    words = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": ctx.quantity(),
        "price": ctx.price(-100),
    }
    words.pop(name)
    # Two clients fill these in before they send; then the venue sees a full request.
    if name != "timeInForce" or ctx.adapter.name != "ccxt":
        ctx.refused(-1102, "POST /api/v3/order", **words)


@CASES.case(
    "field-not-needed", [("MARKET", "price"), ("MARKET", "timeInForce"), ("LIMIT", "stopPrice")]
)
def unneeded(ctx: Context, kind: str, name: str) -> None:
    words: dict[str, Any] = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": kind,
        "quantity": ctx.quantity(),
    }
    if kind == "LIMIT":
        words |= {"timeInForce": "GTC", "price": ctx.price(-100)}
    words[name] = {"timeInForce": "GTC"}.get(name, ctx.price(-100))
    code = -1114 if name == "timeInForce" else -1106
    ctx.refused(code, "POST /api/v3/order", **words)


@CASES.case("minimum-notional")
def notional(ctx: Context) -> None:
    refusal = ctx.refused(
        -1013,
        "POST /api/v3/order",
        symbol=ctx.symbol,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.00001",
        price=ctx.price(-100),
    )
    expect("NOTIONAL" in refusal.message, refusal.message)


@CASES.case("interval-unknown")
def interval(ctx: Context) -> None:
    ctx.refused(-1120, "GET /api/v3/klines", symbol=ctx.symbol, interval="7m")


@CASES.case("symbol-unknown", ["depth", "trades", "avgPrice", "ticker/24hr"])
def symbol(ctx: Context, path: str) -> None:
    ctx.refused(-1121, f"GET /api/v3/{path}", symbol="NOSUCH")


# Orders that are not there, or may not be.


@CASES.case("order-not-found", [("GET", -2013), ("DELETE", -2011)])
def not_found(ctx: Context, verb: str, code: int) -> None:
    ctx.refused(code, f"{verb} /api/v3/order", symbol=ctx.symbol, orderId=987_654_321)


@CASES.case("duplicate-client-order-id")
def duplicate(ctx: Context) -> None:
    made = ctx.order()
    words = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": ctx.quantity(),
        "price": ctx.price(-100),
    }
    refusal = ctx.refused(
        -2010, "POST /api/v3/order", **words, newClientOrderId=made["clientOrderId"]
    )
    expect("Duplicate order sent." in refusal.message, refusal.message)
    ctx.clean()


@CASES.case("client-order-id-free-after-the-end")
def again(ctx: Context) -> None:
    made = ctx.order()
    ctx.clean()
    ctx.order(newClientOrderId=made["clientOrderId"])
    ctx.clean()


@CASES.case("insufficient-balance")
def poor(ctx: Context) -> None:
    words = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": ctx.quantity(5_000_000),
        "price": ctx.price(-100),
    }
    refusal = ctx.refused(-2010, "POST /api/v3/order", **words)
    expect("insufficient balance" in refusal.message, refusal.message)


@CASES.case("would-take")
def would_take(ctx: Context) -> None:
    words = {
        "symbol": ctx.symbol,
        "side": "BUY",
        "type": "LIMIT_MAKER",
        "quantity": ctx.quantity(),
        "price": ctx.price(100),
    }
    refusal = ctx.refused(-2010, "POST /api/v3/order", **words)
    expect("immediately match and take" in refusal.message, refusal.message)


@CASES.case("would-trigger", [("STOP_LOSS", "BUY"), ("TAKE_PROFIT", "SELL")])
def would_trigger(ctx: Context, kind: str, side: str) -> None:
    words = {
        "symbol": ctx.symbol,
        "side": side,
        "type": kind,
        "quantity": ctx.quantity(),
        "stopPrice": ctx.price(-100),
    }
    ctx.refused(-2010, "POST /api/v3/order", **words)


@CASES.case("symbol-status", ["HALT", "BREAK", "CANCEL_ONLY"])
def status(ctx: Context, word: str) -> None:
    made = ctx.order()
    ctx.control.symbol_status(ctx.symbol, word)
    try:
        words = {
            "symbol": ctx.symbol,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": ctx.quantity(),
            "price": ctx.price(-100),
        }
        ctx.refused(-2010, "POST /api/v3/order", **words)
        if word == "CANCEL_ONLY":
            ctx.call("DELETE /api/v3/order", symbol=ctx.symbol, orderId=made["orderId"])
    finally:
        ctx.control.symbol_status(ctx.symbol, "TRADING")
    if word != "CANCEL_ONLY":
        ctx.clean()


# Keys and signatures.


@CASES.case("wrong-secret")
def wrong_secret(ctx: Context) -> None:
    other = ctx.adapter.with_secret("0" * 64)
    ctx.adapter, kept = other, ctx.adapter
    try:
        ctx.refused(-1022, "GET /api/v3/account")
    finally:
        ctx.adapter = kept


@CASES.case("unknown-key")
def unknown_key(ctx: Context) -> None:
    kept = ctx.adapter
    ctx.adapter = kept.with_account("stranger")
    try:
        ctx.refused(-2015, "GET /api/v3/account", status=401)
    finally:
        ctx.adapter = kept


@CASES.case("key-type", ["rsa", "ed25519"])
def key_type(ctx: Context, kind: str) -> None:
    if kind not in ctx.endpoints.accounts or (ctx.adapter.name == "ccxt" and kind == "x"):
        expect(False, f"the venue was started without a {kind} account")
    kept = ctx.adapter
    ctx.adapter = kept.with_account(kind)
    try:
        ctx.call("GET /api/v3/account")
        made = ctx.order()
        expect_equal(made["status"], "NEW")
        ctx.clean()
    finally:
        ctx.adapter = kept


# One client replaces the window by its own.
@CASES.case("receive-window-too-long", unless=("python-binance",))
def window(ctx: Context) -> None:
    ctx.refused(-1131, "GET /api/v3/account", recvWindow=60_001)
