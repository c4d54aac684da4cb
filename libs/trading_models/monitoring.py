"""Metrics, structured logs and health, declared in one place.

A metric's name ends in its unit. Health is age-based: a part is well because it reported lately,
never because somebody wrote "ok". Times for ages come from the injected clock.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from trading_models.base import Clock

REGISTRY = CollectorRegistry(auto_describe=True)

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

BARS = Counter(
    "ats_bars_total",
    "Closed base bars taken in.",
    ["instrument_id", "timeframe"],
    registry=REGISTRY,
)
BARS_MISSING = Counter(
    "ats_bars_missing_total", "Base bars that a gap left out.", ["instrument_id"], registry=REGISTRY
)
BAR_AGE = Gauge(
    "ats_bar_age_seconds", "Age of the newest closed bar.", ["instrument_id"], registry=REGISTRY
)
DECISIONS = Counter(
    "ats_decisions_total", "Decision bars by outcome.", ["outcome"], registry=REGISTRY
)
DECISION_DURATION = Histogram(
    "ats_decision_duration_seconds",
    "Time from a closed bar to its committed record.",
    registry=REGISTRY,
    buckets=_FAST,
)
REFUSALS = Counter(
    "ats_risk_refusals_total", "Signals refused by the risk engine.", ["rule"], registry=REGISTRY
)
ORDERS = Counter("ats_orders_total", "Orders by newest status.", ["status"], registry=REGISTRY)
FILLS = Counter("ats_fills_total", "Executions.", ["order_side"], registry=REGISTRY)
EQUITY = Gauge(
    "ats_equity_quote_units", "Equity in the quote currency.", ["account"], registry=REGISTRY
)
DRAWDOWN = Gauge(
    "ats_drawdown_ratio", "Distance from the equity peak, 0..1.", ["account"], registry=REGISTRY
)
OPINION_DURATION = Histogram(
    "ats_opinion_duration_seconds",
    "Time of one analyst's answer.",
    ["analyst"],
    registry=REGISTRY,
    buckets=_SLOW,
)
HTTP_DURATION = Histogram(
    "ats_http_request_duration_seconds",
    "API requests.",
    ["route", "status"],
    registry=REGISTRY,
    buckets=_FAST,
)
LIVE_CLIENTS = Gauge("ats_websocket_clients_total", "Connected dashboards.", registry=REGISTRY)
HEALTH_AGE = Gauge(
    "ats_health_age_seconds", "Age of a part's newest report.", ["part"], registry=REGISTRY
)
SETTINGS_VERSION = Gauge(
    "ats_settings_version_total", "Settings in force, counted from 1.", registry=REGISTRY
)


def count_decision(outcome: str, refused_by: str | None) -> None:
    """One decision bar; `refused_by` names the first risk rule that refused."""
    DECISIONS.labels(outcome=outcome).inc()
    if refused_by is not None:
        REFUSALS.labels(rule=refused_by).inc()


def show_account(account: str, equity: Decimal, drawdown_pct: Decimal) -> None:
    """Equity and drawdown at a bar's close."""
    EQUITY.labels(account=account).set(float(equity))
    DRAWDOWN.labels(account=account).set(float(drawdown_pct) / 100)


def metrics_text() -> bytes:
    """All metrics in the Prometheus text format."""
    return generate_latest(REGISTRY)


# ---- logs -----------------------------------------------------------------------------------

HIDDEN = "[redacted]"
_SECRET_NAME = re.compile(
    r"(?i)(secret|password|passwd|token(?!s)|api_?key|approval_key|signature|authorization|cookie"
    r"|credential|private_key|jwt)"
)
# A JWT, a 64-digit hex key after a key-like word, a bearer header inside free text.
_SECRET_TEXT = re.compile(
    r"(?i)eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|(?<=bearer )\S+"
    r"|(?<=secret=)\S+|(?<=token=)\S+|(?<=password=)\S+|(?<=signature=)[0-9a-f]+"
)
_MAX_DEPTH = 6


def redact(value: Any, *, depth: int = 0) -> Any:
    """A copy of `value` without secrets: values of secret-like names, tokens inside text."""
    if depth > _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, str):
        return _SECRET_TEXT.sub(HIDDEN, value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, dict):
        return {
            key: HIDDEN if _SECRET_NAME.search(str(key)) else redact(item, depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [redact(item, depth=depth + 1) for item in value]
    return value


def redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The structlog processor that keeps secrets out of every log line."""
    return dict(redact(dict(event)))


def setup_logging(
    process: str,
    clock: Clock,
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """One JSON object per line on `stream` (default stderr): at, level, process, event, fields.

    Messages of libraries that use `logging` take the same way, redaction included.
    """

    def stamp(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["at"] = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["process"] = process
        return event

    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        stamp,
        structlog.processors.format_exc_info,
        redact_event,
    ]
    render = structlog.processors.JSONRenderer(sort_keys=True, default=str)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                render,
            ],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)


def get_logger(name: str) -> Any:
    """A structured logger: `log.info("bar_closed", instrument_id=..., age_s=...)`."""
    return structlog.get_logger(name)


# ---- health ---------------------------------------------------------------------------------


class HealthStatus(StrEnum):
    """`ok`: reported in time; `degraded`: works with a complaint; `down`: silent or failed."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One part's state now. `age_s` is None before its first report."""

    name: str
    status: HealthStatus
    age_s: float | None
    detail: str
    latency_ms: float | None = None


@dataclass(slots=True)
class _Watched:
    stale_after_s: float
    is_required: bool
    since: float
    reported: float | None = None
    complaint: str | None = None
    failure: str | None = None
    latency_ms: float | None = None


class HealthRegistry:
    """Who must report how often. A required part that is down takes the whole down."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._parts: dict[str, _Watched] = {}

    def watch(self, name: str, *, stale_after_s: float, is_required: bool = True) -> None:
        """Expect a report from `name` at least every `stale_after_s` seconds."""
        if stale_after_s <= 0:
            raise ValueError(f"{name}: stale_after_s {stale_after_s} must be positive")
        self._parts[name] = _Watched(stale_after_s, is_required, self._clock.monotonic())

    def report(
        self, name: str, *, complaint: str | None = None, latency_ms: float | None = None
    ) -> None:
        """`name` is alive; a complaint makes it degraded until the next report."""
        part = self._part(name)
        part.reported = self._clock.monotonic()
        part.complaint, part.failure, part.latency_ms = complaint, None, latency_ms

    def fail(self, name: str, reason: str) -> None:
        """`name` is down until it reports again."""
        self._part(name).failure = reason

    def parts(self) -> Iterator[PartHealth]:
        """Every part's state now, in the order of registration."""
        now = self._clock.monotonic()
        for name, part in self._parts.items():
            health = _judge(name, part, now)
            if health.age_s is not None:
                HEALTH_AGE.labels(part=name).set(health.age_s)
            yield health

    def status(self) -> HealthStatus:
        """Down if a required part is down, degraded if anything is not ok."""
        states = [(self._parts[p.name].is_required, p.status) for p in self.parts()]
        if not states or (True, HealthStatus.DOWN) in states:
            return HealthStatus.DOWN
        if all(status is HealthStatus.OK for _, status in states):
            return HealthStatus.OK
        return HealthStatus.DEGRADED

    def _part(self, name: str) -> _Watched:
        try:
            return self._parts[name]
        except KeyError:
            raise KeyError(f"{name} is not watched; call watch() first") from None


def _judge(name: str, part: _Watched, now: float) -> PartHealth:
    age = None if part.reported is None else now - part.reported
    silence = now - part.since if age is None else age
    if part.failure is not None:
        return PartHealth(name, HealthStatus.DOWN, age, part.failure)
    if silence > part.stale_after_s:
        detail = f"no report for {silence:.1f} s (limit {part.stale_after_s:g} s)"
        return PartHealth(name, HealthStatus.DOWN, age, detail)
    if age is None:
        return PartHealth(name, HealthStatus.DEGRADED, None, "starting: no report yet")
    if part.complaint is not None:
        return PartHealth(name, HealthStatus.DEGRADED, age, part.complaint, part.latency_ms)
    return PartHealth(name, HealthStatus.OK, age, f"reported {age:.1f} s ago", part.latency_ms)
