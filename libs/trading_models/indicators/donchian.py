"""Donchian channel: the highest high and lowest low of the last `period` bars.

Source: Richard Donchian's four-week rule; the middle line is the mean of both edges.
"""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from trading_models.indicators._api import BarValues, Indicator


class Donchian(Indicator):
    """Upper, lower and middle of the channel, in price; the newest bar is part of the window."""

    name = "donchian"
    summary = "highest high, lowest low and their mean over a window"
    scale = "price"
    params: ClassVar = {"period": 20}

    def __init__(self, **params: float) -> None:
        super().__init__(**params)
        period = int(self.values["period"])
        self.highs: deque[float] = deque(maxlen=period)
        self.lows: deque[float] = deque(maxlen=period)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Three prices."""
        period = self.warmup
        return (f"donchian_upper_{period}", f"donchian_lower_{period}", f"donchian_mid_{period}")

    @property
    def warmup(self) -> int:
        """A full window."""
        return int(self.values["period"])

    def update(self, bar: BarValues) -> tuple[float, float, float] | None:
        """O(period) per bar: the window is short, and a scan cannot drift."""
        self.highs.append(bar.high)
        self.lows.append(bar.low)
        if len(self.highs) < self.warmup:
            return None
        upper, lower = max(self.highs), min(self.lows)
        return upper, lower, (upper + lower) / 2
