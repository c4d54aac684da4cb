"""From domain objects to rows: what is filtered on becomes a column, the rest stays in the body."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from trading_models.base import (
    Fill,
    FillReason,
    OrderState,
    Position,
    Trade,
    canonical_json,
    parse_time,
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


def decision_summary(body: Mapping[str, Any]) -> Row:
    """The list row of a decision record body, as in `GET /decisions` and on the live channel."""
    signal, risk = body["signal"], body["risk"]
    return {
        "decision_id": body["decision_id"],
        "instrument_id": body["instrument_id"],
        "closed_at": body["closed_at"],
        "outcome": body["outcome"],
        "direction": None if signal is None else signal["direction"],
        "score": body["score"]["value"],
        "headline": body["headline"],
        "refused_by": None if risk is None else risk["refused_by"],
    }


def decision_row(body: Mapping[str, Any]) -> Row:
    """Columns of `decisions`. `body` is the wire form of a DecisionRecord."""
    stored = {key: value for key, value in body.items() if key not in JOINED}
    content = orjson.dumps(stored, option=orjson.OPT_SORT_KEYS)
    return {
        **decision_summary(body),
        "closed_at": to_millis(parse_time(body["closed_at"])),
        "digest": digest(content),
        "body": pack(content),
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
