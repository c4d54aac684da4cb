"""The committed OpenAPI document is the one the code makes, and the code keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from fakes import api_app
from trading_api.main import create_routes
from trading_api.openapi import DOCUMENT, build_document, document_bytes

REGENERATE = "run: python -m trading_api.openapi"


def test_the_committed_document_is_current() -> None:
    assert DOCUMENT.read_bytes() == document_bytes(build_document(create_routes())), REGENERATE


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
            is_open = path.startswith("/api/v1/auth/login") or path.startswith("/api/v1/auth/one")
            expected = is_open or path in ("/healthz", "/metrics")
            assert ("security" not in operation) == expected, path
