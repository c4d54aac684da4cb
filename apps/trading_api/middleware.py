"""What holds for every request: id, size, CSRF, security headers, duration.

Plain ASGI: no per-request task, and WebSockets pass through untouched.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trading_api.errors import problem_response
from trading_models.base import Clock
from trading_models.monitoring import HTTP_DURATION

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-requested-with"
CSRF_VALUE = "ats"

# lightweight-charts and Radix set style attributes from script, which CSP counts as inline style.
CONTENT_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class RequestGuard:
    """Outermost of our layers; refuses before any route code runs."""

    def __init__(self, app: ASGIApp, *, clock: Clock, max_body_bytes: int) -> None:
        self._app = app
        self._clock = clock
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._clock.monotonic()
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        status = "500"

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                _add_headers(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                detail, code = refusal
                response = problem_response(Request(scope), code, detail)
                await response(scope, receive, send_guarded)
            else:
                limited = _limited(receive, self._max_body_bytes)
                await self._app(scope, limited, send_guarded)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            elapsed = self._clock.monotonic() - started
            HTTP_DURATION.labels(route=route, status=status).observe(elapsed)

    def _refusal(self, scope: Scope) -> tuple[str, int] | None:
        headers = Headers(scope=scope)
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._max_body_bytes:
            return f"the body may have at most {self._max_body_bytes} bytes", 413
        if scope["method"] in SAFE_METHODS:
            return None
        if headers.get(CSRF_HEADER) != CSRF_VALUE:
            return "the header X-Requested-With: ats is missing", 403
        if not is_same_origin(headers):
            return f"origin {headers.get('origin')} is not this server", 403
        return None


def is_same_origin(headers: Headers) -> bool:
    """A browser names the page's origin; it must be the host it talks to."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _add_headers(headers: MutableHeaders, path: str, request_id: str) -> None:
    headers["x-request-id"] = request_id
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)
    if path.startswith("/api/"):
        headers.setdefault("cache-control", "no-store")


def _limited(receive: Receive, limit: int) -> Receive:
    """A body without Content-Length must not grow without end either: cut it off as a hang-up."""
    seen = 0

    async def receive_limited() -> Message:
        nonlocal seen
        message: dict[str, Any] = dict(await receive())
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > limit else message

    return receive_limited
