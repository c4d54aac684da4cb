"""Frames of `/api/v1/ws`, and the codes with which the server closes it."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, TypeAdapter

from trading_models.base import FrozenModel
from trading_models.bus import UpdateOp

VERSION = 1
CAPS = ("resume", "unsub")
MAX_FRAME_BYTES = 4_096
MAX_CHANNELS = 64
AUTH_TIMEOUT_S = 5.0

Sequence = Annotated[int, Field(ge=0)]
ChannelName = Annotated[str, Field(min_length=1, max_length=80)]


class CloseCode(IntEnum):
    """Why the server closed the connection."""

    BAD_FRAME = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN_ORIGIN = 4403
    TOO_SLOW = 4408
    GOING_AWAY = 1001


class Since(FrozenModel):
    """The last frame of a channel that the client applied."""

    epoch: str
    seq: Sequence


class AuthOp(FrozenModel):
    """First frame: the ticket of `POST /auth/ws-ticket`."""

    op: Literal["auth"]
    ticket: Annotated[str, Field(min_length=1, max_length=128)]


class SubOp(FrozenModel):
    """Subscribe; with `since` only what is missing is sent, if the server still has it."""

    op: Literal["sub"]
    ch: ChannelName
    since: Since | None = None


class UnsubOp(FrozenModel):
    """Stop a channel."""

    op: Literal["unsub"]
    ch: ChannelName


class ResumeOp(FrozenModel):
    """After a gap: send what follows `from`, the last sequence number applied."""

    op: Literal["resume"]
    ch: ChannelName
    epoch: str
    from_seq: Annotated[Sequence, Field(alias="from")]


ClientFrame = Annotated[AuthOp | SubOp | UnsubOp | ResumeOp, Field(discriminator="op")]
CLIENT_FRAME: TypeAdapter[AuthOp | SubOp | UnsubOp | ResumeOp] = TypeAdapter(ClientFrame)


def encode(frame: dict[str, Any]) -> str:
    """A frame as sent."""
    return orjson.dumps(frame).decode()


def hello(epoch: str, server_time: str, mode: str | None) -> str:
    """First frame of the server."""
    return encode(
        {
            "t": "hello",
            "v": VERSION,
            "epoch": epoch,
            "server_time": server_time,
            "mode": mode,
            "caps": CAPS,
        }
    )


def snap(channel: str, epoch: str, seq: int, data: dict[str, Any]) -> str:
    """The whole channel at `seq`."""
    return encode({"t": "snap", "ch": channel, "epoch": epoch, "seq": seq, "data": data})


def delta(channel: str, epoch: str, seq: int, ops: list[UpdateOp]) -> str:
    """The changes that lead from `seq` - 1 to `seq`."""
    return encode({"t": "delta", "ch": channel, "epoch": epoch, "seq": seq, "ops": ops})


def heartbeat(server_time: str, heads: dict[str, int]) -> str:
    """Once a second: the last sequence number sent of every channel of the client."""
    return encode({"t": "hb", "ts": server_time, "heads": heads})


def refusal(channel: str, title: str) -> str:
    """A request that cannot be served; the connection stays."""
    return encode({"t": "error", "ch": channel, "title": title})
