"""What a strategy reads (MarketView) and gives back (Screen).

A strategy is element-wise arithmetic over columns: + - * / sqrt, min, max, where, compare. It has
no memory and no reduction over time, so N bars at once give the same bits as N times one bar.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_models.base import Timeframe
from trading_models.config_manager import StrategySettings
from trading_models.technical_indicators import FloatArray, IntArray

BoolArray = NDArray[np.bool_]
Int8Array = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class FrameView:
    """One analysis timeframe: M closed bars, and for each of N base bars the newest one known.

    `values` is (outputs, M) float64, NaN while cold; `index` maps an output to its row. `row` is
    (N,) and holds the newest bar of this timeframe that was closed at each base bar, -1 for none.
    """

    timeframe: Timeframe
    index: Mapping[str, int]
    values: FloatArray
    closed_at: IntArray
    missing: IntArray
    row: IntArray

    def column(self, name: str) -> FloatArray:
        """(M,) figures of one output."""
        figures: FloatArray = self.values[self.index[name]]
        return figures

    def as_of(self, figures: FloatArray, cold: float = np.nan) -> FloatArray:
        """(..., M) figures of this timeframe read at each base bar: (..., N), `cold` before any."""
        if figures.shape[-1] == 0:
            return np.full((*figures.shape[:-1], *self.row.shape), cold)
        known: FloatArray = figures[..., np.maximum(self.row, 0)]
        return np.where(self.row >= 0, known, cold)

    def at(self, position: int) -> FrameView:
        """The same timeframe as seen at one base bar (arrays of length 1 or 0)."""
        row = int(self.row[position])
        kept = slice(row, row + 1) if row >= 0 else slice(0, 0)
        return FrameView(
            timeframe=self.timeframe,
            index=self.index,
            values=self.values[:, kept],
            closed_at=self.closed_at[kept],
            missing=self.missing[kept],
            row=np.array([0 if row >= 0 else -1]),
        )


@dataclass(frozen=True, slots=True)
class MarketView:
    """Everything a decision may read of the market: N base bars, the frames lowest first.

    `decides` marks the base bars at which the lowest analysis timeframe closed; `atr` is the
    average true range of the stop timeframe (the second lowest, or the only one), NaN while cold.
    Prices are float64 and serve analysis only.
    """

    instrument_id: str
    base_timeframe: Timeframe
    opened_at: IntArray
    closed_at: IntArray
    close: FloatArray
    decides: BoolArray
    atr: FloatArray
    frames: tuple[FrameView, ...]

    def __len__(self) -> int:
        return int(self.closed_at.shape[0])

    def at(self, position: int) -> MarketView:
        """The view of one base bar: what LiveView gave, or would have given, at that close."""
        kept = slice(position, position + 1)
        return MarketView(
            instrument_id=self.instrument_id,
            base_timeframe=self.base_timeframe,
            opened_at=self.opened_at[kept],
            closed_at=self.closed_at[kept],
            close=self.close[kept],
            decides=self.decides[kept],
            atr=self.atr[kept],
            frames=tuple(frame.at(position) for frame in self.frames),
        )


class Part(NamedTuple):
    """One factor's share of one score: contribution = 50 x weight x raw."""

    factor: str
    raw: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Screen:
    """The strategy's view of N base bars. `raws[t]` is (factors, M_t), `weights` (frames, N).

    score in [0, 100]; direction 1 long, -1 short, 0 none; trend 1 bull, -1 bear, 0 sideways;
    volatility 1 high, 0 normal, -1 low; offsets are price distances for stop and target.
    """

    frames: tuple[FrameView, ...]
    factor_names: tuple[str, ...]
    factor_weights: tuple[float, ...]
    raws: tuple[FloatArray, ...]
    weights: FloatArray
    warm: BoolArray
    score: FloatArray
    direction: Int8Array
    is_candidate: BoolArray
    is_exit: BoolArray
    entries_allowed: BoolArray
    trend: Int8Array
    volatility: Int8Array
    stop_offset: FloatArray
    target_offset: FloatArray
    entry_threshold: float
    exit_threshold: float

    def parts(self, position: int) -> list[Part]:
        """The factors of one base bar, in the order in which they were added to the score."""
        found: list[Part] = []
        for number, frame in enumerate(self.frames):
            prefix, row = frame.timeframe.code, int(frame.row[position])
            share = float(self.weights[number, position])
            is_counted = row >= 0 and share > 0.0
            raws = self.raws[number][:, row].tolist() if is_counted else repeat(0.0)
            for name, own, raw in zip(self.factor_names, self.factor_weights, raws, strict=False):
                weight = share * own
                found.append(Part(f"{prefix}.{name}", raw, weight, 50.0 * weight * raw))
        return found


def opinion_reach(params: StrategySettings) -> float:
    """The farthest that all opinions together can move a score."""
    return 50.0 * params.opinion_weight


class Strategy(ABC):
    """Scores a MarketView. Subclass it in one file on the shelf."""

    name: ClassVar[str] = ""

    @abstractmethod
    def screen(self, view: MarketView, params: StrategySettings) -> Screen:
        """Score every base bar of `view`; element-wise, see the module's first lines."""
