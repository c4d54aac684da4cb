"""Decimal, time and id arithmetic over generated values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_models.base import (
    Rounding,
    canonical_json,
    decimal_from_float,
    decimal_text,
    figure,
    flag_mask,
    flag_names,
    from_mantissa,
    from_millis,
    parse_decimal,
    parse_time,
    quantise,
    time_text,
    to_mantissa,
    to_millis,
)

MANTISSAS = st.integers(-(2**127), 2**127 - 1)
SCALES = st.integers(0, 8)


@given(MANTISSAS, SCALES)
def test_mantissa_text_and_back(mantissa: int, scale: int) -> None:
    value = from_mantissa(mantissa, scale)
    text = decimal_text(value)
    assert "E" not in text.upper()
    assert len(text.partition(".")[2]) == scale
    assert to_mantissa(parse_decimal(text), scale) == mantissa


@given(st.integers(-(10**18), 10**18), SCALES, st.integers(1, 10**6), st.sampled_from(Rounding))
def test_quantise_gives_the_named_neighbour(
    mantissa: int, scale: int, ticks: int, rounding: Rounding
) -> None:
    value, step = from_mantissa(mantissa, 8), from_mantissa(ticks, scale)
    got = quantise(value, step, rounding)
    assert got % step == 0
    assert abs(got - value) < step
    if rounding is Rounding.FLOOR:
        assert got <= value
    if rounding is Rounding.CEILING:
        assert got >= value
    if rounding is Rounding.DOWN:
        assert abs(got) <= abs(value)
    if rounding is Rounding.UP:
        assert abs(got) >= abs(value)
    if rounding is Rounding.HALF_EVEN:
        assert abs(got - value) * 2 <= step


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_their_value_in_plain_text(value: float) -> None:
    text = decimal_text(decimal_from_float(value))
    assert float(text) == value
    assert "e" not in text.lower()


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_figures_round_half_even_on_the_exact_value(value: float) -> None:
    assert figure(value) == Decimal(value).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    assert len(decimal_text(figure(value)).partition(".")[2]) == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_figure_without_a_value(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite figure"):
        figure(value)


@given(st.integers(0, 7_258_118_400_000_000))
def test_times_survive_text_and_millis(micros: int) -> None:
    at = parse_time(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))
    assert parse_time(time_text(at)) == at
    assert from_millis(to_millis(at)) == at


@given(st.text().filter(lambda text: not text.isascii() or not text.replace(".", "").isdigit()))
def test_only_plain_decimals_are_read(text: str) -> None:
    if text.startswith("-") and text[1:].replace(".", "", 1).isdigit():
        return
    with pytest.raises(ValueError, match="plain decimal"):
        parse_decimal(text)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.none(), max_size=6))
def test_canonical_json_does_not_depend_on_order(body: dict[str, object]) -> None:
    small = {k: v for k, v in body.items() if not isinstance(v, int) or abs(v) < 2**53}
    backward = dict(reversed(small.items()))
    assert canonical_json(small) == canonical_json(backward)


@given(st.integers(0, 7))
def test_flags_round_trip(mask: int) -> None:
    assert flag_mask(flag_names(mask)) == mask
