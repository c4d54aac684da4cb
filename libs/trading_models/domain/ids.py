"""Identifiers: strings that were checked once and then carry their kind in the type."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from typing import Any, ClassVar, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from trading_models.domain.values import time_text

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_DIGITS = 26  # 26 x 5 = 130 bits: 128 and two leading zero bits
MAX_ATTEMPT = len(_CROCKFORD) - 1


class CheckedText(str):
    """A `str` whose form was checked; ValueError names the value and the pattern."""

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]] = re.compile(r".+")
    example: ClassVar[str] = ""

    def __new__(cls, value: str) -> Self:
        """Check `value`; an instance of the same class is returned as it is."""
        if type(value) is cls:
            return value
        if not isinstance(value, str) or cls.pattern.fullmatch(value) is None:
            raise ValueError(
                f"{value!r} is not a valid {cls.__name__}: it must match "
                f"{cls.pattern.pattern} (such as {cls.example})"
            )
        return super().__new__(cls, value)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: type[Any], _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "pattern": f"^{cls.pattern.pattern}$", "examples": [cls.example]}


class Currency(CheckedText):
    """An asset that can be held: `BTC`, `USD`."""

    __slots__ = ()
    pattern = re.compile(r"[A-Z0-9]{1,16}")
    example = "BTC"


class InstrumentId(CheckedText):
    """`BASE-QUOTE.VENUE`, for derivatives `BASE-QUOTE-KIND.VENUE`."""

    __slots__ = ()
    pattern = re.compile(r"[A-Z0-9]{1,16}-[A-Z0-9]{1,16}(?:-[A-Z0-9]{1,16})?\.[A-Z0-9_]{1,16}")
    example = "BTC-USD.SIM"

    @property
    def venue(self) -> str:
        """The part after the dot."""
        return self.rpartition(".")[2]

    @property
    def symbol(self) -> Symbol:
        """The venue-local name by the simulated venue's rule: the id without its punctuation."""
        return Symbol(self.rpartition(".")[0].replace("-", ""))


class Symbol(CheckedText):
    """Venue-local name of an instrument."""

    __slots__ = ()
    pattern = re.compile(r"[A-Z0-9_./-]{1,32}")
    example = "BTCUSD"


class AccountId(CheckedText):
    """One account at one venue; one gateway owns it."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9-]{1,32}")
    example = "paper-1"


class StrategyId(CheckedText):
    """Name of the deciding strategy."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9-]{1,32}")
    example = "confluence-v1"


class DecisionId(CheckedText):
    """SHA-256 of what makes a decision unique, 64 lower-case hex digits."""

    __slots__ = ()
    pattern = re.compile(r"[0-9a-f]{64}")
    example = "6d5c" + "0" * 60


class Leg(CheckedText):
    """Which order of a decision: `entry`, `exit`, `protect`, `entry.stop`."""

    __slots__ = ()
    pattern = re.compile(r"[a-z0-9.-]{1,24}")
    example = "entry"


class ClientOrderId(CheckedText):
    """Our order id at the venue, derived by the gateway alone."""

    __slots__ = ()
    pattern = re.compile(r"[a-zA-Z0-9-_]{1,36}")
    example = "ats1-0123456789abcdefghjkmnpqrs-0"


def derive_decision_id(
    *,
    account: str,
    strategy: str,
    config_hash: str,
    instrument_id: str,
    closed_at: datetime,
) -> DecisionId:
    """SHA-256 hex of `account\\nstrategy\\nconfig_hash\\ninstrument_id\\nclosed_at` (K26)."""
    text = "\n".join((account, strategy, config_hash, instrument_id, time_text(closed_at)))
    return DecisionId(hashlib.sha256(text.encode()).hexdigest())


def derive_client_order_id(
    *, account: str, strategy: str, decision_id: str, leg: str, attempt: int
) -> ClientOrderId:
    """The id the gateway gives an order; Python uses it to look up, never to invent one."""
    return _order_id("ats1-", (account, strategy, decision_id, leg), attempt)


def derive_cancel_id(
    *, account: str, strategy: str, decision_id: str, leg: str, attempt: int
) -> ClientOrderId:
    """The id of the cancel request for `leg`."""
    return _order_id("ats1c-", (account, strategy, decision_id, f"{leg}.cancel"), attempt)


def derive_idempotency_key(decision_id: str, leg: str, attempt: int) -> str:
    """`<decision_id>.<leg>.<attempt>`."""
    return f"{decision_id}.{leg}.{attempt}"


def _order_id(prefix: str, parts: tuple[str, ...], attempt: int) -> ClientOrderId:
    if not 0 <= attempt <= MAX_ATTEMPT:
        raise ValueError(f"attempt {attempt} is outside 0..{MAX_ATTEMPT}")
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    digits = [_CROCKFORD[(number >> (5 * i)) & 31] for i in reversed(range(_ID_DIGITS))]
    return ClientOrderId(f"{prefix}{''.join(digits)}-{_CROCKFORD[attempt]}")
