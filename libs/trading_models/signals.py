"""Front door of confluence: market values to a score, score and opinions to one Signal.

`screen` is element-wise over a MarketView (see `strategies/_api.py`); `merge` works on exact
six-decimal figures, so a score is always the sum of the contributions that are printed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from trading_models import strategies
from trading_models.base import (
    Candidate,
    ConfigError,
    Contribution,
    Direction,
    NearestFlip,
    Opinion,
    OpinionAggregate,
    Rounding,
    Signal,
    at_scale,
    figure,
)
from trading_models.config_manager import StrategySettings
from trading_models.shelf import scan_shelf
from trading_models.strategies._api import (
    BoolArray,
    FrameView,
    MarketView,
    Part,
    Screen,
    Strategy,
    opinion_reach,
)

__all__ = [
    "BASE_SCORE",
    "DEFAULT_STRATEGY",
    "Addend",
    "BoolArray",
    "FrameView",
    "MarketView",
    "Part",
    "Screen",
    "add_up",
    "addends_of",
    "aggregate",
    "contributions_of",
    "merge",
    "nearest_score_flip",
    "opinion_reach",
    "screen",
    "strategy_names",
]

DEFAULT_STRATEGY = "confluence-v1"
BASE_SCORE = Decimal("50.000000")
_FIFTY = Decimal(50)
_HUNDRED = Decimal(100)
_ZERO = Decimal("0.000000")
_ONE = Decimal(1)
_STEP = Decimal("0.000001")


@cache
def _strategies() -> dict[str, Strategy]:
    return {name: kind() for name, kind in scan_shelf(strategies, Strategy).items()}  # type: ignore[type-abstract]


def strategy_names() -> list[str]:
    """Strategies found on the shelf."""
    return sorted(_strategies())


def screen(view: MarketView, params: StrategySettings, strategy: str = DEFAULT_STRATEGY) -> Screen:
    """Score every base bar of `view`. An unknown strategy raises ConfigError."""
    known = _strategies()
    if strategy not in known:
        raise ConfigError(f"strategy {strategy!r} is not on the shelf; known: {sorted(known)}")
    return known[strategy].screen(view, params)


class Addend(NamedTuple):
    """One part of a score as six-decimal figures."""

    factor: str
    raw: Decimal
    weight: Decimal
    contribution: Decimal


def addends_of(parts: Sequence[Part]) -> tuple[Addend, ...]:
    """The parts of a score as figures that add up inside 0..100."""
    figures = [figure(part.contribution) for part in parts]
    _pull_inside(figures)
    return tuple(
        Addend(part.factor, figure(part.raw), figure(part.weight), value)
        for part, value in zip(parts, figures, strict=True)
    )


def contributions_of(addends: Sequence[Addend]) -> tuple[Contribution, ...]:
    """The same as domain values; addends are exact figures already, so nothing is checked again."""
    return tuple(Contribution.model_construct(**addend._asdict()) for addend in addends)


def _pull_inside(figures: list[Decimal]) -> None:
    """Rounding may put the sum some millionths outside 0..100: take them off the largest part."""
    total = BASE_SCORE + sum(figures, _ZERO)
    excess = total - min(max(total, _ZERO), _HUNDRED)
    if excess:
        largest = max(range(len(figures)), key=lambda n: abs(figures[n]))
        figures[largest] -= excess


def add_up(contributions: Sequence[Contribution | Addend]) -> Decimal:
    """The score of these contributions, exactly."""
    return sum((part.contribution for part in contributions), BASE_SCORE)


def aggregate(opinions: Sequence[Opinion], no_opinion_score: Decimal) -> OpinionAggregate | None:
    """Pool the opinions: weighted mean probability, and agreement in [0, 1].

    agreement = |sum(w x r)| / sum(w x |r|) with r = 2 p_up - 1: one when all lean the same way,
    zero when they cancel. Abstentions do not count; None when nobody has a view.
    """
    voices = [o for o in opinions if o.direction is not Direction.ABSTAIN and o.weight > 0]
    if not voices:
        return None
    weight = sum((o.weight for o in voices), _ZERO)
    p_up = sum((o.weight * o.p_up for o in voices), _ZERO) / weight
    leans = [o.weight * (2 * o.p_up - 1) for o in voices]
    spread = sum((abs(lean) for lean in leans), _ZERO)
    agreement = abs(sum(leans, _ZERO)) / spread if spread else _ONE
    return OpinionAggregate(
        agreement=figure(agreement), no_opinion_score=no_opinion_score, p_up=figure(p_up)
    )


def merge(candidate: Candidate, opinions: Sequence[Opinion], params: StrategySettings) -> Signal:
    """Add the opinions to the candidate's score and decide the direction.

    All opinions together weigh `params.opinion_weight` at most; disagreement shrinks that weight.
    A sum outside 0..100 is brought back by a contribution named `limit`, which is listed too.
    """
    parts = list(candidate.contributions)
    pooled = aggregate(opinions, candidate.score)
    if pooled is not None:
        parts.extend(_opinion_parts(opinions, pooled.agreement, params))
    score = add_up(parts)
    inside = min(max(score, _ZERO), _HUNDRED)
    if inside != score:
        parts.append(
            Contribution(
                contribution=inside - score, factor="limit", raw=_ZERO, weight=Decimal("1.000000")
            )
        )
    return Signal(
        base=candidate.base,
        closed_at=candidate.closed_at,
        contributions=tuple(parts),
        decision_id=candidate.decision_id,
        direction=_direction(inside, params),
        instrument_id=candidate.instrument_id,
        opinions=tuple(_plain(opinion) for opinion in opinions),
        score=inside,
        stop_offset=candidate.stop_offset,
        target_offset=candidate.target_offset,
    )


def _opinion_parts(
    opinions: Sequence[Opinion], agreement: Decimal, params: StrategySettings
) -> list[Contribution]:
    voices = [o for o in opinions if o.direction is not Direction.ABSTAIN and o.weight > 0]
    total = sum((o.weight for o in voices), _ZERO)
    share = figure(params.opinion_weight) * agreement
    parts = []
    for opinion in voices:
        weight = at_scale(share * opinion.weight / total, 6, Rounding.DOWN)
        raw = 2 * opinion.p_up - 1
        parts.append(
            Contribution(
                contribution=at_scale(_FIFTY * weight * raw, 6, Rounding.DOWN),
                factor=f"opinion.{opinion.analyst}",
                raw=figure(raw),
                weight=weight,
            )
        )
    return parts


def _direction(score: Decimal, params: StrategySettings) -> Direction:
    entry = figure(params.entry_threshold)
    if score >= entry:
        return Direction.LONG
    if params.allow_short and score <= _HUNDRED - entry:
        return Direction.SHORT
    return Direction.FLAT


def _plain(opinion: Opinion) -> Opinion:
    """The opinion without the fields that only a record carries."""
    if type(opinion) is Opinion:
        return opinion
    return Opinion(**{name: getattr(opinion, name) for name in Opinion.model_fields})


def nearest_score_flip(
    contributions: Sequence[Contribution | Addend],
    score: Decimal,
    threshold: Decimal,
    *,
    above: bool,
) -> NearestFlip:
    """The one factor whose smallest move takes `score` across `threshold`.

    `above` says which side is wanted: at or above the threshold, or below it. A factor moves within
    [-1, 1]; when none can do it alone the flip names the score itself.
    """
    wanted = threshold if above else threshold - _STEP
    gap = wanted - score
    rounding = Rounding.CEILING if gap > 0 else Rounding.FLOOR
    best: tuple[Decimal, Contribution | Addend, Decimal] | None = None
    for part in contributions:
        if part.weight <= 0 or part.factor == "limit":
            continue
        # The record's factor moves from its exact share, not from its rounded print.
        moved = (part.contribution + gap) / (_FIFTY * part.weight)
        target = at_scale(moved, 6, rounding)
        move = abs(target - part.raw)
        if abs(target) <= _ONE and (best is None or move < best[0]):
            best = (move, part, target)
    word = "lift" if gap > 0 else "lower"
    if best is None:
        return NearestFlip(
            from_value=f"{score:f}",
            text=f"no single factor can {word} the score from {score:f} to {wanted:f}",
            to_value=f"{wanted:f}",
            what="score",
        )
    _, part, target = best
    return NearestFlip(
        from_value=f"{part.raw:f}",
        text=(
            f"{part.factor} at {target:f} instead of {part.raw:f} would {word} the score "
            f"from {score:f} to {wanted:f}"
        ),
        to_value=f"{target:f}",
        what=part.factor,
    )
