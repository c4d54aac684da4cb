"""Scores add up, cold timeframes weigh nothing, opinions are bounded, flips are exact."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from fakes.decision_data import CONTEXT, INSTRUMENT, SETTINGS, sample_columns, walk_columns
from trading_models.base import (
    Candidate,
    ConfigError,
    Contribution,
    Direction,
    Opinion,
    OpinionSource,
    Timeframe,
)  # fmt: skip
from trading_models.cycle.decide import candidate_at, screen_view, should_ask
from trading_models.cycle.view import batch_view
from trading_models.signals import (
    add_up,
    addends_of,
    aggregate,
    merge,
    nearest_score_flip,
    screen,
    strategy_names,
)  # fmt: skip

PARAMS = SETTINGS.strategy


def scored(columns):
    view = batch_view(columns, SETTINGS, INSTRUMENT, Timeframe.M15)
    return view, screen_view(view, CONTEXT)


VIEW, SCORED = scored(sample_columns())
CANDIDATES = np.flatnonzero(SCORED.is_candidate)


def candidate(position=None) -> Candidate:
    place = int(CANDIDATES[len(CANDIDATES) // 2]) if position is None else position
    found = candidate_at(VIEW, SCORED, place, CONTEXT)
    assert found is not None
    return found


def with_score(score: str) -> Candidate:
    """A candidate of a given score."""
    gap = Decimal(score) - 50
    part = Contribution(contribution=gap, factor="15m.trend", raw="0.5", weight="0.5")
    return Candidate.model_validate(
        {
            **candidate().model_dump(),
            "contributions": (part,),
            "score": Decimal(score),
            "direction": Direction.LONG,
        }
    )


def opinion(p_up: str, *, weight="1", analyst="a", direction=None) -> Opinion:
    p = Decimal(p_up)
    word = direction or (Direction.LONG if p > Decimal("0.5") else Direction.SHORT)
    return Opinion(
        analyst=analyst, confidence=abs(2 * p - 1), direction=word, p_up=p, reasons=("why",),
        source=OpinionSource.RULES, weight=weight,
    )  # fmt: skip


def test_scores_stay_in_range_and_add_up():
    assert (SCORED.score >= 0).all()
    assert (SCORED.score <= 100).all()
    for position in range(0, len(VIEW), 37):
        parts = SCORED.parts(position)
        total = 50.0 + sum(part.contribution for part in parts)
        assert abs(total - SCORED.score[position]) < 1e-9
        addends = addends_of(parts)
        assert abs(add_up(addends) - Decimal(float(SCORED.score[position]))) < Decimal("0.00002")
        assert add_up(addends) == 50 + sum(a.contribution for a in addends)
        for part in parts:
            assert -1.0 <= part.raw <= 1.0


def test_weights_add_up_to_one_or_are_all_zero():
    total = SCORED.weights.sum(axis=0)
    assert np.all((np.abs(total - 1.0) < 1e-12) | (total == 0.0))


def test_cold_timeframes_weigh_nothing_and_close_entries():
    assert (SCORED.weights[~SCORED.warm] == 0.0).all()
    assert not SCORED.entries_allowed[~SCORED.warm[1]].any()
    assert SCORED.score[0] == 50.0
    first = int(np.argmax(SCORED.entries_allowed))
    assert SCORED.warm[:2, first].all()
    assert not SCORED.warm[3, first]


def test_candidates_are_the_bars_that_opinions_can_lift_over_the_threshold():
    reach = 50.0 * PARAMS.opinion_weight
    expected = SCORED.entries_allowed & (SCORED.score >= PARAMS.entry_threshold - reach)
    np.testing.assert_array_equal(SCORED.is_candidate, expected)
    assert (SCORED.direction[SCORED.is_candidate] == 1).all()
    assert (SCORED.score[SCORED.is_exit] <= PARAMS.exit_threshold).all()


def test_shorts_are_candidates_only_when_configured():
    params = PARAMS.model_copy(update={"allow_short": True})
    both = screen(VIEW, params)
    assert (both.direction[both.is_candidate] == -1).any()
    assert not (SCORED.direction == -1).any()


def test_a_flat_market_scores_without_an_error():
    columns = walk_columns(1, 900, missing_share=0.0)
    for name in ("open", "high", "low", "close"):
        columns[name] = np.full(900, 100_000, dtype=np.int64)
    columns["volume"] = np.zeros(900)
    _, still = scored(columns)
    assert np.isfinite(still.score).all()
    assert not still.is_candidate.any(), "no range, no stop, no entry"


def test_unknown_strategy():
    assert "confluence-v1" in strategy_names()
    with pytest.raises(ConfigError, match="strategy 'x' is not on the shelf"):
        screen(VIEW, PARAMS, "x")


def test_candidate_is_a_valid_domain_value():
    found = candidate()
    assert Candidate.model_validate(found.model_dump()) == found
    assert found.features["15m.rsi_14"] >= 0


def test_opinions_add_contributions_and_the_sum_holds():
    signal = merge(with_score("60"), [opinion("0.8")], PARAMS)
    added = signal.contributions[-1]
    assert added.factor == "opinion.a"
    assert added.contribution == Decimal("3.000000")  # 50 x 0.1 x (2 x 0.8 - 1)
    assert signal.score == Decimal("63.000000")
    assert signal.direction is Direction.LONG


def test_no_opinion_leaves_the_score():
    signal = merge(with_score("62"), [], PARAMS)
    assert signal.score == 62
    assert signal.direction is Direction.LONG
    assert merge(with_score("61.999999"), [], PARAMS).direction is Direction.FLAT


def test_disagreement_shrinks_and_abstention_is_silent():
    voices = [opinion("0.8"), opinion("0.3", analyst="b")]
    split = merge(with_score("60"), voices, PARAMS).score - 60
    # r = 0.6 and -0.4: agreement 0.2, so 50 x 0.1 x 0.2 x (0.3 - 0.2)
    assert split == Decimal("0.100000")
    against = [opinion("0.8"), opinion("0.2", analyst="b")]
    assert merge(with_score("60"), against, PARAMS).score == 60
    silent = opinion("0.9", direction=Direction.ABSTAIN)
    assert merge(with_score("60"), [silent], PARAMS).score == 60
    assert aggregate([silent], Decimal(60)) is None


def test_many_opinions_never_move_more_than_their_weight():
    voices = [opinion("1", analyst=f"a{n}", weight=str(n + 1)) for n in range(7)]
    signal = merge(with_score("60"), voices, PARAMS)
    assert Decimal("4.999") < signal.score - 60 <= 5


def test_a_sum_above_hundred_is_brought_back_by_a_listed_part():
    signal = merge(with_score("99"), [opinion("1")], PARAMS)
    assert signal.score == 100
    assert signal.contributions[-1].factor == "limit"
    assert signal.contributions[-1].contribution == -4


def test_asked_only_where_an_opinion_can_change_the_outcome():
    answers = [should_ask(with_score(s), PARAMS) for s in ("56.9", "57", "62", "67", "67.1")]
    assert answers == [False, True, True, True, False]


def test_flip_changes_exactly_one_factor_and_crosses_the_threshold():
    parts = [
        Contribution(contribution="4", factor="15m.trend", raw="0.8", weight="0.1"),
        Contribution(contribution="2", factor="1h.trend", raw="0.2", weight="0.2"),
    ]
    flip = nearest_score_flip(parts, Decimal("56.000000"), Decimal(62), above=True)
    # 15m.trend would need +1.2, beyond its range; 1h.trend needs 6 / (50 x 0.2) = 0.6.
    assert (flip.what, flip.from_value, flip.to_value) == ("1h.trend", "0.200000", "0.800000")
    down = nearest_score_flip(parts, Decimal("56.000000"), Decimal(55), above=False)
    assert down.what == "1h.trend"
    moved = 56 + (Decimal(down.to_value) - Decimal("0.2")) * 50 * Decimal("0.2")
    assert moved < 55


def test_flip_names_the_score_when_no_factor_can():
    part = Contribution(contribution="1", factor="15m.trend", raw="0.2", weight="0.1")
    flip = nearest_score_flip([part], Decimal("51.000000"), Decimal(90), above=True)
    assert flip.what == "score"
    assert flip.to_value == "90"


def test_flips_of_the_sample_cross():
    for position in CANDIDATES[::60]:
        addends = addends_of(SCORED.parts(int(position)))
        score = add_up(addends)
        threshold = Decimal(70) if score < 70 else Decimal(60)
        flip = nearest_score_flip(addends, score, threshold, above=score < 70)
        moved = next((a for a in addends if a.factor == flip.what), None)
        if moved is None:
            continue
        fresh = score - moved.contribution + 50 * moved.weight * Decimal(flip.to_value)
        assert (fresh >= threshold) == (score < 70)
