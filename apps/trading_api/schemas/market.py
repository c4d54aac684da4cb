"""Bars, indicators and the catalogues of plug-ins."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trading_models.base import FlagName, FrozenModel, Price, UtcTime, Volume


class BarReply(FrozenModel):
    """One closed bar; `missing` base bars lie in a gap before or inside it."""

    opened_at: UtcTime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Volume
    flags: list[FlagName]
    missing: Annotated[int, Field(ge=0)]


class BarsReply(FrozenModel):
    """Ascending."""

    bars: list[BarReply]


class IndicatorsReply(FrozenModel):
    """Columns of equal length; null while an indicator is cold. Analysis, not money."""

    opened_at: list[UtcTime]
    values: dict[str, list[float | None]]


class CatalogEntry(FrozenModel):
    """An indicator or pattern that can be asked for."""

    name: str
    outputs: list[str]
    params: dict[str, Any]
    warmup: Annotated[int, Field(ge=0)]
    scale: str
    origin: str


class IndicatorCatalogReply(FrozenModel):
    """All indicators: engine kernels and plug-ins."""

    indicators: list[CatalogEntry]


class PatternCatalogReply(FrozenModel):
    """All patterns: engine kernels and plug-ins."""

    patterns: list[CatalogEntry]


class RuleEntry(FrozenModel):
    """A risk rule; rules run by ascending priority."""

    name: str
    priority: int
    params: dict[str, Any]
    summary: str


class RulesReply(FrozenModel):
    """All risk rules in order."""

    rules: list[RuleEntry]
