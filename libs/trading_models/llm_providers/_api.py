"""What an analyst is asked and what it may answer.

An analyst sees features that code computed and an alias instead of the instrument. It answers with
a direction, a probability and reasons; it cannot name a price, a quantity, a leverage or a symbol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trading_models.base import (
    Direction,
    Figure,
    FrozenModel,
    OpinionRecord,
    OpinionSource,
    UtcTime,
    figure,
)

_HALF = Decimal("0.5")
_ZERO_COST = Decimal("0.00000000")


class DecisionRequest(FrozenModel):
    """One question: features named `<timeframe>.<feature>`, as known at `as_of` (market time)."""

    as_of: UtcTime
    features: dict[str, Figure]
    horizon: str
    instrument_alias: str
    prompt_id: str = "features-v1"
    request_id: str
    schema_version: Literal[1] = Field(default=1, alias="schema")
    score: Figure
    trend: str
    volatility: str


class Answer(FrozenModel):
    """What an analyst said: probability of a net rise over the horizon, and why."""

    direction: Direction
    p_up: Annotated[Figure, Field(ge=0, le=1)]
    reasons: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=5)]


class Analyst(ABC):
    """A source of opinions. Subclass it in one file on the shelf.

    `label` is shown wherever an opinion is shown. `is_offline` says that the answer is a pure
    function of the request: no network, no clock, the same bits each time.
    """

    name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    source: ClassVar[OpinionSource] = OpinionSource.LLM
    is_offline: ClassVar[bool] = False
    params: ClassVar[dict[str, str]] = {}

    async def ask(self, request: DecisionRequest) -> Answer:
        """Answer, or raise LlmError. The router sets the deadline."""
        return self.answer(request)

    @abstractmethod
    def answer(self, request: DecisionRequest) -> Answer:
        """The answer of an offline analyst; others raise LlmError and override `ask`."""

    def opinion(
        self, answer: Answer, tape: Literal["live", "recorded", "replayed"]
    ) -> OpinionRecord:
        """The answer as an opinion of this analyst, weight one, confidence |2 p_up - 1|."""
        return OpinionRecord(
            analyst=self.name,
            confidence=figure(abs(2 * answer.p_up - 1)),
            cost_usd=_ZERO_COST,
            direction=answer.direction,
            label=self.label,
            latency_ms=None,
            p_up=answer.p_up,
            reasons=answer.reasons,
            source=self.source,
            tape=tape,
            weight=Decimal("1.000000"),
        )


def direction_of(p_up: Decimal, dead_band: Decimal) -> Direction:
    """Long or short when the probability leaves the band around one half, else flat."""
    if p_up > _HALF + dead_band:
        return Direction.LONG
    if p_up < _HALF - dead_band:
        return Direction.SHORT
    return Direction.FLAT
