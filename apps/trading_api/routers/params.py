"""Query parameters that several routes share, and the raw answer."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import Header, Path, Query
from starlette.responses import Response

from trading_models.base import DecisionId, InstrumentId, Timeframe, UtcTime

PageLimit = Annotated[int, Query(ge=1, le=500)]
SeriesLimit = Annotated[int, Query(ge=1, le=5_000)]
CursorQuery = Annotated[str | None, Query(pattern=r"^[0-9]{1,18}$")]
InstrumentQuery = Annotated[InstrumentId, Query()]
OptionalInstrument = Annotated[InstrumentId | None, Query()]
TimeframeQuery = Annotated[Timeframe, Query()]
OptionalTime = Annotated[UtcTime | None, Query()]
DecisionPath = Annotated[DecisionId, Path()]
IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", pattern=r"^[A-Za-z0-9._-]{8,128}$")
]


def wire(body: dict[str, Any]) -> Response:
    """Rows that are in their wire shape already go out as they are.

    They were checked when they were stored; building thousands of models again would stall the
    trading loop that shares this process. Contract tests hold them against the declared model.
    """
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_SORT_KEYS
    return Response(orjson.dumps(body, option=options), media_type="application/json")
