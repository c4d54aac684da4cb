"""Instruments, bars, indicators and catalogues."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from trading_api.context import SeriesQuery
from trading_api.deps import ServicesDep
from trading_api.errors import ProblemError
from trading_api.routers.params import (
    InstrumentQuery,
    OptionalTime,
    SeriesLimit,
    TimeframeQuery,
    wire,
)
from trading_api.schemas.account import InstrumentsReply
from trading_api.schemas.market import (
    BarsReply,
    IndicatorCatalogReply,
    IndicatorsReply,
    PatternCatalogReply,
    RulesReply,
)

router = APIRouter(tags=["market"])
MAX_NAMES = 64


@router.get("/instruments")
async def instruments(services: ServicesDep) -> InstrumentsReply:
    """What this run trades, with ticks, steps and minima."""
    return InstrumentsReply(instruments=list(services.context.market.instruments()))


@router.get("/bars", response_model=BarsReply)
async def bars(
    services: ServicesDep,
    instrument_id: InstrumentQuery,
    timeframe: TimeframeQuery,
    before: OptionalTime = None,
    limit: SeriesLimit = 1_000,
) -> Response:
    """Closed bars, ascending: the newest `limit` that opened before `before`."""
    query = SeriesQuery(instrument_id, timeframe, before, limit)
    return wire({"bars": list(await services.context.market.bars(query))})


@router.get("/indicators", response_model=IndicatorsReply)
async def indicators(
    services: ServicesDep,
    instrument_id: InstrumentQuery,
    timeframe: TimeframeQuery,
    names: Annotated[str, Query(pattern=r"^[a-z0-9_.]+(,[a-z0-9_.]+)*$", max_length=2_000)],
    before: OptionalTime = None,
    limit: SeriesLimit = 1_000,
) -> Response:
    """Indicator values at the bars that `/bars` gives for the same query."""
    wanted = list(dict.fromkeys(names.split(",")))
    if len(wanted) > MAX_NAMES:
        raise ProblemError(422, f"{len(wanted)} names", field="names", allowed=f"1..{MAX_NAMES}")
    query = SeriesQuery(instrument_id, timeframe, before, limit)
    series = await services.context.market.indicators(query, wanted)
    return wire({"opened_at": list(series.opened_at), "values": dict(series.values)})


@router.get("/indicators/catalog", response_model=IndicatorCatalogReply)
async def indicator_catalog(services: ServicesDep) -> Response:
    """Every indicator: engine kernels and plug-ins."""
    return wire({"indicators": list(services.context.market.indicator_catalog())})


@router.get("/patterns/catalog", response_model=PatternCatalogReply)
async def pattern_catalog(services: ServicesDep) -> Response:
    """Every pattern: engine kernels and plug-ins."""
    return wire({"patterns": list(services.context.market.pattern_catalog())})


@router.get("/risk/rules", response_model=RulesReply)
async def risk_rules(services: ServicesDep) -> Response:
    """Every risk rule in the order of review."""
    return wire({"rules": list(services.context.market.risk_rules())})
