"""Decisions and signals in lists; the full record is the domain's own type."""

from __future__ import annotations

from typing import Literal

from trading_api.schemas.account import FillReply
from trading_models.base import (
    DecisionId,
    DecisionOutcome,
    DecisionRecord,
    Direction,
    Figure,
    FrozenModel,
    InstrumentId,
    OrderState,
    RiskOutcome,
    UtcTime,
)

OutcomeFilter = Literal["all", "candidate", "approved", "refused"]


class DecisionListEntry(FrozenModel):
    """One bar in one line."""

    decision_id: DecisionId
    instrument_id: InstrumentId
    closed_at: UtcTime
    outcome: DecisionOutcome
    direction: Direction | None
    score: Figure
    headline: str
    refused_by: str | None


class DecisionsReply(FrozenModel):
    """Newest first."""

    decisions: list[DecisionListEntry]
    next_cursor: str | None


class DecisionReply(DecisionRecord):
    """The record with everything that came of it."""

    orders: tuple[OrderState, ...] = ()  # type: ignore[assignment]
    fills: tuple[FillReply, ...] = ()


class SignalEntry(FrozenModel):
    """A bar with a candidate."""

    decision_id: DecisionId
    closed_at: UtcTime
    direction: Direction | None
    score: Figure
    outcome: RiskOutcome
    refused_by: str | None


class SignalsReply(FrozenModel):
    """Oldest first."""

    signals: list[SignalEntry]
