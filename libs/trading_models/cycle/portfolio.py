"""Fills to portfolio: balances, positions, trades and the ledger, in exact decimals.

A pure fold: the same fills in the same order give the same account in the orchestrator, in tests
and after a restart. Equity = cash + base holdings x close (each half-even to eight places). A
trade runs from flat to flat; less than one step of the base asset counts as flat (K23).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading_models.base import (
    AccountId,
    Balance,
    Currency,
    DataRejected,
    DecisionId,
    DrawdownState,
    Fill,
    FillReason,
    Instrument,
    InstrumentId,
    LedgerEntry,
    OrderSide,
    Portfolio,
    Position,
    PositionSide,
    StopLevel,
    Trade,
    TradingState,
    at_scale,
    canonical_json,
    figure,
)

__all__ = ["PortfolioFold", "ledger_entry", "ledger_lines", "ledger_sha256"]

_ZERO = Decimal("0.00000000")
_HUNDRED = Decimal(100)


def ledger_entry(fill: Fill, reason: FillReason) -> LedgerEntry:
    """The ledger line of a fill."""
    return LedgerEntry(
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        instrument_id=fill.instrument_id,
        liquidity_side=fill.liquidity_side,
        market_time=fill.market_time,
        order_side=fill.order_side,
        price=fill.price,
        quantity=fill.quantity,
        reason=reason,
    )


def ledger_lines(entries: Iterable[LedgerEntry]) -> bytes:
    """Canonical JSON, one line per entry, each ended by a newline."""
    return b"".join(canonical_json(entry) + b"\n" for entry in entries)


def ledger_sha256(entries: Iterable[LedgerEntry]) -> str:
    """SHA-256 of `ledger_lines`."""
    return hashlib.sha256(ledger_lines(entries)).hexdigest()


@dataclass(slots=True)
class _Holding:
    """One instrument: the open trade, the mark, and what closed trades earned."""

    instrument: Instrument
    side: PositionSide = PositionSide.FLAT
    quantity: Decimal = Decimal(0)
    entered: Decimal = Decimal(0)
    entered_quote: Decimal = Decimal(0)
    left: Decimal = Decimal(0)
    left_quote: Decimal = Decimal(0)
    cash_flow: Decimal = _ZERO
    fees: Decimal = _ZERO
    opened_at: datetime | None = None
    entry_decision_id: DecisionId | None = None
    first_stop: Decimal | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    mark: Decimal | None = None
    realized: Decimal = _ZERO

    def average(self, quote: Decimal, quantity: Decimal) -> Decimal:
        """Mean price, half-even to tick."""
        return self.instrument.round_price(quote / quantity)

    def reset(self) -> None:
        """Back to flat; the mark and the realised total stay."""
        fresh = _Holding(self.instrument, mark=self.mark, realized=self.realized)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))


@dataclass(slots=True)
class PortfolioFold:
    """The account as its fills made it. `balances` are those at the start."""

    account: AccountId
    balances: dict[Currency, Decimal]
    instruments: Mapping[InstrumentId, Instrument]
    quote_currency: Currency
    trades: list[Trade] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    fees_paid: Decimal = _ZERO
    _holdings: dict[InstrumentId, _Holding] = field(default_factory=dict)
    _start: Decimal | None = None

    def __post_init__(self) -> None:
        for item in self.instruments.values():
            if item.quote_currency != self.quote_currency:
                raise DataRejected(
                    f"{item.instrument_id} is quoted in {item.quote_currency}; this account counts "
                    f"in {self.quote_currency}"
                )
            self._holdings[item.instrument_id] = _Holding(item)
        self.balances = {name: at_scale(amount, 8) for name, amount in self.balances.items()}

    def mark(self, instrument_id: InstrumentId, price: Decimal) -> None:
        """Value the holdings at a bar's close."""
        self._holding(instrument_id).mark = price

    def protect(
        self, instrument_id: InstrumentId, stop: Decimal | None, target: Decimal | None
    ) -> None:
        """Remember the resting stop and target; the first stop of a trade is its risk."""
        holding = self._holding(instrument_id)
        holding.stop, holding.target = stop, target
        if holding.first_stop is None and holding.side is not PositionSide.FLAT:
            holding.first_stop = stop

    def apply(
        self, fill: Fill, reason: FillReason, decision_id: DecisionId | None = None
    ) -> Trade | None:
        """Take one fill; returns the trade that it ended, if any.

        DataRejected for an unknown instrument, and for a fill that would turn a position round.
        """
        holding = self._holding(fill.instrument_id)
        self.ledger.append(ledger_entry(fill, reason))
        quote, base_change, cash_change = self._move_balances(fill, holding.instrument)
        adding = PositionSide.LONG if fill.order_side is OrderSide.BUY else PositionSide.SHORT
        if holding.side is PositionSide.FLAT:
            holding.side, holding.opened_at = adding, fill.market_time
            holding.entry_decision_id = decision_id
        holding.cash_flow += cash_change
        if adding is holding.side:
            holding.entered += fill.quantity
            holding.entered_quote += quote
        else:
            holding.left += fill.quantity
            holding.left_quote += quote
        holding.quantity += base_change if holding.side is PositionSide.LONG else -base_change
        step = holding.instrument.step_size
        if holding.quantity <= -step:
            raise DataRejected(
                f"a {fill.order_side} of {fill.quantity} {fill.instrument_id} turns the position "
                "round; exits reduce only"
            )
        return (
            self._end_trade(holding, fill, reason, decision_id) if holding.quantity < step else None
        )

    def portfolio(
        self,
        market_time: datetime,
        *,
        drawdown: DrawdownState | None = None,
        trading_state: TradingState = TradingState.ACTIVE,
        level: StopLevel | None = None,
        unresolved: tuple[InstrumentId, ...] = (),
    ) -> Portfolio:
        """The account at `market_time`, valued at the last marks."""
        equity = self.equity
        return Portfolio(
            account=self.account,
            balances=tuple(
                Balance(asset=asset, free=amount, locked=_ZERO)
                for asset, amount in sorted(self.balances.items())
            ),
            cash=self.cash,
            drawdown=drawdown or DrawdownState(),
            equity=equity,
            equity_start=self._start if self._start is not None else equity,
            fees_paid=self.fees_paid,
            level=level,
            market_time=market_time,
            positions=tuple(
                self._position(holding)
                for _, holding in sorted(self._holdings.items())
                if holding.mark is not None
            ),
            realized_pnl=sum((h.realized for h in self._holdings.values()), _ZERO),
            trading_state=trading_state,
            unresolved=unresolved,
        )

    @property
    def cash(self) -> Decimal:
        """Balance of the quote currency, locked part included."""
        return self.balances.get(self.quote_currency, _ZERO)

    @property
    def equity(self) -> Decimal:
        """Cash plus base holdings at their marks, dust included."""
        total = self.cash
        for holding in self._holdings.values():
            amount = self.balances.get(holding.instrument.base_currency, _ZERO)
            if amount and holding.mark is not None:
                total += at_scale(amount * holding.mark, 8)
        if self._start is None:
            self._start = total
        return total

    def position(self, instrument_id: InstrumentId) -> Position | None:
        """The position, FLAT included; None before the first mark."""
        holding = self._holding(instrument_id)
        return None if holding.mark is None else self._position(holding)

    def _holding(self, instrument_id: InstrumentId) -> _Holding:
        if instrument_id not in self._holdings:
            raise DataRejected(
                f"{instrument_id} is not traded by this account; known: {sorted(self._holdings)}"
            )
        return self._holdings[instrument_id]

    def _move_balances(
        self, fill: Fill, instrument: Instrument
    ) -> tuple[Decimal, Decimal, Decimal]:
        """Book the fill; returns its quote amount, and the changes of base and of cash."""
        quote = at_scale(fill.price * fill.quantity, 8)
        sign = 1 if fill.order_side is OrderSide.BUY else -1
        base_change, cash_change = sign * fill.quantity, -sign * quote
        if fill.fee_asset == instrument.base_currency:
            base_change -= fill.fee
            fee = at_scale(fill.fee * fill.price, 8)
        elif fill.fee_asset == self.quote_currency:
            cash_change -= fill.fee
            fee = fill.fee
        else:
            raise DataRejected(
                f"fee of {fill.trade_id} is in {fill.fee_asset}; known: "
                f"{instrument.base_currency}, {self.quote_currency}"
            )
        base = instrument.base_currency
        self.balances[base] = self.balances.get(base, _ZERO) + base_change
        self.balances[self.quote_currency] = self.cash + cash_change
        self._holdings[instrument.instrument_id].fees += fee
        self.fees_paid += fee
        return quote, base_change, cash_change

    def _end_trade(
        self,
        holding: _Holding,
        fill: Fill,
        reason: FillReason,
        decision_id: DecisionId | None,
    ) -> Trade | None:
        if not holding.left:
            return None  # the entry is still filling
        holding.realized += holding.cash_flow
        if holding.opened_at is None or holding.entry_decision_id is None:
            holding.reset()  # entered without a decision (by hand at the venue): money, no trade
            return None
        entry = holding.average(holding.entered_quote, holding.entered)
        pnl = holding.cash_flow
        risk = None
        if holding.first_stop is not None and holding.first_stop != entry:
            risk = abs(entry - holding.first_stop) * holding.entered
        trade = Trade(
            entry_at=holding.opened_at,
            entry_decision_id=holding.entry_decision_id,
            entry_price=entry,
            exit_at=fill.market_time,
            exit_decision_id=decision_id,
            exit_price=holding.average(holding.left_quote, holding.left),
            exit_reason=reason,
            fees=holding.fees,
            instrument_id=fill.instrument_id,
            position_side=holding.side,
            quantity=holding.entered,
            r_multiple=None if risk is None else figure(pnl / risk),
            realized_pnl=pnl,
            return_pct=figure(_HUNDRED * pnl / holding.entered_quote),
            trade_no=len(self.trades) + 1,
        )
        self.trades.append(trade)
        holding.reset()
        return trade

    def _position(self, holding: _Holding) -> Position:
        mark = holding.mark if holding.mark is not None else Decimal(0)
        quantity = holding.instrument.floor_quantity(max(holding.quantity, Decimal(0)))
        if holding.side is PositionSide.FLAT or not quantity:
            side, average, unrealized = PositionSide.FLAT, None, _ZERO
        else:
            side = holding.side
            average = holding.average(holding.entered_quote, holding.entered)
            gain = mark - average if side is PositionSide.LONG else average - mark
            unrealized = at_scale(gain * quantity, 8)
        is_open = side is not PositionSide.FLAT
        return Position(
            account=self.account,
            average_entry_price=average,
            instrument_id=holding.instrument.instrument_id,
            mark_price=mark,
            opened_at=holding.opened_at if is_open else None,
            position_side=side,
            quantity=quantity,
            realized_pnl=holding.realized,
            stop_price=holding.stop if is_open else None,
            target_price=holding.target if is_open else None,
            unrealized_pnl=unrealized,
        )
