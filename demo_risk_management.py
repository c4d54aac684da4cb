"""Risk: the same signal against a healthy account, one that holds and one in SAFE_MODE.

.venv/bin/python demo_risk_management.py
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ats.replay_data import DataChoice, load_columns
from trading_models.base import Contribution, DrawdownState, Fill, FillReason, InstrumentId, Signal
from trading_models.config_manager import load_settings
from trading_models.cycle.portfolio import PortfolioFold
from trading_models.risk_management import RiskEngine

NOW = datetime(2021, 10, 5, 12, 15, tzinfo=UTC)
BTC = InstrumentId("BTC-USD.SIM")
FILL = {
    "client_order_id": "demo", "execution_id": 1, "fee": "0.00005000", "fee_asset": "BTC",
    "instrument_id": BTC, "leg": "entry", "liquidity_side": "TAKER", "market_time": NOW,
    "order_side": "BUY", "price": "49000.00", "quantity": "0.05000", "trade_id": "1",
    "venue_order_id": "1",
}  # fmt: skip


def main() -> None:
    settings = load_settings()
    instrument = load_columns(DataChoice("sample"), settings).instrument
    engine = RiskEngine(
        settings, lambda order: order.signature(b"demo"), [instrument],
        bar_length=timedelta(minutes=15),
    )  # fmt: skip
    part = Contribution(contribution="16", factor="15m.trend", raw="0.8", weight="0.4")
    signal = Signal(
        base="50", closed_at=NOW, contributions=(part,), decision_id="a" * 64, direction="long",
        instrument_id=BTC, opinions=(), score="66", stop_offset="700.00", target_offset="1050.00",
    )  # fmt: skip
    balances = {instrument.quote_currency: Decimal(10000)}
    fold = PortfolioFold(settings.account, balances, {BTC: instrument}, instrument.quote_currency)
    fold.mark(BTC, Decimal("49500.00"))
    bad_day = DrawdownState(daily_drawdown_pct="8.1", safe_mode=True, safe_mode_reason="daily")
    states = {"healthy": fold.portfolio(NOW), "SAFE_MODE": fold.portfolio(NOW, drawdown=bad_day)}
    fold.apply(Fill.model_validate(FILL), FillReason.ENTRY)
    states["holding"] = fold.portfolio(NOW)
    for name, state in states.items():
        decision = engine.review(signal, state, NOW)
        print(f"{name}: {decision.outcome.value}, quantity {decision.quantity}")
        for item in decision.verdicts:
            print(f"   {item.verdict:<7} {item.rule:<20} {item.observed} / {item.limit}")
        if decision.quantity is not None:
            order = engine.approve(signal, decision, issued_at=NOW).order
            print(f"   approved: {order.order.order_type}, key {order.idempotency_key[:12]}...")


if __name__ == "__main__":
    main()
