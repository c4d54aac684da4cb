"""Paper mode: advances the simulated venue step by step (lock-step replay, contracts K5-K9).

Only `LockstepDriver`, inside the orchestrator's process, calls the venue's control interface. The
control port does not exist in live mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
import orjson

from trading_models.base import Connectivity, ExecutionError


@dataclass(frozen=True, slots=True)
class VenueStep:
    """Where the venue stands: `market_time` is the closing time of `step`."""

    step: int
    market_time: datetime
    last_execution_id: int
    done: bool
    bars: int


class LockstepDriver:
    """Control interface of the simulated venue: the state, and one step at a time.

    Raises Connectivity while the venue restarts (both calls are safe to repeat: a repeated step
    returns the stored reply) and ExecutionError when the venue refuses.
    """

    def __init__(self, control_url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._url = control_url
        self._http = httpx2.AsyncClient(base_url=control_url, headers=headers, timeout=30.0)
        self.steps = 0

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._http.aclose()

    async def state(self) -> VenueStep:
        """The venue's position; also learns how many steps there are."""
        reply = await self._call("GET", "/sim/v1/state")
        self.steps = int(reply["steps"])
        return _venue_step(reply)

    async def step(self, number: int) -> VenueStep:
        """Close the bars of step `number` (1-based); repeating the newest step is harmless."""
        return _venue_step(await self._call("POST", "/sim/v1/step", {"step": number}))

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        content = b"" if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if content else {}
        try:
            response = await self._http.request(method, path, content=content, headers=headers)
        except httpx2.TransportError as error:
            raise Connectivity(f"simulated venue not reached at {self._url}: {error}") from error
        if response.is_success:
            return dict(orjson.loads(response.content))
        if response.status_code >= 500:
            raise Connectivity(f"simulated venue answered {response.status_code}")
        raise ExecutionError(
            f"simulated venue refused {method} {path}: {response.status_code} {response.text[:200]}"
        )


def _venue_step(reply: dict[str, Any]) -> VenueStep:
    return VenueStep(
        step=int(reply["step"]),
        market_time=datetime.fromisoformat(reply["market_time"]),
        last_execution_id=int(reply["last_execution_id"]),
        done=bool(reply["done"]),
        bars=int(reply.get("bars", 0)),
    )
