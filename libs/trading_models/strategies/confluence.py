"""Confluence: five factors on every timeframe, timeframes weighted by the regime.

Each factor is in [-1, 1]. Timeframe weights and factor weights each add up to one, so
score = 50 + sum(50 x timeframe weight x factor weight x factor) stays in [0, 100].
The factors are in `_factors.py`; weights and tilts are round numbers, none was fitted to data.
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
from trading_models.strategies._factors import FACTORS, REQUIRED, factors, ratio
from trading_models.technical_indicators import FloatArray

FACTOR_WEIGHTS = (0.35, 0.2, 0.15, 0.1, 0.2)
# Per timeframe from the lowest up; the first entries are used when there are fewer timeframes.
FRAME_WEIGHTS = (0.3, 0.3, 0.25, 0.15)
# In a trend the higher timeframes count for more, in a range the lower ones.
TREND_TILT = (0.8, 1.0, 1.2, 1.2)
RANGE_TILT = (1.2, 1.0, 0.8, 0.8)


class Confluence(Strategy):
    """The default strategy."""

    name = "confluence-v1"

    def screen(self, view: MarketView, params: StrategySettings) -> Screen:
        """Score every base bar; see the module's first lines for the formula."""
        frames = view.frames
        raws = factors(frames)
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
    return np.stack([ratio(row, total) for row in rows])


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
