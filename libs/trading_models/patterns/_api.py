"""What a Python pattern is: an indicator whose figures say how strongly a shape is present."""

from __future__ import annotations

from trading_models.technical_indicators import BarValues, Indicator

__all__ = ["BarValues", "Pattern"]


class Pattern(Indicator):
    """A causal shape detector; `update` gets each closed bar once, in order.

    Each output is a state in [-1, 1]: above zero bullish, below zero bearish, zero when the shape
    is absent. A value belongs to the bar at which the shape became known. A flat series (open =
    high = low = close, never moving) must give zero on every bar; the contract suite checks it.
    """

    scale = "state"
