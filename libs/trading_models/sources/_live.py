"""What the gateway's market stream says, as types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading_models.base import Bar, InstrumentId, OrderSide

Level = tuple[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class TradeTick:
    """A public print."""

    instrument_id: InstrumentId
    trade_id: int
    price: Decimal
    quantity: Decimal
    taker_side: OrderSide
    event_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class BestQuote:
    """Best bid and ask; of several only the newest is delivered."""

    instrument_id: InstrumentId
    update_id: int
    bid: Level
    ask: Level
    received_at: datetime


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """A whole book (`is_snapshot`), or the levels that changed; quantity 0 removes a level."""

    instrument_id: InstrumentId
    update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    is_snapshot: bool


@dataclass(frozen=True, slots=True)
class Link:
    """Whether the gateway is connected to the venue."""

    is_connected: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class FeedGap:
    """What was received is no longer whole: trades are missing, or a book is being rebuilt."""

    channel: str
    instrument_id: InstrumentId
    at: datetime


Message = Bar | TradeTick | BestQuote | BookUpdate | Link | FeedGap


def read_message(row: dict[str, Any]) -> Message | None:
    """One message; None for a kind this version does not know."""
    match row["type"]:
        case "trade":
            return TradeTick(
                row["instrument_id"],
                int(row["trade_id"]),
                Decimal(row["price"]),
                Decimal(row["quantity"]),
                OrderSide(row["taker_side"]),
                datetime.fromisoformat(row["event_at"]),
                datetime.fromisoformat(row["received_at"]),
            )
        case "best":
            return BestQuote(
                row["instrument_id"],
                row["update_id"],
                (Decimal(row["bid_price"]), Decimal(row["bid_quantity"])),
                (Decimal(row["ask_price"]), Decimal(row["ask_quantity"])),
                datetime.fromisoformat(row["received_at"]),
            )
        case "book":
            bids, asks = _levels(row["bids"]), _levels(row["asks"])
            id_, whole = row["instrument_id"], bool(row["is_snapshot"])
            return BookUpdate(id_, row["update_id"], bids, asks, whole)
        case "bar":
            return Bar.model_validate(row["bar"])
        case "link":
            return Link(bool(row["connected"]), datetime.fromisoformat(row["at"]))
        case "gap":
            at = datetime.fromisoformat(row["at"])
            return FeedGap(row["channel"], row["instrument_id"], at)
    return None


def _levels(rows: Sequence[Sequence[str]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)
