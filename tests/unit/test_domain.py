"""Domain types refuse illegal states and print exactly."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from trading_models import base
from trading_models.base import (
    Bar,
    BarFlag,
    ConfigError,
    Contribution,
    Direction,
    Instrument,
    InstrumentId,
    ManualClock,
    Opinion,
    OpinionSource,
    Order,
    OrderStatus,
    Position,
    RiskDecision,
    RiskRefused,
    Rounding,
    Signal,
    StopLevel,
    Timeframe,
    TradingError,
    TradingState,
    canonical_json,
    derive_client_order_id,
    derive_decision_id,
    flag_mask,
    flag_names,
    from_mantissa,
    quantise,
    time_text,
    to_mantissa,
)

AT = datetime(2021, 9, 27, 14, 0, tzinfo=UTC)
DECISION = "6d5c" + "0" * 60


def _bar(**changes: Any) -> Bar:
    fields: dict[str, Any] = {
        "instrument_id": "BTC-USD.SIM", "timeframe": "15m", "open": "10.00", "high": "12.00",
        "low": "9.00", "close": "11.00", "volume": "5", "opened_at": AT,
        "closed_at": AT + timedelta(minutes=15),
    }  # fmt: skip
    return Bar(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"high": "10.50"},
        {"low": "10.50"},
        {"volume": "-1"},
        {"open": "0"},
        {"open": 10.0},
        {"open": "1e3"},
        {"open": "NaN"},
        {"opened_at": "2021-09-27T14:00:00"},
        {"closed_at": AT},
        {"timeframe": "7m"},
        {"instrument_id": "btc"},
        {"missing": -1},
    ],
)
def test_impossible_bars_cannot_be_built(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _bar(**changes)


def test_bars_are_frozen_and_times_are_utc() -> None:
    bar = _bar(opened_at="2021-09-27T15:00:00.123456+01:00", closed_at="2021-09-27T15:15:00+01:00")
    assert time_text(bar.opened_at) == "2021-09-27T14:00:00.123Z"
    assert bar.opened_at.tzinfo is UTC
    with pytest.raises(ValidationError):
        bar.open = Decimal(1)  # type: ignore[misc]


@pytest.mark.parametrize(
    "body",
    [
        {"order_type": "MARKET", "order_side": "BUY", "quantity": "1", "price": "5"},
        {"order_type": "LIMIT", "order_side": "BUY", "quantity": "1"},
        {"order_type": "MARKET", "order_side": "BUY", "quantity": "0"},
        {"order_type": "MARKET", "order_side": "HOLD", "quantity": "1"},
        {"order_type": "LIMIT", "order_side": "BUY", "quantity": "1", "price": "5",
         "time_in_force": {"type": "IOC", "post_only": True}},
        {"order_type": "OCO", "order_side": "SELL", "quantity": "1", "price": "5",
         "trigger_price": "6"},
        {"order_type": "OCO", "order_side": "BUY", "quantity": "1", "price": "6",
         "trigger_price": "5"},
    ],
)  # fmt: skip
def test_illegal_orders_cannot_be_built(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Order).validate_python(body)


def test_terminal_states_are_those_of_the_interface() -> None:
    terminal = {status.value for status in OrderStatus if status.is_terminal}
    assert terminal == {"DENIED", "FILLED", "CANCELED", "EXPIRED", "REJECTED", "NOT_SENT"}
    assert OrderStatus.UNKNOWN.is_open
    assert not OrderStatus.INITIALIZED.is_open


def test_client_order_id_follows_the_published_derivation() -> None:
    text = "\n".join(("paper-1", "confluence-v1", DECISION, "entry"))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    alphabet, digits = "0123456789abcdefghjkmnpqrstvwxyz", ""
    for _ in range(26):
        digits = alphabet[number % 32] + digits
        number //= 32
    made = derive_client_order_id(
        account="paper-1", strategy="confluence-v1", decision_id=DECISION, leg="entry", attempt=11
    )
    assert made == f"ats1-{digits}-b"
    with pytest.raises(ValueError, match="attempt 32"):
        derive_client_order_id(
            account="a", strategy="b", decision_id=DECISION, leg="entry", attempt=32
        )


def test_decision_id_hashes_the_five_lines() -> None:
    made = derive_decision_id(
        account="a", strategy="s", config_hash="c", instrument_id="BTC-USD.SIM", closed_at=AT
    )
    lines = b"a\ns\nc\nBTC-USD.SIM\n2021-09-27T14:00:00.000Z"
    assert made == hashlib.sha256(lines).hexdigest()


def _signal(score: str, contribution: str, direction: str = "long") -> Signal:
    return Signal.model_validate({
        "base": "50", "closed_at": AT, "direction": direction, "decision_id": DECISION,
        "contributions": [
            {"factor": "1h.trend", "raw": "0.5", "weight": "0.2", "contribution": contribution}
        ],
        "instrument_id": "BTC-USD.SIM", "opinions": [], "schema": 1, "score": score,
        "stop_offset": "5.00", "target_offset": "9.00",
    })  # fmt: skip


def test_signal_contributions_must_add_up() -> None:
    assert _signal("55.5", "5.5").score == Decimal("55.500000")
    for score, part, direction in [
        ("55.6", "5.5", "long"), ("100.5", "50.5", "long"), ("55.5", "5.5", "abstain"),
    ]:  # fmt: skip
        with pytest.raises(ValidationError):
            _signal(score, part, direction)


def test_opinion_cannot_be_150_percent_sure_nor_name_an_order() -> None:
    fields: dict[str, Any] = {
        "analyst": "rules-v1", "direction": Direction.LONG, "p_up": "0.6", "confidence": "0.2",
        "reasons": ("up",), "source": OpinionSource.RULES, "weight": "1",
    }  # fmt: skip
    assert Opinion(**fields).p_up == Decimal("0.6")
    for changes in ({"p_up": "1.5"}, {"confidence": "-0.1"}, {"reasons": ("a",) * 6}, {"price": 1}):
        with pytest.raises(ValidationError):
            Opinion(**{**fields, **changes})


def test_risk_decision_is_either_approval_or_refusal() -> None:
    fields: dict[str, Any] = {
        "decision_id": DECISION, "digest": DECISION, "outcome": "approved", "quantity": "1",
        "refused_by": None, "risk_pct": "0.5", "verdicts": [],
    }  # fmt: skip
    assert RiskDecision(**fields).risk_pct == Decimal("0.500000")
    refusing = {"rule": "cash", "verdict": "refuse", "limit": "1", "observed": "2"}
    for changes in (
        {"quantity": None}, {"refused_by": "cash"}, {"outcome": "refused"},
        {"verdicts": [refusing]},
    ):  # fmt: skip
        with pytest.raises(ValidationError):
            RiskDecision(**{**fields, **changes})


def _position(**changes: Any) -> Position:
    fields: dict[str, Any] = {
        "account": "paper-1", "average_entry_price": "100.00", "instrument_id": "BTC-USD.SIM",
        "mark_price": "110.00", "opened_at": AT, "position_side": "LONG", "quantity": "2",
        "realized_pnl": "0", "stop_price": "95.00", "target_price": None, "unrealized_pnl": "20",
    }  # fmt: skip
    return Position(**{**fields, **changes})


def test_open_risk_is_the_way_down_to_the_stop() -> None:
    assert _position().open_risk == 30
    assert _position(stop_price=None).open_risk == 220
    assert _position(position_side="SHORT", stop_price="120.00").open_risk == 20
    with pytest.raises(ValidationError):
        _position(position_side="FLAT")


def test_scales_pad_but_never_round() -> None:
    part = Contribution(factor="x", raw="1", weight="0.25", contribution="3")
    assert canonical_json(part) == (
        b'{"contribution":"3.000000","factor":"x","raw":"1.000000","weight":"0.250000"}'
    )
    with pytest.raises(ValidationError, match="more than 6 decimals"):
        Contribution(factor="x", raw="0.1234567", weight="0", contribution="0")


def test_canonical_json_names_the_path_of_a_float() -> None:
    body = {"b": Decimal("1E+3"), "a": [AT, None, True, Timeframe.H1], "c": Decimal("-0.00")}
    assert canonical_json(body) == (
        b'{"a":["2021-09-27T14:00:00.000Z",null,true,"1h"],"b":"1000","c":"0.00"}'
    )
    with pytest.raises(TypeError, match=r"\$\.x\[1\]: float"):
        canonical_json({"x": [1, 0.5]})


def test_mantissas_are_exact_beyond_the_default_context() -> None:
    large = 2**100 + 1
    assert to_mantissa(from_mantissa(large, 8), 8) == large
    with pytest.raises(ValueError, match="more than 2 decimals"):
        to_mantissa(Decimal("1.005"), 2)


@pytest.mark.parametrize(
    ("value", "rounding", "expected"),
    [
        ("1.25", Rounding.HALF_EVEN, "1.0"), ("1.75", Rounding.HALF_EVEN, "2.0"),
        ("-1.2", Rounding.FLOOR, "-1.5"), ("-1.2", Rounding.DOWN, "-1.0"),
        ("1.01", Rounding.CEILING, "1.5"), ("-1.01", Rounding.UP, "-1.5"),
    ],
)  # fmt: skip
def test_quantise_by_named_rounding(value: str, rounding: Rounding, expected: str) -> None:
    assert str(quantise(Decimal(value), Decimal("0.5"), rounding)) == expected


def test_instrument_rounds_to_its_own_steps() -> None:
    btc = Instrument(
        base_currency="BTC", instrument_id="BTC-USD.SIM", min_notional="10", min_quantity="0.00001",
        price_scale=2, quantity_scale=5, quote_currency="USD", step_size="0.00001",
        symbol="BTCUSD", tick_size="0.05",
    )  # fmt: skip
    assert str(btc.round_price(Decimal("100.07"))) == "100.05"
    assert str(btc.floor_quantity(Decimal("0.123459"))) == "0.12345"
    assert btc.price_mantissa(btc.price(12345)) == 12345
    with pytest.raises(ValidationError):
        Instrument.model_validate({**btc.model_dump(), "tick_size": "0.001"})


def test_flags_and_timeframes() -> None:
    both = BarFlag.ZERO_VOLUME | BarFlag.DEDUPLICATED
    assert flag_names(both) == ("zero_volume", "deduplicated")
    assert flag_mask(("deduplicated", "zero_volume")) == both
    assert [t.minutes for t in Timeframe] == [1, 5, 15, 30, 60, 240, 1440]
    assert Timeframe.from_minutes(240) is Timeframe.H4
    assert Timeframe.H1.millis == 3_600_000
    assert InstrumentId("BTC-USDT-PERP.BINANCE").symbol == "BTCUSDTPERP"


def test_stop_levels_lead_to_their_state() -> None:
    assert StopLevel.REDUCE_ONLY.trading_state is TradingState.REDUCING
    assert StopLevel.FLATTEN.trading_state is TradingState.HALTED


def test_manual_clock_only_moves_forward() -> None:
    clock = ManualClock(AT.astimezone(timezone(timedelta(hours=2))))
    clock.advance(timedelta(seconds=90))
    assert (clock.now(), clock.monotonic()) == (AT + timedelta(seconds=90), 90.0)
    assert clock.now_ms() == int(clock.now().timestamp() * 1000)
    with pytest.raises(ValueError, match="go back"):
        clock.set(AT)
    with pytest.raises(ValueError, match="naive"):
        ManualClock(AT.replace(tzinfo=None))


def test_errors_keep_their_parts() -> None:
    error = ConfigError("bad", where=("a.toml", 3), key="k", next_step="fix it")
    assert (str(error), error.line) == ("a.toml:3: bad\n  next: fix it", 3)
    refused = RiskRefused("cash", limit="1", observed="2")
    assert isinstance(refused, TradingError)
    assert str(refused) == "refused by cash: observed 2, limit 1"


def test_base_exports_everything_it_names() -> None:
    assert len(base.__all__) == len(set(base.__all__))
    assert all(hasattr(base, name) for name in base.__all__)


def test_decision_record_schema_uses_strings_for_numbers() -> None:
    schema = json.dumps(base.DecisionRecord.model_json_schema())
    assert '"number"' not in schema
