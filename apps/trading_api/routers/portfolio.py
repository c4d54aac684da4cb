"""Figures of the account."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from trading_api.deps import ServicesDep, StoreDep
from trading_api.routers.params import SeriesLimit, wire
from trading_api.schemas.account import EquityReply, SummaryReply

router = APIRouter(prefix="/portfolio", tags=["portfolio"])


@router.get("/summary", response_model=SummaryReply)
async def summary(services: ServicesDep) -> dict[str, Any]:
    """The account at the newest bar."""
    return services.figures.portfolio()


@router.get("/equity", response_model=EquityReply)
async def equity(store: StoreDep, limit: SeriesLimit = 2_000) -> Response:
    """The equity curve, thinned to `limit` points."""
    return wire({"points": await store.read.equity(limit)})
