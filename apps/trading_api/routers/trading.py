"""Positions, orders, fills, trades."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from trading_api.deps import StoreDep
from trading_api.routers.params import (
    CursorQuery,
    OptionalInstrument,
    OptionalTime,
    PageLimit,
    SeriesLimit,
    wire,
)
from trading_api.schemas.account import FillsReply, OrdersReply, PositionsReply, TradesReply
from trading_models.persistence import Window

router = APIRouter(tags=["trading"])


@router.get("/positions", response_model=PositionsReply)
async def positions(store: StoreDep) -> Response:
    """Open positions."""
    return wire({"positions": await store.read.positions()})


@router.get("/orders", response_model=OrdersReply)
async def orders(
    store: StoreDep,
    status: Annotated[Literal["open", "all"], Query()] = "open",
    limit: PageLimit = 100,
    cursor: CursorQuery = None,
) -> Response:
    """Orders, newest first."""
    page = await store.read.orders(status=status, limit=limit, cursor=cursor)
    return wire({"orders": page.rows, "next_cursor": page.next_cursor})


@router.get("/fills", response_model=FillsReply)
async def fills(
    store: StoreDep,
    instrument_id: OptionalInstrument = None,
    from_at: OptionalTime = None,
    to_at: OptionalTime = None,
    limit: SeriesLimit = 500,
) -> Response:
    """The newest fills of a window, oldest first."""
    window = Window(instrument_id, from_at, to_at, limit)
    return wire({"fills": await store.read.fills(window)})


@router.get("/trades", response_model=TradesReply)
async def trades(store: StoreDep, limit: PageLimit = 100, cursor: CursorQuery = None) -> Response:
    """Closed round trips, newest first."""
    page = await store.read.trades(limit=limit, cursor=cursor)
    return wire({"trades": page.rows, "next_cursor": page.next_cursor})
