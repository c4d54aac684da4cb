"""From market values to a merged intent: candidate, opinion, signal."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import DecisionId, InstrumentId
from trading_models.domain.values import Figure, FrozenModel, Price, UtcTime

_TOLERANCE = Decimal("0.000001")
_HUNDRED = Decimal(100)
_ONE = Decimal(1)


class Direction(StrEnum):
    """Which way; `abstain` is for opinions only and means: no view."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"
    ABSTAIN = "abstain"


class OpinionSource(StrEnum):
    """Where an opinion comes from; shown with it everywhere."""

    LLM = "llm"
    ENSEMBLE = "ensemble"
    CACHE = "cache"
    LOCAL = "local"
    RULES = "rules"
    ABSTAIN = "abstain"


class Contribution(FrozenModel):
    """One addend of a score."""

    contribution: Figure
    factor: Annotated[str, Field(min_length=1, max_length=80)]
    raw: Figure
    weight: Figure


class Opinion(FrozenModel):
    """One analyst's view. It cannot name a price, a quantity, a leverage or a symbol."""

    analyst: Annotated[str, Field(min_length=1, max_length=64)]
    confidence: Figure
    direction: Direction
    p_up: Figure
    reasons: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=5)]
    source: OpinionSource
    weight: Figure

    @model_validator(mode="after")
    def _probabilities(self) -> Self:
        for name in ("confidence", "p_up"):
            value = getattr(self, name)
            if not 0 <= value <= _ONE:
                raise ValueError(f"{self.analyst}: {name} {value} is outside 0..1")
        if self.weight < 0:
            raise ValueError(f"{self.analyst}: weight {self.weight} is negative")
        return self


def check_score(base: Decimal, contributions: tuple[Contribution, ...], score: Decimal) -> None:
    """ValueError unless base plus contributions is the score and the score lies in 0..100."""
    if not 0 <= score <= _HUNDRED:
        raise ValueError(f"score {score} is outside 0..100")
    total = base + sum((c.contribution for c in contributions), Decimal(0))
    if abs(total - score) > _TOLERANCE:
        raise ValueError(f"contributions add up to {total}, the score says {score}")


class Candidate(FrozenModel):
    """A bar worth an opinion: market values alone crossed the band (K20).

    `features` are the values an analyst may see, named `<timeframe>.<feature>`.
    """

    atr: Figure
    base: Figure
    close: Price
    closed_at: UtcTime
    contributions: tuple[Contribution, ...]
    decision_id: DecisionId
    direction: Direction
    features: dict[str, Figure] = Field(default_factory=dict)
    instrument_id: InstrumentId
    score: Figure
    stop_offset: Price
    target_offset: Price
    trend: str = ""
    volatility: str = ""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_score(self.base, self.contributions, self.score)
        return self


class Signal(FrozenModel):
    """The merged intent of one bar: score 0..100 and the addends it is made of."""

    base: Figure
    closed_at: UtcTime
    contributions: tuple[Contribution, ...]
    decision_id: DecisionId
    direction: Literal[Direction.LONG, Direction.SHORT, Direction.FLAT]
    instrument_id: InstrumentId
    opinions: tuple[Opinion, ...]
    schema_version: Literal[1] = Field(default=1, alias="schema")
    score: Figure
    stop_offset: Price
    target_offset: Price

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        check_score(self.base, self.contributions, self.score)
        return self
