"""Charts: the bars this run has seen, any timeframe of them, and their indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_api.context import IndicatorSeries, SeriesQuery
from trading_models import pattern_recognition, risk_management, technical_indicators
from trading_models.base import (
    Bar,
    DataUnavailable,
    Instrument,
    Timeframe,
    decimal_from_float,
    decimal_text,
    flag_mask,
    flag_names,
    from_millis,
    time_text,
    to_millis,
)
from trading_models.config_manager import Settings
from trading_models.market_data import AsOfFrames, Columns
from trading_models.pattern_recognition import PatternSet
from trading_models.technical_indicators import FeatureSet

NAMES = ("opened_at", "open", "high", "low", "close", "volume", "flags")


@dataclass(slots=True)
class _Series:
    """Columns of one instrument's base bars, grown bar by bar."""

    instrument: Instrument
    rows: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in NAMES})
    frames: dict[Timeframe, tuple[int, dict[str, NDArray[Any]]]] = field(default_factory=dict)
    studies: dict[Timeframe, tuple[int, dict[str, NDArray[np.float64]]]] = field(
        default_factory=dict
    )

    @property
    def count(self) -> int:
        """Number of base bars."""
        return len(self.rows["opened_at"])


class MarketReader:
    """Implements MarketPort over the bars that the orchestrator has committed."""

    def __init__(
        self, settings: Settings, instruments: Sequence[Instrument], timeframe: Timeframe
    ) -> None:
        self._settings = settings
        self._base = timeframe
        self._series = {str(item.instrument_id): _Series(item) for item in instruments}

    def add(self, bars: Sequence[Bar]) -> None:
        """Take committed base bars, ascending."""
        for bar in bars:
            series = self._series[bar.instrument_id]
            price = series.instrument.price_mantissa
            values = (
                to_millis(bar.opened_at),
                price(bar.open),
                price(bar.high),
                price(bar.low),
                price(bar.close),
                float(bar.volume),
                flag_mask(bar.flags),
            )
            for name, value in zip(NAMES, values, strict=True):
                series.rows[name].append(value)

    def instruments(self) -> Sequence[Instrument]:
        """What this run trades."""
        return [series.instrument for series in self._series.values()]

    async def bars(self, query: SeriesQuery) -> Sequence[Mapping[str, Any]]:
        """Ascending rows of the newest bars before `query.before`."""
        series = self._find(query.instrument_id)
        frame = self._frame(series, query.timeframe)
        kept = _window(frame["opened_at"], query.before, query.limit)
        columns = {name: frame[name][kept].tolist() for name in (*NAMES, "missing")}
        price = series.instrument.price
        return [
            {
                "opened_at": time_text(from_millis(row["opened_at"])),
                **{name: decimal_text(price(row[name])) for name in NAMES[1:5]},
                "volume": decimal_text(decimal_from_float(row["volume"])),
                "flags": list(flag_names(row["flags"])),
                "missing": row["missing"],
            }
            for row in _rows(columns)
        ]

    async def indicators(self, query: SeriesQuery, names: Sequence[str]) -> IndicatorSeries:
        """Values at the bars of the same query."""
        series = self._find(query.instrument_id)
        frame = self._frame(series, query.timeframe)
        studies = self._studies(series, query.timeframe, frame)
        unknown = [name for name in names if name not in studies]
        if unknown:
            raise DataUnavailable(
                f"indicator output {unknown[0]!r} is not computed; there are: "
                f"{', '.join(sorted(studies))}"
            )
        kept = _window(frame["opened_at"], query.before, query.limit)
        times = [time_text(from_millis(at)) for at in frame["opened_at"][kept].tolist()]
        return IndicatorSeries(times, {name: studies[name][kept].tolist() for name in names})

    def indicator_catalog(self) -> Sequence[Mapping[str, Any]]:
        """Every indicator: engine kernels and plug-ins."""
        return technical_indicators.catalog()

    def pattern_catalog(self) -> Sequence[Mapping[str, Any]]:
        """Every pattern."""
        return pattern_recognition.catalog()

    def risk_rules(self) -> Sequence[Mapping[str, Any]]:
        """Every risk rule with the limits in force."""
        return risk_management.catalog(self._settings.risk)

    def _find(self, instrument_id: str) -> _Series:
        found = self._series.get(instrument_id)
        if found is None:
            known = ", ".join(self._series)
            raise DataUnavailable(f"{instrument_id!r} is not traded in this run; known: {known}")
        return found

    def _frame(self, series: _Series, timeframe: Timeframe) -> dict[str, NDArray[Any]]:
        if timeframe.minutes < self._base.minutes:
            raise DataUnavailable(
                f"no {timeframe.code} bars: this run has {self._base.code} bars and longer"
            )
        cached = series.frames.get(timeframe)
        if cached is not None and cached[0] == series.count:
            return cached[1]
        columns = {
            name: np.array(values, dtype=np.float64 if name == "volume" else np.int64)
            for name, values in series.rows.items()
        }
        base = Columns(series.instrument, self._base, columns, "this run")
        frame = dict(AsOfFrames(base, [timeframe])[timeframe].arrays)
        is_base = timeframe is self._base
        frame["flags"] = columns["flags"] if is_base else np.zeros_like(frame["opened_at"])
        series.frames[timeframe] = (series.count, frame)
        return frame

    def _studies(
        self, series: _Series, timeframe: Timeframe, frame: dict[str, NDArray[Any]]
    ) -> dict[str, NDArray[np.float64]]:
        cached = series.studies.get(timeframe)
        if cached is not None and cached[0] == series.count:
            return cached[1]
        unit = 10.0**series.instrument.price_scale
        figures = {name: frame[name] / unit for name in NAMES[1:5]}
        figures |= {"opened_at": frame["opened_at"], "volume": frame["volume"]}
        values: dict[str, NDArray[np.float64]] = {}
        for studies in (FeatureSet(timeframe), PatternSet(timeframe)):
            values |= zip(studies.outputs, studies.batch(figures), strict=True)
        series.studies[timeframe] = (series.count, values)
        return values


def _window(opened_at: NDArray[np.int64], before: datetime | None, limit: int) -> slice:
    last = len(opened_at)
    if before is not None:
        last = int(np.searchsorted(opened_at, to_millis(before)))
    return slice(max(0, last - limit), last)


def _rows(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
