"""MarketView: what a decision may read, built from columns (backtest) or bar by bar (live).

Both ways feed the same state machines with the same numbers in the same order, so a live view
equals the batch view at that bar to the bit. Higher timeframes are aggregated from base bars
(K18); a gap stays a gap: the higher bar closes at its boundary or at the next base bar (K19).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from trading_engine import BarAggregator

from trading_models.base import Bar, DataError, Instrument, Timeframe, to_millis
from trading_models.config_manager import Settings
from trading_models.pattern_recognition import PatternSet
from trading_models.signals import FrameView, MarketView
from trading_models.technical_indicators import (
    BarValues,
    FeatureSet,
    FloatArray,
    IntArray,
    StudySpec,
)

__all__ = [
    "FrameView",
    "LiveView",
    "MarketView",
    "Studies",
    "analysis_timeframes",
    "batch_view",
]

ATR = "atr_14"
_BAR_OUTPUTS = ("open", "high", "low", "close", "volume")


class ColumnSource(Protocol):
    """Named arrays of one length: a dict, or `market_data.Columns`."""

    def __getitem__(self, column: str, /) -> NDArray[Any]:
        """The array of one column."""
        ...


@dataclass(frozen=True, slots=True)
class Studies:
    """Which studies run on every timeframe. Defaults: the engine's own set, no plug-ins."""

    indicators: tuple[StudySpec, ...] | None = None
    patterns: tuple[StudySpec, ...] | None = None
    indicator_plugins: tuple[StudySpec, ...] = ()
    pattern_plugins: tuple[StudySpec, ...] = ()

    def features(self, timeframe: Timeframe) -> tuple[FeatureSet, PatternSet]:
        """Fresh, cold studies for one timeframe."""
        indicators = None if self.indicators is None else list(self.indicators)
        patterns = None if self.patterns is None else list(self.patterns)
        return (
            FeatureSet(timeframe, indicators, self.indicator_plugins),
            PatternSet(timeframe, patterns, self.pattern_plugins),
        )


_DEFAULT_STUDIES = Studies()


def analysis_timeframes(settings: Settings, base: Timeframe) -> tuple[Timeframe, ...]:
    """Configured analysis timeframes that are not below the base, lowest first (K18)."""
    kept = tuple(t for t in settings.data.analysis_timeframes if t.minutes >= base.minutes)
    if not kept:
        wanted = ", ".join(t.code for t in settings.data.analysis_timeframes)
        raise DataError(
            f"bars of {base.code} cannot be analysed: every analysis timeframe ({wanted}) is "
            "shorter; import finer bars or set data.analysis_timeframes"
        )
    return kept


def batch_view(
    columns: ColumnSource,
    settings: Settings,
    instrument: Instrument,
    timeframe: Timeframe,
    *,
    studies: Studies = _DEFAULT_STUDIES,
) -> MarketView:
    """View of N base bars at once.

    `columns` holds opened_at (int64 milliseconds), open, high, low, close (int64 mantissas at the
    instrument's price_scale) and volume (float64), ascending; `timeframe` is that of the bars.
    """
    opened_at = np.asarray(columns["opened_at"], dtype=np.int64)
    frames: list[FrameView] = []
    decides = np.zeros(opened_at.shape, dtype=np.bool_)
    for number, target in enumerate(analysis_timeframes(settings, timeframe)):
        bars = _aggregate(columns, timeframe, target)
        known = bars["known_index"]
        row = np.searchsorted(known, np.arange(len(opened_at)), side="right") - 1
        if number == 0:
            decides[known] = True
        frames.append(_batch_frame(bars, target, row.astype(np.int64), instrument, studies))
    return _market_view(
        instrument=instrument,
        timeframe=timeframe,
        opened_at=opened_at,
        close=_prices(columns["close"], instrument),
        decides=decides,
        frames=tuple(frames),
    )


class LiveView:
    """The view of one instrument, moved forward by one closed base bar at a time.

    State is rebuilt by `warm_up` from stored bars; there is no snapshot to go stale.
    """

    def __init__(
        self,
        settings: Settings,
        instrument: Instrument,
        timeframe: Timeframe,
        *,
        studies: Studies = _DEFAULT_STUDIES,
    ) -> None:
        self.instrument = instrument
        self.timeframe = timeframe
        self._last_opened_at: int | None = None
        self._closes: deque[int] = deque(maxlen=settings.risk.correlation_bars + 1)
        self._frames = [
            _LiveFrame(timeframe, target, instrument, studies)
            for target in analysis_timeframes(settings, timeframe)
        ]

    @property
    def last_opened_at(self) -> int | None:
        """Open time (milliseconds) of the newest bar taken, None before the first."""
        return self._last_opened_at

    @property
    def returns(self) -> tuple[float, ...]:
        """The newest base-bar returns, oldest first, at most risk.correlation_bars of them."""
        return tuple(late / early - 1.0 for early, late in pairwise(self._closes))

    def update(self, bar: Bar) -> MarketView:
        """Take the next closed base bar; returns the view of that bar (arrays of length 1).

        DataError for an unclosed bar, another timeframe or instrument, or a bar out of order.
        """
        self._check(bar)
        price = self.instrument.price_mantissa
        prices = (price(bar.open), price(bar.high), price(bar.low), price(bar.close))
        return self._take(to_millis(bar.opened_at), prices, float(bar.volume))

    def warm_up(self, columns: ColumnSource) -> MarketView | None:
        """Take stored bars (the columns of batch_view); returns the view of the last one."""
        view = None
        names = ("opened_at", "open", "high", "low", "close", "volume")
        for opened_at, *prices, volume in zip(*(columns[n].tolist() for n in names), strict=True):
            view = self._take(opened_at, prices, volume)
        return view

    def _check(self, bar: Bar) -> None:
        if not bar.is_closed:
            raise DataError(f"bar opened at {bar.opened_at.isoformat()} is not closed yet")
        if bar.timeframe is not self.timeframe:
            raise DataError(
                f"a bar of {bar.timeframe.code} was given to a view of {self.timeframe.code}"
            )
        if bar.instrument_id != self.instrument.instrument_id:
            raise DataError(
                f"a bar of {bar.instrument_id} was given to a view of "
                f"{self.instrument.instrument_id}"
            )

    def _take(self, opened_at: int, prices: Sequence[int], volume: float) -> MarketView:
        if self._last_opened_at is not None and opened_at <= self._last_opened_at:
            raise DataError(
                f"bar opened at {opened_at} ms is not after the last one ({self._last_opened_at} "
                "ms); bars must come in order, once each"
            )
        self._last_opened_at = opened_at
        self._closes.append(prices[3])
        decides = [frame.take(opened_at, prices, volume) for frame in self._frames]
        return _market_view(
            instrument=self.instrument,
            timeframe=self.timeframe,
            opened_at=np.array([opened_at], dtype=np.int64),
            close=_prices(np.array([prices[3]], dtype=np.int64), self.instrument),
            decides=np.array(decides[:1]),
            frames=tuple(frame.view for frame in self._frames),
        )


class _LiveFrame:
    """One timeframe of a LiveView: aggregation, studies, and the newest closed bar's values."""

    def __init__(
        self, base: Timeframe, target: Timeframe, instrument: Instrument, studies: Studies
    ) -> None:
        self._target = target
        self._scale = 10.0**instrument.price_scale
        self._features, self._patterns = studies.features(target)
        self._index = _index(self._features, self._patterns)
        self._aggregator = None if base is target else BarAggregator(base.minutes, target.minutes)
        self.view = FrameView(
            timeframe=target,
            index=self._index,
            values=np.empty((len(self._index), 0)),
            closed_at=np.empty(0, dtype=np.int64),
            missing=np.empty(0, dtype=np.int64),
            row=np.array([-1], dtype=np.int64),
        )

    def take(self, opened_at: int, prices: Sequence[int], volume: float) -> bool:
        """Take one base bar; True when a bar of this timeframe closed with it."""
        if self._aggregator is None:
            self._close(opened_at, opened_at + self._target.millis, prices, volume, 0)
            return True
        first, highest, lowest, last = prices
        closed = self._aggregator.update(opened_at, first, highest, lowest, last, volume)
        for start, end, *ohlc, total, missing in closed:
            self._close(start, end, ohlc, total, missing)
        return bool(closed)

    def _close(
        self, start: int, end: int, prices: Sequence[int], volume: float, missing: int
    ) -> None:
        first, high, low, last = (price / self._scale for price in prices)
        bar = BarValues(start, first, high, low, last, volume)
        values = np.concatenate([bar[1:], self._features.update(bar), self._patterns.update(bar)])
        self.view = FrameView(
            timeframe=self._target,
            index=self._index,
            values=values.reshape(-1, 1),
            closed_at=np.array([end], dtype=np.int64),
            missing=np.array([missing], dtype=np.int64),
            row=np.array([0], dtype=np.int64),
        )


def _aggregate(
    columns: ColumnSource, base: Timeframe, target: Timeframe
) -> dict[str, NDArray[Any]]:
    names = ("opened_at", "open", "high", "low", "close", "volume")
    if base is not target:
        aggregator = BarAggregator(base.minutes, target.minutes)
        return dict(aggregator.batch(*(columns[name] for name in names)))
    count = len(columns["opened_at"])
    bars = {name: np.asarray(columns[name]) for name in names}
    bars["closed_at"] = bars["opened_at"].astype(np.int64) + target.millis
    bars["missing"] = np.zeros(count, dtype=np.int64)
    bars["known_index"] = np.arange(count)
    return bars


def _batch_frame(
    bars: dict[str, NDArray[Any]],
    target: Timeframe,
    row: IntArray,
    instrument: Instrument,
    studies: Studies,
) -> FrameView:
    features, patterns = studies.features(target)
    figures: dict[str, NDArray[Any]] = {"opened_at": np.asarray(bars["opened_at"], dtype=np.int64)}
    for name in _BAR_OUTPUTS[:-1]:
        figures[name] = _prices(bars[name], instrument)
    figures["volume"] = np.asarray(bars["volume"], dtype=np.float64)
    own = np.stack([figures[name] for name in _BAR_OUTPUTS])
    return FrameView(
        timeframe=target,
        index=_index(features, patterns),
        values=np.concatenate([own, features.batch(figures), patterns.batch(figures)]),
        closed_at=np.asarray(bars["closed_at"], dtype=np.int64),
        missing=np.asarray(bars["missing"], dtype=np.int64),
        row=row,
    )


def _index(features: FeatureSet, patterns: PatternSet) -> dict[str, int]:
    names = (*_BAR_OUTPUTS, *features.outputs, *patterns.outputs)
    index = {name: row for row, name in enumerate(names)}
    if len(index) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(f"output {twice[0]!r} is given by two studies; rename the plug-in's output")
    return index


def _prices(mantissas: NDArray[Any], instrument: Instrument) -> FloatArray:
    """Analysis prices: mantissa / 10**scale, the same division in batch and live."""
    prices: FloatArray = np.asarray(mantissas, dtype=np.int64) / 10.0**instrument.price_scale
    return prices


def _market_view(
    *,
    instrument: Instrument,
    timeframe: Timeframe,
    opened_at: IntArray,
    close: FloatArray,
    decides: NDArray[np.bool_],
    frames: tuple[FrameView, ...],
) -> MarketView:
    stop_frame = frames[min(1, len(frames) - 1)]
    return MarketView(
        instrument_id=instrument.instrument_id,
        base_timeframe=timeframe,
        opened_at=opened_at,
        closed_at=opened_at + timeframe.millis,
        close=close,
        decides=decides,
        atr=stop_frame.as_of(stop_frame.column(ATR)),
        frames=frames,
    )
