"""The loop: closed bars in, decisions and orders out, one committed bar at a time.

One bar (contracts K8-K10): take what the gateway journaled, value the account, let the position
manager speak, decide, submit, take what came of it, commit. Before the first order of a bar leaves,
its decision and the sequence number it was based on are committed; after a crash the bar is decided
again from the same inputs, and the gateway recognises every order it has seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from trading_models.base import (
    ApprovedOrder,
    Bar,
    Clock,
    DecisionId,
    FillReason,
    Instrument,
    InstrumentId,
    ManualClock,
    OpinionRecord,
    OrderEvent,
    Portfolio,
    Timeframe,
    Trade,
    from_millis,
)
from trading_models.config_manager import Settings
from trading_models.cycle.account import Account, BookedFill, ManagerAction
from trading_models.cycle.decide import Verdict
from trading_models.cycle.plan import Lane, Plan, judge, sight
from trading_models.cycle.portfolio import ledger_sha256
from trading_models.cycle.progress import RunProgress, drawdown_pct
from trading_models.cycle.record import record_body
from trading_models.execution import (
    BarFeed,
    EventFeed,
    GatewayClient,
    OrderDesk,
    OrderReply,
    until_reachable,
)
from trading_models.llm_integration import Router, request_for
from trading_models.monitoring import FILLS, ORDERS, count_decision, get_logger, show_account
from trading_models.paper_trading import LockstepDriver, VenueStep
from trading_models.persistence import AccountFigures, Store, UnitOfWork
from trading_models.risk_management import RiskEngine, SignedOrder

log = get_logger("orchestrator")
STATE_KEY = "orchestrator"
PENDING_KEY = "pending"
BAR_WAIT_S = 0.5
KLINES_PAGE = 1000
ALL_POINTS = 1_000_000_000
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
ZERO = Decimal(0)


class Watcher(Protocol):
    """Hears of every committed bar and of the end; the application shows it to people."""

    def on_history(self, bars: Sequence[Bar]) -> None:
        """Bars that were committed before a restart, ascending, one instrument."""
        ...

    def on_bar(self, figures: AccountFigures, portfolio: Portfolio, bars: Sequence[Bar]) -> None:
        """A bar was committed."""
        ...

    def on_state(self, agent_state: str) -> None:
        """starting, running, paused, finished or failed."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a finished run amounts to; the arrays have one entry per committed step."""

    summary: dict[str, Any]
    trades: tuple[Trade, ...]
    closed_at: np.ndarray
    equity: np.ndarray
    close: np.ndarray


@dataclass(frozen=True, slots=True)
class Parts:
    """What the orchestrator is wired to; the composition root builds it."""

    settings: Settings
    instruments: Sequence[Instrument]
    timeframe: Timeframe
    gateway: GatewayClient
    store: Store
    router: Router
    risk: RiskEngine
    market_clock: ManualClock
    transport_clock: Clock
    watcher: Watcher
    bars_total: int | None


class Orchestrator:
    """Decides bar by bar. `run_lockstep` replays recorded bars; `run_free` follows the venue."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        settings = parts.settings
        ordered = sorted(parts.instruments, key=lambda item: item.instrument_id)
        self.account = Account(settings, ordered)
        self._lanes = {
            item.instrument_id: Lane.of(settings, item, parts.timeframe) for item in ordered
        }
        self._desk = OrderDesk(parts.gateway)
        start = self.account.equity_start
        self._progress = RunProgress(last_equity=start, equity_day_start=start)
        self._events = EventFeed(parts.gateway, 1)
        self._bars = BarFeed(parts.gateway)
        self._unit = UnitOfWork()
        # Sequence number on which an interrupted decision of a step was based.
        self._interrupted: dict[int, int] = {}

    async def run_lockstep(self, driver: LockstepDriver) -> Outcome:
        """Advance the simulated venue step by step to its end."""
        try:
            await self._start()
            state = await until_reachable(driver.state)
            while not (state.done and self._progress.step >= state.step):
                number = self._progress.step + 1
                state = await until_reachable(lambda: driver.step(number))  # noqa: B023 - awaited
                await self._lockstep_bar(state, driver)
            return self._finish()
        finally:
            await self._stop()

    async def run_free(self) -> Outcome:
        """Decide at every closed bar the gateway delivers, to the end of the recorded bars."""
        try:
            await self._start()
            missed = await self._missed_bars()
            for bar in missed:
                await self._free_bar(bar, missed[-1].closed_at)
            while self._progress.step != self._parts.bars_total:
                bar = await self._bars.next_bar()
                await self._free_bar(bar, bar.closed_at)
            return self._finish()
        finally:
            await self._stop()

    # ---- start, restart, end -----------------------------------------------------------------

    async def _start(self) -> None:
        self._parts.watcher.on_state("starting")
        self._bars.start()
        self._events.start()
        row = await self._parts.store.get_run_state(STATE_KEY)
        if row is not None:
            await self._restore(row)
        pending = await self._parts.store.get_run_state(PENDING_KEY)
        if pending is not None:
            self._interrupted[pending["step"]] = pending["gateway_seq"]
        self._parts.watcher.on_state("running")

    async def _stop(self) -> None:
        await self._events.stop()
        await self._bars.stop()

    async def _restore(self, row: dict[str, Any]) -> None:
        """Rebuild everything up to the last committed bar from the gateway's journal and bars."""
        log.info("restoring", step=row["step"], gateway_seq=row["gateway_seq"])
        self.account.restore_reasons(row["account"])
        for event in await self._events.through(row["gateway_seq"]):
            self._apply(event, is_new=False)
        market_time = datetime.fromisoformat(row["market_time"])
        for lane in self._lanes.values():
            await self._warm_up(lane, market_time)
        self.account.restore(row["account"])
        self._parts.market_clock.set(market_time)
        self._progress.restore(row, await self._parts.store.read.equity(ALL_POINTS))

    async def _warm_up(self, lane: Lane, through: datetime) -> None:
        bars = await self._closed_bars(lane.instrument.instrument_id, None, through)
        for bar in bars:
            lane.view.update(bar)
        self._parts.watcher.on_history(bars)
        if lane is next(iter(self._lanes.values())):
            self._progress.close = [float(bar.close) for bar in bars]
        if bars:
            self.account.fold.mark(lane.instrument.instrument_id, bars[-1].close)
            self._bars.forget_through(bars[-1].closed_at, bars[-1].instrument_id)

    async def _missed_bars(self) -> list[Bar]:
        """Bars that closed before the stream was up, in order of their closing times."""
        found: list[Bar] = []
        for instrument_id in self._lanes:
            bars = await self._closed_bars(instrument_id, self._progress.market_time, END_OF_TIME)
            if bars:
                self._bars.forget_through(bars[-1].closed_at, instrument_id)
            found += bars
        return sorted(found, key=lambda bar: (bar.closed_at, bar.instrument_id))

    async def _closed_bars(
        self, instrument_id: InstrumentId, start: datetime | None, through: datetime
    ) -> list[Bar]:
        """Closed bars from the gateway, from `start` (or the first) through a closing time."""
        timeframe = self._parts.timeframe
        found: list[Bar] = []
        begin = start or from_millis(0)
        while True:
            page = await until_reachable(
                lambda: self._parts.gateway.klines(
                    instrument_id,
                    timeframe.code,
                    start_at=begin,  # noqa: B023 - awaited before the next turn
                    limit=KLINES_PAGE,
                )
            )
            found += [bar for bar in page if bar.closed_at <= through]
            if len(page) < KLINES_PAGE or page[-1].closed_at >= through:
                return found
            begin = page[-1].closed_at

    # ---- one bar -----------------------------------------------------------------------------

    async def _lockstep_bar(self, state: VenueStep, driver: LockstepDriver) -> None:
        bars = await self._bars_of(state)
        seq = await self._synced(state.last_execution_id)
        await self._take_through(self._interrupted.pop(state.step, seq))
        plans = await self._decide(bars, state.market_time, state.market_time)
        # After the last bar there is no market to trade on (K12).
        if not state.done and any(plan.has_orders for plan in plans):
            await self._commit_decisions(plans, state.step)
            await self._carry_out(plans)
            await self._settle(driver, plans)
        else:
            self._add_decisions(plans)
        await self._commit(bars, state.step, state.market_time)

    async def _free_bar(self, bar: Bar, now: datetime) -> None:
        """One bar of the running market; `now` is later than its close when bars were missed."""
        await self._take_through(await self._synced(0))
        plans = await self._decide([bar], bar.closed_at, now)
        step = self._progress.step + 1
        if step != self._parts.bars_total and any(plan.has_orders for plan in plans):
            await self._commit_decisions(plans, step)
            await self._carry_out(plans)
            await self._take_through(await self._synced(0))
            await self._cover(plans)
        else:
            self._add_decisions(plans)
        await self._commit([bar], step, bar.closed_at)

    async def _bars_of(self, state: VenueStep) -> list[Bar]:
        """The bars a step closed: from the stream, or by query after a restart on either side."""
        try:
            return await asyncio.wait_for(
                self._bars.take(state.market_time, state.bars), BAR_WAIT_S
            )
        except TimeoutError:
            begin = state.market_time - self._parts.timeframe.duration
            found: list[Bar] = []
            for instrument_id in self._lanes:
                bars = await self._closed_bars(instrument_id, begin, state.market_time)
                found += [bar for bar in bars if bar.closed_at == state.market_time]
            if len(found) == state.bars:
                return found
            return await self._bars.take(state.market_time, state.bars)

    async def _synced(self, through_execution_id: int) -> int:
        reply = await until_reachable(lambda: self._parts.gateway.sync(through_execution_id))
        return reply.gateway_seq

    async def _take_through(self, gateway_seq: int) -> None:
        for event in await self._events.through(gateway_seq):
            self._apply(event, is_new=True)

    def _apply(self, event: OrderEvent | dict[str, Any], *, is_new: bool) -> None:
        if isinstance(event, dict):
            self.account.take_trading_state(event)
            if is_new:
                self._unit.append_audit("trading_state", event)
            return
        booked = self.account.take(event)
        if not is_new:
            return
        self._unit.put_order(event)
        ORDERS.labels(status=event.status.value).inc()
        if event.event == "order_submitted":
            self._progress.orders += 1
        if booked is not None:
            self._record_fill(booked)

    def _record_fill(self, booked: BookedFill) -> None:
        FILLS.labels(order_side=booked.fill.order_side.value).inc()
        self._unit.add_fill(booked.fill, decision_id=booked.decision_id, reason=booked.reason)
        if booked.trade is not None:
            self._unit.add_trade(booked.trade)

    async def _decide(
        self, bars: Sequence[Bar], market_time: datetime, now: datetime
    ) -> list[Plan]:
        self._parts.market_clock.set(market_time)
        self.account.close_bars(bars)
        portfolio = self.account.portfolio(market_time)
        return [await self._decide_bar(bar, portfolio, now) for bar in bars]

    async def _decide_bar(self, bar: Bar, portfolio: Portfolio, now: datetime) -> Plan:
        lane = self._lanes[bar.instrument_id]
        seen = sight(lane, bar, self.account, portfolio)
        opinions: Sequence[OpinionRecord] = ()
        if seen.candidate is not None and seen.wants_opinions:
            request = request_for(seen.candidate, lane.context.horizon)
            opinions = await self._parts.router.decide(request)
        return judge(lane, seen, opinions, portfolio, now, self._parts.risk)

    # ---- orders ------------------------------------------------------------------------------

    async def _carry_out(self, plans: Sequence[Plan]) -> None:
        for plan in plans:
            if plan.action is not None:
                await self._carry_out_action(plan, plan.action)
            if plan.story.is_exit:
                await self._leave(plan, FillReason.SIGNAL_EXIT)
            elif plan.verdict is not None and plan.verdict.is_approved:
                await self._enter(plan.verdict)

    async def _carry_out_action(self, plan: Plan, action: ManagerAction) -> None:
        if action.close_reason is not None:
            await self._leave(plan, action.close_reason)
        elif action.new_stop is not None:
            await self._move_stop(plan, action.new_stop)

    async def _enter(self, verdict: Verdict) -> OrderReply | None:
        risk, signal = verdict.risk, verdict.signal
        if risk is None:
            return None

        def approve(attempt: int) -> tuple[ApprovedOrder, str]:
            at = self._parts.transport_clock.now()
            return _pair(self._parts.risk.approve(signal, risk, issued_at=at, attempt=attempt))

        return await self._desk.place(approve)

    async def _leave(self, plan: Plan, reason: FillReason) -> None:
        """Cancel the protection, then close at the market."""
        instrument_id = plan.lane.instrument.instrument_id
        await self._drop_protection(instrument_id)
        portfolio = self.account.portfolio(plan.story.bar.closed_at)
        decision_id = plan.story.decision_id

        def approve(attempt: int) -> tuple[ApprovedOrder, str]:
            signed = self._parts.risk.approve_exit(
                portfolio,
                instrument_id,
                reason.value,
                decision_id=decision_id,
                issued_at=self._parts.transport_clock.now(),
                attempt=attempt,
            )
            self.account.exit_reasons[signed.order.client_order_id] = reason
            return _pair(signed)

        await self._desk.place(approve)

    async def _move_stop(self, plan: Plan, new_stop: Decimal) -> None:
        instrument_id = plan.lane.instrument.instrument_id
        target = self.account.protection(instrument_id).target
        if target is None:
            return
        portfolio = self.account.portfolio(plan.story.bar.closed_at)
        await self._drop_protection(instrument_id)
        decision_id: DecisionId = plan.story.decision_id

        def approve(attempt: int) -> tuple[ApprovedOrder, str]:
            signed = self._parts.risk.approve_protection(
                portfolio,
                instrument_id,
                stop=new_stop,
                target=target,
                decision_id=decision_id,
                issued_at=self._parts.transport_clock.now(),
                attempt=attempt,
            )
            return _pair(signed)

        await self._desk.place(approve)

    async def _drop_protection(self, instrument_id: InstrumentId) -> None:
        stop_id = self.account.protection(instrument_id).stop_id
        if stop_id is not None:
            await self._desk.cancel(stop_id)

    async def _settle(self, driver: LockstepDriver, plans: Sequence[Plan]) -> None:
        """Take everything the orders caused, until the venue has nothing that we have not."""
        covered = -1
        while True:
            state = await until_reachable(driver.state)
            if state.last_execution_id == covered:
                return
            covered = state.last_execution_id
            await self._take_through(await self._synced(covered))
            await self._cover(plans)

    async def _cover(self, plans: Sequence[Plan]) -> None:
        """A position whose stop the venue refused is left at once."""
        for plan in plans:
            if self.account.is_exposed(plan.lane.instrument.instrument_id):
                await self._leave(plan, FillReason.UNPROTECTED)

    # ---- commit ------------------------------------------------------------------------------

    def _add_decisions(self, plans: Sequence[Plan]) -> None:
        for plan in plans:
            self._unit.add_decision_body(record_body(plan.story, plan.lane.context))
            risk = plan.story.risk
            count_decision(plan.story.outcome.value, None if risk is None else risk.refused_by)

    async def _commit_decisions(self, plans: Sequence[Plan], step: int) -> None:
        """K10: the decision, and what it was based on, before the first order leaves."""
        self._add_decisions(plans)
        self._unit.set_run_state(PENDING_KEY, {"step": step, "gateway_seq": self._events.taken_seq})
        await self._parts.store.commit(self._take_unit())

    async def _commit(self, bars: Sequence[Bar], step: int, market_time: datetime) -> None:
        progress, account = self._progress, self.account
        portfolio = account.portfolio(market_time)
        progress.advance(step, self._events.taken_seq, portfolio, bars)
        drawdown = drawdown_pct(portfolio)
        for position in portfolio.positions:
            self._unit.upsert_position(position)
        self._unit.add_equity_point(market_time, portfolio.equity, drawdown)
        row = {**progress.to_row(), "account": account.snapshot()}
        self._unit.set_run_state(STATE_KEY, row)
        await self._parts.store.commit(self._take_unit())
        show_account(str(portfolio.account), portfolio.equity, drawdown)
        self._parts.watcher.on_bar(self._figures(portfolio, drawdown), portfolio, bars)

    def _take_unit(self) -> UnitOfWork:
        unit, self._unit = self._unit, UnitOfWork()
        return unit

    def _figures(self, portfolio: Portfolio, drawdown: Decimal) -> AccountFigures:
        progress = self._progress
        return AccountFigures(
            equity=portfolio.equity,
            cash=portfolio.cash,
            equity_start=self.account.equity_start,
            equity_day_start=progress.equity_day_start,
            unrealized_pnl=sum((p.unrealized_pnl for p in portfolio.positions), ZERO),
            drawdown_pct=drawdown,
            max_drawdown_pct=portfolio.drawdown.max_drawdown_pct,
            exposure=portfolio.exposure,
            open_risk=portfolio.open_risk,
            bars_done=progress.step,
            bars_total=self._parts.bars_total,
            market_time=portfolio.market_time,
        )

    def _finish(self) -> Outcome:
        progress, fold = self._progress, self.account.fold
        tally = self._parts.store.tally
        market_time = from_millis(progress.closed_at[-1])
        portfolio = self.account.portfolio(market_time)
        summary = {
            "bars": progress.step,
            "decisions": tally.decisions,
            "orders": progress.orders,
            "fills": len(fold.ledger),
            "trades": len(fold.trades),
            "refusals": dict(sorted(tally.refusals.items())),
            "ledger_sha256": ledger_sha256(fold.ledger),
            "equity_start": f"{self.account.equity_start:f}",
            "equity_end": f"{portfolio.equity:f}",
            "max_drawdown_pct": f"{portfolio.drawdown.max_drawdown_pct:f}",
            "costs": f"{fold.fees_paid:f}",
        }
        self._parts.watcher.on_state("finished")
        return Outcome(
            summary,
            tuple(fold.trades),
            np.array(progress.closed_at, dtype=np.int64),
            np.array(progress.equity),
            np.array(progress.close),
        )


def _pair(signed: SignedOrder) -> tuple[ApprovedOrder, str]:
    return signed.order, signed.signature
