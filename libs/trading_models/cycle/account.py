"""The account in motion: order events and bar closes in, portfolio and stop management out. Pure.

The same events and bars in the same order give the same account in a run and after its restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from trading_engine import DrawdownGuard, PositionManager

from trading_models.base import (
    Bar,
    ClientOrderId,
    ConfigError,
    Currency,
    DecisionId,
    DrawdownState,
    Fill,
    FillReason,
    Instrument,
    InstrumentId,
    OrderEvent,
    OrderStatus,
    Portfolio,
    StopLevel,
    Trade,
    TradingState,
    decimal_text,
    figure,
    from_mantissa,
    from_millis,
    to_mantissa,
    to_millis,
)
from trading_models.config_manager import Settings
from trading_models.cycle.portfolio import PortfolioFold

__all__ = ["Account", "BookedFill", "ManagerAction", "Protection"]

MONEY_SCALE = 8
_REASON_BY_LEG = {
    "entry": FillReason.ENTRY,
    "entry.stop": FillReason.STOP,
    "entry.target": FillReason.TARGET,
    "protect.stop": FillReason.STOP,
    "protect.target": FillReason.TARGET,
}
_STOP, _TARGET = "stop", "target"


@dataclass(frozen=True, slots=True)
class BookedFill:
    """A fill with what it belongs to, and the trade that it ended."""

    fill: Fill
    reason: FillReason
    decision_id: DecisionId
    trade: Trade | None


@dataclass(frozen=True, slots=True)
class ManagerAction:
    """What the position manager wants at a bar's close: a better stop, or to leave."""

    new_stop: Decimal | None
    close_reason: FillReason | None


@dataclass(slots=True)
class Protection:
    """The resting stop and target of a position."""

    stop_id: ClientOrderId | None = None
    target_id: ClientOrderId | None = None
    stop: Decimal | None = None
    target: Decimal | None = None
    was_refused: bool = False

    @property
    def is_complete(self) -> bool:
        """Both legs rest at the venue."""
        return self.stop_id is not None and self.target_id is not None


@dataclass(slots=True)
class _Slot:
    instrument: Instrument
    manager: PositionManager
    protection: Protection = field(default_factory=Protection)


class Account:
    """Balances, positions, drawdown guard and one position manager per instrument."""

    def __init__(self, settings: Settings, instruments: Sequence[Instrument]) -> None:
        quote = instruments[0].quote_currency
        self._settings = settings
        self.fold = PortfolioFold(
            account=settings.account,
            balances={Currency(k): v for k, v in settings.venue.balances.items()},
            instruments={item.instrument_id: item for item in instruments},
            quote_currency=quote,
        )
        # The first reading is the equity at the start.
        self.equity_start = self.fold.equity
        if self.equity_start <= 0:
            raise ConfigError(
                f"no opening balance in {quote}, the quote currency of this account",
                key="venue.balances",
                allowed=f"an amount of {quote} above 0",
                next_step=f"add {quote} to [venue] balances in config.toml",
            )
        self.guard = DrawdownGuard(drawdown_params(settings))
        self._slots = {
            item.instrument_id: _Slot(item, PositionManager(manager_params(settings, item)))
            for item in instruments
        }
        self.level: StopLevel | None = None
        self.trading_state = TradingState.ACTIVE
        self.exit_reasons: dict[str, FillReason] = {}

    def take(self, event: OrderEvent) -> BookedFill | None:
        """Apply one order event; returns the fill it carried, if any."""
        slot = self._slots[event.instrument_id]
        booked = None
        if event.fill is not None:
            booked = self._book(slot, event, event.fill)
        _, dot, kind = event.leg.partition(".")
        if dot and kind in (_STOP, _TARGET):
            self._follow_leg(slot, event, kind)
        return booked

    def take_trading_state(self, row: Mapping[str, Any]) -> None:
        """Apply a trading-state event of the gateway."""
        self.level = StopLevel(row["level"]) if row["level"] else None
        self.trading_state = TradingState(row["trading_state"])

    def close_bars(self, bars: Sequence[Bar]) -> None:
        """Value the account at the close of these bars and let the drawdown guard see it."""
        for bar in bars:
            self.fold.mark(bar.instrument_id, bar.close)
        equity = to_mantissa(self.fold.equity, MONEY_SCALE)
        self.guard.update(to_millis(bars[-1].closed_at), equity)

    def manage(self, bar: Bar, atr: float) -> ManagerAction | None:
        """Ask the position manager at a bar's close; None without a position or a wish."""
        slot = self._slots[bar.instrument_id]
        if not slot.manager.is_open:
            return None
        price = slot.instrument.price_mantissa
        closed_at = to_millis(bar.closed_at)
        prices = (price(bar.high), price(bar.low), price(bar.close))
        action = slot.manager.on_bar(closed_at, *prices, atr)
        if action is None:
            return None
        kind, value = action
        if kind == "close":
            return ManagerAction(None, FillReason(str(value)))
        new_stop = from_mantissa(int(value), slot.instrument.price_scale)
        return ManagerAction(new_stop, None)

    def protection(self, instrument_id: InstrumentId) -> Protection:
        """The resting protection of an instrument's position."""
        return self._slots[instrument_id].protection

    def is_exposed(self, instrument_id: InstrumentId) -> bool:
        """A position is open whose protection the venue refused."""
        position = self.fold.position(instrument_id)
        is_open = position is not None and position.is_open
        return is_open and self._slots[instrument_id].protection.was_refused

    @property
    def drawdown(self) -> DrawdownState:
        """State of the drawdown guard."""
        guard = self.guard
        until = guard.safe_mode_until
        return DrawdownState(
            daily_drawdown_pct=figure(guard.daily_drawdown_pct),
            max_drawdown_pct=figure(guard.max_drawdown_pct),
            monthly_drawdown_pct=figure(guard.monthly_drawdown_pct),
            peak_equity=from_mantissa(guard.peak_equity, MONEY_SCALE),
            safe_mode=guard.safe_mode,
            safe_mode_reason=guard.safe_mode_reason,
            safe_mode_until=None if until is None else from_millis(until),
        )

    def portfolio(self, market_time: datetime) -> Portfolio:
        """All that risk may know about the account at `market_time`."""
        return self.fold.portfolio(
            market_time,
            drawdown=self.drawdown,
            trading_state=self.trading_state,
            level=self.level,
        )

    def snapshot(self) -> dict[str, Any]:
        """State that events alone do not rebuild: guard, managers, reasons of exits."""
        return {
            "guard": self.guard.snapshot().hex(),
            "managers": {str(k): s.manager.snapshot().hex() for k, s in self._slots.items()},
            "exit_reasons": {k: v.value for k, v in self.exit_reasons.items()},
        }

    def restore_reasons(self, row: Mapping[str, Any]) -> None:
        """Reasons of exits, needed before their events are replayed."""
        self.exit_reasons = {k: FillReason(v) for k, v in row["exit_reasons"].items()}

    def restore(self, row: Mapping[str, Any]) -> None:
        """Guard and managers as they were when `snapshot` was taken, after replayed events."""
        self.guard.restore(bytes.fromhex(row["guard"]))
        for instrument_id, text in row["managers"].items():
            self._slots[InstrumentId(instrument_id)].manager.restore(bytes.fromhex(text))

    def _book(self, slot: _Slot, event: OrderEvent, fill: Fill) -> BookedFill:
        reason = _REASON_BY_LEG.get(event.leg)
        if reason is None:
            reason = self.exit_reasons.get(event.client_order_id, FillReason.KILL)
        trade = self.fold.apply(fill, reason, event.decision_id)
        position = self.fold.position(event.instrument_id)
        if position is None or not position.is_open:
            slot.manager.close()
            slot.protection = Protection()
        return BookedFill(fill, reason, event.decision_id, trade)

    def _follow_leg(self, slot: _Slot, event: OrderEvent, kind: str) -> None:
        protection = slot.protection
        if event.status is OrderStatus.REJECTED:
            protection.was_refused = True
        elif event.status is OrderStatus.ACCEPTED:
            if kind == _STOP:
                protection.stop_id, protection.stop = event.client_order_id, event.trigger_price
            else:
                protection.target_id, protection.target = event.client_order_id, event.price
            if protection.is_complete:
                self._protected(slot)
        elif event.status.is_terminal and event.client_order_id in (
            protection.stop_id,
            protection.target_id,
        ):
            slot.protection = Protection()

    def _protected(self, slot: _Slot) -> None:
        """Both legs rest: tell the fold, and the manager (a new position, or a moved stop)."""
        protection, instrument = slot.protection, slot.instrument
        stop, target = protection.stop, protection.target
        position = self.fold.position(instrument.instrument_id)
        if stop is None or target is None or position is None or not position.is_open:
            return
        self.fold.protect(instrument.instrument_id, stop, target)
        if slot.manager.is_open:
            slot.manager.stop_moved(instrument.price_mantissa(stop))
            return
        entry, opened_at = position.average_entry_price, position.opened_at
        if entry is not None and opened_at is not None:
            price = instrument.price_mantissa
            slot.manager.open(price(entry), price(stop), price(target), to_millis(opened_at))


def manager_params(settings: Settings, instrument: Instrument) -> str:
    """Parameters of the engine's PositionManager as JSON."""
    position = settings.position
    return orjson.dumps(
        {
            "break_even_r": decimal_text(position.break_even_r),
            "trail_atr": decimal_text(position.trail_atr),
            "trail_start_r": decimal_text(position.trail_start_r),
            "min_move_atr": decimal_text(position.min_move_atr),
            "max_bars": position.max_bars,
            "tick": instrument.price_mantissa(instrument.tick_size),
            "price_scale": instrument.price_scale,
        }
    ).decode()


def drawdown_params(settings: Settings) -> str:
    """Parameters of the engine's DrawdownGuard as JSON."""
    risk = settings.risk
    return orjson.dumps(
        {
            "daily_pct": decimal_text(risk.daily_drawdown_pct),
            "monthly_pct": decimal_text(risk.monthly_drawdown_pct),
            "cooldown_hours": risk.cooldown_hours,
        }
    ).decode()
