"""Screens and merges hold their promises on any market and any opinions."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.decision_data import CONTEXT, INSTRUMENT, SETTINGS, cut, walk_columns
from trading_models.base import Candidate, Direction, Opinion, OpinionSource, Signal, Timeframe
from trading_models.cycle.decide import candidate_at, merge, screen_view
from trading_models.cycle.view import batch_view
from trading_models.signals import add_up, addends_of


def scored(columns, timeframe=Timeframe.M15):
    view = batch_view(columns, SETTINGS, INSTRUMENT, timeframe)
    return view, screen_view(view, CONTEXT)


def a_candidate() -> Candidate:
    view, found = scored(walk_columns(21, 2500))
    position = int(np.flatnonzero(found.is_candidate)[10])
    candidate = candidate_at(view, found, position, CONTEXT)
    assert candidate is not None
    return candidate


CANDIDATE = a_candidate()
probabilities = st.integers(0, 1_000_000).map(lambda n: Decimal(n).scaleb(-6))
opinions = st.builds(
    Opinion,
    analyst=st.sampled_from(["a", "b", "c"]),
    confidence=probabilities,
    direction=st.sampled_from(Direction),
    p_up=probabilities,
    reasons=st.just(()),
    source=st.just(OpinionSource.LLM),
    weight=st.integers(0, 5_000_000).map(lambda n: Decimal(n).scaleb(-6)),
)


@given(seed=st.integers(0, 10_000), cut_at=st.integers(50, 800), gaps=st.floats(0, 0.3))
@settings(max_examples=25, deadline=None)
def test_no_score_sees_the_future_and_all_add_up(seed, cut_at, gaps):
    columns = walk_columns(seed, 900, missing_share=gaps)
    cut_at = min(cut_at, len(columns["close"]))
    view, whole = scored(columns)
    _, part = scored(cut(columns, cut_at))
    assert part.score.tobytes() == whole.score[:cut_at].tobytes()
    assert part.is_candidate.tobytes() == whole.is_candidate[:cut_at].tobytes()
    assert ((whole.score >= 0) & (whole.score <= 100)).all()
    for position in range(0, len(view), 97):
        addends = addends_of(whole.parts(position))
        exact = Decimal(float(whole.score[position]))
        assert abs(add_up(addends) - exact) < Decimal("0.00002")


@given(voices=st.lists(opinions, max_size=6))
@settings(max_examples=300, deadline=None)
def test_a_merged_score_adds_up_and_moves_within_its_bound(voices):
    signal = merge(CANDIDATE, voices, CONTEXT.params)
    assert Signal.model_validate(signal.model_dump()) == signal
    reach = Decimal(50) * Decimal(str(CONTEXT.params.opinion_weight))
    assert abs(signal.score - CANDIDATE.score) <= reach
    entry = Decimal(str(CONTEXT.params.entry_threshold))
    assert (signal.direction is Direction.LONG) == (signal.score >= entry)
    assert signal.stop_offset == CANDIDATE.stop_offset


@given(voices=st.lists(opinions, min_size=1, max_size=5), seed=st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_opinions_does_not_matter(voices, seed):
    shuffled = list(voices)
    seed.shuffle(shuffled)
    one, other = (merge(CANDIDATE, v, CONTEXT.params) for v in (voices, shuffled))
    assert abs(one.score - other.score) <= Decimal("0.0001")


@given(voices=st.lists(opinions, max_size=5))
@settings(max_examples=100, deadline=None)
def test_one_more_bull_never_lowers_an_agreeing_pool(voices):
    bulls = [
        v.model_copy(update={"direction": Direction.LONG, "p_up": max(v.p_up, 1 - v.p_up)})
        for v in voices
    ]
    sure = Opinion(
        analyst="sure", confidence="1", direction=Direction.LONG, p_up="1", reasons=(),
        source=OpinionSource.LLM, weight="1",
    )  # fmt: skip
    before = merge(CANDIDATE, bulls, CONTEXT.params).score
    assert merge(CANDIDATE, [*bulls, sure], CONTEXT.params).score >= before - Decimal("0.0001")
