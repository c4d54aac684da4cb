"""Fills to portfolio: exact money, positions, trades and a ledger that equals the engine's."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import orjson
import pytest
from trading_engine import Backtest

from fakes.decision_data import BAR, INSTRUMENT, NOW, OTHER, OTHER_ID, SETTINGS, sample_columns
from trading_models.base import (
    Currency,
    DataRejected,
    Fill,
    FillReason,
    LedgerEntry,
    PositionSide,
    canonical_json,
    from_millis,
    time_text,
    to_millis,
)  # fmt: skip
from trading_models.cycle.account import drawdown_params, manager_params
from trading_models.cycle.portfolio import PortfolioFold, ledger_lines, ledger_sha256

BTC = INSTRUMENT.instrument_id
ENTRY_ID, EXIT_ID = "a" * 64, "b" * 64


def fold(**balances: str) -> PortfolioFold:
    start = {Currency(k): Decimal(v) for k, v in (balances or {"USD": "10000"}).items()}
    return PortfolioFold(
        account="paper-1",
        balances=start,
        instruments={BTC: INSTRUMENT, OTHER_ID: OTHER},
        quote_currency=Currency("USD"),
    )


def fill(side: str, quantity: str, price: str, *, fee: str, asset: str, at=0, leg="entry") -> Fill:
    return Fill(
        client_order_id="ats1-x-0", execution_id=1, fee=fee, fee_asset=asset, instrument_id=BTC,
        leg=leg, liquidity_side="TAKER", market_time=NOW + at * BAR, order_side=side, price=price,
        quantity=quantity, trade_id="1", venue_order_id="1",
    )  # fmt: skip


BUY = fill("BUY", "0.01000", "40000.00", fee="0.00001000", asset="BTC")
SELL = fill("SELL", "0.00999", "41000.00", fee="0.40959000", asset="USD", at=3, leg="exit")


def test_a_round_trip_to_the_last_digit():
    book = fold()
    book.mark(BTC, Decimal("40000.00"))
    assert book.equity == 10000
    assert book.apply(BUY, FillReason.ENTRY, ENTRY_ID) is None
    book.protect(BTC, Decimal("39500.00"), Decimal("41000.00"))
    held = book.position(BTC)
    assert held.position_side is PositionSide.LONG
    assert held.quantity == Decimal("0.00999")
    assert held.average_entry_price == Decimal("40000.00")
    assert held.stop_price == Decimal("39500.00")
    assert book.cash == Decimal("9600.00000000")
    assert book.equity == Decimal("9999.60000000"), "the base fee is gone"
    trade = book.apply(SELL, FillReason.TARGET, EXIT_ID)
    assert trade.realized_pnl == Decimal("9.18041000")  # 409.59 - 0.40959 - 400
    assert trade.fees == Decimal("0.80959000")
    assert trade.return_pct == Decimal("2.295102")  # 2.2951025, half-even
    assert trade.r_multiple == Decimal("1.836082")
    assert (trade.entry_decision_id, trade.exit_decision_id) == (ENTRY_ID, EXIT_ID)
    assert trade.exit_reason is FillReason.TARGET
    assert not book.position(BTC).is_open
    assert book.position(BTC).realized_pnl == trade.realized_pnl
    snapshot = book.portfolio(NOW)
    assert snapshot.equity_start == 10000
    assert snapshot.realized_pnl == trade.realized_pnl
    assert snapshot.fees_paid == trade.fees


def test_dust_stays_in_the_balance_and_leaves_the_position():
    book = fold()
    odd = fill("BUY", "0.01234", "40000.00", fee="0.00001234", asset="BTC")
    book.mark(BTC, Decimal("40000.00"))
    book.apply(odd, FillReason.ENTRY, ENTRY_ID)
    assert book.position(BTC).quantity == Decimal("0.01232")
    out = fill("SELL", "0.01232", "40000.00", fee="0.49280000", asset="USD", leg="exit")
    assert book.apply(out, FillReason.SIGNAL_EXIT, EXIT_ID) is not None
    assert book.balances[Currency("BTC")] == Decimal("0.00000766")
    assert not book.position(BTC).is_open
    assert book.equity == book.cash + Decimal("0.30640000")


def test_partial_fills_average_and_end_one_trade():
    book = fold()
    book.mark(BTC, Decimal("100.00"))
    first = fill("BUY", "1.00000", "100.00", fee="0", asset="BTC")
    second = fill("BUY", "2.00000", "103.00", fee="0", asset="BTC")
    book.apply(first, FillReason.ENTRY, ENTRY_ID)
    book.apply(second, FillReason.ENTRY, ENTRY_ID)
    assert book.position(BTC).average_entry_price == Decimal("102.00")
    half = fill("SELL", "1.50000", "110.00", fee="0", asset="USD", leg="exit")
    assert book.apply(half, FillReason.STOP, EXIT_ID) is None
    assert book.position(BTC).quantity == Decimal("1.50000")
    trade = book.apply(half, FillReason.STOP, EXIT_ID)
    assert trade.realized_pnl == 24
    assert trade.quantity == 3
    assert trade.exit_price == Decimal("110.00")


def test_what_cannot_be_is_refused():
    book = fold()
    book.mark(BTC, Decimal("100.00"))
    with pytest.raises(DataRejected, match="fee of 1 is in DOGE"):
        book.apply(BUY.model_copy(update={"fee_asset": "DOGE"}), FillReason.ENTRY)
    with pytest.raises(DataRejected, match="is not traded by this account"):
        book.mark("DOGE-USD.SIM", Decimal(1))
    book.apply(BUY, FillReason.ENTRY, ENTRY_ID)
    with pytest.raises(DataRejected, match="turns the position round"):
        book.apply(fill("SELL", "0.02000", "1.00", fee="0", asset="USD"), FillReason.KILL)
    euro = INSTRUMENT.model_copy(update={"quote_currency": Currency("EUR")})
    with pytest.raises(DataRejected, match="counts in USD"):
        PortfolioFold("paper-1", {}, {BTC: euro}, Currency("USD"))


def test_unmarked_instruments_are_no_position():
    book = fold()
    assert book.position(OTHER_ID) is None
    book.mark(BTC, Decimal("40000.00"))
    assert [p.instrument_id for p in book.portfolio(NOW).positions] == [BTC]


def test_ledger_lines_are_canonical_and_hashed():
    book = fold()
    book.apply(BUY, FillReason.ENTRY, ENTRY_ID)
    line = ledger_lines(book.ledger)
    assert line == canonical_json(book.ledger[0]) + b"\n"
    assert b'"reason":"entry"' in line
    assert len(ledger_sha256(book.ledger)) == 64
    assert ledger_lines([]) == b""


def run_engine():
    """Enter at regular bars of the sample and let stops, targets and time do the rest."""
    columns = sample_columns()
    config = {
        "balances": {"USD": "10000"}, "maker_fee_rate": "0.001", "taker_fee_rate": "0.001",
        "slippage_bps": "2", "position": orjson.loads(manager_params(SETTINGS, INSTRUMENT)),
        "drawdown": orjson.loads(drawdown_params(SETTINGS)),
    }  # fmt: skip
    closed_at = columns["opened_at"] + 900_000
    names = ("opened_at", "open", "high", "low", "close")
    engine = Backtest(
        orjson.dumps(config).decode(), canonical_json(INSTRUMENT).decode(),
        *(columns[n] for n in names), closed_at, np.full(len(closed_at), 300.0),
    )  # fmt: skip
    accounts = {}
    for index in range(100, 6000, 150):
        engine.run_to(index)
        account = engine.account()
        accounts[index] = account
        if Decimal(account["position_quantity"]) == 0:
            engine.enter("0.0321", "700.00", "900.00")
        elif index % 4 == 0:
            engine.exit("signal_exit")
    engine.run_to(6000)
    accounts[6000] = engine.account()
    return columns, accounts, engine.finish()


def as_fill(entry: LedgerEntry) -> Fill:
    made = fill(
        entry.order_side, str(entry.quantity), str(entry.price), fee=str(entry.fee),
        asset=entry.fee_asset,
    )  # fmt: skip
    seen = {"market_time": entry.market_time, "liquidity_side": entry.liquidity_side}
    return made.model_copy(update=seen)


def is_booked(entry: LedgerEntry, closed_at: int) -> bool:
    """Is the fill in the account of this close? The next open has the same time as the close."""
    at = to_millis(entry.market_time)
    rested = entry.reason in (FillReason.STOP, FillReason.TARGET)
    return at < closed_at or (at == closed_at and rested)


def test_the_fold_of_the_engines_fills_is_the_engines_account():
    columns, accounts, result = run_engine()
    book = fold()
    closed_at = columns["opened_at"] + 900_000
    entries = [LedgerEntry.model_validate(row) for row in result["fills"]]
    assert len(result["trades"]) >= 15
    trades = []
    due = list(entries)
    for index, account in accounts.items():
        while due and is_booked(due[0], int(closed_at[index])):
            entry = due.pop(0)
            trades.append(book.apply(as_fill(entry), entry.reason, ENTRY_ID))
        book.mark(BTC, INSTRUMENT.price(int(columns["close"][index])))
        assert book.cash == Decimal(account["cash"]), index
        assert book.equity == Decimal(account["equity"]), index
        assert book.position(BTC).quantity == Decimal(account["position_quantity"]), index
        average = book.position(BTC).average_entry_price
        theirs = account["average_entry_price"]
        assert average == (None if theirs is None else Decimal(theirs)), index
    trades.extend(book.apply(as_fill(entry), entry.reason, ENTRY_ID) for entry in due)
    assert ledger_sha256(book.ledger) == result["ledger_sha256"]
    ours = [t for t in trades if t is not None]
    for mine, theirs in zip(ours, result["trades"], strict=True):
        assert mine.realized_pnl == Decimal(theirs["realized_pnl"])
        assert mine.fees == Decimal(theirs["fees"])
        assert mine.entry_price == Decimal(theirs["entry_price"])
        assert mine.exit_price == Decimal(theirs["exit_price"])
        assert mine.quantity == Decimal(theirs["quantity"])
        assert mine.return_pct == Decimal(theirs["return_pct"])
        assert mine.exit_reason == theirs["exit_reason"]
        assert time_text(mine.exit_at) == time_text(from_millis(to_millis(mine.exit_at)))
