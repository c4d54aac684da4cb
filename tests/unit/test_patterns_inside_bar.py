"""The inside-bar breakout on planted bars."""

from __future__ import annotations

import pytest

from trading_models.pattern_recognition import plugin_classes
from trading_models.technical_indicators import BarValues


def run(*bars: tuple[float, float, float]) -> list[float | None]:
    """Feed (high, low, close) rows."""
    pattern = plugin_classes()["inside_bar"]()
    found = [
        pattern.update(BarValues(n * 900_000, close, high, low, close, 1.0))
        for n, (high, low, close) in enumerate(bars)
    ]
    return [None if values is None else values[0] for values in found]


MOTHER, INSIDE = (110.0, 100.0, 105.0), (108.0, 102.0, 104.0)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ((112.0, 104.0, 111.0), 1.0),
        ((104.0, 98.0, 99.0), -1.0),
        ((112.0, 104.0, 109.0), 0.0),
        ((111.0, 99.0, 110.0), 0.0),
    ],
)
def test_breakout_needs_a_close_outside_the_mother_bar(last, expected):
    assert run(MOTHER, INSIDE, last) == [None, None, expected]


def test_an_equal_range_is_not_inside():
    assert run(MOTHER, MOTHER, (120.0, 104.0, 119.0))[-1] == 0.0


def test_only_the_bar_right_after_counts():
    rows = run(MOTHER, INSIDE, (109.0, 103.0, 105.0), (115.0, 104.0, 114.0))
    assert rows[2:] == [0.0, 0.0]
