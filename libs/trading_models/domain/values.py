"""Decimals, times and canonical JSON: how a value looks on the wire and how it is rounded.

Decimals are plain strings (never an exponent, never a float); times are RFC 3339 UTC with
milliseconds; canonical JSON has sorted keys and no spaces. See docs/concepts/interfaces.md.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema

MAX_SCALE = 8
MONEY_SCALE = 8
FIGURE_SCALE = 6
_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
# i128 at scale 8 needs 39 digits; the default context's 28 would round silently.
_WIDE = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Rounding(StrEnum):
    """Rounding directions by name. DOWN and UP are about zero, FLOOR and CEILING about size."""

    HALF_EVEN = decimal.ROUND_HALF_EVEN
    DOWN = decimal.ROUND_DOWN
    UP = decimal.ROUND_UP
    FLOOR = decimal.ROUND_FLOOR
    CEILING = decimal.ROUND_CEILING


class FrozenModel(BaseModel):
    """Base of every domain type: immutable, no unknown fields, printed by wire names."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=True,
        ser_json_inf_nan="constants",
    )


def parse_decimal(value: object) -> Decimal:
    """Read a plain decimal string, an int or a finite Decimal; ValueError for anything else."""
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a finite number")
        return value
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) is None:
            raise ValueError(f"{value!r} is not a plain decimal such as '12.50'")
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(f"{value!r} is not a decimal; floats never cross this border")


def decimal_text(value: Decimal) -> str:
    """Plain notation with the digits the value carries; zero has no sign."""
    return format(value if value else value.copy_abs(), "f")


def decimal_from_float(value: float) -> Decimal:
    """The shortest decimal that reads back as `value` (analysis figures and volumes)."""
    text = format(Decimal(repr(value)), "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def figure(value: float | Decimal) -> Decimal:
    """An analysis figure at six decimals, half-even; ValueError for NaN and infinity."""
    # The format is correctly rounded, half-even on the exact value, and several times faster
    # than Decimal(float).quantize: a decision record holds about a hundred figures.
    number = Decimal(f"{value:.6f}")
    if not number.is_finite():
        raise ValueError(f"{value} is not a finite figure")
    return number


def at_scale(value: Decimal, scale: int, rounding: Rounding = Rounding.HALF_EVEN) -> Decimal:
    """`value` with exactly `scale` decimals."""
    return value.quantize(_UNITS[scale], rounding=rounding.value, context=_WIDE)


def quantise(value: Decimal, step: Decimal, rounding: Rounding = Rounding.HALF_EVEN) -> Decimal:
    """The multiple of `step` next to `value`, with the decimals of `step`."""
    if step <= 0:
        raise ValueError(f"step {step} must be positive")
    count = _WIDE.divide(value, step).to_integral_value(rounding=rounding.value, context=_WIDE)
    return _WIDE.multiply(count, step).quantize(step, context=_WIDE)


def to_mantissa(value: Decimal, scale: int) -> int:
    """`value` x 10**scale as an int; ValueError if that is not exact."""
    scaled = value.scaleb(scale, context=_WIDE)
    mantissa = int(scaled)
    if mantissa != scaled:
        raise ValueError(f"{decimal_text(value)} has more than {scale} decimals")
    return mantissa


def from_mantissa(mantissa: int, scale: int) -> Decimal:
    """`mantissa` / 10**scale with exactly `scale` decimals."""
    return Decimal(int(mantissa)).scaleb(-scale, context=_WIDE)


def parse_time(value: object) -> datetime:
    """Aware UTC time at millisecond resolution from a datetime or RFC 3339 text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        # ValueError, because pydantic turns only that into a validation error.
        raise ValueError(f"{value!r} is not a time; write 2021-09-27T13:45:00.000Z")  # noqa: TRY004
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError(f"naive time {value.isoformat()}: times are aware UTC")
        value = value.astimezone(UTC)
    extra = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - extra) if extra else value


def time_text(value: datetime) -> str:
    """`2021-09-27T13:45:00.000Z`."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def to_millis(value: datetime) -> int:
    """Milliseconds since the epoch."""
    return (value - _EPOCH) // _MILLISECOND


def from_millis(value: int) -> datetime:
    """Aware UTC time of milliseconds since the epoch."""
    return _EPOCH + int(value) * _MILLISECOND


def canonical_json(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8, no floats (TypeError names the path)."""
    if isinstance(value, BaseModel):
        # Models are serialised by their types, which know no float: no walk is needed.
        return orjson.dumps(value.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return orjson.dumps(_plain(value, "$"), option=orjson.OPT_SORT_KEYS)


def _plain(value: object, path: str) -> object:  # noqa: PLR0911 - one line per kind of value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(k): _plain(v, f"{path}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v, f"{path}[{i}]") for i, v in enumerate(value)]
    raise TypeError(f"{path}: {type(value).__name__} cannot be canonical JSON; use a Decimal")


_UNITS = tuple(Decimal(1).scaleb(-n) for n in range(MAX_SCALE + 1))


def _positive(value: object) -> Decimal:
    number = parse_decimal(value)
    if number <= 0:
        raise ValueError(f"{decimal_text(number)} must be greater than 0")
    return number


def _not_negative(value: object) -> Decimal:
    number = parse_decimal(value)
    if number < 0:
        raise ValueError(f"{decimal_text(number)} must not be negative")
    return number


def _padded(scale: int) -> Callable[[object], Decimal]:
    unit = _UNITS[scale]

    def check(value: object) -> Decimal:
        number = parse_decimal(value)
        if number.same_quantum(unit):
            return number
        padded = number.quantize(unit, context=_WIDE)
        if padded != number:
            raise ValueError(f"{decimal_text(number)} has more than {scale} decimals")
        return padded

    return check


def _wire(check: Callable[[object], Decimal]) -> tuple[Any, ...]:
    return (
        PlainValidator(check),
        PlainSerializer(decimal_text, return_type=str, when_used="json"),
        WithJsonSchema({"type": "string", "pattern": _PATTERN}),
    )


_price, _amount, _number = _wire(_positive), _wire(_not_negative), _wire(parse_decimal)
_money, _six = _wire(_padded(MONEY_SCALE)), _wire(_padded(FIGURE_SCALE))

#: A price or a price distance, greater than zero, at the instrument's `price_scale`.
Price = Annotated[Decimal, _price[0], _price[1], _price[2]]
#: Base units, not negative, at the instrument's `quantity_scale`.
Quantity = Annotated[Decimal, _amount[0], _amount[1], _amount[2]]
#: Traded volume, not negative, shortest form.
Volume = Quantity
#: Any plain decimal.
Number = Annotated[Decimal, _number[0], _number[1], _number[2]]
#: Money of one currency, exactly eight decimals; fewer are padded, more are refused.
Money = Annotated[Decimal, _money[0], _money[1], _money[2]]
#: Score, weight, percentage, feature: exactly six decimals; fewer are padded, more are refused.
Figure = Annotated[Decimal, _six[0], _six[1], _six[2]]
#: Aware UTC time, milliseconds.
UtcTime = Annotated[
    datetime,
    PlainValidator(parse_time),
    PlainSerializer(time_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
