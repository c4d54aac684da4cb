"""Mode, risk state, and the four stops."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from trading_api.deps import OperatorDep, ServicesDep
from trading_api.errors import ProblemError
from trading_api.routers.params import IdempotencyKey
from trading_api.schemas.system import (
    ControlReply,
    KillRequest,
    ModeReply,
    ReasonRequest,
    RiskStateReply,
)
from trading_api.services.control import CONFIRM_WORD, CONFIRMED_LEVELS

router = APIRouter(tags=["control"])


@router.get("/mode", response_model=ModeReply)
async def mode(services: ServicesDep) -> dict[str, Any]:
    """What runs, on which account, and whether it is real."""
    return services.figures.mode()


@router.get("/risk/state", response_model=RiskStateReply)
async def risk_state(services: ServicesDep) -> dict[str, Any]:
    """Whether and why trading is restricted."""
    return services.figures.risk()


@router.post("/control/pause", response_model=ControlReply)
async def pause(
    body: ReasonRequest, services: ServicesDep, caller: OperatorDep, key: IdempotencyKey = None
) -> dict[str, Any]:
    """No new entries; positions stay managed."""
    return await services.control.pause(caller, key, body.reason)


@router.post("/control/resume", response_model=ControlReply)
async def resume(
    body: ReasonRequest, services: ServicesDep, caller: OperatorDep, key: IdempotencyKey = None
) -> dict[str, Any]:
    """Back to ACTIVE."""
    return await services.control.resume(caller, key, body.reason)


@router.post("/control/kill", response_model=ControlReply)
async def kill(
    body: KillRequest, services: ServicesDep, caller: OperatorDep, key: IdempotencyKey = None
) -> dict[str, Any]:
    """One of the four stops; the answer comes when the gateway has carried it out."""
    if (
        body.level in CONFIRMED_LEVELS
        and services.figures.is_live()
        and body.confirm != CONFIRM_WORD
    ):
        raise ProblemError(
            422,
            f"{body.level.value} in live mode must be confirmed",
            field="confirm",
            allowed=CONFIRM_WORD,
            next_step=f'send "confirm": "{CONFIRM_WORD}"',
        )
    return await services.control.kill(caller, key, body.level, body.reason)
