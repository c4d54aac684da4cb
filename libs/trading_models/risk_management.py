"""Front door of risk: reviews every entry, sizes it, and alone can make an ApprovedOrder.

`review` runs the rules of the `risk_rules/` shelf in priority order on a quantity sized by risk;
each passes, shrinks or refuses, and every verdict is kept. It is pure: `now` is market time and is
passed in. Exits and protection are never refused: they are built from the position itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from trading_models import risk_rules
from trading_models.base import (
    ApprovedOrder,
    BracketOrder,
    DataUnavailable,
    DecisionId,
    Direction,
    ExecutionError,
    Instrument,
    InstrumentId,
    Intent,
    Leg,
    MarketOrder,
    OcoOrder,
    Order,
    OrderSide,
    Portfolio,
    Position,
    PositionSide,
    RiskDecision,
    RiskOutcome,
    RiskRefused,
    RiskVerdict,
    Signal,
    StrategyId,
    Verdict,
    canonical_json,
    figure,
)
from trading_models.config_manager import RiskSettings, Settings
from trading_models.risk_rules._api import (
    HUNDRED,
    MissingFactError,
    Pass,
    Refuse,
    RiskRule,
    RuleContext,
    RuleVerdict,
    Shrink,
)
from trading_models.shelf import scan_shelf

__all__ = [
    "MissingFactError",
    "Pass",
    "Refuse",
    "Reviewer",
    "RiskEngine",
    "RiskRule",
    "RuleContext",
    "RuleVerdict",
    "Shrink",
    "SignedOrder",
    "Signer",
    "catalog",
    "judge",
    "rules_in_order",
]

Signer = Callable[[ApprovedOrder], str]
Returns = Mapping[InstrumentId, Sequence[float]]
# An exit must not lapse while the gateway is busy; an entry must (order_ttl_s).
REDUCE_TTL = timedelta(seconds=300)
_BPS = Decimal(10_000)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An approved order and the signature that the gateway verifies."""

    order: ApprovedOrder
    signature: str


class Reviewer(Protocol):
    """Whoever can judge an entry: a RiskEngine, or one bound to returns."""

    def review(self, signal: Signal, portfolio: Portfolio, now: datetime) -> RiskDecision:
        """Judge an entry at market time `now`."""
        ...


def rules_in_order() -> tuple[RiskRule, ...]:
    """Every rule of the shelf, lowest priority number first (then by name)."""
    rules = (kind() for kind in scan_shelf(risk_rules, RiskRule).values())  # type: ignore[type-abstract]
    return tuple(sorted(rules, key=lambda rule: (rule.priority, rule.name)))


def catalog(limits: RiskSettings) -> list[dict[str, Any]]:
    """The rules with the limits in force: name, priority, params, summary."""
    return [
        {
            "name": rule.name,
            "params": rule.params(limits),
            "priority": rule.priority,
            "summary": rule.summary,
        }
        for rule in rules_in_order()
    ]


def judge(rule: RiskRule, ctx: RuleContext) -> RuleVerdict:
    """One rule's verdict; a fact that is missing is a refusal."""
    try:
        return rule.check(ctx)
    except MissingFactError as error:
        return Refuse(limit=f"{error.fact} known", observed="missing")


class RiskEngine:
    """The last word. `signer` is given by `security`; without it nothing can be approved.

    `can_borrow` is True for venues that lend (derivatives); spot venues do not.
    """

    def __init__(
        self,
        settings: Settings,
        signer: Signer,
        instruments: Iterable[Instrument],
        *,
        bar_length: timedelta,
        can_borrow: bool = False,
        rules: Sequence[RiskRule] | None = None,
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._instruments = {item.instrument_id: item for item in instruments}
        self._bar_length = bar_length
        self._can_borrow = can_borrow
        self.rules = tuple(rules) if rules is not None else rules_in_order()
        self._config_hash = settings.config_hash
        venue = settings.venue
        self._cost_rate = venue.taker_fee_rate + venue.slippage_bps / _BPS

    def review(
        self,
        signal: Signal,
        portfolio: Portfolio,
        now: datetime,
        *,
        returns: Returns | None = None,
    ) -> RiskDecision:
        """Judge an entry. `now` is market time; `returns` holds the newest returns by instrument.

        Every rule runs, also after a refusal: the record then shows all that stood in the way, and
        `refused_by` names the first. A signal without a direction raises RiskRefused.
        """
        if signal.direction is Direction.FLAT:
            raise RiskRefused("direction", limit="long or short", observed="flat")
        ctx = self._context(signal, portfolio, now, returns or {})
        verdicts: list[RiskVerdict] = []
        refused_by: str | None = None
        for rule in self.rules:
            verdict, ctx = self._apply(rule, ctx)
            verdicts.append(verdict)
            if verdict.verdict is Verdict.REFUSE and refused_by is None:
                refused_by = rule.name
        approved = refused_by is None
        return RiskDecision(
            decision_id=signal.decision_id,
            digest=self._digest(signal, portfolio, now),
            outcome=RiskOutcome.APPROVED if approved else RiskOutcome.REFUSED,
            quantity=ctx.quantity if approved else None,
            refused_by=refused_by,
            risk_pct=_risk_pct(ctx) if approved else None,
            verdicts=tuple(verdicts),
        )

    def with_returns(self, returns: Returns) -> Reviewer:
        """The same engine, bound to the newest returns by instrument (for the correlation rule)."""
        return _BoundReview(self, returns)

    def approve(
        self,
        signal: Signal,
        decision: RiskDecision,
        *,
        issued_at: datetime,
        attempt: int = 0,
    ) -> SignedOrder:
        """The bracket entry of an approved decision; `issued_at` is transport time.

        RiskRefused if the decision is a refusal or belongs to another signal.
        """
        if decision.decision_id != signal.decision_id:
            raise RiskRefused(
                "decision_id", limit=str(signal.decision_id), observed=str(decision.decision_id)
            )
        if decision.quantity is None:
            raise RiskRefused(
                decision.refused_by or "review", limit="approved", observed=decision.outcome.value
            )
        order = BracketOrder(
            order_side=_entry_side(signal),
            quantity=decision.quantity,
            stop_offset=signal.stop_offset,
            target_offset=signal.target_offset,
        )
        ttl = timedelta(seconds=self._settings.risk.order_ttl_s)
        return self._sign(
            order,
            instrument_id=signal.instrument_id,
            decision_id=signal.decision_id,
            leg="entry",
            attempt=attempt,
            digest=decision.digest,
            times=(issued_at, issued_at + ttl),
        )

    def approve_exit(
        self,
        portfolio: Portfolio,
        instrument_id: InstrumentId,
        reason: str,
        *,
        decision_id: DecisionId,
        issued_at: datetime,
        attempt: int = 0,
    ) -> SignedOrder:
        """Close the whole position at the market. ExecutionError when nothing is held."""
        position = self._held(portfolio, instrument_id)
        order = MarketOrder(order_side=_exit_side(position), quantity=position.quantity)
        return self._sign_reduce(order, position, "exit", reason, decision_id, attempt, issued_at)

    def approve_protection(  # noqa: PLR0913 - keyword-only facts of one order
        self,
        portfolio: Portfolio,
        instrument_id: InstrumentId,
        *,
        stop: Decimal,
        target: Decimal,
        decision_id: DecisionId,
        issued_at: datetime,
        attempt: int = 0,
    ) -> SignedOrder:
        """Stop and target for the whole position. ExecutionError when nothing is held."""
        position = self._held(portfolio, instrument_id)
        instrument = self._instrument(instrument_id)
        order = OcoOrder(
            order_side=_exit_side(position),
            quantity=position.quantity,
            price=instrument.round_price(target),
            trigger_price=instrument.round_price(stop),
        )
        return self._sign_reduce(
            order, position, "protect", f"stop {order.trigger_price:f}", decision_id, attempt,
            issued_at,
        )  # fmt: skip

    def _context(
        self, signal: Signal, portfolio: Portfolio, now: datetime, returns: Returns
    ) -> RuleContext:
        instrument = self._instrument(signal.instrument_id)
        held = portfolio.position(signal.instrument_id)
        ctx = RuleContext(
            signal=signal,
            instrument=instrument,
            order_side=_entry_side(signal),
            quantity=_ZERO,
            portfolio=portfolio,
            now=now,
            limits=self._settings.risk,
            cost_rate=self._cost_rate,
            bar_length=self._bar_length,
            allow_short=self._settings.strategy.allow_short,
            can_borrow=self._can_borrow,
            price=None if held is None else held.mark_price,
            returns=returns,
        )
        return replace(ctx, quantity=_sized(ctx))

    def _apply(self, rule: RiskRule, ctx: RuleContext) -> tuple[RiskVerdict, RuleContext]:
        answer = judge(rule, ctx)
        word = Verdict.PASS
        if isinstance(answer, Refuse):
            word = Verdict.REFUSE
        elif isinstance(answer, Shrink):
            word = Verdict.SHRINK
            quantity = min(ctx.quantity, ctx.instrument.floor_quantity(answer.quantity))
            ctx = replace(ctx, quantity=quantity)
        verdict = RiskVerdict(
            limit=answer.limit, observed=answer.observed, rule=rule.name, verdict=word
        )
        return verdict, ctx

    def _instrument(self, instrument_id: InstrumentId) -> Instrument:
        known = self._instruments.get(instrument_id)
        if known is None:
            raise DataUnavailable(
                f"no trading rules for {instrument_id}; known: {sorted(self._instruments)}"
            )
        return known

    def _held(self, portfolio: Portfolio, instrument_id: InstrumentId) -> Position:
        position = portfolio.position(instrument_id)
        if position is None or not position.is_open:
            raise ExecutionError(f"nothing to reduce: no open position in {instrument_id}")
        return position

    def _digest(self, signal: Signal, portfolio: Portfolio, now: datetime) -> DecisionId:
        """SHA-256 of all that was reviewed."""
        reviewed = {
            "config": self._config_hash,
            "now": now,
            "portfolio": portfolio,
            "signal": signal,
        }
        return DecisionId(hashlib.sha256(canonical_json(reviewed)).hexdigest())

    def _sign_reduce(  # noqa: PLR0913, PLR0917 - the facts of one order
        self,
        order: Order,
        position: Position,
        leg: str,
        reason: str,
        decision_id: DecisionId,
        attempt: int,
        issued_at: datetime,
    ) -> SignedOrder:
        reviewed = canonical_json({"position": position, "reason": reason})
        return self._sign(
            order,
            instrument_id=position.instrument_id,
            decision_id=decision_id,
            leg=leg,
            attempt=attempt,
            digest=DecisionId(hashlib.sha256(reviewed).hexdigest()),
            times=(issued_at, issued_at + REDUCE_TTL),
        )

    def _sign(  # noqa: PLR0913 - keyword-only facts of one order
        self,
        order: Order,
        *,
        instrument_id: InstrumentId,
        decision_id: DecisionId,
        leg: str,
        attempt: int,
        digest: DecisionId,
        times: tuple[datetime, datetime],
    ) -> SignedOrder:
        approved = ApprovedOrder(
            account=self._settings.account,
            attempt=attempt,
            decision_id=decision_id,
            expires_at=times[1],
            instrument_id=instrument_id,
            intent=Intent.OPEN if leg == "entry" else Intent.REDUCE,
            issued_at=times[0],
            leg=Leg(leg),
            order=order,
            risk_digest=digest,
            strategy=StrategyId(self._settings.strategy.name),
        )
        return SignedOrder(approved, self._signer(approved))


@dataclass(frozen=True, slots=True)
class _BoundReview:
    engine: RiskEngine
    returns: Returns

    def review(self, signal: Signal, portfolio: Portfolio, now: datetime) -> RiskDecision:
        return self.engine.review(signal, portfolio, now, returns=self.returns)


def _entry_side(signal: Signal) -> OrderSide:
    return OrderSide.BUY if signal.direction is Direction.LONG else OrderSide.SELL


def _exit_side(position: Position) -> OrderSide:
    return OrderSide.SELL if position.position_side is PositionSide.LONG else OrderSide.BUY


def _sized(ctx: RuleContext) -> Decimal:
    """The quantity whose loss at the stop, with both orders' costs, is the configured risk."""
    if ctx.price is None or ctx.portfolio.equity <= 0:
        return _ZERO
    risk = ctx.limits.per_trade_pct * ctx.portfolio.equity / HUNDRED
    return ctx.instrument.floor_quantity(risk / ctx.unit_risk)


def _risk_pct(ctx: RuleContext) -> Decimal:
    return figure(HUNDRED * ctx.quantity * ctx.unit_risk / ctx.equity)
