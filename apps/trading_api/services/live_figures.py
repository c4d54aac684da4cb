"""Figures that the orchestrator publishes: the REST answers are the live channels' newest state."""

from __future__ import annotations

from typing import Any

from trading_api.errors import ProblemError
from trading_api.ws.hub import Hub
from trading_models.monitoring import HealthRegistry


class LiveFigures:
    """Reads the hub, so that REST and WebSocket cannot disagree."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def mode(self) -> dict[str, Any]:
        """`GET /mode`."""
        return self._state("mode")

    def risk(self) -> dict[str, Any]:
        """`GET /risk/state`."""
        return self._state("risk")

    def portfolio(self) -> dict[str, Any]:
        """`GET /portfolio/summary`."""
        data = self._state("portfolio")
        data.pop("equity_point", None)
        return data

    def is_live(self) -> bool:
        """Real money: dangerous actions need a typed word. Unknown counts as live."""
        mode = self._hub.state("mode")
        return mode is None or mode.get("mode") == "live"

    def _state(self, channel: str) -> dict[str, Any]:
        data = self._hub.state(channel)
        if data is None:
            raise ProblemError(
                503,
                f"{channel} is not known yet: the trading loop is starting",
                headers={"retry-after": "1"},
                next_step="retry in a second; ./ats status shows what is missing",
            )
        return data


def health_report(
    registry: HealthRegistry, *, clock_offset_ms: int | None, version: str
) -> dict[str, Any]:
    """`GET /system/health` and the live channel `health`."""
    services = [
        {
            "name": part.name,
            "status": part.status.value,
            "age_s": None if part.age_s is None else round(part.age_s, 3),
            "detail": part.detail,
            "latency_ms": None if part.latency_ms is None else round(part.latency_ms, 3),
        }
        for part in registry.parts()
    ]
    return {
        "status": registry.status().value,
        "services": services,
        "clock_offset_ms": clock_offset_ms,
        "version": version,
    }
