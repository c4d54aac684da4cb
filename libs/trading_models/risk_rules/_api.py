"""What a risk rule is: a pure judgement of one entry against the account's state.

A rule reads its RuleContext and nothing else; it answers Pass, Shrink or Refuse with the limit and
what it observed. A fact that is missing is asked for with `ctx.require`, which ends in a refusal.
More exposure, risk or drawdown must never turn a refusal into a pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, TypeVar

from trading_models.base import Instrument, InstrumentId, OrderSide, Portfolio, Position, Signal
from trading_models.config_manager import RiskSettings

T = TypeVar("T")
HUNDRED = Decimal(100)
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Pass:
    """The rule has nothing against the order."""

    limit: str
    observed: str


@dataclass(frozen=True, slots=True)
class Shrink:
    """The order is allowed up to `quantity` (base units; the engine floors it to step)."""

    limit: str
    observed: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Refuse:
    """The order is not allowed."""

    limit: str
    observed: str


RuleVerdict = Pass | Shrink | Refuse


class MissingFactError(Exception):
    """A rule needs a fact that is not known; the engine turns it into a refusal."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact} is not known")
        self.fact = fact


@dataclass(frozen=True, slots=True)
class RuleContext:
    """One entry under review. Amounts are quote currency unless said otherwise.

    `quantity` is what earlier rules left of the order; `price` the mark of the instrument;
    `cost_rate` fee plus slippage of one taker order as a ratio; `returns` the newest returns of
    each instrument, oldest first; `bar_length` that of the decision bars.
    """

    signal: Signal
    instrument: Instrument
    order_side: OrderSide
    quantity: Decimal
    portfolio: Portfolio
    now: datetime
    limits: RiskSettings
    cost_rate: Decimal
    bar_length: timedelta
    allow_short: bool = False
    can_borrow: bool = False
    price: Decimal | None = None
    returns: Mapping[InstrumentId, Sequence[float]] = field(default_factory=dict)

    def require(self, fact: str, value: T | None) -> T:
        """`value`, or MissingFactError when it is None."""
        if value is None:
            raise MissingFactError(fact)
        return value

    @property
    def mark(self) -> Decimal:
        """The instrument's mark price."""
        return self.require("mark price", self.price)

    @property
    def equity(self) -> Decimal:
        """Equity, which must be above zero to take any risk."""
        equity = self.portfolio.equity
        return self.require("equity above zero", equity if equity > 0 else None)

    @property
    def position(self) -> Position | None:
        """What is held of this instrument."""
        return self.portfolio.position(self.signal.instrument_id)

    @property
    def unit_risk(self) -> Decimal:
        """Loss per base unit when the stop is hit, with the cost of both orders."""
        return self.signal.stop_offset + 2 * self.cost_rate * self.mark

    @property
    def notional(self) -> Decimal:
        """The order at the mark."""
        return self.quantity * self.mark


class RiskRule(ABC):
    """One rule. Subclass it in one file on the shelf; lower `priority` runs earlier."""

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    priority: ClassVar[int] = 500

    def params(self, limits: RiskSettings) -> dict[str, str]:  # noqa: ARG002 - for subclasses
        """The limits in force, printed; shown in the catalogue of rules."""
        return {}

    @abstractmethod
    def check(self, ctx: RuleContext) -> RuleVerdict:
        """Judge the order. Pure: the same context gives the same verdict."""


def percent(part: Decimal, whole: Decimal) -> str:
    """`part` of `whole` in percent at six decimals."""
    return f"{HUNDRED * part / whole:.6f}"
