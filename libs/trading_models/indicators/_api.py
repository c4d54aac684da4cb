"""What a Python indicator is: a state machine fed one closed bar at a time."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_models.base import ConfigError, DataError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class BarValues(NamedTuple):
    """One closed bar as an indicator sees it: open time in UTC milliseconds, float64 figures."""

    opened_at: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Indicator(ABC):
    """A causal study. Subclass it in one file on the shelf; nothing else has to be edited.

    `params` holds the defaults and fixes which parameters exist. `update` gets each closed bar
    once, in order, and returns one figure per output, or None while fewer than `warmup` bars were
    seen. State lives in instance attributes made of numbers, strings, lists and deques; then the
    inherited `snapshot` and `restore` work unchanged.
    """

    name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    scale: ClassVar[str] = "ratio"  # price | percent | volume | ratio | state
    params: ClassVar[Mapping[str, float]] = {}

    def __init__(self, **params: float) -> None:
        unknown = sorted(set(params) - set(self.params))
        if unknown:
            raise ConfigError(
                f"indicator {self.name!r} has no parameter {unknown[0]!r}; it knows "
                f"{sorted(self.params) or 'none'}"
            )
        self.values: dict[str, float] = {**self.params, **params}

    @property
    @abstractmethod
    def outputs(self) -> tuple[str, ...]:
        """Names of the figures, unique over the catalogue; put the parameters in (`donchian_20`)"""

    @property
    @abstractmethod
    def warmup(self) -> int:
        """Number of the first bar (counted from 1) that gives a value."""

    @abstractmethod
    def update(self, bar: BarValues) -> tuple[float, ...] | None:
        """Take the next closed bar; return one figure per output, None while cold."""

    def batch(self, bars: Mapping[str, NDArray[Any]]) -> FloatArray:
        """Feed whole columns through `update`; returns (outputs, N) with NaN while cold.

        It continues from the state held, so batch and streaming cannot differ.
        """
        names = BarValues._fields
        result = np.full((len(self.outputs), len(bars["opened_at"])), np.nan)
        columns = [bars[name].tolist() for name in names]
        for position, row in enumerate(zip(*columns, strict=True)):
            values = self.update(BarValues(*row))
            if values is not None:
                result[:, position] = values
        return result

    def snapshot(self) -> bytes:
        """The state as JSON (floats round-trip exactly)."""
        return json.dumps({key: _pack(value) for key, value in vars(self).items()}).encode()

    def restore(self, data: bytes) -> None:
        """Take back what `snapshot` gave. Raises DataError for another indicator's state."""
        state = json.loads(data)
        if set(state) != set(vars(self)):
            raise DataError(
                f"the saved state of indicator {self.name!r} holds {sorted(state)}, expected "
                f"{sorted(vars(self))}; discard it and warm the indicator up again"
            )
        for key, value in state.items():
            setattr(self, key, _unpack(value))


def _pack(value: Any) -> Any:
    if isinstance(value, deque):
        return {"deque": list(value), "maxlen": value.maxlen}
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"deque", "maxlen"}:
        return deque(value["deque"], maxlen=value["maxlen"])
    return value
