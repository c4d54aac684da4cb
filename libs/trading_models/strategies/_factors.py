"""The five factors of confluence: each in [-1, 1], element-wise over the columns of all timeframes.

Scales are round figures from the studies' textbook ranges (RSI 50 +- 25, CCI +-150, ADX 20 as the
edge between range and trend); none was fitted to data.
"""

from __future__ import annotations

import numpy as np

from trading_models.strategies._api import FrameView
from trading_models.technical_indicators import FloatArray

FACTORS = ("trend", "momentum", "volume", "bands", "pattern")
REQUIRED = (
    "close", "ema_20", "ema_50", "macd_histogram", "adx_14", "atr_14", "rsi_14", "stoch_k",
    "cci_20", "mfi_14", "vwap", "bb_upper", "bb_middle", "pin_bar", "engulfing", "breakout",
    "divergence",
)  # fmt: skip


def factors(frames: tuple[FrameView, ...]) -> tuple[FloatArray, ...]:
    """Per timeframe (factors, M) in the order of FACTORS; cold rows are meaningless, weight 0.

    The timeframes are laid end to end: the arithmetic is element-wise, so one pass serves all.
    """

    def read(name: str) -> FloatArray:
        return np.concatenate([frame.column(name) for frame in frames])

    close, atr = read("close"), read("atr_14")
    # 0 in a quiet range, 1 in a clear trend: momentum is faded below the middle, followed above.
    strength = _clip((read("adx_14") - 10.0) / 20.0, 0.0, 1.0)
    follow = 2.0 * strength - 1.0
    stack = _unit(ratio(read("ema_20") - read("ema_50"), 2.0 * atr))
    place = _unit(ratio(close - read("ema_50"), 3.0 * atr))
    impulse = _unit(ratio(read("macd_histogram"), 0.5 * atr))
    trend = strength * (stack + place + impulse) / 3.0
    rsi = _unit((read("rsi_14") - 50.0) / 25.0)
    stochastic = _unit((read("stoch_k") - 50.0) / 50.0)
    cci = _unit(read("cci_20") / 150.0)
    momentum = follow * (rsi + stochastic + cci) / 3.0
    flow = _unit((read("mfi_14") - 50.0) / 30.0)
    fair = _unit(ratio(close - read("vwap"), 2.0 * atr))
    volume = (flow + fair) / 2.0
    bands = follow * _unit(ratio(close - read("bb_middle"), read("bb_upper") - read("bb_middle")))
    shapes = read("pin_bar") + read("engulfing") + read("breakout") + read("divergence")
    pattern = _unit((shapes + _nearness(close, atr, read("support"), read("resistance"))) / 2.0)
    raws = np.stack([trend, momentum, volume, bands, pattern])
    edges = np.cumsum([frame.closed_at.shape[0] for frame in frames])[:-1]
    return tuple(np.split(raws, edges, axis=1))


def _nearness(
    close: FloatArray, atr: FloatArray, support: FloatArray, resistance: FloatArray
) -> FloatArray:
    """+0.5 within one ATR above a support, -0.5 within one below a resistance; NaN = no level."""
    above: FloatArray = np.where(close - support < atr, 0.5, 0.0)
    return above - np.where(resistance - close < atr, 0.5, 0.0)


def ratio(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """upper / lower where lower > 0, else 0 (a flat market has no scale)."""
    usable = lower > 0.0
    quotient: FloatArray = np.where(usable, upper / np.where(usable, lower, 1.0), 0.0)
    return quotient


def _unit(figures: FloatArray) -> FloatArray:
    return _clip(figures, -1.0, 1.0)


def _clip(figures: FloatArray, low: float, high: float) -> FloatArray:
    clipped: FloatArray = np.minimum(np.maximum(figures, low), high)
    return clipped
