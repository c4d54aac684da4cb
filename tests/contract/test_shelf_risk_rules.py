"""Every risk rule of the shelf: pure, monotone, closed when data is missing, and outspoken."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.decision_data import (
    BAR,
    INSTRUMENT,
    NOW,
    OTHER_ID,
    SETTINGS,
    engine,
    portfolio,
    position,
    signal,
)  # fmt: skip
from trading_models import risk_management
from trading_models.base import DrawdownState, OrderSide, RiskOutcome
from trading_models.risk_management import (
    Pass,
    Refuse,
    RuleContext,
    Shrink,
    catalog,
    judge,
    rules_in_order,
)  # fmt: skip

RULES = rules_in_order()
IDS = [rule.name for rule in RULES]
PLUGIN = '''"""A rule that a newcomer dropped in."""
from trading_models.risk_rules._api import Refuse, RiskRule


class NoRiskRule(RiskRule):
    """Refuses everything."""

    name = "no_risk"
    summary = "no trades at all"
    priority = 5

    def check(self, ctx):
        return Refuse(limit="0", observed=f"{ctx.quantity:f}")
'''


def wave(shift: int) -> list[float]:
    return [((n * 7 + shift) % 11 - 5) / 1000 for n in range(120)]


def context(*, quantity="0.05000", held="0.00000", drawdown="0", age=0, **changes) -> RuleContext:
    """An entry that passes; more exposure, risk, drawdown and age by argument."""
    other = position(OTHER_ID, mark="3000.00", quantity=held, stop=None)
    state = DrawdownState(daily_drawdown_pct=drawdown, monthly_drawdown_pct=drawdown)
    fields = {
        "signal": signal(),
        "instrument": INSTRUMENT,
        "order_side": OrderSide.BUY,
        "quantity": Decimal(quantity),
        "portfolio": portfolio(position(), other, drawdown=state),
        "now": NOW + age * BAR,
        "limits": SETTINGS.risk,
        "cost_rate": Decimal("0.0012"),
        "bar_length": BAR,
        "price": Decimal("43600.00"),
        "returns": {"BTC-USD.SIM": wave(0), OTHER_ID: wave(3)},
    }
    return RuleContext(**{**fields, **changes})


def room(verdict, ctx: RuleContext) -> Decimal:
    """How much of the order a verdict allows."""
    if isinstance(verdict, Refuse):
        return Decimal(-1)
    return min(verdict.quantity, ctx.quantity) if isinstance(verdict, Shrink) else ctx.quantity


@pytest.fixture(params=RULES, ids=IDS)
def rule(request):
    return request.param


def test_a_harmless_order_passes(rule):
    assert isinstance(judge(rule, context()), Pass)


def test_rules_are_pure(rule):
    ctx = context(held="1.00000", drawdown="3")
    assert judge(rule, ctx) == judge(rule, ctx)


@given(
    held=st.lists(st.integers(0, 2_000_000), min_size=2, max_size=2).map(sorted),
    drawdown=st.lists(st.integers(0, 3_000), min_size=2, max_size=2).map(sorted),
    age=st.lists(st.integers(0, 5), min_size=2, max_size=2).map(sorted),
)
@settings(max_examples=150, deadline=None)
def test_more_exposure_never_allows_more(held, drawdown, age):
    low, high = (
        context(held=str(Decimal(h).scaleb(-5)), drawdown=str(Decimal(d).scaleb(-2)), age=a)
        for h, d, a in zip(held, drawdown, age, strict=True)
    )
    for rule in RULES:
        calm, tense = judge(rule, low), judge(rule, high)
        assert room(tense, high) <= room(calm, low), rule.name


MISSING = {
    "price": {"price": None},
    "returns": {"returns": {}},
    "equity": {"portfolio": portfolio(equity="0", cash="0")},
}


@pytest.mark.parametrize("fact", MISSING)
def test_a_missing_fact_never_makes_a_rule_kinder(rule, fact):
    ctx = context(held="0.10000")
    without = replace(ctx, **MISSING[fact])
    verdict = judge(rule, without)
    if isinstance(verdict, Pass):
        # The rule does not read the fact: then its verdict cannot depend on it.
        assert isinstance(judge(rule, ctx), Pass)
        assert "missing" not in verdict.observed
    else:
        assert verdict.limit
        assert verdict.observed


def test_price_is_a_fact_that_someone_asks_for():
    refusing = [r.name for r in RULES if isinstance(judge(r, context(price=None)), Refuse)]
    assert "stale_data" in refusing
    assert "per_trade_risk" in refusing


def test_messages_have_limit_and_observed(rule):
    for ctx in (context(), context(held="9.00000", drawdown="30", age=9)):
        verdict = judge(rule, ctx)
        assert verdict.limit.strip()
        assert verdict.observed.strip()


def test_rule_files_are_small_and_described(rule):
    source = Path(inspect.getsourcefile(type(rule))).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    assert rule.summary
    assert 0 < rule.priority < 1000


def test_names_and_priorities_are_unique():
    assert len(set(IDS)) == len(IDS)
    assert len({rule.priority for rule in RULES}) == len(RULES)


def test_catalogue_lists_limits_in_force():
    listed = {entry["name"]: entry for entry in catalog(SETTINGS.risk)}
    assert listed["per_trade_risk"]["params"] == {"per_trade_pct": "0.5"}
    assert listed["correlation"]["params"]["correlation"] == "0.7"
    assert set(listed) == set(IDS)


def test_a_dropped_rule_is_listed_and_has_its_say(tmp_path, monkeypatch):
    package = risk_management.risk_rules
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (tmp_path / "no_risk_drop.py").write_text(PLUGIN)
    assert catalog(SETTINGS.risk)[0]["name"] == "no_risk"
    decision = engine().review(signal(), portfolio(), NOW + timedelta(0))
    assert decision.outcome is RiskOutcome.REFUSED
    assert decision.refused_by == "no_risk"
