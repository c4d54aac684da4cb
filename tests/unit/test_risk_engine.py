"""The risk engine: sizing, rule order, exits that are never refused, approval that is its own."""

from __future__ import annotations

import ast
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import trading_models
from fakes.decision_data import (
    BAR,
    DECISION_ID,
    INSTRUMENT,
    NOW,
    OTHER_ID,
    SETTINGS,
    engine,
    portfolio,
    position,
    sign,
    signal,
)  # fmt: skip
from trading_models.base import (
    ApprovedOrder,
    DataUnavailable,
    Direction,
    DrawdownState,
    ExecutionError,
    Intent,
    OrderSide,
    RiskOutcome,
    RiskRefused,
    StopLevel,
    TradingState,
    Verdict,
)  # fmt: skip
from trading_models.risk_management import RiskEngine

ENGINE = engine()


def review(book=None, *, what=None, at=NOW, by=ENGINE, **options):
    return by.review(what or signal(), book or portfolio(), at, **options)


def with_risk(**changes):
    return SETTINGS.model_copy(update={"risk": SETTINGS.risk.model_copy(update=changes)})


def test_size_is_the_configured_risk_at_the_stop_with_costs():
    decision = review()
    assert decision.outcome is RiskOutcome.APPROVED
    unit = Decimal("872.00") + 2 * Decimal("0.0012") * Decimal("43600.00")
    exact = Decimal(50) / unit
    assert decision.quantity <= exact < decision.quantity + INSTRUMENT.step_size
    assert Decimal("0.49") < decision.risk_pct <= Decimal("0.5")
    assert [v.rule for v in decision.verdicts] == [rule.name for rule in ENGINE.rules]


def test_every_verdict_is_recorded_and_the_first_refusal_named():
    book = portfolio(
        position(quantity="0.01000", stop="43000.00"), trading_state=TradingState.REDUCING
    )
    decision = review(book)
    refused = [v.rule for v in decision.verdicts if v.verdict is Verdict.REFUSE]
    assert refused[:2] == ["trading_state", "existing_position"]
    assert decision.refused_by == "trading_state"
    assert len(decision.verdicts) == len(ENGINE.rules)
    assert decision.quantity is None


@pytest.mark.parametrize(
    ("book", "rule"),
    [
        ({"level": StopLevel.NO_ENTRIES}, "trading_state"),
        ({"unresolved": ("BTC-USD.SIM",)}, "trading_state"),
        ({"drawdown": DrawdownState(safe_mode=True)}, "safe_mode"),
        ({"drawdown": DrawdownState(safe_mode_until=NOW + BAR)}, "safe_mode"),
        ({"drawdown": DrawdownState(daily_drawdown_pct="8")}, "daily_drawdown"),
        ({"drawdown": DrawdownState(monthly_drawdown_pct="20")}, "monthly_drawdown"),
        ({"equity": "0", "cash": "0"}, "per_trade_risk"),
    ],
)
def test_account_states_that_close_entries(book, rule):
    assert review(portfolio(**book)).refused_by == rule


@pytest.mark.parametrize(("daily", "monthly"), [("7.99", "19.99"), ("0", "0")])
def test_drawdown_just_below_the_limit_passes(daily, monthly):
    state = DrawdownState(daily_drawdown_pct=daily, monthly_drawdown_pct=monthly)
    assert review(portfolio(drawdown=state)).outcome is RiskOutcome.APPROVED


def test_stale_and_future_data():
    assert review(at=NOW + 2 * BAR).outcome is RiskOutcome.APPROVED
    assert review(at=NOW + 2 * BAR + timedelta(seconds=1)).refused_by == "stale_data"
    assert review(at=NOW - timedelta(seconds=1)).refused_by == "stale_data"
    old = portfolio(market_time=NOW - 3 * BAR)
    assert review(old).refused_by == "stale_data"


def test_an_unknown_price_refuses():
    nothing = portfolio(position(OTHER_ID, mark="3000.00"))
    assert review(nothing).refused_by == "stale_data"


def test_short_is_not_available_on_spot():
    short = signal(direction=Direction.SHORT)
    assert review(what=short).refused_by == "short_not_available"


def test_stop_inside_the_costs_or_absurdly_far():
    assert review(what=signal(stop_offset="104.64")).refused_by == "stop_distance"
    assert review(what=signal(stop_offset="10900.01")).refused_by == "stop_distance"
    assert review(what=signal(stop_offset="10900.00")).refused_by is None


def test_cash_shrinks_and_too_small_a_rest_is_refused():
    some = portfolio(cash="1500", equity="10000")
    decision = review(some)
    shrunk = {v.rule for v in decision.verdicts if v.verdict is Verdict.SHRINK}
    assert shrunk == {"available_cash"}
    assert decision.quantity * Decimal("43600") <= 1500
    assert decision.quantity % INSTRUMENT.step_size == 0
    assert decision.risk_pct >= Decimal("0.25")
    assert review(portfolio(cash="500", equity="10000")).refused_by == "min_risk"
    assert review(portfolio(cash="0", equity="10000")).refused_by == "available_cash"


def test_max_position_shrinks():
    decision = review(by=engine(with_risk(max_position_pct=Decimal(18))))
    shrunk = [v for v in decision.verdicts if v.verdict is Verdict.SHRINK]
    assert [v.rule for v in shrunk] == ["max_position"]
    assert decision.quantity * Decimal(43600) <= 1800


def test_open_risk_of_the_portfolio_is_bounded():
    held = position(OTHER_ID, mark="3000.00", quantity="1.00000", stop="1010.00")
    book = portfolio(position(), held, equity="10000", cash="7000")
    returns = {"BTC-USD.SIM": [0.0, 0.01] * 60, OTHER_ID: [0.01, 0.0] * 60}
    decision = review(book, returns=returns)
    assert "portfolio_risk" in {v.rule for v in decision.verdicts if v.verdict is Verdict.SHRINK}
    assert decision.refused_by == "min_risk"


def test_correlation_blocks_the_second_entry():
    held = position(OTHER_ID, mark="3000.00", quantity="0.10000", stop="2900.00")
    book = portfolio(position(), held)
    same = [0.01, -0.01, 0.02] * 40
    alike = review(book, returns={"BTC-USD.SIM": same, OTHER_ID: same})
    assert alike.refused_by == "correlation"
    against = review(book, returns={"BTC-USD.SIM": same, OTHER_ID: [-x for x in same]})
    assert against.outcome is RiskOutcome.APPROVED
    assert review(book).refused_by == "correlation", "no window, no entry"
    bound = ENGINE.with_returns({"BTC-USD.SIM": same, OTHER_ID: [-x for x in same]})
    assert bound.review(signal(), book, NOW) == against
    still = review(book, returns={"BTC-USD.SIM": [0.0] * 120, OTHER_ID: same})
    assert still.refused_by == "correlation"


def test_leverage_where_the_venue_lends():
    settings = with_risk(
        leverage=Decimal(1), max_position_pct=Decimal(1000), per_trade_pct=Decimal(2)
    )
    margin = engine(settings, can_borrow=True)
    near = signal(stop_offset="150.00")
    decision = review(what=near, by=margin)
    assert "leverage" in {v.rule for v in decision.verdicts if v.verdict is Verdict.SHRINK}
    assert decision.quantity * Decimal(43600) <= 10000


def test_a_flat_signal_is_a_mistake_of_the_caller():
    with pytest.raises(RiskRefused, match="observed flat"):
        review(what=signal(direction=Direction.FLAT, score="70"))


def test_unknown_instrument():
    with pytest.raises(DataUnavailable, match=r"no trading rules for DOGE-USD\.SIM"):
        review(what=signal(instrument_id="DOGE-USD.SIM"))


def test_review_is_pure_and_its_digest_covers_the_inputs():
    assert review() == review()
    assert review().digest != review(at=NOW + BAR).digest
    assert review().digest != review(portfolio(cash="9999.99")).digest


def test_approval_is_signed_and_expires():
    decision = review()
    signed = ENGINE.approve(signal(), decision, issued_at=NOW, attempt=1)
    order = signed.order
    assert signed.signature == sign(order)
    assert order.intent is Intent.OPEN
    assert (order.leg, order.attempt, order.order.order_side) == ("entry", 1, OrderSide.BUY)
    assert order.expires_at - order.issued_at == timedelta(seconds=30)
    assert order.risk_digest == decision.digest
    assert order.order.quantity == decision.quantity


def test_a_refusal_cannot_be_approved():
    refused = review(portfolio(level=StopLevel.REDUCE_ONLY))
    with pytest.raises(RiskRefused, match="refused by trading_state"):
        ENGINE.approve(signal(), refused, issued_at=NOW)
    other = signal(decision_id="f" * 64)
    with pytest.raises(RiskRefused, match="decision_id"):
        ENGINE.approve(other, review(), issued_at=NOW)


def test_exits_and_protection_pass_in_any_state():
    book = portfolio(
        position(quantity="0.00999"),
        trading_state=TradingState.HALTED,
        level=StopLevel.FLATTEN,
        drawdown=DrawdownState(safe_mode=True),
    )
    out = ENGINE.approve_exit(
        book, INSTRUMENT.instrument_id, "signal_exit", decision_id=DECISION_ID, issued_at=NOW
    ).order
    assert (out.intent, out.leg, out.order.order_side) == (Intent.REDUCE, "exit", OrderSide.SELL)
    assert out.order.quantity == Decimal("0.00999")
    guard = ENGINE.approve_protection(
        book, INSTRUMENT.instrument_id, stop=Decimal("43100.004"), target=Decimal(44500),
        decision_id=DECISION_ID, issued_at=NOW,
    ).order  # fmt: skip
    assert guard.order.trigger_price == Decimal("43100.00")
    assert guard.leg == "protect"


def test_nothing_to_reduce():
    with pytest.raises(ExecutionError, match="no open position"):
        ENGINE.approve_exit(
            portfolio(), INSTRUMENT.instrument_id, "kill", decision_id=DECISION_ID, issued_at=NOW
        )


def test_only_risk_management_constructs_an_approved_order():
    root = Path(trading_models.__file__).parent
    makers = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name == ApprovedOrder.__name__:
                    makers.add(path.name)
    assert makers == {"risk_management.py"}


def test_rules_can_be_given_for_a_test_of_one():
    one = RiskEngine(SETTINGS, sign, [INSTRUMENT], bar_length=BAR, rules=ENGINE.rules[:1])
    assert len(review(by=one).verdicts) == 1
