"""Bars and timeframes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import IntFlag, StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_models.domain.ids import InstrumentId
from trading_models.domain.values import FrozenModel, Price, UtcTime, Volume

_MINUTES = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}

FlagName = Literal["zero_volume", "after_gap", "deduplicated"]
_FLAG_NAMES: tuple[FlagName, ...] = ("zero_volume", "after_gap", "deduplicated")


class Timeframe(StrEnum):
    """Length of a bar. Bars are [opened_at, closed_at) on the UTC epoch grid."""

    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"

    @property
    def code(self) -> str:
        """The wire name, `15m`."""
        return self.value

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return _MINUTES[self.value]

    @property
    def millis(self) -> int:
        """Length in milliseconds."""
        return _MINUTES[self.value] * 60_000

    @property
    def duration(self) -> timedelta:
        """Length as a timedelta."""
        return timedelta(minutes=_MINUTES[self.value])

    @classmethod
    def from_minutes(cls, minutes: int) -> Self:
        """The member of that length; ValueError lists the known ones."""
        for code, length in _MINUTES.items():
            if length == minutes:
                return cls(code)
        raise ValueError(f"no timeframe of {minutes} minutes; known: {', '.join(_MINUTES)}")


class BarFlag(IntFlag):
    """Marks of the quality gate, as stored in `flags.npy`."""

    ZERO_VOLUME = 1
    AFTER_GAP = 2
    DEDUPLICATED = 4


def flag_names(mask: int) -> tuple[FlagName, ...]:
    """Wire names of a flag mask."""
    return tuple(name for bit, name in enumerate(_FLAG_NAMES) if mask & (1 << bit))


def flag_mask(names: Iterable[FlagName]) -> int:
    """Mask of wire names."""
    return sum(1 << _FLAG_NAMES.index(name) for name in set(names))


class Bar(FrozenModel):
    """One bar. Construction refuses impossible prices; it never repairs them."""

    close: Price
    closed_at: UtcTime
    flags: tuple[FlagName, ...] = ()
    high: Price
    instrument_id: InstrumentId
    is_closed: bool = True
    low: Price
    missing: Annotated[int, Field(ge=0)] = 0
    open: Price
    opened_at: UtcTime
    timeframe: Timeframe
    volume: Volume

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.low <= min(self.open, self.close):
            raise ValueError(f"low {self.low} is above open {self.open} or close {self.close}")
        if not self.high >= max(self.open, self.close):
            raise ValueError(f"high {self.high} is below open {self.open} or close {self.close}")
        if self.closed_at <= self.opened_at:
            raise ValueError(f"closed_at {self.closed_at} is not after opened_at {self.opened_at}")
        return self
