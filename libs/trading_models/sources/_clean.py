"""From accepted raw rows to the columns of the bar store: the changes of a profile, counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_models.base import BarFlag, Timeframe
from trading_models.sources._api import PRICES, BoolArray, FloatArray, IntArray, RawBars
from trading_models.sources._gate import Offence, mantissas, repeated
from trading_models.sources._profiles import Calendar, Profile

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Gap:
    """Absent bars: from the first absent opened_at up to (not including) the next present one."""

    start: int
    stop: int
    missing: int


@dataclass(frozen=True, slots=True)
class CleanBars:
    """Columns of the store: int64 times and mantissas, float64 volume, uint8 flags."""

    opened_at: IntArray
    prices: Mapping[str, IntArray]
    volume: FloatArray
    flags: NDArray[np.uint8]
    scale: int
    counts: Mapping[str, int]
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """How to read one table: its timeframe, price scale, calendar and, if any, profile."""

    timeframe: Timeframe
    scale: int
    calendar: Calendar = "always"
    profile: Profile | None = None


def clean(raw: RawBars, offences: list[Offence], rules: Rules) -> CleanBars:
    """Apply what the profile permits (nothing without one), mark the rest, count everything."""
    counts: dict[str, int] = {"rows_read": len(raw)}
    counts |= {offence.rule: offence.count for offence in offences}
    kept, was_repeated = _rows(raw, rules.timeframe)
    bars = raw.take(kept)
    counts["dropped"] = len(raw) - len(bars)
    prices: dict[str, FloatArray] = {name: bars.values[name] for name in PRICES}
    if rules.profile is not None and rules.profile.adjust_by_close:
        prices = _adjusted(bars, prices)
        counts["adjusted"] = len(bars)
    rounded = {name: mantissas(column, rules.scale) for name, column in prices.items()}
    if rules.profile is not None:
        counts["prices_rounded"] = sum(
            int(np.count_nonzero(rounded[name] / 10.0**rules.scale != prices[name]))
            for name in PRICES
        )
    volume = bars.values["volume"]
    gaps, after_gap = _gaps(bars.opened_at, rules)
    counts["zero_volume"] = int(np.count_nonzero(volume == 0))
    counts["gaps"] = len(gaps)
    counts["missing_bars"] = sum(gap.missing for gap in gaps)
    flags = (
        (volume == 0) * int(BarFlag.ZERO_VOLUME)
        + after_gap * int(BarFlag.AFTER_GAP)
        + was_repeated * int(BarFlag.DEDUPLICATED)
    ).astype(np.uint8)
    return CleanBars(bars.opened_at, rounded, volume, flags, rules.scale, counts, gaps)


def _rows(raw: RawBars, timeframe: Timeframe) -> tuple[IntArray, BoolArray]:
    """Indices to keep, in time order, and which of them replace an earlier row.

    On a clean table this is every row. Otherwise off-grid rows go, and of repeated times the row
    that stands last in the file stays.
    """
    same, other = repeated(raw)
    order = np.argsort(raw.opened_at, kind="stable")
    times = raw.opened_at[order]
    is_last = np.ones(len(raw), dtype=np.bool_)
    is_last[:-1] = times[1:] != times[:-1]
    kept = order[is_last & (times % timeframe.millis == 0)]
    replaced: BoolArray = (same | other)[kept]
    return kept, replaced


def _adjusted(bars: RawBars, prices: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    # One factor per bar keeps the bar's shape: low <= open, close <= high stays true.
    factor = bars.values["adjusted_close"] / bars.values["close"]
    return {name: column * factor for name, column in prices.items()}


def _gaps(opened_at: IntArray, rules: Rules) -> tuple[tuple[Gap, ...], BoolArray]:
    step = rules.timeframe.millis
    first = opened_at[:-1] + step
    if rules.calendar == "weekdays":
        days = (opened_at // _DAY_MS).astype("datetime64[D]")
        absent = np.busday_count(days[:-1] + 1, days[1:]).astype(np.int64)
        weekday = np.busday_offset(days[:-1] + 1, 0, roll="forward")
        first = weekday.astype(np.int64) * _DAY_MS
    else:
        absent = np.diff(opened_at) // step - 1
    after = np.zeros(opened_at.shape[0], dtype=np.bool_)
    after[1:] = absent > 0
    gaps = tuple(
        Gap(int(first[i]), int(opened_at[i + 1]), int(absent[i])) for i in np.nonzero(absent > 0)[0]
    )
    return gaps, after
