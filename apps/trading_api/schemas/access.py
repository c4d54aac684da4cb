"""Login and sessions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trading_models.base import FrozenModel, UtcTime

Username = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._@-]+$")]


class LoginRequest(FrozenModel):
    """Name and password."""

    username: Username
    password: Annotated[str, Field(min_length=1, max_length=256)]


class LinkRequest(FrozenModel):
    """The token of a one-time link."""

    token: Annotated[str, Field(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]


class UserReply(FrozenModel):
    """Who is logged in."""

    username: str
    role: Literal["viewer", "trader", "admin"]


class LoginReply(FrozenModel):
    """Answer of a login; the session itself is in the cookie."""

    user: UserReply


class TicketReply(FrozenModel):
    """Single-use ticket of the WebSocket."""

    ticket: str
    expires_at: UtcTime
