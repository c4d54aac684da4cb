"""What the gateway tells us: order events, fills, trading state."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import (
    AccountId,
    ClientOrderId,
    Currency,
    DecisionId,
    InstrumentId,
    Leg,
    StrategyId,
)
from trading_models.domain.orders import LiquiditySide, OrderSide, OrderStatus, OrderType
from trading_models.domain.values import FrozenModel, Money, Price, Quantity, UtcTime


class TradingState(StrEnum):
    """What the account may do."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class StopLevel(StrEnum):
    """The four stops (K32), mildest first."""

    NO_ENTRIES = "no_entries"
    REDUCE_ONLY = "reduce_only"
    CANCEL_ALL = "cancel_all"
    FLATTEN = "flatten"

    @property
    def trading_state(self) -> TradingState:
        """The state once the level has been carried out."""
        if self in (StopLevel.NO_ENTRIES, StopLevel.REDUCE_ONLY):
            return TradingState.REDUCING
        return TradingState.HALTED


class Fill(FrozenModel):
    """One execution. `execution_id` is contiguous per account on the simulated venue."""

    client_order_id: ClientOrderId
    execution_id: int | None
    fee: Money
    fee_asset: Currency
    instrument_id: InstrumentId
    leg: Leg
    liquidity_side: LiquiditySide
    market_time: UtcTime
    order_side: OrderSide
    price: Price
    quantity: Price
    trade_id: str
    venue_order_id: str


class OrderState(FrozenModel):
    """Where an order stands: the fields that an event and a query share."""

    account: AccountId
    attempt: Annotated[int, Field(ge=0)]
    client_order_id: ClientOrderId
    decision_id: DecisionId
    event_at: UtcTime
    filled_quantity: Quantity
    gateway_seq: Annotated[int, Field(ge=0)]
    instrument_id: InstrumentId
    leg: Leg
    order_side: OrderSide
    order_type: OrderType
    price: Price | None
    quantity: Quantity
    reason: str | None
    schema_version: Literal[1] = Field(default=1, alias="schema")
    status: OrderStatus
    strategy: StrategyId
    trigger_price: Price | None
    venue_order_id: str | None


class OrderEvent(OrderState):
    """One step in an order's life, numbered by the gateway's journal."""

    event: Annotated[str, Field(pattern=r"^order_[a-z_]+$")]
    fill: Fill | None

    @model_validator(mode="after")
    def _fill_and_status_agree(self) -> Self:
        # An OCO is filled by one of its legs, whose own event carries the fill.
        is_list = self.order_type is OrderType.OCO
        if self.event == "order_filled" and self.fill is None and not is_list:
            raise ValueError(f"{self.client_order_id}: order_filled without a fill")
        if self.filled_quantity > self.quantity:
            raise ValueError(
                f"{self.client_order_id}: filled {self.filled_quantity} of {self.quantity}"
            )
        return self


class OrderView(OrderState):
    """Answer of `GET /v1/orders/{client_order_id}`: the newest state and all its fills."""

    fill: Fill | None = None
    fills: tuple[Fill, ...] = ()
    unknown_reason: str | None = None


class TradingStateEvent(FrozenModel):
    """The account's trading state changed."""

    event: Literal["trading_state"] = "trading_state"
    event_at: UtcTime
    gateway_seq: Annotated[int, Field(ge=0)]
    level: StopLevel | None
    reason: str | None
    trading_state: TradingState
