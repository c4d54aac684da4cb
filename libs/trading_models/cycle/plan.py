"""From one closed bar to a plan: see, ask (by the caller), judge. The same code everywhere (K20).

`sight` and `judge` are pure; between them the caller fetches opinions when they are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trading_models.base import Bar, Candidate, Instrument, OpinionRecord, Portfolio, Timeframe
from trading_models.config_manager import Settings
from trading_models.cycle.account import Account, ManagerAction
from trading_models.cycle.decide import (
    DecisionContext,
    Screen,
    Verdict,
    candidate_at,
    conclude,
    decision_id_at,
    screen_view,
    should_ask,
)
from trading_models.cycle.record import DecisionStory
from trading_models.cycle.view import LiveView
from trading_models.risk_management import RiskEngine
from trading_models.signals import MarketView

__all__ = ["Lane", "Plan", "Sighting", "judge", "leaves_on_signal", "sight"]


@dataclass(slots=True)
class Lane:
    """One instrument: its view of the market and what does not change from bar to bar."""

    instrument: Instrument
    context: DecisionContext
    view: LiveView

    @classmethod
    def of(cls, settings: Settings, instrument: Instrument, timeframe: Timeframe) -> Lane:
        """A cold lane."""
        context = DecisionContext.of(settings, instrument, timeframe)
        return cls(instrument, context, LiveView(settings, instrument, timeframe))


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one bar shows before anyone was asked."""

    bar: Bar
    view: MarketView
    scored: Screen
    action: ManagerAction | None
    is_exit: bool
    candidate: Candidate | None
    wants_opinions: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What one decision calls for, in this order: the manager's action, then entry or exit."""

    lane: Lane
    story: DecisionStory
    action: ManagerAction | None
    verdict: Verdict | None

    @property
    def has_orders(self) -> bool:
        """Something will be sent."""
        approved = self.verdict is not None and self.verdict.is_approved
        return self.action is not None or approved or self.story.is_exit


def leaves_on_signal(
    scored: Screen, position: int, portfolio: Portfolio, action: ManagerAction | None, lane: Lane
) -> bool:
    """The score calls for leaving a position that the manager is not closing already."""
    held = portfolio.position(lane.instrument.instrument_id)
    is_closing = action is not None and action.close_reason is not None
    return bool(scored.is_exit[position]) and held is not None and held.is_open and not is_closing


def sight(lane: Lane, bar: Bar, account: Account, portfolio: Portfolio) -> Sighting:
    """Move the view to `bar`, ask the position manager, find a candidate."""
    view = lane.view.update(bar)
    scored = screen_view(view, lane.context)
    action = account.manage(bar, float(view.atr[0]))
    is_exit = leaves_on_signal(scored, 0, portfolio, action, lane)
    candidate = candidate_at(view, scored, 0, lane.context)
    asks = candidate is not None and should_ask(candidate, lane.context.params)
    return Sighting(bar, view, scored, None if is_exit else action, is_exit, candidate, asks)


def judge(
    lane: Lane,
    seen: Sighting,
    opinions: Sequence[OpinionRecord],
    portfolio: Portfolio,
    now: datetime,
    risk: RiskEngine,
) -> Plan:
    """Merge the opinions, let risk review, and say what is to be done. `now` is market time."""
    verdict = None
    if seen.candidate is not None:
        verdict = conclude(seen.candidate, opinions, portfolio, now, lane.context, risk)
    story = DecisionStory(
        seen.bar,
        seen.view,
        seen.scored,
        decision_id_at(seen.bar.closed_at, lane.context),
        seen.is_exit,
        opinions,
        None if verdict is None else verdict.signal,
        None if verdict is None else verdict.risk,
    )
    return Plan(lane, story, seen.action, verdict)
