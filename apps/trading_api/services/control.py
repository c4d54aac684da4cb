"""Pause, resume, kill: once per idempotency key, recorded in the audit chain."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from trading_api.auth import Session
from trading_api.context import ControlPort, ControlResult
from trading_api.errors import ProblemError
from trading_models.base import StopLevel, StorageError, canonical_json
from trading_models.monitoring import get_logger
from trading_models.persistence import Store

LOG = get_logger("trading_api.control")
REMEMBERED = 1_024
CONFIRM_WORD = "CLOSE"
#: Levels that change what the account holds or has resting.
CONFIRMED_LEVELS = frozenset({StopLevel.CANCEL_ALL, StopLevel.FLATTEN})


@dataclass(slots=True)
class _Remembered:
    body_hash: str
    reply: asyncio.Task[dict[str, Any]]


class ControlService:
    """Calls the gateway through the orchestrator's port."""

    def __init__(self, port: ControlPort, store: Store) -> None:
        self._port = port
        self._store = store
        self._replies: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()

    async def pause(self, caller: Session, key: str | None, reason: str) -> dict[str, Any]:
        """No new entries."""
        request = {"action": "pause", "reason": reason}
        return await self._once(caller, key, request, lambda: self._port.pause(reason))

    async def resume(self, caller: Session, key: str | None, reason: str) -> dict[str, Any]:
        """Back to ACTIVE."""
        request = {"action": "resume", "reason": reason}
        return await self._once(caller, key, request, lambda: self._port.resume(reason))

    async def kill(
        self, caller: Session, key: str | None, level: StopLevel, reason: str
    ) -> dict[str, Any]:
        """One of the four stops."""
        request = {"action": "kill", "level": level.value, "reason": reason}
        return await self._once(caller, key, request, lambda: self._port.kill(level, reason))

    async def _once(
        self,
        caller: Session,
        key: str | None,
        request: dict[str, str],
        act: Callable[[], Awaitable[ControlResult]],
    ) -> dict[str, Any]:
        if key is None:
            return await self._act(caller, request, act)
        body_hash = hashlib.sha256(canonical_json(request)).hexdigest()
        name = (caller.username, key)
        known = self._replies.get(name)
        if known is None:
            reply = asyncio.create_task(self._act(caller, request, act))
            known = self._replies[name] = _Remembered(body_hash, reply)
            reply.add_done_callback(lambda task: self._forget_failure(name, task))
            while len(self._replies) > REMEMBERED:
                self._replies.popitem(last=False)
        elif known.body_hash != body_hash:
            raise ProblemError(
                409,
                "this Idempotency-Key was used for another request",
                next_step="use a new key for a new action",
            )
        # The action runs to its end even if the caller hangs up.
        return await asyncio.shield(known.reply)

    def _forget_failure(self, name: tuple[str, str], task: asyncio.Task[dict[str, Any]]) -> None:
        """A failed action may be tried again with the same key."""
        if task.cancelled() or task.exception() is not None:
            self._replies.pop(name, None)

    async def _act(
        self,
        caller: Session,
        request: dict[str, str],
        act: Callable[[], Awaitable[ControlResult]],
    ) -> dict[str, Any]:
        result = await act()
        reply = {
            "trading_state": result.trading_state.value,
            "level": None if result.level is None else result.level.value,
            "canceled": result.canceled,
            "orders": [dict(order) for order in result.orders],
        }
        entry = {**request, "username": caller.username, "trading_state": reply["trading_state"]}
        try:
            await self._store.append_audit("control", entry)
        except StorageError:
            # The kill switch must work on a full disk; the gateway's journal has the action too.
            LOG.exception("control_not_audited", action=request["action"])
        return reply
