"""The decision record of one bar: what was seen, how it was scored, who said what, and why.

`record_body` returns the canonical JSON body of a DecisionRecord as plain dicts and strings; it is
made for every decision bar, so it builds text directly instead of domain objects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading_models.base import (
    Bar,
    DecisionId,
    DecisionOutcome,
    Direction,
    NearestFlip,
    OpinionRecord,
    RiskDecision,
    Signal,
    Verdict,
    decimal_text,
    figure,
    from_millis,
    time_text,
)
from trading_models.cycle.decide import DecisionContext, trend_word, volatility_word
from trading_models.signals import (
    BASE_SCORE,
    Addend,
    MarketView,
    Screen,
    add_up,
    addends_of,
    aggregate,
    nearest_score_flip,
)

__all__ = ["DecisionStory", "headline", "nearest_flip", "record_body"]

_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class DecisionStory:
    """What happened at one decision bar; `view` and `scored` have length 1 (or use `at`)."""

    bar: Bar
    view: MarketView
    scored: Screen
    decision_id: DecisionId
    is_exit: bool = False
    opinions: Sequence[OpinionRecord] = ()
    signal: Signal | None = None
    risk: RiskDecision | None = None

    @property
    def outcome(self) -> DecisionOutcome:
        """How the bar ended."""
        if self.is_exit:
            return DecisionOutcome.EXIT
        if self.risk is None:
            return DecisionOutcome.NO_CANDIDATE
        if self.risk.refused_by is None:
            return DecisionOutcome.APPROVED
        return DecisionOutcome.REFUSED


def record_body(story: DecisionStory, context: DecisionContext) -> dict[str, Any]:
    """The body of a DecisionRecord without orders, fills and outcome (joined in on reading)."""
    addends = addends_of(story.scored.parts(0))
    score = add_up(addends)
    pooled = aggregate(story.opinions, score)
    flip = nearest_flip(story, addends, score)
    return {
        "aggregate": None if pooled is None else pooled.model_dump(mode="json"),
        "closed_at": time_text(story.bar.closed_at),
        "config_hash": context.config_hash,
        "decision_id": str(story.decision_id),
        "fills": [],
        "headline": headline(story, score),
        "inputs": {
            "bar": story.bar.model_dump(mode="json"),
            "features": _features(story.view),
            "regime": {
                "trend": trend_word(story.scored, 0),
                "volatility": volatility_word(story.scored, 0),
            },
            "timeframes": _timeframes(story),
        },
        "instrument_id": str(context.instrument.instrument_id),
        "nearest_flip": flip.model_dump(mode="json"),
        "opinions": [opinion.model_dump(mode="json") for opinion in story.opinions],
        "orders": [],
        "outcome": story.outcome.value,
        "outcome_trade": None,
        "risk": None if story.risk is None else story.risk.model_dump(mode="json"),
        "schema": 1,
        "score": {
            "base": decimal_text(BASE_SCORE),
            "contributions": [
                {
                    "contribution": decimal_text(addend.contribution),
                    "factor": addend.factor,
                    "raw": decimal_text(addend.raw),
                    "weight": decimal_text(addend.weight),
                }
                for addend in addends
            ],
            "entry_threshold": _text(story.scored.entry_threshold),
            "exit_threshold": _text(story.scored.exit_threshold),
            "value": decimal_text(score),
        },
        "signal": None if story.signal is None else story.signal.model_dump(mode="json"),
    }


def _features(view: MarketView) -> dict[str, str | None]:
    """Every figure of every timeframe; null while it is not warm."""
    features: dict[str, str | None] = {}
    for frame in view.frames:
        row = int(frame.row[0])
        if row < 0:
            continue
        prefix = frame.timeframe.code
        for name, value in zip(frame.index, frame.values[:, row].tolist(), strict=True):
            features[f"{prefix}.{name}"] = _text(value) if math.isfinite(value) else None
    return features


def _timeframes(story: DecisionStory) -> list[dict[str, Any]]:
    rows = []
    for number, frame in enumerate(story.view.frames):
        row = int(frame.row[0])
        rows.append(
            {
                "closed_at": time_text(from_millis(int(frame.closed_at[row])))
                if row >= 0
                else None,
                "missing": int(frame.missing[row]) if row >= 0 else 0,
                "timeframe": frame.timeframe.code,
                "warm": bool(story.scored.warm[number, 0]),
                "weight": _text(float(story.scored.weights[number, 0])),
            }
        )
    return rows


def headline(story: DecisionStory, score: Decimal) -> str:
    """One sentence: what was decided and the figure that decided it."""
    scored, risk, signal = story.scored, story.risk, story.signal
    if story.is_exit:
        return f"exit: score {score:.2f} at or below {scored.exit_threshold:.2f}"
    if risk is not None and signal is not None:
        if risk.refused_by is None:
            return f"{signal.direction} {risk.quantity:f} at score {signal.score:.2f}"
        refusal = _first_refusal(risk)
        return f"refused by {refusal.rule}: {refusal.observed}, limit {refusal.limit}"
    if signal is not None:
        return f"no entry: score {signal.score:.2f} after opinions, {score:.2f} before"
    if not scored.entries_allowed[0]:
        return f"no candidate: {', '.join(_cold(story)) or 'market'} not warm yet"
    return f"no candidate: score {score:.2f}, entry from {scored.entry_threshold:.2f}"


def nearest_flip(story: DecisionStory, addends: Sequence[Addend], score: Decimal) -> NearestFlip:
    """The smallest single change that would have turned this bar's outcome."""
    scored, risk, signal = story.scored, story.risk, story.signal
    entry = figure(scored.entry_threshold)
    if story.is_exit:
        staying = figure(scored.exit_threshold) + _STEP
        return nearest_score_flip(addends, score, staying, above=True)
    if risk is not None and risk.refused_by is not None:
        refusal = _first_refusal(risk)
        return NearestFlip(
            from_value=refusal.observed,
            text=f"{refusal.rule} observed {refusal.observed}; it passes at {refusal.limit}",
            to_value=refusal.limit,
            what=refusal.rule,
        )
    if signal is not None:
        approved = risk is not None
        is_short = signal.direction is Direction.SHORT
        threshold = 100 - entry + _STEP if is_short else entry
        return nearest_score_flip(
            signal.contributions, signal.score, threshold, above=is_short or not approved
        )
    if not scored.entries_allowed[0]:
        cold = ", ".join(_cold(story)) or "market"
        return NearestFlip(
            from_value="cold",
            text=f"entries need {cold} to be warm",
            to_value="warm",
            what="warmup",
        )
    return nearest_score_flip(addends, score, entry, above=True)


def _first_refusal(risk: RiskDecision) -> Any:
    return next(v for v in risk.verdicts if v.verdict is Verdict.REFUSE)


def _cold(story: DecisionStory) -> list[str]:
    """Of the timeframes that entries need, those that are not warm."""
    needed = story.view.frames[:2]
    return [f.timeframe.code for n, f in enumerate(needed) if not story.scored.warm[n, 0]]


def _text(value: float) -> str:
    """A figure at six decimals, the same text as `figure` gives."""
    text = f"{value:.6f}"
    return text if text != "-0.000000" else "0.000000"
