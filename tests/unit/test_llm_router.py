"""The router: one ready policy, no silent fallback, deadlines, labels, anonymous questions."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from fakes.decision_data import CONTEXT, INSTRUMENT, SETTINGS, sample_columns
from trading_models.base import (
    ConfigError,
    Direction,
    LlmBadAnswer,
    LlmError,
    OpinionSource,
    Timeframe,
)  # fmt: skip
from trading_models.cycle.decide import candidate_at, screen_view
from trading_models.cycle.view import batch_view
from trading_models.llm_integration import (
    Analyst,
    Answer,
    DecisionRequest,
    Router,
    Tape,
    TapeMode,
    request_for,
)  # fmt: skip


def llm(**changes):
    return SETTINGS.llm.model_copy(update=changes)


def candidate():
    view = batch_view(sample_columns(), SETTINGS, INSTRUMENT, Timeframe.M15)
    scored = screen_view(view, CONTEXT)
    return candidate_at(view, scored, int(scored.is_candidate.argmax()), CONTEXT)


CANDIDATE = candidate()
REQUEST = request_for(CANDIDATE, CONTEXT.horizon)


class Slow(Analyst):
    """Never answers in time."""

    name, label = "slow", "slow model"

    async def ask(self, request):
        await asyncio.sleep(60)
        return self.answer(request)

    def answer(self, request):
        raise LlmError("needs a network")


class Broken(Slow):
    """Answers nonsense."""

    name, label = "broken", "broken model"

    async def ask(self, request):
        raise LlmBadAnswer("p_up 150 is outside 0..1")


class Sure(Slow):
    """A model that answers at once."""

    name, label = "sure", "sure model"

    async def ask(self, request):
        return Answer(direction=Direction.LONG, p_up=Decimal("0.9"), reasons=("sure",))


@pytest.mark.parametrize("policy", ["accuracy_first", "cost_aware", "latency_aware"])
def test_policies_without_providers_say_so(policy):
    with pytest.raises(ConfigError, match="not available until providers are installed"):
        Router(llm(policy=policy))


def test_an_analyst_that_is_not_installed_is_an_error_and_no_fallback():
    with pytest.raises(ConfigError, match="'openai', which is not installed") as caught:
        Router(llm(analysts=("openai", "rules-v1")))
    assert caught.value.allowed == "rules-v1"


def test_default_is_rules_and_says_so():
    router = Router(SETTINGS.llm)
    assert router.label == "rules (no LLM)"
    assert router.is_offline
    (opinion,) = router.decide_offline(REQUEST)
    assert opinion.label == "rules (no LLM)"
    assert opinion.source is OpinionSource.RULES
    assert opinion.latency_ms is None, "no transport time in a decision body"
    assert opinion.cost_usd == 0


def test_async_and_offline_agree():
    router = Router(SETTINGS.llm)
    assert asyncio.run(router.decide(REQUEST)) == router.decide_offline(REQUEST)


def test_no_analyst_no_opinion():
    router = Router(llm(analysts=()))
    assert router.decide_offline(REQUEST) == ()
    assert router.label == "no analyst"


def test_late_and_broken_analysts_abstain_beside_a_good_one():
    router = Router(
        llm(deadline_s=Decimal("0.05")), Tape.off(), analysts=[Slow(), Broken(), Sure()]
    )
    late, broken, sure = asyncio.run(router.decide(REQUEST))
    assert late.direction is broken.direction is Direction.ABSTAIN
    assert late.source is OpinionSource.ABSTAIN
    assert late.reasons == ("no answer within 0.05 s",)
    assert broken.reasons == ("p_up 150 is outside 0..1",)
    assert "abstained" in late.label
    assert sure.p_up == Decimal("0.9")
    assert sure.confidence == Decimal("0.800000")


def test_latency_is_measured_with_the_clock_that_was_given():
    ticks = iter([1.0, 1.25])
    router = Router(SETTINGS.llm, Tape.off(), analysts=[Sure()], monotonic=lambda: next(ticks))
    (opinion,) = asyncio.run(router.decide(REQUEST))
    assert opinion.latency_ms == 250


def test_a_model_cannot_be_asked_offline():
    router = Router(SETTINGS.llm, Tape.off(), analysts=[Sure()])
    assert not router.is_offline
    with pytest.raises(LlmError, match="needs a network"):
        router.decide_offline(REQUEST)


def test_the_question_names_no_instrument_and_no_price():
    text = REQUEST.model_dump_json()
    assert "BTC" not in text
    assert str(CANDIDATE.close) not in text
    assert str(CANDIDATE.features["15m.ema_20"]) not in text
    levels = [v for k, v in REQUEST.features.items() if "ema_" in k]
    assert all(abs(level) < 200 for level in levels), "distances in ATR, not prices"
    assert isinstance(REQUEST, DecisionRequest)


def test_order_of_levels_survives_the_disguise():
    for frame in ("15m", "1h"):
        raw = CANDIDATE.features
        shown = REQUEST.features
        assert (raw[f"{frame}.ema_20"] > raw[f"{frame}.ema_50"]) == (
            shown[f"{frame}.ema_20"] > shown[f"{frame}.ema_50"]
        )


def test_rules_answer_to_what_they_see():
    analyst = Router(SETTINGS.llm).analysts[0]

    def ask(**features):
        named = {key.replace("__", "."): Decimal(value) for key, value in features.items()}
        return analyst.answer(
            REQUEST.model_copy(update={"features": {k.replace("f15m", "15m").replace("f1h", "1h"): v
                                                    for k, v in named.items()}})
        )  # fmt: skip

    assert ask().direction is Direction.FLAT
    assert ask().p_up == Decimal("0.5")
    up = ask(f1h__ema_20="1", f1h__ema_50="0", f15m__ema_20="1", f15m__ema_50="0")
    assert up.p_up == Decimal("0.58")
    assert up.direction is Direction.LONG
    assert ask(f15m__rsi_14="80").p_up == Decimal("0.46")
    assert ask(f15m__pin_bar="-1").direction is Direction.SHORT


def test_tape_mode_off_records_nothing(tmp_path):
    path = tmp_path / "tape.jsonl"
    router = Router(SETTINGS.llm, Tape(path, TapeMode.OFF))
    router.decide_offline(REQUEST)
    assert not path.exists()
