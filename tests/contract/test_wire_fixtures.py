"""Python reads every wire fixture and prints the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trading_models.base import (
    ApprovedOrder,
    Bar,
    Fill,
    Instrument,
    Order,
    OrderEvent,
    Position,
    RiskDecision,
    Signal,
    canonical_json,
    derive_cancel_id,
    derive_client_order_id,
    derive_decision_id,
    parse_time,
)

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "wire"
TYPES: dict[str, Any] = {
    "approved_order": ApprovedOrder,
    "bar": Bar,
    "fill": Fill,
    "instrument": Instrument,
    "order": Order,
    "order_event": OrderEvent,
    "position": Position,
    "risk_decision": RiskDecision,
    "signal": Signal,
}


def _messages(name: str) -> list[bytes]:
    lines = (FIXTURES / f"{name}.json").read_bytes().splitlines()
    return [line.removesuffix(b",") for line in lines if line not in (b"[", b"]", b"")]


CASES = [(name, text) for name in TYPES for text in _messages(name)]


def test_every_fixture_file_has_a_type() -> None:
    # client_order_id.json holds derivations, not messages; it has its own test below.
    assert {path.stem for path in FIXTURES.glob("*.json")} == {*TYPES, "client_order_id"}
    assert len(CASES) >= 25


@pytest.mark.parametrize(("name", "text"), CASES)
def test_round_trip_is_byte_for_byte(name: str, text: bytes) -> None:
    value = TypeAdapter(TYPES[name]).validate_json(text)
    assert canonical_json(value) == text
    again = TypeAdapter(TYPES[name]).validate_python(value.model_dump())
    assert again == value


@pytest.mark.parametrize(("name", "text"), CASES)
def test_unknown_fields_are_refused(name: str, text: bytes) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        TypeAdapter(TYPES[name]).validate_json(text[:-1] + b',"surprise":1}')


@pytest.mark.parametrize("text", _messages("client_order_id"))
def test_ids_are_derived_as_everywhere(text: bytes) -> None:
    case = json.loads(text)
    closed_at = parse_time(case["closed_at"])
    names = ("account", "strategy", "config_hash", "instrument_id")
    decision_id = derive_decision_id(**{name: case[name] for name in names}, closed_at=closed_at)
    assert decision_id == case["decision_id"]
    parts = {name: case[name] for name in ("account", "strategy", "leg", "attempt")}
    assert derive_client_order_id(**parts, decision_id=decision_id) == case["client_order_id"]
    assert derive_cancel_id(**parts, decision_id=decision_id) == case["cancel_id"]


def test_idempotency_body_leaves_the_two_times_out() -> None:
    first, *_ = (ApprovedOrder.model_validate_json(text) for text in _messages("approved_order"))
    body = first.idempotency_body()
    assert b"issued_at" not in body
    assert b"expires_at" not in body
    moved = first.model_copy(update={"issued_at": first.expires_at})
    assert moved.idempotency_body() == body
    assert moved.canonical() != first.canonical()
    assert first.signature(b"k" * 32) != moved.signature(b"k" * 32)
