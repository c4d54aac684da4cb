"""What can be traded and by which rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import Currency, InstrumentId, Symbol
from trading_models.domain.values import (
    MAX_SCALE,
    FrozenModel,
    Money,
    Price,
    Quantity,
    Rounding,
    from_mantissa,
    quantise,
    to_mantissa,
)

Scale = Annotated[int, Field(ge=0, le=MAX_SCALE)]


class Instrument(FrozenModel):
    """Trading rules of one instrument. Prices are multiples of tick, quantities of step."""

    base_currency: Currency
    instrument_id: InstrumentId
    min_notional: Money
    min_quantity: Quantity
    price_scale: Scale
    quantity_scale: Scale
    quote_currency: Currency
    step_size: Price
    symbol: Symbol
    tick_size: Price

    @model_validator(mode="after")
    def _steps_fit_scales(self) -> Self:
        to_mantissa(self.tick_size, self.price_scale)
        to_mantissa(self.step_size, self.quantity_scale)
        return self

    def price(self, mantissa: int) -> Decimal:
        """Price of an engine mantissa."""
        return from_mantissa(mantissa, self.price_scale)

    def price_mantissa(self, price: Decimal) -> int:
        """Engine mantissa of a price; ValueError if it has too many decimals."""
        return to_mantissa(price, self.price_scale)

    def quantity(self, mantissa: int) -> Decimal:
        """Quantity of an engine mantissa."""
        return from_mantissa(mantissa, self.quantity_scale)

    def quantity_mantissa(self, quantity: Decimal) -> int:
        """Engine mantissa of a quantity; ValueError if it has too many decimals."""
        return to_mantissa(quantity, self.quantity_scale)

    def round_price(self, price: Decimal, rounding: Rounding = Rounding.HALF_EVEN) -> Decimal:
        """The tick next to `price`, printed at `price_scale`."""
        ticks = quantise(price, self.tick_size, rounding)
        return self.price(to_mantissa(ticks, self.price_scale))

    def floor_quantity(self, quantity: Decimal) -> Decimal:
        """The largest multiple of `step_size` not above `quantity`; the rest is dust."""
        steps = quantise(quantity, self.step_size, Rounding.FLOOR)
        return self.quantity(to_mantissa(steps, self.quantity_scale))
