"""What the account holds."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import model_validator

from trading_models.domain.events import StopLevel, TradingState
from trading_models.domain.ids import AccountId, Currency, InstrumentId
from trading_models.domain.values import (
    Figure,
    FrozenModel,
    Money,
    Price,
    Quantity,
    UtcTime,
)

_ZERO = Decimal(0)


class PositionSide(StrEnum):
    """Which way a position leans."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"


class Position(FrozenModel):
    """Net holding of one instrument. `quantity` is the size; the side carries the sign."""

    account: AccountId
    average_entry_price: Price | None
    instrument_id: InstrumentId
    mark_price: Price
    opened_at: UtcTime | None
    position_side: PositionSide
    quantity: Quantity
    realized_pnl: Money
    stop_price: Price | None
    target_price: Price | None
    unrealized_pnl: Money

    @model_validator(mode="after")
    def _flat_is_empty(self) -> Self:
        if (self.position_side is PositionSide.FLAT) != (self.average_entry_price is None):
            raise ValueError(
                f"{self.instrument_id}: a FLAT position has no average_entry_price, "
                f"any other has one (side {self.position_side})"
            )
        return self

    @property
    def is_open(self) -> bool:
        """Something is held."""
        return self.position_side is not PositionSide.FLAT

    @property
    def notional(self) -> Decimal:
        """Size at the mark, in the quote currency."""
        return self.quantity * self.mark_price

    @property
    def open_risk(self) -> Decimal:
        """Loss from the mark to the stop, quote currency; the whole notional without a stop."""
        if not self.is_open:
            return _ZERO
        if self.stop_price is None:
            return self.notional
        distance = self.mark_price - self.stop_price
        if self.position_side is PositionSide.SHORT:
            distance = -distance
        return max(distance, _ZERO) * self.quantity


class Balance(FrozenModel):
    """Free and locked amount of one asset."""

    asset: Currency
    free: Money
    locked: Money

    @property
    def total(self) -> Decimal:
        """Free plus locked."""
        return self.free + self.locked


class DrawdownState(FrozenModel):
    """How far the account is below its peaks, and whether SAFE_MODE holds."""

    daily_drawdown_pct: Figure = _ZERO
    max_drawdown_pct: Figure = _ZERO
    monthly_drawdown_pct: Figure = _ZERO
    peak_equity: Money = _ZERO
    safe_mode: bool = False
    safe_mode_reason: str | None = None
    safe_mode_until: UtcTime | None = None


class Portfolio(FrozenModel):
    """The account at one market time: all that risk rules may know about it."""

    account: AccountId
    balances: tuple[Balance, ...] = ()
    cash: Money
    drawdown: DrawdownState = DrawdownState()
    equity: Money
    equity_start: Money
    fees_paid: Money = _ZERO
    level: StopLevel | None = None
    market_time: UtcTime
    positions: tuple[Position, ...] = ()
    realized_pnl: Money = _ZERO
    trading_state: TradingState = TradingState.ACTIVE
    unresolved: tuple[InstrumentId, ...] = ()

    def position(self, instrument_id: InstrumentId) -> Position | None:
        """The position in `instrument_id`, or None if none was ever held."""
        return next((p for p in self.positions if p.instrument_id == instrument_id), None)

    @property
    def exposure(self) -> Decimal:
        """Sum of the positions' notionals, quote currency."""
        return sum((p.notional for p in self.positions if p.is_open), _ZERO)

    @property
    def open_risk(self) -> Decimal:
        """Sum of the positions' losses down to their stops, quote currency."""
        return sum((p.open_risk for p in self.positions), _ZERO)
