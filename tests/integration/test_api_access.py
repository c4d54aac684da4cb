"""Who gets in: every route, every role, passwords, links, CSRF."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from fakes import api_app, store_records
from fakes.api_app import PASSWORD, Running
from trading_api.main import create_routes
from trading_api.openapi_document import OPEN_ROUTES, build_document

pytestmark = pytest.mark.asyncio

LOGIN = "/api/v1/auth/login"
ROUTES = [
    (method.upper(), path)
    for path, operations in build_document(create_routes())["paths"].items()
    for method in operations
]
PROTECTED = [(m, p) for m, p in ROUTES if p not in OPEN_ROUTES]
UNSAFE = [(m, p) for m, p in ROUTES if m == "POST"]
CONTROL = ["/api/v1/control/pause", "/api/v1/control/resume", "/api/v1/control/kill"]


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with api_app.running(tmp_path) as started:
        yield started


def _path(path: str) -> str:
    return path.replace("{decision_id}", store_records.decision_id(1))


def _assert_problem(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status, f"{response.request.url}: {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]


async def test_the_matrix_covers_the_whole_api() -> None:
    assert len(PROTECTED) >= 26
    assert {p for _, p in ROUTES} - {p for _, p in PROTECTED} == OPEN_ROUTES


async def test_no_route_answers_without_a_session(running: Running) -> None:
    for method, path in PROTECTED:
        for cookie in (None, "not-a-token", "a.b.c"):
            cookies = {} if cookie is None else {"Cookie": f"ats_session={cookie}"}
            response = await running.client.request(method, _path(path), headers=cookies)
            _assert_problem(response, 401)


async def test_the_openapi_document_and_the_report_need_a_session_too(running: Running) -> None:
    for path in ("/api/v1/openapi.json", "/report/index.html"):
        _assert_problem(await running.client.get(path), 401)
    await running.login()
    document = await running.client.get("/api/v1/openapi.json")
    assert document.json()["openapi"].startswith("3.1")


async def test_unsafe_methods_need_the_csrf_header_and_our_origin(running: Running) -> None:
    await running.login()
    assert len(UNSAFE) >= 7
    for method, path in UNSAFE:
        for headers in (
            {"X-Requested-With": "XMLHttpRequest"},
            {"Origin": "http://evil.example"},
        ):
            response = await running.client.request(method, path, headers=headers, json={})
            _assert_problem(response, 403)
    assert running.control.calls == []


@pytest.mark.parametrize("path", CONTROL)
@pytest.mark.parametrize(("username", "status"), [("vera", 403), ("tom", 200), ("ada", 200)])
async def test_roles(running: Running, path: str, username: str, status: int) -> None:
    running.publish_figures()
    await running.login(username)
    body = {"reason": "test", **({"level": "no_entries"} if path.endswith("kill") else {})}
    response = await running.client.post(path, json=body)
    assert response.status_code == status
    assert bool(running.control.calls) == (status == 200)


async def test_login_sets_a_strict_cookie_and_logout_ends_it(running: Running) -> None:
    body = {"username": "ada", "password": PASSWORD}
    response = await running.client.post(LOGIN, json=body)
    assert response.json() == {"user": {"username": "ada", "role": "admin"}}
    cookie = response.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert (await running.client.get("/api/v1/me")).json()["username"] == "ada"
    stolen = running.client.cookies["ats_session"]
    assert (await running.client.post("/api/v1/auth/logout")).status_code == 204
    response = await running.client.get("/api/v1/me", headers={"Cookie": f"ats_session={stolen}"})
    _assert_problem(response, 401)


async def test_behind_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    async with api_app.running(tmp_path, is_https=True) as running:
        body = {"username": "ada", "password": PASSWORD}
        response = await running.client.post(LOGIN, json=body)
        assert "secure" in response.headers["set-cookie"].lower()


async def test_a_session_ends_with_its_lifetime_and_follows_the_role(running: Running) -> None:
    await running.login("tom")
    await running.store.put_user("tom", "x", "viewer")
    assert (await running.client.get("/api/v1/me")).json()["role"] == "viewer"
    running.clock.advance(timedelta(hours=api_app.POLICY.session_hours))
    _assert_problem(await running.client.get("/api/v1/me"), 401)


async def test_a_wrong_password_says_nothing_about_the_user(running: Running) -> None:
    answers = []
    for username in ("ada", "nobody"):
        body = {"username": username, "password": "wrong password"}
        response = await running.client.post(LOGIN, json=body)
        _assert_problem(response, 401)
        answers.append(response.json()["detail"])
    assert answers[0] == answers[1]
    assert "set-cookie" not in response.headers


async def test_five_failures_close_the_door_for_a_minute(running: Running) -> None:
    wrong = {"username": "ada", "password": "wrong password"}
    for _ in range(5):
        _assert_problem(await running.client.post(LOGIN, json=wrong), 401)
    right = {"username": "ada", "password": PASSWORD}
    response = await running.client.post(LOGIN, json=right)
    _assert_problem(response, 429)
    assert 1 <= int(response.headers["retry-after"]) <= 60
    other = {"username": "tom", "password": PASSWORD}
    assert (await running.client.post(LOGIN, json=other)).status_code == 200
    running.clock.advance(timedelta(seconds=61))
    assert (await running.client.post(LOGIN, json=right)).status_code == 200


async def test_parallel_guesses_do_not_get_past_the_limit(running: Running) -> None:
    wrong = {"username": "ada", "password": "wrong password"}
    answers = await asyncio.gather(*(running.client.post(LOGIN, json=wrong) for _ in range(12)))
    statuses = sorted(response.status_code for response in answers)
    assert statuses == [401] * 5 + [429] * 7


async def test_guessing_names_is_limited_by_address(running: Running) -> None:
    statuses = []
    for number in range(32):
        body = {"username": f"user{number}", "password": "wrong password"}
        statuses.append((await running.client.post(LOGIN, json=body)).status_code)
    assert statuses == [401] * 30 + [429] * 2


async def test_a_one_time_link_works_once_and_for_a_minute(running: Running) -> None:
    path = "/api/v1/auth/one-time"
    token = await running.store.issue_token("login", "tom", 60)
    late = await running.store.issue_token("login", "tom", 60)
    response = await running.client.post(path, json={"token": token})
    assert response.json() == {"user": {"username": "tom", "role": "trader"}}
    assert (await running.client.get("/api/v1/me")).status_code == 200
    _assert_problem(await running.client.post(path, json={"token": token}), 401)
    running.clock.advance(timedelta(seconds=60))
    _assert_problem(await running.client.post(path, json={"token": late}), 401)
    assert token not in json.dumps([dict(r) for r in await _audit(running)])


async def _audit(running: Running) -> list[dict[str, str]]:
    from sqlalchemy import select  # noqa: PLC0415

    from trading_models.storage.tables import audit  # noqa: PLC0415

    chosen = select(audit.c.kind, audit.c.body).order_by(audit.c.seq)
    rows = await running.store.read.run(lambda c: c.execute(chosen).all())
    return [{"kind": kind, "body": body} for kind, body in rows]


async def test_logins_and_controls_are_in_the_audit_chain(running: Running) -> None:
    running.publish_figures()
    wrong = {"username": "tom", "password": "wrong password"}
    await running.client.post(LOGIN, json=wrong)
    await running.login("tom")
    await running.client.post("/api/v1/control/pause", json={"reason": "lunch"})
    await running.client.post("/api/v1/auth/logout")
    entries = await _audit(running)
    assert [e["kind"] for e in entries] == ["login_failed", "login", "control", "logout"]
    assert '"reason":"lunch"' in entries[2]["body"]
    assert PASSWORD not in json.dumps(entries)
    assert (await running.store.verify_audit()).is_intact


async def test_a_body_without_a_length_is_cut_off(running: Running) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 4_096

    response = await running.client.post(LOGIN, content=endless())
    assert 400 <= response.status_code < 500


async def test_bodies_are_limited_and_unknown_fields_refused(running: Running) -> None:
    large = await running.client.post(LOGIN, content=b"x" * 100_000)
    _assert_problem(large, 413)
    body = {"username": "ada", "password": PASSWORD, "role": "admin"}
    _assert_problem(await running.client.post(LOGIN, json=body), 422)
