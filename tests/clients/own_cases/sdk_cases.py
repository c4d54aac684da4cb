"""binance-sdk-spot: sessions, and what its generated models say of every answer."""

from __future__ import annotations

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()

# Fields that the documents show and the generated models leave out.
KNOWN_EXTRA: dict[str, set[str]] = {
    # rest-api.md, "Conditional fields in Order Responses".
    "NewOrderResponse": {
        "expiryReason",
        "icebergQty",
        "stopPrice",
        "strategyId",
        "strategyType",
        "trailingDelta",
    },
    # rest-api.md shows it in the answer of "Cancel Order list".
    "DeleteOrderListResponseOrderReportsInner": {"selfTradePreventionMode"},
}


# Sessions need an Ed25519 key; the model check runs last, over everything before it.


@CASES.case("session-life")
def session(ctx: Context) -> None:
    adapter = ctx.adapter.with_account("ed25519")
    adapter.call("WS session.logon")
    status = adapter.call("WS session.status")
    expect_equal(status["apiKey"], ctx.endpoints.accounts["ed25519"]["api_key"])
    expect(adapter.call("WS account.status")["balances"], "no balances")
    adapter.call("WS session.logout")


@CASES.case("session-needs-ed25519")
def hmac(ctx: Context) -> None:
    ctx.refused(-4056, "WS session.logon")


@CASES.case("models-know-every-field")
def models(ctx: Context) -> None:
    found = ctx.adapter.unknown  # type: ignore[attr-defined]
    extra = {
        model: sorted(fields - KNOWN_EXTRA.get(model, set())) for model, fields in found.items()
    }
    extra = {model: fields for model, fields in extra.items() if fields}
    expect_equal(extra, {}, "fields that the SDK's models do not know")
