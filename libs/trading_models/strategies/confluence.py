"""Confluence: five factors on every timeframe, timeframes weighted by the regime.

Each factor is in [-1, 1]. Timeframe weights and factor weights each add up to one, so
score = 50 + sum(50 x timeframe weight x factor weight x factor) stays in [0, 100].
Scales are round figures from the studies' textbook ranges (RSI 50 +- 25, CCI +-150, ADX 20 as the
edge between range and trend); none was fitted to data.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat

import numpy as np

from trading_models.config_manager import StrategySettings
from trading_models.strategies._api import (
    BoolArray,
    FrameView,
    Int8Array,
    MarketView,
    Screen,
    Strategy,
    opinion_reach,
)
from trading_models.technical_indicators import FloatArray

FACTORS = ("trend", "momentum", "volume", "bands", "pattern")
FACTOR_WEIGHTS = (0.35, 0.2, 0.15, 0.1, 0.2)
# Per timeframe from the lowest up; the first entries are used when there are fewer timeframes.
FRAME_WEIGHTS = (0.3, 0.3, 0.25, 0.15)
# In a trend the higher timeframes count for more, in a range the lower ones.
TREND_TILT = (0.8, 1.0, 1.2, 1.2)
RANGE_TILT = (1.2, 1.0, 0.8, 0.8)
REQUIRED = (
    "close", "ema_20", "ema_50", "macd_histogram", "adx_14", "atr_14", "rsi_14", "stoch_k",
    "cci_20", "mfi_14", "vwap", "bb_upper", "bb_middle", "pin_bar", "engulfing", "breakout",
    "divergence",
)  # fmt: skip


class Confluence(Strategy):
    """The default strategy."""

    name = "confluence-v1"

    def screen(self, view: MarketView, params: StrategySettings) -> Screen:
        """Score every base bar; see the module's first lines for the formula."""
        frames = view.frames
        raws = _factors(frames)
        warm = np.stack([_warm(frame) for frame in frames])
        trend, volatility = _regime(frames)
        weights = _frame_weights(warm, trend)
        score = _score(frames, raws, weights)
        allowed = view.decides & warm[: min(2, len(frames))].all(axis=0) & (view.atr > 0.0)
        exits = view.decides & warm[0] & (score <= params.exit_threshold)
        reach = opinion_reach(params)
        short_at = 100.0 - params.entry_threshold
        longs = score >= params.entry_threshold - reach
        shorts = (score <= short_at + reach) & params.allow_short
        return Screen(
            frames=frames,
            factor_names=FACTORS,
            factor_weights=FACTOR_WEIGHTS,
            raws=raws,
            weights=weights,
            warm=warm,
            score=score,
            direction=_sign(longs, shorts),
            is_candidate=allowed & (longs | shorts),
            is_exit=exits,
            entries_allowed=allowed,
            trend=trend,
            volatility=volatility,
            stop_offset=params.stop_atr * view.atr,
            target_offset=params.target_atr * view.atr,
            entry_threshold=params.entry_threshold,
            exit_threshold=params.exit_threshold,
        )


def _score(
    frames: tuple[FrameView, ...], raws: tuple[FloatArray, ...], weights: FloatArray
) -> FloatArray:
    """50 plus every contribution, added in the order of Screen.parts."""
    shares = np.array(FACTOR_WEIGHTS)[:, np.newaxis]
    score: FloatArray = np.full(weights.shape[1], 50.0)
    for frame, raw, weight in zip(frames, raws, weights, strict=True):
        known = np.where(weight > 0.0, frame.as_of(raw, 0.0), 0.0)
        for contribution in 50.0 * (weight * shares) * known:
            score = score + contribution
    return score


def _warm(frame: FrameView) -> BoolArray:
    """(N,) whether every figure a factor reads is there."""
    figures = frame.values[[frame.index[name] for name in REQUIRED]]
    # NaN is the only value unequal to itself.
    known = (figures == figures).all(axis=0)  # noqa: PLR0124
    warm: BoolArray = frame.as_of(np.where(known, 1.0, 0.0), 0.0) > 0.0
    return warm


def _frame_weights(warm: BoolArray, trend: Int8Array) -> FloatArray:
    """(frames, N): base weight x regime tilt, zero while cold, renormalised to one (or all 0)."""
    rows = [
        np.where(known, np.where(trend != 0, base * in_trend, base * in_range), 0.0)
        for known, base, in_trend, in_range in zip(
            warm, _padded(FRAME_WEIGHTS), _padded(TREND_TILT), _padded(RANGE_TILT), strict=False
        )
    ]
    total = rows[0]
    for row in rows[1:]:
        total = total + row
    return np.stack([_ratio(row, total) for row in rows])


def _padded(figures: tuple[float, ...]) -> Iterator[float]:
    """The figures, the last one repeated for timeframes beyond the fourth."""
    return chain(figures, repeat(figures[-1]))


def _regime(frames: tuple[FrameView, ...]) -> tuple[Int8Array, Int8Array]:
    """Trend and volatility of the stop timeframe; sideways and normal while not known."""
    frame = frames[min(1, len(frames) - 1)]
    trend = frame.as_of(frame.column("regime_trend"))
    level = frame.as_of(frame.column("regime_volatility"))
    return _sign(trend > 0.0, trend < 0.0), _sign(level > 1.0, level < 1.0)


def _sign(above: BoolArray, below: BoolArray) -> Int8Array:
    """1, -1 or 0; a NaN is neither above nor below."""
    sign: Int8Array = np.where(above, 1, np.where(below, -1, 0)).astype(np.int8)
    return sign


def _factors(frames: tuple[FrameView, ...]) -> tuple[FloatArray, ...]:
    """Per timeframe (factors, M) in the order of FACTORS; cold rows are meaningless, weight 0.

    The timeframes are laid end to end: the arithmetic is element-wise, so one pass serves all.
    """

    def read(name: str) -> FloatArray:
        return np.concatenate([frame.column(name) for frame in frames])

    close, atr = read("close"), read("atr_14")
    # 0 in a quiet range, 1 in a clear trend: momentum is faded below the middle, followed above.
    strength = _clip((read("adx_14") - 10.0) / 20.0, 0.0, 1.0)
    follow = 2.0 * strength - 1.0
    stack = _unit(_ratio(read("ema_20") - read("ema_50"), 2.0 * atr))
    place = _unit(_ratio(close - read("ema_50"), 3.0 * atr))
    impulse = _unit(_ratio(read("macd_histogram"), 0.5 * atr))
    trend = strength * (stack + place + impulse) / 3.0
    rsi = _unit((read("rsi_14") - 50.0) / 25.0)
    stochastic = _unit((read("stoch_k") - 50.0) / 50.0)
    cci = _unit(read("cci_20") / 150.0)
    momentum = follow * (rsi + stochastic + cci) / 3.0
    flow = _unit((read("mfi_14") - 50.0) / 30.0)
    fair = _unit(_ratio(close - read("vwap"), 2.0 * atr))
    volume = (flow + fair) / 2.0
    bands = follow * _unit(_ratio(close - read("bb_middle"), read("bb_upper") - read("bb_middle")))
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


def _ratio(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """upper / lower where lower > 0, else 0 (a flat market has no scale)."""
    usable = lower > 0.0
    quotient: FloatArray = np.where(usable, upper / np.where(usable, lower, 1.0), 0.0)
    return quotient


def _unit(figures: FloatArray) -> FloatArray:
    return _clip(figures, -1.0, 1.0)


def _clip(figures: FloatArray, low: float, high: float) -> FloatArray:
    clipped: FloatArray = np.minimum(np.maximum(figures, low), high)
    return clipped
