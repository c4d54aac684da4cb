"""Every analyst of the shelf: bounded, labelled, deterministic when it says so, quick."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.decision_data import NOW
from trading_models.base import Direction
from trading_models.llm_integration import DecisionRequest, analyst_classes

FEATURES = (
    "ema_20", "ema_50", "macd_histogram", "rsi_14", "adx_14", "stoch_k", "cci_20", "mfi_14",
    "pin_bar", "engulfing", "breakout", "divergence",
)  # fmt: skip
KEYS = [f"{frame}.{name}" for frame in ("15m", "1h", "4h", "1d") for name in FEATURES]
values = st.integers(-(10**8), 10**8).map(lambda n: Decimal(n).scaleb(-6))
requests = st.dictionaries(st.sampled_from(KEYS), values).map(
    lambda features: DecisionRequest(
        as_of=NOW,
        features=features,
        horizon="1440m",
        instrument_alias="instrument-1",
        request_id="a" * 64,
        score="61",
        trend="bull",
        volatility="normal",
    )
)
OFFLINE = sorted(name for name, kind in analyst_classes().items() if kind.is_offline)


@pytest.fixture(params=OFFLINE)
def analyst(request):
    return analyst_classes()[request.param]()


def test_rules_v1_is_there_and_says_that_it_is_no_model():
    assert analyst_classes()["rules-v1"].label == "rules (no LLM)"


def test_every_analyst_is_labelled():
    for name, kind in analyst_classes().items():
        assert kind.label, name


@given(request=requests)
@settings(max_examples=200, deadline=None)
def test_answers_are_bounded_and_repeatable(request):
    for name in OFFLINE:
        answer = analyst_classes()[name]().answer(request)
        assert Decimal(0) <= answer.p_up <= Decimal(1)
        assert answer.direction is not Direction.ABSTAIN
        assert 1 <= len(answer.reasons) <= 5
        assert answer == analyst_classes()[name]().answer(request)


def test_an_answer_takes_less_than_five_milliseconds(analyst):
    features = {key: Decimal("12.000000") for key in KEYS}
    request = DecisionRequest(
        as_of=NOW,
        features=features,
        horizon="1440m",
        instrument_alias="instrument-1",
        request_id="a" * 64,
        score="61",
        trend="bull",
        volatility="normal",
    )
    started = time.process_time()
    for _ in range(50):
        analyst.answer(request)
    assert (time.process_time() - started) / 50 < 0.005
