"""The quality gate: counts every offence of a raw table, rule by rule.

| rule | offence |
|---|---|
| not_a_time, not_a_number | unreadable, NaN or infinite |
| non_positive_price, negative_volume, impossible_range | cannot be a bar |
| too_many_decimals | price finer than the scale allows (at most 8 decimals) |
| off_grid | opened_at is no multiple of the timeframe since the epoch |
| disorder | opened_at goes back from one row to the next |
| repeated_same, repeated_other | opened_at was seen before, with the same or other values |

Zero volume and gaps are no offences: they are marked.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np

from trading_models.base import DataRejected, Timeframe
from trading_models.sources._api import (
    NO_TIME,
    PRICES,
    BoolArray,
    FloatArray,
    IntArray,
    RawBars,
)

MAX_PRICE_SCALE = 8
_BAR = (*PRICES, "volume")
# Closer to a tie than this (relative and absolute) and the decimal text decides, not the float.
_TIE_RELATIVE = 2.0**-48
_TIE_ABSOLUTE = 1e-6


@dataclass(frozen=True, slots=True)
class Offence:
    """The first row that breaks `rule`, and how many rows do."""

    rule: str
    count: int
    row: int
    column: str
    value: str
    allowed: str

    def line(self, file: str) -> str:
        """One line for a person: file, row, value, rule."""
        return (
            f"{file} row {self.row}: {self.column} = {self.value!r} breaks {self.rule} "
            f"(allowed: {self.allowed}); {self.count} in all"
        )


def inspect(raw: RawBars, timeframe: Timeframe) -> list[Offence]:
    """Every broken rule with its count and its first row, in the order of the table above."""
    found: list[Offence] = []
    for rule, column, mask, allowed in _checks(raw, timeframe):
        count = int(np.count_nonzero(mask))
        if count:
            first = int(np.argmax(mask))
            found.append(
                Offence(rule, count, int(raw.row[first]), column, raw.cell(first, column), allowed)
            )
    return _merged(found)


def refuse(path: Path | str, offences: list[Offence], *, next_step: str) -> DataRejected:
    """The error for offences that no profile permits."""
    file = Path(path).name
    lines = "\n".join(f"  {offence.line(file)}" for offence in offences)
    return DataRejected(
        f"{path} was refused, nothing was written:\n{lines}",
        offences=[{"file": str(path), **asdict(offence)} for offence in offences],
        next_step=next_step,
    )


def _merged(offences: list[Offence]) -> list[Offence]:
    """One entry per rule: counts of several columns add up, the earliest row speaks for them."""
    by_rule: dict[str, Offence] = {}
    for offence in offences:
        known = by_rule.get(offence.rule)
        if known is None:
            by_rule[offence.rule] = offence
            continue
        first = min(known, offence, key=lambda item: item.row)
        by_rule[offence.rule] = Offence(
            rule=offence.rule,
            count=known.count + offence.count,
            row=first.row,
            column=first.column,
            value=first.value,
            allowed=first.allowed,
        )
    return list(by_rule.values())


def _checks(raw: RawBars, timeframe: Timeframe) -> list[tuple[str, str, BoolArray, str]]:
    times = raw.opened_at
    known = times != NO_TIME
    checks: list[tuple[str, str, BoolArray, str]] = [
        ("not_a_time", "time", ~known, "an ISO 8601 time or an epoch number")
    ]
    columns = [name for name in (*_BAR, "adjusted_close") if name in raw.values]
    for name in columns:
        wrong = ~np.isfinite(raw.values[name])
        checks.append(("not_a_number", name, wrong, "a finite decimal number"))
    for name in columns:
        if name != "volume":
            wrong = raw.values[name] <= 0
            checks.append(("non_positive_price", name, wrong, "greater than 0"))
    checks.append(("negative_volume", "volume", raw.values["volume"] < 0, "0 or more"))
    checks += _range_checks(raw)
    for name in PRICES:
        wrong = _is_finer(raw.values[name], MAX_PRICE_SCALE)
        checks.append(("too_many_decimals", name, wrong, f"at most {MAX_PRICE_SCALE} decimals"))
    same, other = repeated(raw)
    backward = np.zeros(len(raw), dtype=np.bool_)
    backward[1:] = known[1:] & known[:-1] & (np.diff(times) < 0)
    grid = f"a multiple of {timeframe.code} since the epoch (UTC)"
    return [
        *checks,
        ("off_grid", "time", known & (times % timeframe.millis != 0), grid),
        ("disorder", "time", backward, "not before the row above"),
        ("repeated_same", "time", same, "each time once"),
        ("repeated_other", "time", other, "each time once"),
    ]


def _range_checks(raw: RawBars) -> list[tuple[str, str, BoolArray, str]]:
    value = raw.values
    top = np.maximum(value["open"], value["close"])
    bottom = np.minimum(value["open"], value["close"])
    return [
        ("impossible_range", "high", value["high"] < top, "at or above open and close"),
        ("impossible_range", "low", value["low"] > bottom, "at or below open and close"),
    ]


def repeated(raw: RawBars) -> tuple[BoolArray, BoolArray]:
    """Rows whose time was seen before: (with the same values, with other values)."""
    order = np.argsort(raw.opened_at, kind="stable")
    times = raw.opened_at[order]
    again = np.zeros(len(raw), dtype=np.bool_)
    again[1:] = (times[1:] == times[:-1]) & (times[1:] != NO_TIME)
    equal = np.ones(len(raw), dtype=np.bool_)
    for name in _BAR:
        column = raw.values[name][order]
        equal[1:] &= column[1:] == column[:-1]
    same, other = np.zeros_like(again), np.zeros_like(again)
    same[order] = again & equal
    other[order] = again & ~equal
    return same, other


def _is_finer(prices: FloatArray, scale: int) -> BoolArray:
    # m / 10**scale is correctly rounded, so it is the float of that decimal: equal or finer.
    # A float above 2**53 mantissas has no digits left to be finer with.
    factor = 10.0**scale
    with np.errstate(invalid="ignore", over="ignore"):
        mantissa = np.rint(prices * factor)
        finer: BoolArray = np.isfinite(prices) & (mantissa / factor != prices)
        return finer & (np.abs(mantissa) < 2.0**53)


def detect_scale(columns: list[FloatArray]) -> int:
    """The least number of decimals (0..8) that holds every price exactly."""
    for scale in range(MAX_PRICE_SCALE):
        if not any(bool(_is_finer(column, scale).any()) for column in columns):
            return scale
    return MAX_PRICE_SCALE


def mantissas(prices: FloatArray, scale: int) -> IntArray:
    """Prices x 10**scale rounded half-even by their decimal text, as int64."""
    scaled = prices * 10.0**scale
    rounded = np.rint(scaled)
    near = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5)
    unsure = np.nonzero(near <= _TIE_ABSOLUTE + np.abs(scaled) * _TIE_RELATIVE)[0]
    result = rounded.astype(np.int64)
    for index in unsure:
        exact = Decimal(repr(float(prices[index]))).scaleb(scale)
        result[index] = int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))
    return result
