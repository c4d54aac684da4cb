"""What the routes answer, held against their declared models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from pydantic import BaseModel

from fakes import api_app, store_records
from fakes.api_app import Running
from trading_api.schemas import account, decisions, market, system
from trading_models.base import Connectivity, StorageError, VenueRejected

pytestmark = pytest.mark.asyncio

SERIES = "instrument_id=BTC-USD.SIM&timeframe=15m"
SHAPES: list[tuple[str, type[BaseModel]]] = [
    ("/mode", system.ModeReply),
    ("/instruments", account.InstrumentsReply),
    ("/portfolio/summary", account.SummaryReply),
    ("/portfolio/equity", account.EquityReply),
    ("/positions", account.PositionsReply),
    ("/orders?status=all", account.OrdersReply),
    ("/fills", account.FillsReply),
    ("/trades", account.TradesReply),
    (f"/bars?{SERIES}", market.BarsReply),
    (f"/indicators?{SERIES}&names=rsi_14,ema_20", market.IndicatorsReply),
    ("/indicators/catalog", market.IndicatorCatalogReply),
    ("/patterns/catalog", market.PatternCatalogReply),
    ("/risk/rules", market.RulesReply),
    ("/risk/state", system.RiskStateReply),
    ("/signals", decisions.SignalsReply),
    ("/decisions", decisions.DecisionsReply),
    (f"/decisions/{store_records.decision_id(1)}", decisions.DecisionReply),
    ("/system/health", system.HealthReply),
    ("/system/version", system.VersionReply),
]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with api_app.running(tmp_path) as started:
        await api_app.fill_store(started.store)
        started.publish_figures()
        await started.login()
        yield started


async def _get(running: Running, path: str, status: int = 200) -> dict[str, Any]:
    response = await running.client.get(f"/api/v1{path}")
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize(("path", "model"), SHAPES)
async def test_answers_fit_their_declared_model(
    running: Running, path: str, model: type[BaseModel]
) -> None:
    body = await _get(running, path)
    assert model.model_validate(body).model_dump(mode="json") == body
    rows = next((value for value in body.values() if isinstance(value, list)), [True])
    assert rows, "an empty list proves nothing"


async def test_the_summary_is_computed_on_the_server(running: Running) -> None:
    body = await _get(running, "/portfolio/summary")
    expected = {
        "equity": "10100.00000000",
        "day_pnl": "50.00000000",
        "day_pnl_pct": "0.497512",
        "total_return_pct": "1.000000",
        "exposure_pct": "10.000000",
        "open_risk_pct": "0.500000",
        "realized_pnl": "1.00000000",
        "trades": 2,
        "wins": 1,
        "win_rate_pct": "50.000000",
        "profit_factor": "3.000000",
        "decisions": 12,
        "refusals": {"safe_mode": 3},
    }
    assert {key: body[key] for key in expected} == expected


async def test_a_record_carries_what_came_of_it(running: Running) -> None:
    record = await _get(running, f"/decisions/{store_records.decision_id(1)}")
    assert record["orders"][0]["leg"] == "entry"
    assert record["fills"][0]["reason"] == "entry"
    assert record["outcome_trade"]["trade_no"] == 1
    closing = await _get(running, f"/decisions/{store_records.decision_id(2)}")
    assert closing["outcome_trade"]["trade_no"] == 1
    problem = await _get(running, f"/decisions/{'f' * 64}", 404)
    assert problem["next_step"]


async def test_cursors_lead_through_all_pages(running: Running) -> None:
    seen, cursor = [], ""
    while True:
        body = await _get(running, f"/decisions?limit=5{cursor}")
        seen += [row["closed_at"] for row in body["decisions"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert len(seen) == len(set(seen)) == 12
    assert seen == sorted(seen, reverse=True)


async def test_indicators_match_the_bars_of_the_same_query(running: Running) -> None:
    page = f"{SERIES}&before=2021-09-27T20:00:00.000Z&limit=10"
    bars = await _get(running, f"/bars?{page}")
    series = await _get(running, f"/indicators?{page}&names=ema_20")
    assert series["opened_at"] == [bar["opened_at"] for bar in bars["bars"]]
    assert series["values"]["ema_20"][:6] == [None] * 6
    assert series["values"]["ema_20"][6:] == [20.0, 21.0, 22.0, 23.0]


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        ("/bars?timeframe=15m", 422, "instrument_id"),
        ("/bars?instrument_id=btc&timeframe=15m", 422, "InstrumentId"),
        ("/bars?instrument_id=ETH-USD.SIM&timeframe=15m", 404, "not traded here"),
        (f"/bars?{SERIES}&limit=5001", 422, "limit"),
        ("/bars?instrument_id=BTC-USD.SIM&timeframe=7m", 422, "timeframe"),
        (f"/bars?{SERIES}&before=2021-09-27T14:00:00", 422, "aware UTC"),
        (f"/indicators?{SERIES}&names=../x", 422, "names"),
        (f"/indicators?{SERIES}&names={','.join(f'x{n}' for n in range(65))}", 422, "65 names"),
        (f"/indicators?{SERIES}&names=nothing", 404, "no indicator"),
        ("/orders?cursor=-1", 422, "cursor"),
        ("/orders?status=lost", 422, "status"),
        ("/decisions?outcome=perhaps", 422, "outcome"),
        ("/decisions/short", 422, "decision_id"),
        ("/nothing", 404, "no route"),
        ("/report", 404, "no report yet"),
    ],
)
async def test_bad_questions_get_a_problem(
    running: Running, path: str, status: int, part: str
) -> None:
    problem = await _get(running, path, status)
    assert part in problem["detail"]


async def test_before_the_first_bar_the_figures_say_starting(tmp_path: Path) -> None:
    async with api_app.running(tmp_path) as running:
        await running.login()
        for path in ("/mode", "/portfolio/summary", "/risk/state"):
            problem = await _get(running, path, 503)
            assert "starting" in problem["detail"]


async def test_control_reaches_the_gateway_once_per_key(running: Running) -> None:
    path = "/api/v1/control/pause"
    for reason, key, status in (
        ("lunch", "key-00001", 200),
        ("lunch", "key-00001", 200),
        ("dinner", "key-00001", 409),
        ("dinner", "key-00002", 200),
    ):
        response = await running.client.post(
            path, json={"reason": reason}, headers={"Idempotency-Key": key}
        )
        assert response.status_code == status
    assert running.control.calls == [("pause", "lunch"), ("pause", "dinner")]


async def test_a_failed_action_may_be_tried_again_with_its_key(running: Running) -> None:
    headers = {"Idempotency-Key": "key-00001"}
    body = {"reason": "test", "level": "flatten"}
    for error, status in (
        (Connectivity("gateway does not answer"), 503),
        (VenueRejected("market closed"), 502),
        (None, 200),
    ):
        running.control.error = error
        response = await running.client.post("/api/v1/control/kill", json=body, headers=headers)
        assert response.status_code == status
    assert running.control.calls == [("kill flatten", "test")]


async def test_live_mode_wants_the_typed_word(running: Running) -> None:
    running.hub.replace("mode", {**api_app.MODE, "mode": "live", "label": "LIVE"})
    path = "/api/v1/control/kill"
    for body, status in (
        ({"level": "flatten", "reason": "x"}, 422),
        ({"level": "flatten", "reason": "x", "confirm": "close"}, 422),
        ({"level": "no_entries", "reason": "x"}, 200),
        ({"level": "flatten", "reason": "x", "confirm": "CLOSE"}, 200),
    ):
        response = await running.client.post(path, json=body)
        assert response.status_code == status
    assert [call for call, _ in running.control.calls] == ["kill no_entries", "kill flatten"]


async def test_the_kill_switch_works_when_the_audit_cannot_be_written(running: Running) -> None:
    failing = sa.text(
        "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'disk full'); END"
    )
    await running.store._session.run(lambda connection: connection.execute(failing))
    response = await running.client.post(
        "/api/v1/control/kill", json={"level": "flatten", "reason": "fire"}
    )
    assert response.status_code == 200
    assert running.control.calls == [("kill flatten", "fire")]
    with pytest.raises(StorageError, match="disk full"):
        await running.store.append_audit("note", {})


async def test_liveness_and_metrics_need_no_session(tmp_path: Path) -> None:
    async with api_app.running(tmp_path) as running:
        assert (await running.client.get("/healthz")).json() == {"status": "ok"}
        text = (await running.client.get("/metrics")).text
        assert 'ats_http_request_duration_seconds_count{route="/healthz",status="200"}' in text


async def test_health_is_down_when_a_part_is_silent(running: Running) -> None:
    assert (await _get(running, "/system/health"))["status"] == "ok"
    running.context.health.watch("gateway", stale_after_s=5)
    assert (await _get(running, "/system/health"))["status"] == "degraded"
    running.clock.advance(store_records.BAR)
    body = await _get(running, "/system/health")
    assert body["status"] == "down"
    states = {part["name"]: part["status"] for part in body["services"]}
    assert states["gateway"] == "down"
