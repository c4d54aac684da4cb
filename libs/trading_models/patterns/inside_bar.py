"""Inside-bar breakout: a bar within the range of its mother bar, then a close outside that range.

Source: Al Brooks, "Reading Price Charts Bar by Bar", chapter on inside bars.
"""

from __future__ import annotations

from trading_models.patterns._api import BarValues, Pattern


class InsideBar(Pattern):
    """+1 when the bar after an inside bar closes above the mother's high, -1 below its low."""

    name = "inside_bar"
    summary = "close outside the mother bar right after an inside bar"

    def __init__(self, **params: float) -> None:
        super().__init__(**params)
        self.highs: list[float] = []
        self.lows: list[float] = []

    @property
    def outputs(self) -> tuple[str, ...]:
        """One state."""
        return ("inside_bar",)

    @property
    def warmup(self) -> int:
        """Mother, inside bar, breakout bar."""
        return 3

    def update(self, bar: BarValues) -> tuple[float] | None:
        """Compare with the two bars before; the breakout bar is the one that confirms."""
        highs, lows = self.highs, self.lows
        self.highs, self.lows = [*highs[-1:], bar.high], [*lows[-1:], bar.low]
        if len(highs) < self.warmup - 1:
            return None
        is_inside = highs[1] < highs[0] and lows[1] > lows[0]
        if is_inside and bar.close > highs[0]:
            return (1.0,)
        if is_inside and bar.close < lows[0]:
            return (-1.0,)
        return (0.0,)
