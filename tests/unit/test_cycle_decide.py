"""From a screen's row to a verdict: ids, rounding, and the same answer each time."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from fakes.decision_data import (
    CONTEXT,
    INSTRUMENT,
    SETTINGS,
    engine,
    portfolio,
    position,
    sample_columns,
)  # fmt: skip
from trading_models.base import Direction, Timeframe, derive_decision_id, from_millis
from trading_models.cycle.decide import (
    DecisionContext,
    candidate_at,
    conclude,
    decision_id_at,
    screen_view,
    trend_word,
)  # fmt: skip
from trading_models.cycle.view import batch_view
from trading_models.llm_integration import Router, request_for

VIEW = batch_view(sample_columns(), SETTINGS, INSTRUMENT, Timeframe.M15)
SCORED = screen_view(VIEW, CONTEXT)
PLACES = [int(p) for p in np.flatnonzero(SCORED.is_candidate)[::80]]


def at(place: int):
    found = candidate_at(VIEW, SCORED, place, CONTEXT)
    assert found is not None
    return found


def test_decision_id_names_account_strategy_settings_instrument_and_bar():
    closed_at = from_millis(int(VIEW.closed_at[500]))
    assert decision_id_at(closed_at, CONTEXT) == derive_decision_id(
        account="paper-1", strategy="confluence-v1", config_hash=SETTINGS.config_hash,
        instrument_id="BTC-USD.SIM", closed_at=closed_at,
    )  # fmt: skip
    other = SETTINGS.model_copy(
        update={"risk": SETTINGS.risk.model_copy(update={"per_trade_pct": Decimal(1)})}
    )
    changed = DecisionContext.of(other, INSTRUMENT, Timeframe.M15)
    assert decision_id_at(closed_at, changed) != decision_id_at(closed_at, CONTEXT)


@pytest.mark.parametrize("place", PLACES)
def test_offsets_are_ticks_with_the_stop_never_tighter_than_the_figure(place):
    found = at(place)
    stop, target = (Decimal(float(getattr(SCORED, n)[place])) for n in
                    ("stop_offset", "target_offset"))  # fmt: skip
    assert 0 <= found.stop_offset - stop < INSTRUMENT.tick_size
    assert 0 <= target - found.target_offset < INSTRUMENT.tick_size
    assert found.close == INSTRUMENT.price(int(sample_columns()["close"][place]))
    assert found.direction is Direction.LONG
    assert found.trend == trend_word(SCORED, place)


def test_no_candidate_where_the_screen_has_none():
    quiet = int(np.argmin(SCORED.is_candidate))
    assert candidate_at(VIEW, SCORED, quiet, CONTEXT) is None


@pytest.mark.parametrize("place", PLACES[:8])
def test_a_verdict_is_the_same_each_time_and_direction_follows_the_merged_score(place):
    found, router, risk = at(place), Router(SETTINGS.llm), engine()
    book = portfolio(position(mark=str(found.close)), market_time=found.closed_at)
    opinions = router.decide_offline(request_for(found, CONTEXT.horizon))
    one, other = (conclude(found, opinions, book, found.closed_at, CONTEXT, risk) for _ in range(2))
    assert one == other
    enters = one.signal.score >= Decimal(str(SETTINGS.strategy.entry_threshold))
    assert (one.signal.direction is Direction.LONG) == enters
    assert (one.risk is not None) == enters
    assert one.is_approved == (one.risk is not None and one.risk.refused_by is None)
    assert [o.analyst for o in one.signal.opinions] == ["rules-v1"]


def test_the_horizon_is_the_longest_holding_time():
    assert CONTEXT.horizon == f"{SETTINGS.position.max_bars * 15}m"
