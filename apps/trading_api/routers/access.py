"""Login, logout, one-time link, WebSocket ticket, me."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from trading_api.auth import COOKIE
from trading_api.deps import AddressDep, Services, ServicesDep, SessionDep
from trading_api.schemas.access import (
    LinkRequest,
    LoginReply,
    LoginRequest,
    TicketReply,
    UserReply,
)
from trading_models.persistence import User

router = APIRouter(tags=["access"])


def _start(response: Response, services: Services, value: str, user: User) -> LoginReply:
    response.set_cookie(
        COOKIE,
        value,
        max_age=services.authenticator.lifetime_s,
        httponly=True,
        samesite="strict",
        secure=services.context.settings.is_https,
        path="/",
    )
    return LoginReply.model_validate({"user": {"username": user.username, "role": user.role}})


@router.post("/auth/login")
async def login(
    body: LoginRequest, response: Response, services: ServicesDep, address: AddressDep
) -> LoginReply:
    """Start a session. 401 for a wrong password, 429 after five failures in a minute."""
    value, user = await services.authenticator.login(body.username, body.password, address)
    return _start(response, services, value, user)


@router.post("/auth/one-time")
async def one_time(
    body: LinkRequest, response: Response, services: ServicesDep, address: AddressDep
) -> LoginReply:
    """Start a session with the token of a one-time link: single use, short-lived."""
    value, user = await services.authenticator.redeem_link(body.token, address)
    return _start(response, services, value, user)


@router.post("/auth/logout", status_code=204)
async def logout(session: SessionDep, services: ServicesDep) -> Response:
    """End the session and its live connections."""
    await services.authenticator.logout(session)
    services.context.hub.drop_session(session.session_id)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return response


@router.get("/me")
async def me(session: SessionDep) -> UserReply:
    """The caller."""
    return UserReply.model_validate({"username": session.username, "role": session.role})


@router.post("/auth/ws-ticket")
async def ws_ticket(session: SessionDep, services: ServicesDep) -> TicketReply:
    """A ticket for the first frame of the WebSocket: single use, 30 seconds."""
    ticket, expires_at = services.authenticator.issue_ticket(session)
    return TicketReply(ticket=ticket, expires_at=expires_at)
