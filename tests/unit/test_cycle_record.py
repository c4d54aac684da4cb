"""The decision record: valid, complete, cheap, and its nearest flip is true."""

from __future__ import annotations

import time
from decimal import Decimal

import numpy as np
import pytest

from fakes.decision_data import (
    CONTEXT,
    INSTRUMENT,
    SETTINGS,
    bar_at,
    engine,
    portfolio,
    position,
    sample_columns,
)  # fmt: skip
from trading_models.base import (
    DecisionOutcome,
    DecisionRecord,
    StopLevel,
    Timeframe,
    canonical_json,
)  # fmt: skip
from trading_models.cycle.decide import candidate_at, conclude, decision_id_at, screen_view
from trading_models.cycle.record import DecisionStory, record_body
from trading_models.cycle.view import batch_view
from trading_models.llm_integration import Router, request_for

COLUMNS = sample_columns()
VIEW = batch_view(COLUMNS, SETTINGS, INSTRUMENT, Timeframe.M15)
SCORED = screen_view(VIEW, CONTEXT)
ROUTER = Router(SETTINGS.llm)


def story(place: int, *, book=None, is_exit=False) -> DecisionStory:
    """What the loop would have told of base bar `place`."""
    bar, view = bar_at(COLUMNS, place), VIEW.at(place)
    scored = screen_view(view, CONTEXT)
    found = candidate_at(view, scored, 0, CONTEXT)
    fields = {"bar": bar, "view": view, "scored": scored, "is_exit": is_exit}
    fields["decision_id"] = decision_id_at(bar.closed_at, CONTEXT)
    if found is None:
        return DecisionStory(**fields)
    opinions = ROUTER.decide_offline(request_for(found, CONTEXT.horizon))
    account = book or portfolio(position(mark=str(bar.close)), market_time=bar.closed_at)
    verdict = conclude(found, opinions, account, bar.closed_at, CONTEXT, engine())
    return DecisionStory(**fields, opinions=opinions, signal=verdict.signal, risk=verdict.risk)


def places(flags, count=6):
    found = np.flatnonzero(flags)
    return [int(p) for p in found[:: max(len(found) // count, 1)]][:count]


ABOVE = SCORED.is_candidate & (SCORED.score >= SETTINGS.strategy.entry_threshold + 5)
BELOW = SCORED.entries_allowed & ~SCORED.is_candidate


@pytest.mark.parametrize("place", [0, 60, 4000, *places(ABOVE), *places(SCORED.is_candidate)])
def test_body_is_a_decision_record_and_plain_canonical_json(place):
    body = record_body(story(place), CONTEXT)
    record = DecisionRecord.model_validate(body)
    assert canonical_json(body) == canonical_json(record)
    total = record.score.base + sum(c.contribution for c in record.score.contributions)
    assert total == record.score.value
    assert record.closed_at == bar_at(COLUMNS, place).closed_at


def test_outcomes_and_headlines():
    place = places(ABOVE)[0]
    approved = record_body(story(place), CONTEXT)
    assert approved["outcome"] == DecisionOutcome.APPROVED
    assert approved["headline"].startswith("long 0.")
    assert approved["opinions"][0]["label"] == "rules (no LLM)"
    bar = bar_at(COLUMNS, place)
    stopped = portfolio(
        position(mark=str(bar.close)), market_time=bar.closed_at, level=StopLevel.NO_ENTRIES
    )
    refused = record_body(story(place, book=stopped), CONTEXT)
    assert refused["outcome"] == DecisionOutcome.REFUSED
    assert refused["headline"].startswith("refused by trading_state: ")
    assert refused["nearest_flip"]["what"] == "trading_state"
    assert refused["nearest_flip"]["to"] == "ACTIVE"
    leaving = record_body(story(places(SCORED.is_exit)[0], is_exit=True), CONTEXT)
    assert leaving["outcome"] == DecisionOutcome.EXIT
    cold = record_body(story(0), CONTEXT)
    assert cold["headline"] == "no candidate: 15m, 1h not warm yet"
    assert cold["nearest_flip"]["what"] == "warmup"
    assert cold["inputs"]["features"]["15m.rsi_14"] is None


@pytest.mark.parametrize("place", places(BELOW, 12))
def test_flip_of_a_quiet_bar_would_make_it_an_entry(place):
    body = record_body(story(place), CONTEXT)
    flip, entry = body["nearest_flip"], Decimal(body["score"]["entry_threshold"])
    moved = [c for c in body["score"]["contributions"] if c["factor"] == flip["what"]]
    if not moved:
        assert flip["what"] == "score"
        assert Decimal(flip["to"]) == entry
        return
    gain = 50 * Decimal(moved[0]["weight"]) * Decimal(flip["to"])
    fresh = Decimal(body["score"]["value"]) - Decimal(moved[0]["contribution"]) + gain
    assert fresh >= entry


@pytest.mark.parametrize("place", places(SCORED.is_exit, 8))
def test_flip_of_an_exit_would_keep_the_position(place):
    body = record_body(story(place, is_exit=True), CONTEXT)
    flip, leave = body["nearest_flip"], Decimal(body["score"]["exit_threshold"])
    moved = [c for c in body["score"]["contributions"] if c["factor"] == flip["what"]]
    fresh = Decimal(flip["to"])
    if moved:
        gain = 50 * Decimal(moved[0]["weight"]) * Decimal(flip["to"])
        fresh = Decimal(body["score"]["value"]) - Decimal(moved[0]["contribution"]) + gain
    assert fresh > leave


@pytest.mark.parametrize("place", places(ABOVE, 8))
def test_flip_of_an_entry_would_stop_it(place):
    body = record_body(story(place), CONTEXT)
    flip, entry = body["nearest_flip"], Decimal(body["score"]["entry_threshold"])
    moved = [c for c in body["signal"]["contributions"] if c["factor"] == flip["what"]]
    fresh = Decimal(flip["to"])
    if moved:
        gain = 50 * Decimal(moved[0]["weight"]) * Decimal(flip["to"])
        fresh = Decimal(body["signal"]["score"]) - Decimal(moved[0]["contribution"]) + gain
    assert fresh < entry


def test_timeframes_say_what_was_cold():
    rows = record_body(story(1000), CONTEXT)["inputs"]["timeframes"]
    assert [row["timeframe"] for row in rows] == ["15m", "1h", "4h", "1d"]
    assert rows[3]["warm"] is False
    assert rows[3]["weight"] == "0.000000"
    assert sum(Decimal(row["weight"]) for row in rows) == pytest.approx(1, abs=1e-5)


def test_a_quiet_bar_costs_less_than_two_milliseconds():
    quiet = story(places(BELOW)[0])
    started = time.process_time()
    for _ in range(100):
        record_body(quiet, CONTEXT)
    assert (time.process_time() - started) / 100 < 0.002
