"""Domain objects of a small made-up run, for tests of the store and the API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading_models.base import (
    DecisionRecord,
    Fill,
    OrderEvent,
    Position,
    Trade,
    derive_decision_id,
    time_text,
)

WIRE = Path(__file__).resolve().parents[1] / "fixtures" / "wire"
START = datetime(2021, 9, 27, 14, 0, tzinfo=UTC)
INSTRUMENT = "BTC-USD.SIM"
BAR = timedelta(minutes=15)


def wire(name: str) -> list[dict[str, Any]]:
    """Messages of one wire fixture."""
    found: list[dict[str, Any]] = json.loads((WIRE / f"{name}.json").read_text())
    return found


def decision_id(number: int) -> str:
    """Id of the decision of bar `number`."""
    return derive_decision_id(
        account="paper-1",
        strategy="confluence-v1",
        config_hash="0" * 64,
        instrument_id=INSTRUMENT,
        closed_at=START + number * BAR,
    )


def decision(number: int, outcome: str = "no_candidate", **changes: Any) -> DecisionRecord:
    """Decision record of bar `number`; candidates carry a signal and a risk decision."""
    key, closed_at = decision_id(number), time_text(START + number * BAR)
    has_candidate = outcome in ("approved", "refused")
    risk = dict(wire("risk_decision")[0 if outcome == "approved" else 1], decision_id=key)
    signal = dict(wire("signal")[0], decision_id=key, closed_at=closed_at)
    body: dict[str, Any] = {
        "schema": 1,
        "decision_id": key,
        "instrument_id": INSTRUMENT,
        "closed_at": closed_at,
        "outcome": outcome,
        "headline": f"bar {number}: {outcome}",
        "config_hash": "0" * 64,
        "inputs": {
            "bar": dict(
                wire("bar")[0],
                closed_at=closed_at,
                opened_at=time_text(START + (number - 1) * BAR),
            ),
            "timeframes": [
                {
                    "timeframe": "15m",
                    "warm": True,
                    "closed_at": closed_at,
                    "missing": 0,
                    "weight": "1.000000",
                }
            ],
            "regime": {"trend": "bull", "volatility": "normal"},
            "features": {f"15m.feature_{n}": "55.120000" for n in range(60)},
        },
        "score": {
            "value": "64.250000",
            "base": "50.000000",
            "contributions": signal["contributions"],
            "entry_threshold": "62.000000",
            "exit_threshold": "42.000000",
        },
        "opinions": [],
        "aggregate": None,
        "signal": signal if has_candidate else None,
        "risk": risk if has_candidate else None,
        "nearest_flip": None,
        **changes,
    }
    return DecisionRecord.model_validate(body)


def order(number: int = 0, **changes: Any) -> OrderEvent:
    """One event of the entry order of bar `number`."""
    digits = f"{number:026d}"
    body = dict(
        wire("order_event")[1],
        client_order_id=f"ats1-{digits}-0",
        decision_id=decision_id(number),
        gateway_seq=41 + number,
    )
    return OrderEvent.model_validate({**body, **changes})


def fill(number: int = 0, **changes: Any) -> Fill:
    """One execution of the entry order of bar `number`."""
    body = dict(
        wire("fill")[0],
        client_order_id=f"ats1-{number:026d}-0",
        trade_id=str(number),
        market_time=time_text(START + number * BAR),
    )
    return Fill.model_validate({**body, **changes})


def position(**changes: Any) -> Position:
    """The open long position of the fixtures."""
    return Position.model_validate({**wire("position")[0], **changes})


def flat_position() -> Position:
    """The same instrument, flat."""
    return Position.model_validate(wire("position")[1])


def trade(number: int, realized_pnl: str = "1.50000000", **changes: Any) -> Trade:
    """Closed trade `number`, opened by bar `number` and closed by the bar after it."""
    body: dict[str, Any] = {
        "trade_no": number,
        "instrument_id": INSTRUMENT,
        "position_side": "LONG",
        "quantity": "0.00999",
        "entry_at": time_text(START + number * BAR),
        "entry_price": "43557.48",
        "exit_at": time_text(START + (number + 1) * BAR),
        "exit_price": "43800.00",
        "exit_reason": "target",
        "realized_pnl": realized_pnl,
        "fees": "0.87000000",
        "return_pct": "0.350000",
        "r_multiple": "1.500000",
        "entry_decision_id": decision_id(number),
        "exit_decision_id": decision_id(number + 1),
        **changes,
    }
    return Trade.model_validate(body)


def equity_at(number: int) -> tuple[datetime, Decimal, Decimal]:
    """Equity point of bar `number`."""
    return START + number * BAR, Decimal(10_000 + number), Decimal("0.100000")
