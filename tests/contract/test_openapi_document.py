"""The committed OpenAPI document is the one the code makes, and the code keeps to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fakes import api_app
from trading_api.main import create_routes
from trading_api.openapi_document import DOCUMENT, build_document, document_bytes

CURRENT = build_document(create_routes())
REGENERATE = "run: python -m trading_api.openapi"


def test_the_committed_document_is_current() -> None:
    assert DOCUMENT.read_bytes() == document_bytes(CURRENT), REGENERATE


def test_no_money_is_a_number() -> None:
    """Floats are allowed for analysis values, ages and latencies only."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    found = {
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, shape in schema.get("properties", {}).items()
        if '"number"' in json.dumps(shape)
    }
    assert found == {
        "IndicatorsReply.values",
        "ServiceHealthReply.age_s",
        "ServiceHealthReply.latency_ms",
    }


def test_every_operation_declares_problems_and_its_session() -> None:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            is_open = path.startswith(("/api/v1/auth/login", "/api/v1/auth/one"))
            expected = is_open or path in ("/healthz", "/metrics")
            assert ("security" not in operation) == expected, path


# Logging out would end the session that the other examples use.
OPERATIONS = [
    (method, path)
    for path, operations in CURRENT["paths"].items()
    for method in operations
    if path != "/api/v1/auth/logout"
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@dataclass(frozen=True)
class Target:
    """A served application and a session for it."""

    base_url: str
    cookies: dict[str, str]


async def _serve(folder: Path, ready: Queue[Target], stop: threading.Event) -> None:
    async with api_app.running(folder) as running, api_app.served(running) as address:
        await api_app.fill_store(running.store)
        running.publish_figures()
        await running.login()
        ready.put(Target(f"http://{address}", dict(running.client.cookies)))
        await asyncio.to_thread(stop.wait)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    ready: Queue[Target] = Queue()
    stop = threading.Event()
    folder = tmp_path_factory.mktemp("api")
    server = threading.Thread(target=lambda: asyncio.run(_serve(folder, ready, stop)))
    server.start()
    yield ready.get(timeout=60)
    stop.set()
    server.join()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_any_input_gets_a_declared_answer(target: Target, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_dict(CURRENT)

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=schema[path][method].as_strategy())
    def check(case: schemathesis.Case) -> None:
        headers = {"X-Requested-With": "ats"}
        response = case.call(base_url=target.base_url, headers=headers, cookies=target.cookies)
        case.validate_response(response, checks=CHECKS)

    check()
