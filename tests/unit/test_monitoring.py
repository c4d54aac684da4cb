"""Metrics carry units, logs carry no secrets, health is a matter of age."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from trading_models import monitoring
from trading_models.base import ManualClock
from trading_models.monitoring import HealthRegistry, HealthStatus, redact

AT = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = ("seconds", "total", "ratio", "bytes", "usd", "quote_units")


def test_every_metric_ends_in_a_unit_and_is_explained() -> None:
    families = list(monitoring.REGISTRY.collect())
    assert len(families) >= 10
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name.startswith("ats_")
        assert name.endswith(UNITS), name
        assert family.documentation.endswith("."), name


def test_metrics_are_printed_for_prometheus() -> None:
    monitoring.REFUSALS.labels(rule="test_rule").inc(2)
    assert b'ats_risk_refusals_total{rule="test_rule"} 2.0' in monitoring.metrics_text()


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    monitoring.setup_logging("test", ManualClock(AT), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)


def test_one_json_object_per_line_without_secrets(log_stream: io.StringIO) -> None:
    log = monitoring.get_logger("x")
    log.info("signed_in", username="ada", password="hunter2", nested={"api_key": "k", "n": 1})
    log.debug("not shown")
    logging.getLogger("library").warning("GET /x?token=abc123&y=1 %s", "bearer s3cret")
    try:
        raise RuntimeError("secret=xyz")  # noqa: TRY301
    except RuntimeError:
        log.exception("broke")
    lines = [json.loads(line) for line in log_stream.getvalue().splitlines()]
    assert [line["event"].split()[0] for line in lines] == ["signed_in", "GET", "broke"]
    assert lines[0]["at"] == "2026-01-01T00:00:00.000Z"
    assert lines[0]["process"] == "test"
    assert lines[0]["level"] == "info"
    assert lines[0]["nested"] == {"api_key": "[redacted]", "n": 1}
    assert "RuntimeError" in lines[2]["exception"]
    for secret in ("hunter2", "abc123", "s3cret", "xyz"):
        assert secret not in log_stream.getvalue()


def test_redaction_reaches_into_structures() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    body = {"X-ATS-Signature": "ab", "list": [{"Cookie": "c"}], "text": f"got {token}", "n": 5,
            "tokens_in": 12, "raw": b"123"}  # fmt: skip
    clean = redact(body)
    assert clean == {
        "X-ATS-Signature": "[redacted]", "list": [{"Cookie": "[redacted]"}],
        "text": "got [redacted]", "n": 5, "tokens_in": 12, "raw": "[3 bytes]",
    }  # fmt: skip
    assert body["n"] == 5
    deep: dict[str, object] = {}
    for _ in range(50):
        deep = {"d": deep}
    assert "[too deep]" in str(redact(deep))


def test_health_is_age_not_a_constant() -> None:
    clock = ManualClock(AT)
    health = HealthRegistry(clock)
    assert health.status() is HealthStatus.DOWN, "nothing watched means nothing known"
    health.watch("bars", stale_after_s=10)
    health.watch("llm", stale_after_s=10, is_required=False)
    assert health.status() is HealthStatus.DEGRADED
    health.report("bars", latency_ms=1.5)
    health.report("llm")
    assert health.status() is HealthStatus.OK
    clock.advance(timedelta(seconds=9))
    health.report("bars", complaint="slow")
    assert health.status() is HealthStatus.DEGRADED
    clock.advance(timedelta(seconds=2))
    parts = {part.name: part for part in health.parts()}
    assert parts["llm"].status is HealthStatus.DOWN
    assert parts["llm"].age_s == 11
    assert "limit 10 s" in parts["llm"].detail
    assert health.status() is HealthStatus.DEGRADED, "the llm is not required"
    clock.advance(timedelta(seconds=20))
    assert health.status() is HealthStatus.DOWN
    health.report("bars")
    health.report("llm")
    health.fail("bars", "socket closed")
    assert health.status() is HealthStatus.DOWN
    health.report("bars")
    assert health.status() is HealthStatus.OK


def test_a_part_that_never_reported_goes_down() -> None:
    clock = ManualClock(AT)
    health = HealthRegistry(clock)
    health.watch("gateway", stale_after_s=5)
    clock.advance(timedelta(seconds=6))
    (part,) = health.parts()
    assert (part.status, part.age_s) == (HealthStatus.DOWN, None)
    with pytest.raises(KeyError, match="not watched"):
        health.report("stranger")
    with pytest.raises(ValueError, match="positive"):
        health.watch("x", stale_after_s=0)
