"""Random order scripts: the same operations for every client, so that their ledgers must agree.

A script is drawn from a seed alone. Prices are distances from the best bid at its start, so two
venues at the same feed position get the same orders. Client order ids are part of the script.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

TICK = Decimal("0.01")
STEP = Decimal("0.00001")
OPERATIONS = 12
SINGLES = (
    "LIMIT",
    "LIMIT",
    "MARKET",
    "MARKET_QUOTE",
    "LIMIT_MAKER",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)


@dataclass(frozen=True)
class Operation:
    """One thing to do: `kind` says which call, `words` are the venue's own parameter names."""

    kind: str
    words: dict[str, Any]


def text(value: Decimal) -> str:
    """Plain notation, as the venue writes numbers."""
    return format(value, "f")


class Script:
    """Operations drawn from a seed around a reference price."""

    def __init__(self, seed: int, symbol: str, reference: Decimal) -> None:
        self.seed = seed
        self.symbol = symbol
        self.reference = reference
        self._random = random.Random(seed)
        self._made: list[str] = []
        self._lists: list[str] = []

    def operations(self) -> Iterator[Operation]:
        """The script; iterate once."""
        for number in range(OPERATIONS):
            kind = self._random.choices(
                ("order", "cancel", "replace", "oco", "oto", "otoco", "cancel_list", "advance"),
                weights=(10, 4, 2, 2, 1, 1, 1, 4),
            )[0]
            yield getattr(self, f"_{kind}")(number)
        yield Operation("cancel_all", {"symbol": self.symbol})

    def _name(self, number: int, leg: str = "") -> str:
        return f"s{self.seed}-{number}{leg}"

    def _price(self, low: int, high: int) -> Decimal:
        basis_points = Decimal(self._random.randint(low, high))
        raw = self.reference * (1 + basis_points / 10_000)
        return raw.quantize(TICK, ROUND_DOWN)

    def _quantity(self) -> Decimal:
        notional = Decimal(self._random.randint(5, 900))
        return max(STEP, (notional / self.reference).quantize(STEP, ROUND_DOWN))

    def _side(self) -> str:
        return self._random.choice(("BUY", "SELL"))

    def _order(self, number: int) -> Operation:
        words = {"symbol": self.symbol, "newClientOrderId": self._name(number)}
        self._made.append(self._name(number))
        return Operation("order", {**words, **self._terms(self._side())})

    def _terms(self, side: str) -> dict[str, Any]:
        shape = self._random.choice(SINGLES)
        words: dict[str, Any] = {"side": side, "type": shape.removesuffix("_QUOTE")}
        if shape == "MARKET_QUOTE":
            words["quoteOrderQty"] = text(Decimal(self._random.randint(5, 900)))
            return words
        words["quantity"] = text(self._quantity())
        if shape == "LIMIT" or shape.endswith("_LIMIT"):
            words["timeInForce"] = self._random.choice(("GTC", "GTC", "IOC", "FOK"))
        if shape in ("LIMIT", "LIMIT_MAKER") or shape.endswith("_LIMIT"):
            words["price"] = text(self._price(-40, 40))
        if "STOP" in shape or "PROFIT" in shape:
            words["stopPrice"] = text(self._price(-40, 40))
        return words

    def _cancel(self, number: int) -> Operation:
        known = self._random.choice(self._made) if self._made else self._name(number, "x")
        words = {"symbol": self.symbol, "origClientOrderId": known}
        return Operation("cancel", {**words, "newClientOrderId": self._name(number, "c")})

    def _replace(self, number: int) -> Operation:
        known = self._random.choice(self._made) if self._made else self._name(number, "x")
        self._made.append(self._name(number))
        words = {
            "symbol": self.symbol,
            "cancelReplaceMode": self._random.choice(("STOP_ON_FAILURE", "ALLOW_FAILURE")),
            "cancelOrigClientOrderId": known,
            "cancelNewClientOrderId": self._name(number, "c"),
            "newClientOrderId": self._name(number),
        }
        return Operation("replace", {**words, **self._terms(self._side())})

    def _list(self, number: int) -> dict[str, Any]:
        self._lists.append(self._name(number, "l"))
        return {"symbol": self.symbol, "listClientOrderId": self._name(number, "l")}

    def _legs(self, side: str, prefix: str, number: int) -> dict[str, Any]:
        up, down = (
            ("LIMIT_MAKER", "STOP_LOSS_LIMIT") if side == "SELL" else ("STOP_LOSS", "LIMIT_MAKER")
        )
        words: dict[str, Any] = {}
        for place, kind, low, high in (("Above", up, 2, 60), ("Below", down, -60, -2)):
            key = f"{prefix}{place}" if prefix else place.lower()
            words[f"{key}Type"] = kind
            words[f"{key}ClientOrderId"] = self._name(number, place[0].lower())
            price = self._price(low, high)
            if kind == "LIMIT_MAKER":
                words[f"{key}Price"] = text(price)
            else:
                words[f"{key}StopPrice"] = text(price)
            if kind == "STOP_LOSS_LIMIT":
                words[f"{key}Price"] = text(price - 5 * TICK)
                words[f"{key}TimeInForce"] = "GTC"
        return words

    def _oco(self, number: int) -> Operation:
        side = self._side()
        words = {**self._list(number), "side": side, "quantity": text(self._quantity())}
        return Operation("oco", {**words, **self._legs(side, "", number)})

    def _working(self, side: str, number: int) -> dict[str, Any]:
        self._made.append(self._name(number, "w"))
        return {
            "workingType": "LIMIT",
            "workingSide": side,
            "workingClientOrderId": self._name(number, "w"),
            "workingPrice": text(self._price(-40, 40)),
            "workingQuantity": text(self._quantity()),
            "workingTimeInForce": "GTC",
        }

    def _oto(self, number: int) -> Operation:
        side = self._side()
        words = {**self._list(number), **self._working(side, number)}
        self._made.append(self._name(number, "p"))
        return Operation(
            "oto",
            {
                **words,
                "pendingType": "LIMIT",
                "pendingSide": "SELL" if side == "BUY" else "BUY",
                "pendingClientOrderId": self._name(number, "p"),
                "pendingPrice": text(self._price(-40, 40)),
                "pendingQuantity": text(self._quantity()),
                "pendingTimeInForce": "GTC",
            },
        )

    def _otoco(self, number: int) -> Operation:
        side = self._side()
        other = "SELL" if side == "BUY" else "BUY"
        words = {**self._list(number), **self._working(side, number)}
        words |= {"pendingSide": other, "pendingQuantity": text(self._quantity())}
        return Operation("otoco", {**words, **self._legs(other, "pending", number)})

    def _cancel_list(self, number: int) -> Operation:
        known = self._random.choice(self._lists) if self._lists else self._name(number, "x")
        return Operation("cancel_list", {"symbol": self.symbol, "listClientOrderId": known})

    def _advance(self, number: int) -> Operation:
        return Operation("advance", {"events": self._random.randint(1, 40)})
