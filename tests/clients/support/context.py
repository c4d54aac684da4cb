"""What a case gets: a client, the venue's controls, and shorthands around the present price."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from support.adapter import Adapter, Refused
from support.cases import Failed, expect_equal
from support.control import Control, Endpoints

TICK = Decimal("0.01")
STEP = Decimal("0.00001")


class Context:
    """One client against one venue; the feed moves only when a case moves it."""

    def __init__(self, endpoints: Endpoints, make: Callable[[Endpoints, str], Adapter]) -> None:
        self.endpoints = endpoints
        self.control = Control(endpoints)
        self.make = make
        self.adapter = make(endpoints, "main")
        self.symbol = endpoints.symbols[0]
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """A client order id that this run has not used."""
        return f"case-{next(self._numbers)}"

    def call(self, call: str, **words: Any) -> Any:
        """A call through the client."""
        return self.adapter.call(call, **words)

    def refused(self, code: int, call: str, *, status: int = 400, **words: Any) -> Refused:
        """A call that the venue must refuse with this code and HTTP status."""
        try:
            answer = self.call(call, **words)
        except Refused as refusal:
            expect_equal(refusal.code, code, f"code of {refusal.message}")
            if refusal.status is not None:
                expect_equal(refusal.status, status, "HTTP status")
            return refusal
        raise Failed(f"{call} was not refused: {answer!r}")

    def top(self) -> tuple[Decimal, Decimal]:
        """Best bid and ask as the venue tells a plain HTTP client."""
        url = f"{self.endpoints.rest}/api/v3/ticker/bookTicker?symbol={self.symbol}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            quote = json.loads(answer.read())
        return Decimal(quote["bidPrice"]), Decimal(quote["askPrice"])

    def price(self, basis_points: int) -> str:
        """A price that far from the best bid, on the tick."""
        bid, _ = self.top()
        return str((bid * (1 + Decimal(basis_points) / 10_000)).quantize(TICK, ROUND_DOWN))

    def quantity(self, notional: int = 100) -> str:
        """A quantity worth about so much quote currency, on the step."""
        bid, _ = self.top()
        return format((Decimal(notional) / bid).quantize(STEP, ROUND_DOWN), "f")

    def order(self, side: str = "BUY", kind: str = "LIMIT", **words: Any) -> Any:
        """Place an order with sensible defaults for its type; a resting one unless told."""
        away = -200 if side == "BUY" else 200
        body: dict[str, Any] = {
            "symbol": self.symbol,
            "side": side,
            "type": kind,
            "newClientOrderId": self.new_id(),
        }
        if "quoteOrderQty" not in words:
            body["quantity"] = self.quantity()
        if kind in ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            body["timeInForce"] = "GTC"
        if kind in ("LIMIT", "LIMIT_MAKER", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"):
            body["price"] = self.price(away)
        if kind.startswith(("STOP_LOSS", "TAKE_PROFIT")):
            # A stop lies on the losing side of the market, a target on the winning one.
            is_above = (side == "BUY") == kind.startswith("STOP_LOSS")
            body["stopPrice"] = self.price(100 if is_above else -100)
        return self.call("POST /api/v3/order", **{**body, **words})

    def clean(self) -> None:
        """Cancel whatever rests, so that the next case starts from nothing."""
        try:
            self.call("DELETE /api/v3/openOrders", symbol=self.symbol)
        except Refused as refusal:
            expect_equal(refusal.code, -2011, "cancel of nothing")
