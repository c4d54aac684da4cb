"""ATS-4: whatever 10,000 random signals ask for, the limits hold and safe mode is shut."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from fakes.decision_data import BAR, INSTRUMENT, NOW, SETTINGS, engine, portfolio, position, signal
from trading_models.base import (
    Direction,
    DrawdownState,
    InstrumentId,
    OrderSide,
    Portfolio,
    PositionSide,
)  # fmt: skip
from trading_models.risk_management import RiskEngine

NAMES = [InstrumentId(f"A{n}-USD.SIM") for n in range(30)]
INSTRUMENTS = [
    INSTRUMENT.model_copy(update={"instrument_id": name, "symbol": f"A{n}USD"})
    for n, name in enumerate(NAMES)
]
COSTS = Decimal("0.0012")


def settings_with(**changes):
    return SETTINGS.model_copy(update={"risk": SETTINGS.risk.model_copy(update=changes)})


def random_signal(dice, name, price):
    distance = Decimal(str(round(float(price) * float(dice.uniform(0.0005, 0.3)), 2)))
    return signal(
        instrument_id=name,
        direction=Direction.LONG if dice.random() < 0.8 else Direction.SHORT,
        stop_offset=max(distance, Decimal("0.01")),
        closed_at=NOW - int(dice.integers(0, 4)) * BAR,
    )


def grown(book: Portfolio, decision, asked, price) -> Portfolio:
    """The account after the approved entry was filled at the mark."""
    side = PositionSide.LONG if asked.direction is Direction.LONG else PositionSide.SHORT
    sign = 1 if side is PositionSide.LONG else -1
    stop = price - sign * asked.stop_offset
    fresh = position(asked.instrument_id, mark=str(price), quantity=str(decision.quantity))
    fresh = fresh.model_copy(update={"stop_price": stop, "position_side": side})
    others = [p for p in book.positions if p.instrument_id != asked.instrument_id]
    cash = book.cash - decision.quantity * price * (1 + COSTS)
    return book.model_copy(update={"positions": (*others, fresh), "cash": cash})


@pytest.mark.parametrize(
    ("can_borrow", "per_trade", "leverage", "seed"),
    [(False, "0.5", "3", 1), (True, "2", "10", 2), (True, "0.25", "3", 3), (False, "2", "1", 4)],
)
def test_limits_hold_for_random_signals(can_borrow, per_trade, leverage, seed):
    settings = settings_with(
        per_trade_pct=Decimal(per_trade), leverage=Decimal(leverage), max_open_positions=30,
        correlation=Decimal(1), max_position_pct=Decimal(300),
    )  # fmt: skip
    settings = settings.model_copy(
        update={"strategy": settings.strategy.model_copy(update={"allow_short": True})}
    )
    risk = RiskEngine(settings, lambda _: "", INSTRUMENTS, bar_length=BAR, can_borrow=can_borrow)
    dice = np.random.default_rng(seed)
    returns = {name: dice.normal(size=120).tolist() for name in NAMES}
    approved = 0
    book = start = portfolio(*(position(name, mark="100.00") for name in NAMES))
    for _ in range(2500):
        if dice.random() < 0.02:
            book = start
        name = NAMES[int(dice.integers(len(NAMES)))]
        price = Decimal("100.00")
        asked = random_signal(dice, name, price)
        decision = risk.review(asked, book, NOW, returns=returns)
        if decision.quantity is None:
            assert decision.refused_by is not None
            continue
        approved += 1
        step_pct = 100 * INSTRUMENT.step_size * (asked.stop_offset + price) / book.equity
        assert Decimal("0.25") - step_pct <= decision.risk_pct <= Decimal(per_trade)
        assert decision.quantity % INSTRUMENT.step_size == 0
        order = risk.approve(asked, decision, issued_at=NOW).order.order
        wanted = OrderSide.BUY if asked.direction is Direction.LONG else OrderSide.SELL
        assert order.order_side is wanted
        book = grown(book, decision, asked, price)
        assert book.open_risk <= Decimal("0.2") * book.equity
        assert book.exposure <= Decimal(leverage) * book.equity
        if not can_borrow:
            assert book.cash >= 0
            assert wanted is OrderSide.BUY
    assert approved >= 100


def test_safe_mode_blocks_every_entry_and_no_exit():
    risk, dice = engine(), np.random.default_rng(5)
    shut = DrawdownState(safe_mode=True, safe_mode_reason="daily_drawdown")
    price = Decimal("43600.00")
    for number in range(300):
        asked = random_signal(dice, INSTRUMENT.instrument_id, price)
        held = position(quantity="0.01000" if number % 2 else "0.00000")
        book = portfolio(held, drawdown=shut)
        decision = risk.review(asked, book, NOW)
        assert decision.quantity is None
        if held.is_open:
            signed = risk.approve_exit(
                book, held.instrument_id, "signal_exit", decision_id="c" * 64, issued_at=NOW
            )
            assert signed.order.order.quantity == held.quantity
