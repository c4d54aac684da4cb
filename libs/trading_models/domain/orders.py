"""Orders as closed kinds, their states, and the only form that execution accepts.

A limit without a price, or a market order with one, cannot be written. `ApprovedOrder` is
constructed in `risk_management` only; a test walks the syntax trees of the library to prove it.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import (
    MAX_ATTEMPT,
    AccountId,
    ClientOrderId,
    DecisionId,
    InstrumentId,
    Leg,
    StrategyId,
    derive_client_order_id,
    derive_idempotency_key,
)
from trading_models.domain.values import FrozenModel, Price, UtcTime, canonical_json


class OrderSide(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> OrderSide:
        """The other side."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(StrEnum):
    """Kind of an order; `BRACKET` and `OCO` are lists the gateway expands."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"
    BRACKET = "BRACKET"
    OCO = "OCO"


class LiquiditySide(StrEnum):
    """Did the fill rest in the book or take from it."""

    MAKER = "MAKER"
    TAKER = "TAKER"


class OrderStatus(StrEnum):
    """Life of an order at the gateway. UNKNOWN is a state that no timeout ends."""

    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    UNKNOWN = "UNKNOWN"
    ACCEPTED = "ACCEPTED"
    TRIGGERED = "TRIGGERED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT_SENT"

    @property
    def is_terminal(self) -> bool:
        """No further event can change the order."""
        return self in _TERMINAL

    @property
    def is_open(self) -> bool:
        """The venue holds the order or may hold it."""
        return self not in _TERMINAL and self is not OrderStatus.INITIALIZED


_TERMINAL = frozenset(
    {
        OrderStatus.DENIED,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.NOT_SENT,
    }
)


class GoodTilCanceled(FrozenModel):
    """Rests until filled or canceled; only this kind can be `post_only`."""

    post_only: bool = False
    type: Literal["GTC"] = "GTC"


class ImmediateOrCancel(FrozenModel):
    """Fills what it can at once, the rest is canceled."""

    type: Literal["IOC"] = "IOC"


class FillOrKill(FrozenModel):
    """Fills completely at once or not at all."""

    type: Literal["FOK"] = "FOK"


TimeInForce = Annotated[
    GoodTilCanceled | ImmediateOrCancel | FillOrKill, Field(discriminator="type")
]


class _OrderBase(FrozenModel):
    order_side: OrderSide
    quantity: Price  # greater than zero: an order for nothing is not an order


class MarketOrder(_OrderBase):
    """Trade now at the market."""

    order_type: Literal[OrderType.MARKET] = OrderType.MARKET


class LimitOrder(_OrderBase):
    """Trade at `price` or better."""

    order_type: Literal[OrderType.LIMIT] = OrderType.LIMIT
    price: Price
    time_in_force: TimeInForce


class StopMarketOrder(_OrderBase):
    """Becomes a market order once `trigger_price` is touched."""

    order_type: Literal[OrderType.STOP_MARKET] = OrderType.STOP_MARKET
    trigger_price: Price


class BracketOrder(_OrderBase):
    """Market entry, then stop and target as an OCO at distances from the average fill."""

    order_type: Literal[OrderType.BRACKET] = OrderType.BRACKET
    stop_offset: Price
    target_offset: Price


class OcoOrder(_OrderBase):
    """Stop-market leg at `trigger_price` and limit leg at `price`; one cancels the other."""

    order_type: Literal[OrderType.OCO] = OrderType.OCO
    price: Price
    trigger_price: Price

    @model_validator(mode="after")
    def _legs_enclose_the_market(self) -> Self:
        above, below = self.price, self.trigger_price
        if self.order_side is OrderSide.BUY:
            above, below = below, above
        if above <= below:
            raise ValueError(
                f"OCO {self.order_side}: stop {self.trigger_price} and limit {self.price} "
                "lie on the wrong sides of the market"
            )
        return self


Order = Annotated[
    MarketOrder | LimitOrder | StopMarketOrder | BracketOrder | OcoOrder,
    Field(discriminator="order_type"),
]


class Intent(StrEnum):
    """Does the order add risk or take it away."""

    OPEN = "open"
    REDUCE = "reduce"


class ApprovedOrder(FrozenModel):
    """An order that passed the risk engine (K24). Constructed by `risk_management` only.

    `issued_at` and `expires_at` are transport time and stay outside the idempotency body, so
    that a repeat after a crash is the same order.
    """

    account: AccountId
    attempt: Annotated[int, Field(ge=0, le=MAX_ATTEMPT)] = 0
    decision_id: DecisionId
    expires_at: UtcTime
    instrument_id: InstrumentId
    intent: Intent
    issued_at: UtcTime
    leg: Leg
    order: Order
    risk_digest: DecisionId
    schema_version: Literal[1] = Field(default=1, alias="schema")
    strategy: StrategyId

    @property
    def idempotency_key(self) -> str:
        """`<decision_id>.<leg>.<attempt>`."""
        return derive_idempotency_key(self.decision_id, self.leg, self.attempt)

    @property
    def client_order_id(self) -> ClientOrderId:
        """The id the gateway will derive; for looking the order up."""
        return derive_client_order_id(
            account=self.account,
            strategy=self.strategy,
            decision_id=self.decision_id,
            leg=self.leg,
            attempt=self.attempt,
        )

    def canonical(self) -> bytes:
        """The exact body of `POST /v1/orders`, over which the signature is made."""
        return canonical_json(self)

    def idempotency_body(self) -> bytes:
        """The canonical object without its two transport times."""
        body = self.model_dump(mode="json", exclude={"issued_at", "expires_at"})
        return canonical_json(body)

    def signature(self, approval_key: bytes) -> str:
        """`X-ATS-Signature`: hex HMAC-SHA256 of the canonical body."""
        return hmac.new(approval_key, self.canonical(), hashlib.sha256).hexdigest()
