"""The backtest: screen on arrays, Python only at candidates, everything else in the engine (K21).

The engine's loop matches, manages and values every bar; at a candidate or an exit the same code
that decides in paper and live is called (cycle/decide.py, risk_management).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from trading_engine import Backtest

from trading_models.base import (
    Candidate,
    Direction,
    DrawdownState,
    FillReason,
    Instrument,
    Portfolio,
    Position,
    PositionSide,
    Timeframe,
    at_scale,
    canonical_json,
    decimal_text,
    figure,
    from_millis,
)
from trading_models.config_manager import Settings
from trading_models.cycle.account import drawdown_params, manager_params
from trading_models.cycle.decide import (
    DecisionContext,
    Screen,
    Verdict,
    candidate_at,
    conclude,
    screen_view,
    should_ask,
)
from trading_models.cycle.view import batch_view
from trading_models.llm_integration import Router, request_for
from trading_models.risk_management import RiskEngine
from trading_models.signals import MarketView

__all__ = ["BacktestResult", "Bars", "run_backtest"]

Progress = Callable[[int, int], None]
PROGRESS_EVERY = 64


@dataclass(frozen=True, slots=True)
class Bars:
    """Base bars: `columns` as in the bar store (int64 mantissas, float64 volume), (N,) each."""

    instrument: Instrument
    timeframe: Timeframe
    columns: Mapping[str, NDArray[Any]]

    @property
    def closed_at(self) -> NDArray[np.int64]:
        """(N,) milliseconds UTC."""
        closed: NDArray[np.int64] = self.columns["opened_at"] + self.timeframe.millis
        return closed


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """Fills in engine order (K23), trades, equity in money per bar (N,), and counts."""

    fills: Sequence[Mapping[str, Any]]
    trades: Sequence[Mapping[str, Any]]
    equity: NDArray[np.float64]
    closed_at: NDArray[np.int64]
    ledger_sha256: str
    candidates: int
    refusals: Mapping[str, int]
    max_drawdown_pct: Decimal
    equity_start: Decimal
    equity_end: Decimal


class _Run:
    """One backtest in progress."""

    def __init__(self, bars: Bars, settings: Settings, router: Router, risk: RiskEngine) -> None:
        self._bars, self._settings = bars, settings
        self._router, self._risk = router, risk
        self.context = DecisionContext.of(settings, bars.instrument, bars.timeframe)
        self.view: MarketView = batch_view(bars.columns, settings, bars.instrument, bars.timeframe)
        self.scored: Screen = screen_view(self.view, self.context)
        columns = bars.columns
        self.engine = Backtest(
            _engine_config(settings, bars.instrument),
            canonical_json(bars.instrument).decode(),
            columns["opened_at"],
            columns["open"],
            columns["high"],
            columns["low"],
            columns["close"],
            bars.closed_at,
            self.view.atr,
        )
        self.candidates = 0
        self.refusals: dict[str, int] = {}

    def decide(self, position: int) -> None:
        """Decide at the close of base bar `position`."""
        self.engine.run_to(position)
        account = self.engine.account()
        now = from_millis(int(self.view.closed_at[position]))
        close = int(self._bars.columns["close"][position])
        portfolio = _portfolio(account, self._settings, self._bars.instrument, close, now)
        if self.scored.is_exit[position] and self._can_leave(account, portfolio):
            self.engine.exit(FillReason.SIGNAL_EXIT.value)
        candidate = candidate_at(self.view, self.scored, position, self.context)
        if candidate is not None:
            self._enter(candidate, portfolio, now)

    def _can_leave(self, account: Mapping[str, Any], portfolio: Portfolio) -> bool:
        held = portfolio.position(self._bars.instrument.instrument_id)
        return held is not None and held.is_open and account["pending"] != "close"

    def _enter(self, candidate: Candidate, portfolio: Portfolio, now: datetime) -> None:
        self.candidates += 1
        opinions: Sequence[Any] = ()
        if should_ask(candidate, self.context.params):
            opinions = self._router.decide_offline(request_for(candidate, self.context.horizon))
        verdict: Verdict = conclude(candidate, opinions, portfolio, now, self.context, self._risk)
        risk, signal = verdict.risk, verdict.signal
        if risk is None:
            return
        if risk.quantity is None:
            rule = str(risk.refused_by)
            self.refusals[rule] = self.refusals.get(rule, 0) + 1
            return
        if signal.direction is Direction.LONG:
            self.engine.enter(
                decimal_text(risk.quantity),
                decimal_text(signal.stop_offset),
                decimal_text(signal.target_offset),
            )


def run_backtest(
    bars: Bars,
    settings: Settings,
    router: Router,
    risk: RiskEngine,
    progress: Progress | None = None,
) -> BacktestResult:
    """Run the product's strategy over `bars`; deterministic, without sockets or clock.

    Raises DataError for bars that cannot be analysed and LlmError when an analyst would need a
    network.
    """
    run = _Run(bars, settings, router, risk)
    count = len(run.view)
    # The last bar has no successor: nothing can be submitted after it (K12).
    stops = np.flatnonzero(run.scored.is_candidate[:-1] | run.scored.is_exit[:-1])
    for number, position in enumerate(stops):
        run.decide(int(position))
        if progress is not None and number % PROGRESS_EVERY == 0:
            progress(int(position), count)
    if count:
        run.engine.run_to(count - 1)
    account = run.engine.account()
    result = run.engine.finish()
    if progress is not None:
        progress(count, count)
    start = _opening_cash(settings, bars.instrument)
    return BacktestResult(
        fills=result["fills"],
        trades=result["trades"],
        equity=np.asarray(result["equity"], dtype=np.float64) / 1e8,
        closed_at=bars.closed_at,
        ledger_sha256=result["ledger_sha256"],
        candidates=run.candidates,
        refusals=dict(sorted(run.refusals.items())),
        max_drawdown_pct=figure(float(account["max_drawdown_pct"])),
        equity_start=start,
        equity_end=Decimal(str(account["equity"])),
    )


def _opening_cash(settings: Settings, instrument: Instrument) -> Decimal:
    return at_scale(settings.venue.balances.get(instrument.quote_currency, Decimal(0)), 8)


def _engine_config(settings: Settings, instrument: Instrument) -> str:
    venue = settings.venue
    body = {
        "balances": {str(k): decimal_text(v) for k, v in venue.balances.items()},
        "maker_fee_rate": decimal_text(venue.maker_fee_rate),
        "taker_fee_rate": decimal_text(venue.taker_fee_rate),
        "slippage_bps": decimal_text(venue.slippage_bps),
        "position": orjson.loads(manager_params(settings, instrument)),
        "drawdown": orjson.loads(drawdown_params(settings)),
    }
    return orjson.dumps(body).decode()


def _portfolio(
    account: Mapping[str, Any],
    settings: Settings,
    instrument: Instrument,
    close: int,
    now: datetime,
) -> Portfolio:
    """What risk may know, from the engine's account at a bar's close."""
    mark = instrument.price(close)
    quantity = Decimal(account["position_quantity"])
    is_open = quantity > 0
    average = Decimal(account["average_entry_price"]) if is_open else None
    stop = account["stop_price"]
    position = Position(
        account=settings.account,
        average_entry_price=average,
        instrument_id=instrument.instrument_id,
        mark_price=mark,
        opened_at=None,
        position_side=PositionSide.LONG if is_open else PositionSide.FLAT,
        quantity=quantity,
        realized_pnl=Decimal(0),
        stop_price=Decimal(stop) if is_open and stop is not None else None,
        target_price=None,
        unrealized_pnl=Decimal(0) if average is None else at_scale((mark - average) * quantity, 8),
    )
    drawdown = DrawdownState(
        daily_drawdown_pct=figure(float(account["daily_drawdown_pct"])),
        monthly_drawdown_pct=figure(float(account["monthly_drawdown_pct"])),
        max_drawdown_pct=figure(float(account["max_drawdown_pct"])),
        safe_mode=account["safe_mode"],
    )
    return Portfolio(
        account=settings.account,
        cash=Decimal(account["cash"]),
        drawdown=drawdown,
        equity=Decimal(account["equity"]),
        equity_start=_opening_cash(settings, instrument),
        market_time=now,
        positions=(position,),
    )
