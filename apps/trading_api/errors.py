"""Every refusal and failure as an RFC 9457 problem."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trading_api.auth import TooManyFailures
from trading_models.base import (
    ConfigError,
    Connectivity,
    DataError,
    DataStale,
    DataUnavailable,
    ExecutionError,
    RiskRefused,
    SecurityError,
    StorageError,
    TradingError,
)
from trading_models.monitoring import get_logger

PROBLEM_JSON = "application/problem+json"
LOG = get_logger("trading_api")

# First match wins: the more special type comes first.
STATUS_OF: tuple[tuple[type[TradingError], int], ...] = (
    (DataUnavailable, 404),
    (DataStale, 503),
    (DataError, 422),
    (ConfigError, 422),
    (RiskRefused, 409),
    (Connectivity, 503),
    (ExecutionError, 502),
    (StorageError, 503),
    (SecurityError, 401),
    (TradingError, 500),
)


class ProblemError(Exception):
    """A refusal by the API itself. `extra` may hold field, allowed, next_step."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        **extra: str | None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.extra = extra


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **extra: str | None,
) -> Response:
    """The problem document; parts without a value are left out."""
    title = HTTPStatus(status).phrase
    known = {key: value for key, value in extra.items() if value is not None}
    body: dict[str, Any] = {
        "type": f"urn:ats:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request.scope.get("state", {}).get("request_id"),
        **known,
    }
    content = orjson.dumps(body)
    return Response(content, status_code=status, headers=headers, media_type=PROBLEM_JSON)


async def _on_problem(request: Request, error: Exception) -> Response:
    error = cast("ProblemError", error)
    return problem_response(
        request, error.status, error.detail, headers=error.headers, **error.extra
    )


async def _on_trading_error(request: Request, error: Exception) -> Response:
    error = cast("TradingError", error)
    if isinstance(error, TooManyFailures):
        headers = {"retry-after": str(error.retry_after_s)}
        return problem_response(
            request, 429, error.message, headers=headers, next_step=error.next_step
        )
    status = next(code for kind, code in STATUS_OF if isinstance(error, kind))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.error("request_failed", path=request.url.path, error=error.message)
    field = getattr(error, "key", None)
    allowed = getattr(error, "allowed", None)
    return problem_response(
        request, status, error.message, field=field, allowed=allowed, next_step=error.next_step
    )


async def _on_validation(request: Request, error: Exception) -> Response:
    error = cast("RequestValidationError", error)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    detail = f"{field}: {first['msg']}"
    return problem_response(request, 422, detail, field=field, allowed=first["msg"])


async def _on_http(request: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)
    headers = dict(error.headers) if error.headers else None
    return problem_response(request, error.status_code, str(error.detail), headers=headers)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    # The traceback goes to the log by the server; the caller learns the request id only.
    LOG.error("request_crashed", path=request.url.path, error=type(error).__name__)
    return problem_response(
        request,
        500,
        "the server failed while it answered this request",
        next_step="look up the request_id with ./ats logs",
    )


def install_handlers(app: FastAPI) -> None:
    """Register the handlers above."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(TradingError, _on_trading_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_unexpected)
