"""Position, drawdown and backtest of `trading_engine` through the Python binding.

The backtest's ledger is worked out by hand below: fee 0.1 %, slippage 2 bp, tick 0.01.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import trading_engine

MINUTES_15 = 900_000
START = 1_632_700_800_000  # 2021-09-27T00:00:00Z
INSTRUMENT = {
    "instrument_id": "BTC-USD.SIM",
    "symbol": "BTCUSD",
    "base_currency": "BTC",
    "quote_currency": "USD",
    "price_scale": 2,
    "quantity_scale": 5,
    "tick_size": "0.01",
    "step_size": "0.00001",
    "min_quantity": "0.00001",
    "min_notional": "10",
}
POSITION = {
    "break_even_r": "1",
    "trail_atr": "2",
    "trail_start_r": "1.5",
    "min_move_atr": "0.1",
    "max_bars": 96,
}
CONFIG = {
    "balances": {"USD": "10000"},
    "maker_fee_rate": "0.001",
    "taker_fee_rate": "0.001",
    "slippage_bps": "2",
    "position": POSITION,
    "drawdown": {"daily_pct": "8", "monthly_pct": "20", "cooldown_hours": 24},
}
# open, high, low, close in cents
BARS = np.array(
    [
        [10000, 10000, 10000, 10000],
        [10000, 10200, 9900, 10100],  # entry at 100.02, stop 98.02, target 103.02
        [10100, 10303, 10000, 10200],  # target traded through
        [10200, 10250, 10150, 10200],
        [10200, 10220, 9990, 10000],  # second entry at 102.03 (102.0204 rounded up), stop 100.03
        [10000, 10010, 9990, 10000],
    ],
    dtype=np.int64,
)


def make(config: dict[str, Any] = CONFIG, bars: np.ndarray = BARS) -> Any:
    opened_at = START + MINUTES_15 * np.arange(len(bars), dtype=np.int64)
    columns = [np.ascontiguousarray(bars[:, n]) for n in range(4)]
    atr = np.ones(len(bars))
    return trading_engine.Backtest(
        json.dumps(config), json.dumps(INSTRUMENT), opened_at, *columns, opened_at + MINUTES_15, atr
    )


def play() -> dict[str, Any]:
    backtest = make()
    backtest.run_to(0)
    backtest.enter("10", "2.00", "3.00")
    backtest.run_to(3)
    backtest.enter("1", "2.00", "3.00")
    backtest.run_to(5)
    result: dict[str, Any] = backtest.finish()
    return result


def fill(at: str, side: str, quantity: str, price: str, fee: str, reason: str) -> dict[str, str]:
    return {
        "market_time": f"2021-09-27T{at}:00.000Z",
        "instrument_id": "BTC-USD.SIM",
        "order_side": side,
        "quantity": quantity,
        "price": price,
        "fee": fee,
        "fee_asset": "BTC" if side == "BUY" else "USD",
        "liquidity_side": "MAKER" if reason == "target" else "TAKER",
        "reason": reason,
    }


def test_the_ledger_is_the_one_worked_out_by_hand() -> None:
    result = play()
    expected = [
        fill("00:15", "BUY", "10.00000", "100.02", "0.01000000", "entry"),
        # 9.99 x 103.02 = 1029.1698
        fill("00:45", "SELL", "9.99000", "103.02", "1.02916980", "target"),
        fill("01:00", "BUY", "1.00000", "102.03", "0.00100000", "entry"),
        # 100.03 x 0.9998 = 100.009994, down to 100.00; 0.999 x 100 x 0.001
        fill("01:15", "SELL", "0.99900", "100.00", "0.09990000", "stop"),
    ]
    assert result["fills"] == expected
    lines = (json.dumps(f, sort_keys=True, separators=(",", ":")) + "\n" for f in expected)
    assert result["ledger_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert result["refused"] == []


def test_trades_and_equity_follow_from_the_ledger() -> None:
    result = play()
    first, second = result["trades"]
    assert first["realized_pnl"] == "27.94063020"
    assert (first["exit_reason"], first["bars_held"], first["trade_no"]) == ("target", 1, 1)
    # 99.90 - 102.03 - 0.0999 = -2.2299, of a risk of 2.00
    assert (second["realized_pnl"], second["r_multiple"]) == ("-2.22990000", "-1.114950")
    assert second["entry_at"] == second["exit_at"].replace("01:15", "01:00")
    equity = result["equity"]
    assert equity.dtype == np.int64
    pnl = sum(Decimal(trade["realized_pnl"]) for trade in result["trades"])
    assert Decimal(int(equity[-1])).scaleb(-8) == Decimal(10000) + pnl


def test_the_account_at_a_close() -> None:
    backtest = make()
    backtest.run_to(0)
    backtest.enter("10", "2.00", "3.00")
    backtest.run_to(1)
    account = backtest.account()
    assert account["equity"] == "10008.79000000"
    assert account["cash"] == "8999.80000000"
    assert account["base_quantity"] == "9.99000000"
    assert account["position_quantity"] == "9.99000"
    assert account["average_entry_price"] == "100.02"
    assert (account["stop_price"], account["target_price"]) == ("98.02", "103.02")
    assert account["pending"] is None
    assert account["safe_mode"] is False
    assert account["safe_mode_until"] is None
    assert account["daily_drawdown_pct"] == 0.0
    with pytest.raises(ValueError, match="a position exists"):
        backtest.enter("1", "2", "3")


def test_wrong_calls_say_what_is_wrong() -> None:
    backtest = make()
    backtest.run_to(1)
    with pytest.raises(ValueError, match="bar 9 cannot be run to; allowed: 1 to 5"):
        backtest.run_to(9)
    with pytest.raises(ValueError, match="bar 0 cannot be run to"):
        backtest.run_to(0)
    with pytest.raises(ValueError, match="no position is open"):
        backtest.exit("signal_exit")
    with pytest.raises(ValueError, match="-1"):
        backtest.enter("-1", "2", "3")
    with pytest.raises(ValueError, match="unknown field"):
        make(CONFIG | {"surprise": 1})
    with pytest.raises(ValueError, match="taker_fee_rate"):
        make(CONFIG | {"taker_fee_rate": "1.5"})
    broken = BARS.copy()
    broken[2, 1] = 1
    with pytest.raises(ValueError, match="row 2: prices"):
        make(bars=broken)


def test_a_column_of_the_wrong_type_is_refused() -> None:
    column = np.ones(3, dtype=np.int64)
    floats = np.ones(3)
    with pytest.raises(TypeError):
        trading_engine.Backtest(json.dumps(CONFIG), json.dumps(INSTRUMENT), *[floats] * 6, floats)
    sparse = np.ones(6, dtype=np.int64)[::2]
    with pytest.raises(ValueError, match="not contiguous"):
        trading_engine.Backtest(
            json.dumps(CONFIG), json.dumps(INSTRUMENT), sparse, *[column] * 5, floats
        )


def manager() -> Any:
    return trading_engine.PositionManager(json.dumps(POSITION | {"tick": 1, "price_scale": 2}))


def test_the_position_manager_asks_and_waits_to_be_told() -> None:
    position = manager()
    assert (position.is_open, position.stop, position.bars_held) == (False, None, 0)
    position.open(10_002, 9_802, 10_302, START)
    assert position.on_bar(START + MINUTES_15, 10_210, 9_990, 10_202, 1.0) == ("move_stop", 10_002)
    assert position.stop == 9_802
    position.stop_moved(10_002)
    copy = manager()
    copy.restore(position.snapshot())
    assert (copy.stop, copy.target, copy.bars_held) == (10_002, 10_302, 1)
    with pytest.raises(ValueError, match="looser"):
        copy.stop_moved(9_900)
    with pytest.raises(ValueError, match="price_scale"):
        trading_engine.PositionManager(json.dumps(POSITION | {"tick": 1}))


def test_the_drawdown_guard_latches_until_the_cooldown_is_over() -> None:
    guard = trading_engine.DrawdownGuard(json.dumps(CONFIG["drawdown"]))
    guard.update(START, 10_000 * 10**8)
    guard.update(START + MINUTES_15, 9_200 * 10**8)
    assert guard.safe_mode
    assert guard.safe_mode_reason == "daily_drawdown"
    assert guard.safe_mode_until == START + MINUTES_15 + 86_400_000
    assert guard.peak_equity == 10_000 * 10**8
    assert guard.daily_drawdown_pct == pytest.approx(8.0)
    copy = trading_engine.DrawdownGuard(json.dumps(CONFIG["drawdown"]))
    copy.restore(guard.snapshot())
    copy.update(guard.safe_mode_until, 9_200 * 10**8)
    assert not copy.safe_mode
    assert copy.max_drawdown_pct == pytest.approx(8.0)
