"""rules-v1: a deterministic analyst over the features; the baseline that each model must beat.

It casts seven votes, each worth a fixed share of probability, and starts at one half. The shares
are round numbers; none was fitted. It never goes beyond 0.20..0.80.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import ClassVar

from trading_models.base import OpinionSource, figure
from trading_models.llm_providers._api import Analyst, Answer, DecisionRequest, direction_of

_LOW, _HIGH = Decimal("0.20"), Decimal("0.80")
_DEAD_BAND = Decimal("0.02")
_TREND_SHARE = {"15m": "0.03", "1h": "0.05", "4h": "0.06", "1d": "0.04"}
_OTHER_SHARE = Decimal("0.04")
_PATTERN_SHARE = Decimal("0.03")
_HOT, _COLD = Decimal(75), Decimal(25)
_PATTERNS = ("pin_bar", "engulfing", "breakout", "divergence")
_MAX_REASONS = 5

Vote = tuple[Decimal, str]


class RulesV1(Analyst):
    """Trend agreement, stretched oscillators, momentum and shapes, added up."""

    name: ClassVar[str] = "rules-v1"
    label: ClassVar[str] = "rules (no LLM)"
    source: ClassVar[OpinionSource] = OpinionSource.RULES
    is_offline: ClassVar[bool] = True

    def answer(self, request: DecisionRequest) -> Answer:
        """Add the votes up; the reasons are the largest ones."""
        votes = [vote for vote in _votes(request.features) if vote[0]]
        total = sum((share for share, _ in votes), Decimal("0.5"))
        p_up = figure(min(max(total, _LOW), _HIGH))
        votes.sort(key=lambda vote: (-abs(vote[0]), vote[1]))
        reasons = tuple(f"{text} ({share:+})" for share, text in votes[:_MAX_REASONS])
        return Answer(
            direction=direction_of(p_up, _DEAD_BAND),
            p_up=p_up,
            reasons=reasons or ("nothing leans either way",),
        )


def _votes(features: Mapping[str, Decimal]) -> Iterator[Vote]:
    for frame, share in _TREND_SHARE.items():
        yield _trend(features, frame, Decimal(share))
    for frame in ("15m", "1h"):
        yield _stretch(features, frame)
        yield _shapes(features, frame)
    yield _impulse(features)


def _trend(features: Mapping[str, Decimal], frame: str, share: Decimal) -> Vote:
    fast, slow = features.get(f"{frame}.ema_20"), features.get(f"{frame}.ema_50")
    if fast is None or slow is None or fast == slow:
        return Decimal(0), ""
    word, sign = ("above", 1) if fast > slow else ("below", -1)
    return sign * share, f"{frame} EMA 20 {word} EMA 50"


def _stretch(features: Mapping[str, Decimal], frame: str) -> Vote:
    rsi = features.get(f"{frame}.rsi_14")
    if rsi is None or _COLD <= rsi <= _HOT:
        return Decimal(0), ""
    if rsi > _HOT:
        return -_OTHER_SHARE, f"{frame} RSI {rsi:.0f}: stretched up"
    return _OTHER_SHARE, f"{frame} RSI {rsi:.0f}: stretched down"


def _impulse(features: Mapping[str, Decimal]) -> Vote:
    histogram = features.get("1h.macd_histogram")
    if not histogram:
        return Decimal(0), ""
    word, sign = ("positive", 1) if histogram > 0 else ("negative", -1)
    return sign * _OTHER_SHARE, f"1h MACD histogram {word}"


def _shapes(features: Mapping[str, Decimal], frame: str) -> Vote:
    found = [(features.get(f"{frame}.{name}") or Decimal(0), name) for name in _PATTERNS]
    lean = sum((value for value, _ in found), Decimal(0))
    names = ", ".join(name for value, name in found if value)
    if not lean:
        return Decimal(0), ""
    word, sign = ("bullish", 1) if lean > 0 else ("bearish", -1)
    return sign * _PATTERN_SHARE, f"{frame} {word}: {names}"
