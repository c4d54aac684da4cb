"""From domain objects to rows: what is filtered on becomes a column, the rest stays in the body."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import orjson

from trading_models.base import (
    DecisionRecord,
    Fill,
    FillReason,
    OrderState,
    Position,
    Trade,
    canonical_json,
    decimal_text,
    time_text,
    to_millis,
)

Row = dict[str, Any]
COMPRESSION = 1

#: Joined in when a record is read, so that the stored record never has to change.
JOINED = frozenset({"orders", "fills", "outcome_trade"})
#: Fields that only an event has; the row keeps the state of the order.
EVENT_ONLY = frozenset({"event", "fill", "fills", "unknown_reason"})


def digest(body: bytes) -> str:
    """SHA-256 hex of a body as stored."""
    return hashlib.sha256(body).hexdigest()


def pack(body: bytes) -> bytes:
    """Compress a decision body."""
    return zlib.compress(body, COMPRESSION)


def unpack(stored: bytes) -> bytes:
    """Canonical JSON of a stored decision body."""
    return zlib.decompress(stored)


def decision_summary(record: DecisionRecord) -> Row:
    """The list row of a decision, as in `GET /decisions` and on the live channel."""
    signal, risk = record.signal, record.risk
    return {
        "decision_id": str(record.decision_id),
        "instrument_id": str(record.instrument_id),
        "closed_at": time_text(record.closed_at),
        "outcome": record.outcome.value,
        "direction": None if signal is None else signal.direction.value,
        "score": decimal_text(record.score.value),
        "headline": record.headline,
        "refused_by": None if risk is None else risk.refused_by,
    }


def decision_row(record: DecisionRecord) -> Row:
    """Columns of `decisions`."""
    stored = record.model_dump(mode="json", exclude=set(JOINED))
    body = orjson.dumps(stored, option=orjson.OPT_SORT_KEYS)
    summary = decision_summary(record)
    return {
        **summary,
        "closed_at": to_millis(record.closed_at),
        "digest": digest(body),
        "body": pack(body),
    }


def order_body(order: OrderState) -> Row:
    """The order as `GET /orders` shows it: the newest event without what only an event has."""
    return order.model_dump(mode="json", exclude=set(EVENT_ONLY))


def order_row(order: OrderState) -> Row:
    """Columns of `orders`."""
    return {
        "client_order_id": str(order.client_order_id),
        "decision_id": str(order.decision_id),
        "instrument_id": str(order.instrument_id),
        "status": order.status.value,
        "is_open": order.status.is_open,
        "gateway_seq": order.gateway_seq,
        "body": canonical_json(order_body(order)).decode(),
    }


def fill_body(fill: Fill, *, decision_id: str, reason: FillReason | str) -> Row:
    """The fill as `GET /fills` shows it: with the reason and the decision behind it."""
    shown = fill.model_dump(mode="json")
    return {**shown, "decision_id": str(decision_id), "reason": FillReason(reason).value}


def fill_row(fill: Fill, body: Row) -> Row:
    """Columns of `fills`."""
    text = canonical_json(body)
    return {
        "instrument_id": str(fill.instrument_id),
        "trade_id": fill.trade_id,
        "client_order_id": str(fill.client_order_id),
        "decision_id": body["decision_id"],
        "market_time": to_millis(fill.market_time),
        "digest": digest(text),
        "body": text.decode(),
    }


def position_row(position: Position) -> Row:
    """Columns of `positions`."""
    return {
        "account": str(position.account),
        "instrument_id": str(position.instrument_id),
        "is_open": position.is_open,
        "body": canonical_json(position).decode(),
    }


def trade_row(trade: Trade) -> Row:
    """Columns of `trades`."""
    text = canonical_json(trade)
    exit_id = trade.exit_decision_id
    return {
        "trade_no": trade.trade_no,
        "instrument_id": str(trade.instrument_id),
        "exit_at": to_millis(trade.exit_at),
        "entry_decision_id": str(trade.entry_decision_id),
        "exit_decision_id": None if exit_id is None else str(exit_id),
        "digest": digest(text),
        "body": text.decode(),
    }
