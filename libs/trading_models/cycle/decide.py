"""The pure decision of one bar, the same code in backtest, paper and live (K20, K21).

screen -> candidate -> (opinions, from outside) -> merge -> risk review. Nothing here reads a clock,
a file or a network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_models.base import (
    Candidate,
    DecisionId,
    Direction,
    Instrument,
    Opinion,
    Portfolio,
    RiskDecision,
    Rounding,
    Signal,
    Timeframe,
    derive_decision_id,
    figure,
    from_millis,
)
from trading_models.config_manager import Settings, StrategySettings
from trading_models.risk_management import Reviewer
from trading_models.signals import (
    BASE_SCORE,
    MarketView,
    Screen,
    add_up,
    addends_of,
    contributions_of,
    merge,
    opinion_reach,
    screen,
)

__all__ = [
    "Conclusion",
    "DecisionContext",
    "Screen",
    "Verdict",
    "candidate_at",
    "conclude",
    "decision_id_at",
    "merge",
    "screen",
    "screen_view",
    "should_ask",
    "trend_word",
    "volatility_word",
]

# What an analyst may see of each timeframe.
ANALYST_FEATURES = (
    "ema_20", "ema_50", "macd_histogram", "rsi_14", "adx_14", "stoch_k", "cci_20", "mfi_14",
    "pin_bar", "engulfing", "breakout", "divergence",
)  # fmt: skip
_TREND = {1: "bull", -1: "bear", 0: "sideways"}
_VOLATILITY = {1: "high", -1: "low", 0: "normal"}


@dataclass(frozen=True, slots=True)
class DecisionContext:
    """What does not change from bar to bar. Made once: `config_hash` is not free."""

    account: str
    strategy: str
    config_hash: str
    instrument: Instrument
    params: StrategySettings
    horizon: str

    @classmethod
    def of(
        cls, settings: Settings, instrument: Instrument, timeframe: Timeframe
    ) -> DecisionContext:
        """From settings; the horizon is the longest time a position is held."""
        minutes = settings.position.max_bars * timeframe.minutes
        return cls(
            account=settings.account,
            strategy=settings.strategy.name,
            config_hash=settings.config_hash,
            instrument=instrument,
            params=settings.strategy,
            horizon=f"{minutes}m",
        )


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of a candidate. `risk` is None when the merged signal has no direction."""

    signal: Signal
    risk: RiskDecision | None

    @property
    def is_approved(self) -> bool:
        """An entry may be submitted."""
        return self.risk is not None and self.risk.quantity is not None


# The word that callers use; the class has another name because a risk rule's answer is a Verdict.
Verdict = Conclusion


def screen_view(view: MarketView, context: DecisionContext) -> Screen:
    """Score every bar of the view with the context's strategy and parameters."""
    return screen(view, context.params, context.strategy)


def decision_id_at(closed_at: datetime, context: DecisionContext) -> DecisionId:
    """The id of the decision at one bar (K26)."""
    return derive_decision_id(
        account=context.account,
        strategy=context.strategy,
        config_hash=context.config_hash,
        instrument_id=context.instrument.instrument_id,
        closed_at=closed_at,
    )


def candidate_at(
    view: MarketView, scored: Screen, position: int, context: DecisionContext
) -> Candidate | None:
    """The candidate of base bar `position`, None when the bar is none.

    Offsets are rounded to tick, the stop up and the target down: never more risk or reward than
    the figures say by more than a tick.
    """
    if not scored.is_candidate[position]:
        return None
    instrument = context.instrument
    closed_at = from_millis(int(view.closed_at[position]))
    addends = addends_of(scored.parts(position))
    stop = instrument.round_price(Decimal(float(scored.stop_offset[position])), Rounding.CEILING)
    target = instrument.round_price(Decimal(float(scored.target_offset[position])), Rounding.FLOOR)
    return Candidate(
        atr=figure(float(view.atr[position])),
        base=BASE_SCORE,
        close=instrument.round_price(Decimal(float(view.close[position]))),
        closed_at=closed_at,
        contributions=contributions_of(addends),
        decision_id=decision_id_at(closed_at, context),
        direction=Direction.LONG if scored.direction[position] > 0 else Direction.SHORT,
        features=_analyst_features(view, position),
        instrument_id=instrument.instrument_id,
        score=add_up(addends),
        stop_offset=stop,
        target_offset=max(target, instrument.tick_size),
        trend=trend_word(scored, position),
        volatility=volatility_word(scored, position),
    )


def _analyst_features(view: MarketView, position: int) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for frame in view.frames:
        row = int(frame.row[position])
        if row < 0:
            continue
        prefix, column = frame.timeframe.code, frame.values[:, row].tolist()
        for name in ANALYST_FEATURES:
            value = column[frame.index[name]]
            if value == value:  # noqa: PLR0124 - NaN is the only value unequal to itself
                found[f"{prefix}.{name}"] = figure(value)
    return found


def should_ask(candidate: Candidate, params: StrategySettings) -> bool:
    """Could an opinion change the outcome? Outside the band nobody is asked."""
    entry = figure(params.entry_threshold)
    reach = figure(opinion_reach(params))
    threshold = entry if candidate.direction is Direction.LONG else 100 - entry
    return abs(candidate.score - threshold) <= reach


def conclude(
    candidate: Candidate,
    opinions: Sequence[Opinion],
    portfolio: Portfolio,
    now: datetime,
    context: DecisionContext,
    engine: Reviewer,
) -> Conclusion:
    """Merge the opinions and, if a direction is left, let risk review it. `now` is market time.

    With several instruments pass `engine.with_returns(...)`: a second entry needs return windows.
    """
    signal = merge(candidate, opinions, context.params)
    if signal.direction is Direction.FLAT:
        return Conclusion(signal, None)
    return Conclusion(signal, engine.review(signal, portfolio, now))


def trend_word(scored: Screen, position: int) -> str:
    """bull, bear or sideways."""
    return _TREND[int(scored.trend[position])]


def volatility_word(scored: Screen, position: int) -> str:
    """high, normal or low."""
    return _VOLATILITY[int(scored.volatility[position])]
