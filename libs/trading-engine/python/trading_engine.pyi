# ruff: noqa: A002
"""The Rust engine of the trading system. Prices cross as int mantissas, times as milliseconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# --- analysis side: indicators, patterns, bar aggregation ---

_Specs = Sequence[tuple[str, Mapping[str, float]]]
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]

def indicator_catalog() -> list[dict[str, Any]]:
    """One dict per indicator: name, summary, outputs, params (defaults), ranges ({param: (low,
    high)}), warmup, warmups (per output), scale ("price"|"percent"|"volume"|"ratio"|"state" of the
    first output), scales (per output)."""

def pattern_catalog() -> list[dict[str, Any]]:
    """One dict per pattern, with the keys of `indicator_catalog`."""

class IndicatorSet:
    """Indicators that advance together; formulas and seeding of TA-Lib where it has them.

    A refused bar, column or snapshot (ValueError) leaves the state as it was.
    """

    def __init__(self, specs: _Specs | None = None) -> None:
        """``specs``: ``[(name, {param: value})]``; None = the product's default set. Raises
        ValueError on an unknown name or parameter, a value out of range or a repeated output."""
    @property
    def outputs(self) -> list[str]: ...
    @property
    def warmup(self) -> int:
        """Bars until every output has had the chance of a value."""
    @property
    def warmups(self) -> list[int]:
        """Bars until the first value, per output."""
    def update(
        self, opened_at: int, open: float, high: float, low: float, close: float, volume: float
    ) -> _Floats:
        """Takes the next closed bar (milliseconds, strictly rising): one value per output, NaN
        while cold."""
    def batch(
        self,
        opened_at: _Ints,
        open: _Floats,
        high: _Floats,
        low: _Floats,
        close: _Floats,
        volume: _Floats,
    ) -> _Floats:
        """Shape (outputs, N); continues from the state it holds; equals `update` bar by bar to the
        bit. Columns are contiguous and read in place; the GIL is released."""
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None:
        """Continues from the snapshot of a set with the same studies, to the bit."""

class PatternSet:
    """Price patterns; the same promises as `IndicatorSet`."""

    def __init__(self, specs: _Specs | None = None) -> None: ...
    @property
    def outputs(self) -> list[str]: ...
    @property
    def warmup(self) -> int: ...
    @property
    def warmups(self) -> list[int]: ...
    def update(
        self, opened_at: int, open: float, high: float, low: float, close: float, volume: float
    ) -> _Floats: ...
    def batch(
        self,
        opened_at: _Ints,
        open: _Floats,
        high: _Floats,
        low: _Floats,
        close: _Floats,
        volume: _Floats,
    ) -> _Floats: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...

class BarAggregator:
    """Higher bars ``[opened_at, closed_at)`` on the UTC epoch grid; a gap stays a gap.

    A higher bar closes with the base bar that reaches its boundary or, when that one is missing,
    with the next base bar; ``missing`` counts the base bars it never saw.
    """

    def __init__(self, base_minutes: int, target_minutes: int) -> None:
        """Raises ValueError unless the target is a multiple of the base, both 1 to 1440."""
    def update(
        self, opened_at: int, open: int, high: int, low: int, close: int, volume: float
    ) -> list[tuple[int, int, int, int, int, int, float, int]]:
        """At most two closed bars: (opened_at, closed_at, open, high, low, close, volume,
        missing). Raises ValueError on a bar out of order or off the grid."""
    def batch(
        self, opened_at: _Ints, open: _Ints, high: _Ints, low: _Ints, close: _Ints, volume: _Floats
    ) -> dict[str, NDArray[Any]]:
        """The columns of `update` plus ``known_index``: the row of the base bar at which the bar
        became known."""

# --- exchange side: position, drawdown, backtest ---

class PositionManager:
    """Stop, break-even, trailing and time stop of one position (long or short).

    Prices are mantissas at ``price_scale``; ``atr`` is in price units. The state changes on
    ``open``, ``stop_moved`` and ``close`` (what the venue confirmed), never on advice.
    """

    def __init__(self, params: str) -> None:
        """JSON ``{"break_even_r", "trail_atr", "trail_start_r", "min_move_atr", "max_bars",
        "tick", "price_scale"}``; numbers or decimal strings; the two ``_r`` may be null (never),
        ``max_bars`` 0 (never). Raises ValueError on anything else."""
    def open(self, entry: int, stop: int, target: int, opened_at: int) -> None: ...
    def on_bar(
        self, closed_at: int, high: int, low: int, close: int, atr: float
    ) -> tuple[str, int | str] | None:
        """``("move_stop", mantissa)``, ``("close", "time_stop")`` or None."""
    def stop_moved(self, stop: int) -> None:
        """Raises ValueError when the stop is looser than the one held."""
    def close(self) -> None: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def stop(self) -> int | None: ...
    @property
    def target(self) -> int | None: ...
    @property
    def bars_held(self) -> int: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...

class DrawdownGuard:
    """Daily (UTC) and monthly loss limits over one equity curve, latched as SAFE_MODE."""

    def __init__(self, params: str) -> None:
        """JSON ``{"daily_pct": "8", "monthly_pct": "20", "cooldown_hours": 24}``."""
    def update(self, closed_at: int, equity: int) -> None:
        """Equity in 1e-8 at a bar close (milliseconds); times must not go back."""
    @property
    def safe_mode(self) -> bool: ...
    @property
    def safe_mode_reason(self) -> str | None:
        """``daily_drawdown`` or ``monthly_drawdown``."""
    @property
    def safe_mode_until(self) -> int | None: ...
    @property
    def daily_drawdown_pct(self) -> float: ...
    @property
    def monthly_drawdown_pct(self) -> float: ...
    @property
    def peak_equity(self) -> int: ...
    @property
    def max_drawdown_pct(self) -> float: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...

class Backtest:
    """One instrument, long only, in the event order of the lock-step paper system.

    The columns are read in place (no copy) and must not change during the run. Prices are
    mantissas, times milliseconds, ``atr`` in price units with NaN while cold.
    """

    def __init__(
        self,
        config: str,
        instrument: str,
        opened_at: NDArray[np.int64],
        open: NDArray[np.int64],
        high: NDArray[np.int64],
        low: NDArray[np.int64],
        close: NDArray[np.int64],
        closed_at: NDArray[np.int64],
        atr: NDArray[np.float64],
    ) -> None:
        """Config JSON ``{"balances": {"USD": "10000"}, "maker_fee_rate", "taker_fee_rate",
        "slippage_bps", "position": {..}, "drawdown": {..}}``; ``tick`` and ``price_scale`` of the
        position come from the instrument (JSON of the wire type). Raises ValueError."""
    def run_to(self, index: int) -> None:
        """Runs through the close of bar ``index``; what was queued runs at the next opens."""
    def account(self) -> dict[str, Any]:
        """At the close of the current bar: closed_at, equity, cash, base_quantity,
        position_quantity, average_entry_price, stop_price, target_price (decimal strings or
        None), bars_held, daily_drawdown_pct, monthly_drawdown_pct, max_drawdown_pct (floats),
        safe_mode, safe_mode_reason, safe_mode_until (ms), pending ("close"|"move_stop"|None)."""
    def enter(self, quantity: str, stop_offset: str, target_offset: str) -> None:
        """Queues a BRACKET for the next open. Raises ValueError while a position exists."""
    def exit(self, reason: str) -> None:
        """Queues a market close for the next open. Raises ValueError without a position."""
    def finish(self) -> dict[str, Any]:
        """fills (ledger dicts), equity (int64 in 1e-8 per bar), trades (dicts), refused
        ({market_time, reason, detail}), ledger_sha256."""
