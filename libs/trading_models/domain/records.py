"""The durable story of a bar: decision record, trade, ledger line.

Bodies hold market time only (K3); orders and fills are joined in when a record is read.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from trading_models.domain.events import Fill
from trading_models.domain.ids import Currency, DecisionId, InstrumentId
from trading_models.domain.market import Bar, Timeframe
from trading_models.domain.orders import LiquiditySide, OrderSide
from trading_models.domain.positions import PositionSide
from trading_models.domain.risk import RiskDecision
from trading_models.domain.signals import Contribution, Opinion, Signal
from trading_models.domain.values import Figure, FrozenModel, Money, Price, UtcTime


class DecisionOutcome(StrEnum):
    """How a decision bar ended."""

    NO_CANDIDATE = "no_candidate"
    REFUSED = "refused"
    APPROVED = "approved"
    EXIT = "exit"


class FillReason(StrEnum):
    """Why a fill happened (K23, interfaces.md section 6)."""

    ENTRY = "entry"
    STOP = "stop"
    TARGET = "target"
    TIME_STOP = "time_stop"
    SIGNAL_EXIT = "signal_exit"
    UNPROTECTED = "unprotected"
    KILL = "kill"


class TimeframeInput(FrozenModel):
    """State of one timeframe when the bar was decided. A cold one has weight 0."""

    closed_at: UtcTime | None
    missing: int
    timeframe: Timeframe
    warm: bool
    weight: Figure


class Regime(FrozenModel):
    """Market regime in words."""

    trend: str
    volatility: str


class DecisionInputs(FrozenModel):
    """Everything the decision saw; a feature that is not warm yet is null."""

    bar: Bar
    features: dict[str, Figure | None]
    regime: Regime
    timeframes: tuple[TimeframeInput, ...]


class ScoreParts(FrozenModel):
    """The score before risk, and the thresholds it is held against."""

    base: Figure
    contributions: tuple[Contribution, ...]
    entry_threshold: Figure
    exit_threshold: Figure
    value: Figure


class OpinionRecord(Opinion):
    """An opinion with what it cost and whether it was live, recorded or replayed."""

    cost_usd: Money
    label: str
    latency_ms: Annotated[int, Field(ge=0)] | None
    tape: Literal["live", "recorded", "replayed"]


class OpinionAggregate(FrozenModel):
    """The pooled opinion, and what the score would have been without any."""

    agreement: Figure
    no_opinion_score: Figure
    p_up: Figure


class NearestFlip(FrozenModel):
    """The smallest single change that would have turned the outcome."""

    from_value: str = Field(alias="from")
    text: str
    to_value: str = Field(alias="to")
    what: str


class Trade(FrozenModel):
    """A round trip, flat to flat."""

    entry_at: UtcTime
    entry_decision_id: DecisionId
    entry_price: Price
    exit_at: UtcTime
    exit_decision_id: DecisionId | None
    exit_price: Price
    exit_reason: FillReason
    fees: Money
    instrument_id: InstrumentId
    position_side: PositionSide
    quantity: Price
    r_multiple: Figure | None
    realized_pnl: Money
    return_pct: Figure
    trade_no: Annotated[int, Field(ge=1)]


class LedgerEntry(FrozenModel):
    """One line of the ledger (K23); its canonical JSON lines give `ledger_sha256`."""

    fee: Money
    fee_asset: Currency
    instrument_id: InstrumentId
    liquidity_side: LiquiditySide
    market_time: UtcTime
    order_side: OrderSide
    price: Price
    quantity: Price
    reason: FillReason


class DecisionRecord(FrozenModel):
    """Why, or why not, for one decision bar. Append-only."""

    aggregate: OpinionAggregate | None
    closed_at: UtcTime
    config_hash: str
    decision_id: DecisionId
    fills: tuple[Fill, ...] = ()
    headline: str
    inputs: DecisionInputs
    instrument_id: InstrumentId
    nearest_flip: NearestFlip | None
    opinions: tuple[OpinionRecord, ...]
    orders: tuple[dict[str, Any], ...] = ()
    outcome: DecisionOutcome
    outcome_trade: Trade | None = None
    risk: RiskDecision | None
    schema_version: Literal[1] = Field(default=1, alias="schema")
    score: ScoreParts
    signal: Signal | None
