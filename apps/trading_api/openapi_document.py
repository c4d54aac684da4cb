"""Builds the OpenAPI document of the routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from trading_api.auth import COOKIE
from trading_api.errors import PROBLEM_JSON
from trading_api.schemas.system import ProblemReply
from trading_models import __version__

DOCUMENT = Path(__file__).with_name("openapi.json")
OPEN_ROUTES = frozenset({"/api/v1/auth/login", "/api/v1/auth/one-time", "/healthz", "/metrics"})
_REF = {"$ref": "#/components/schemas/ProblemReply"}


def build_document(app: FastAPI) -> dict[str, Any]:
    """OpenAPI 3.1 of the routes, with problems and the session cookie declared on each."""
    document = get_openapi(
        title="Autonomous trading system",
        version=__version__,
        description="Money, prices and quantities are decimal strings; times RFC 3339 UTC.",
        routes=app.routes,
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    _, defined = models_json_schema(
        [(ProblemReply, "serialization")], ref_template="#/components/schemas/{model}"
    )
    schemas.update(defined["$defs"])
    document["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE}
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in OPEN_ROUTES:
                operation["security"] = [{"session": []}]
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {
                "description": "A problem (RFC 9457)",
                "content": {PROBLEM_JSON: {"schema": _REF}},
            }
    return document


def document_bytes(document: dict[str, Any]) -> bytes:
    """The committed form."""
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
