"""Why, or why not."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from trading_api.deps import StoreDep
from trading_api.errors import ProblemError
from trading_api.routers.params import (
    CursorQuery,
    DecisionPath,
    OptionalInstrument,
    OptionalTime,
    PageLimit,
    SeriesLimit,
    wire,
)
from trading_api.schemas.decisions import (
    DecisionReply,
    DecisionsReply,
    OutcomeFilter,
    SignalsReply,
)
from trading_models.persistence import Window

router = APIRouter(tags=["decisions"])


@router.get("/decisions", response_model=DecisionsReply)
async def decisions(
    store: StoreDep,
    outcome: Annotated[OutcomeFilter, Query()] = "all",
    limit: PageLimit = 50,
    cursor: CursorQuery = None,
) -> Response:
    """One row for each decision bar, newest first."""
    page = await store.read.decisions(limit=limit, cursor=cursor, outcome=outcome)
    return wire({"decisions": page.rows, "next_cursor": page.next_cursor})


@router.get("/decisions/{decision_id}", response_model=DecisionReply)
async def decision(store: StoreDep, decision_id: DecisionPath) -> Response:
    """The whole record of one bar and what came of it."""
    record = await store.read.decision(decision_id)
    if record is None:
        raise ProblemError(
            404, f"no decision {decision_id}", next_step="GET /decisions lists the known ones"
        )
    return wire(record)


@router.get("/signals", response_model=SignalsReply)
async def signals(
    store: StoreDep,
    instrument_id: OptionalInstrument = None,
    from_at: OptionalTime = None,
    to_at: OptionalTime = None,
    limit: SeriesLimit = 500,
) -> Response:
    """Bars with a candidate, oldest first: the newest `limit` of the window."""
    window = Window(instrument_id, from_at, to_at, limit)
    return wire({"signals": await store.read.signals(window)})
