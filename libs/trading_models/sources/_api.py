"""What a source gives: raw bars, exactly as found, with the place of every value.

Nothing is repaired here. An unreadable time is `NO_TIME`, an unreadable number NaN; the quality
gate (`_gate`) counts them and `_clean` turns accepted rows into columns of the bar store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NO_TIME = np.iinfo(np.int64).min
PRICES = ("open", "high", "low", "close")
#: Called with (done, total) rows; total 0 means unknown.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RawBars:
    """N rows of one file or answer.

    `opened_at` is (N,) int64 milliseconds UTC; `values` maps open, high, low, close, volume and,
    where present, adjusted_close to (N,) float64; `row` counts data rows of the file from 1;
    `cells` gives the original text of a column for messages.
    """

    name: str
    sha256: str
    row: IntArray
    opened_at: IntArray
    values: Mapping[str, FloatArray]
    cells: Mapping[str, Any]
    ticker: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return int(self.opened_at.shape[0])

    def take(self, chosen: IntArray | BoolArray) -> RawBars:
        """The chosen rows, with their row numbers in the file."""
        return replace(
            self,
            row=self.row[chosen],
            opened_at=self.opened_at[chosen],
            values={name: column[chosen] for name, column in self.values.items()},
            ticker=None if self.ticker is None else self.ticker[chosen],
        )

    def cell(self, index: int, column: str) -> str:
        """The value at `index` of this table as it stands in the file."""
        return str(self.cells[column][int(self.row[index]) - 1])
