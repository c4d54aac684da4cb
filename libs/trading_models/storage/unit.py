"""One unit of work: collect everything a bar changed, then write it in one transaction.

Nothing is written while the unit is open, so a crash or an error in between leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading_models.base import (
    MONEY_SCALE,
    DecisionRecord,
    Fill,
    FillReason,
    OrderState,
    Position,
    Trade,
    at_scale,
    canonical_json,
    decimal_text,
    figure,
    to_millis,
)
from trading_models.bus import UpdateOp
from trading_models.storage import rows
from trading_models.storage.rows import Row


@dataclass(slots=True)
class UnitOfWork:
    """What one commit will write, in the order of the foreign words: decision first, state last."""

    decisions: list[Row] = field(default_factory=list)
    orders: dict[str, Row] = field(default_factory=dict)
    fills: list[Row] = field(default_factory=list)
    positions: dict[tuple[str, str], Row] = field(default_factory=dict)
    trades: list[Row] = field(default_factory=list)
    equity: list[Row] = field(default_factory=list)
    audit: list[tuple[str, str]] = field(default_factory=list)
    run_state: dict[str, str] = field(default_factory=dict)
    updates: dict[str, list[UpdateOp]] = field(default_factory=dict)
    trade_bodies: list[Trade] = field(default_factory=list)
    fill_bodies: list[Fill] = field(default_factory=list)

    def add_decision(self, record: DecisionRecord) -> None:
        """The decision of one bar. The first record of a decision_id stays (K10)."""
        self.add_decision_body(record.model_dump(mode="json"))

    def add_decision_body(self, body: Mapping[str, Any]) -> None:
        """The same from the wire form, as `cycle.record.record_body` makes it: one per bar."""
        self.decisions.append(rows.decision_row(body))
        self._update("decisions", ("set", body["decision_id"], rows.decision_summary(body)))

    def put_order(self, order: OrderState) -> None:
        """Newest state of an order; one with a lower `gateway_seq` than the stored is ignored."""
        row = rows.order_row(order)
        known = self.orders.get(row["client_order_id"])
        if known is None or known["gateway_seq"] < row["gateway_seq"]:
            self.orders[row["client_order_id"]] = row
            self._update("orders", ("set", row["client_order_id"], rows.order_body(order)))

    def add_fill(self, fill: Fill, *, decision_id: str, reason: FillReason | str) -> None:
        """One execution, unique by instrument and trade_id; a repeated one is ignored."""
        body = rows.fill_body(fill, decision_id=decision_id, reason=reason)
        self.fills.append(rows.fill_row(fill, body))
        self.fill_bodies.append(fill)
        self._update("fills", ("set", f"{fill.instrument_id}/{fill.trade_id}", body))

    def upsert_position(self, position: Position) -> None:
        """The position after this bar; a flat one leaves the list of open positions."""
        row = rows.position_row(position)
        self.positions[(row["account"], row["instrument_id"])] = row
        key = str(position.instrument_id)
        if position.is_open:
            self._update("positions", ("set", key, position.model_dump(mode="json")))
        else:
            self._update("positions", ("del", key))

    def add_trade(self, trade: Trade) -> None:
        """A closed round trip; `trade_no` is the caller's and unique."""
        self.trades.append(rows.trade_row(trade))
        self.trade_bodies.append(trade)
        self._update("trades", ("set", str(trade.trade_no), trade.model_dump(mode="json")))

    def add_equity_point(self, at: datetime, equity: Decimal, drawdown_pct: Decimal) -> None:
        """Equity and drawdown at a bar's close; `drawdown_pct` is 0..100 below the peak."""
        self.equity.append(
            {
                "at": to_millis(at),
                "equity": decimal_text(at_scale(equity, MONEY_SCALE)),
                "drawdown_pct": decimal_text(figure(drawdown_pct)),
            }
        )

    def append_audit(self, kind: str, body: Mapping[str, Any]) -> None:
        """One entry of the audit chain. `kind` is lower_case, at most 32 letters."""
        self.audit.append((kind, canonical_json(body).decode()))

    def set_run_state(self, key: str, value: object) -> None:
        """Small state of the run (JSON without floats), replaced as a whole."""
        self.run_state[key] = canonical_json(value).decode()

    def _update(self, channel: str, op: UpdateOp) -> None:
        self.updates.setdefault(channel, []).append(op)
