"""One WebSocket from hand-shake to close."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from trading_api.auth import Authenticator
from trading_api.middleware import is_same_origin
from trading_api.ws import protocol
from trading_api.ws.client import LiveClient
from trading_api.ws.hub import Hub
from trading_api.ws.protocol import AuthOp, CloseCode, ResumeOp, SubOp
from trading_api.ws.topics import bars_instrument, topic_of
from trading_models.base import Clock, SecurityError, time_text
from trading_models.monitoring import get_logger

CLOSE_TIMEOUT_S = 2.0
LOG = get_logger("trading_api.live")


class LiveConnection:
    """Authenticates with a ticket, then relays between the socket and the hub."""

    def __init__(
        self, hub: Hub, authenticator: Authenticator, clock: Clock, instruments: frozenset[str]
    ) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._clock = clock
        self._instruments = instruments

    async def serve(self, socket: WebSocket) -> None:
        """Run until either side ends."""
        await socket.accept()
        if not is_same_origin(socket.headers):
            await socket.close(CloseCode.FORBIDDEN_ORIGIN)
            return
        client = await self._authenticate(socket)
        if client is None:
            return
        work = (
            asyncio.create_task(self._send(socket, client)),
            asyncio.create_task(self._receive(socket, client)),
            # The sender of a client that does not read waits and cannot see the drop itself.
            asyncio.create_task(client.wait_dropped()),
        )
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.drop(client, client.close_code or CloseCode.GOING_AWAY)
            for task in work:
                task.cancel()
            for result in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                    LOG.error("live_connection_failed", error=repr(result))
            await _close(socket, client.close_code or CloseCode.GOING_AWAY)

    async def _authenticate(self, socket: WebSocket) -> LiveClient | None:
        try:
            async with asyncio.timeout(protocol.AUTH_TIMEOUT_S):
                ticket = _ticket(await _frame(socket))
            session = await self._authenticator.redeem_ticket(ticket)
        except (TimeoutError, SecurityError, ValueError):
            await socket.close(CloseCode.UNAUTHENTICATED)
            return None
        except WebSocketDisconnect:
            return None
        client = self._hub.connect(session.session_id, session.expires_at)
        mode = (self._hub.state("mode") or {}).get("mode")
        client.push(protocol.hello(self._hub.epoch, time_text(self._clock.now()), mode))
        return client

    async def _send(self, socket: WebSocket, client: LiveClient) -> None:
        while (frame := await client.next_frame()) is not None:
            await socket.send_text(frame)

    async def _receive(self, socket: WebSocket, client: LiveClient) -> None:
        while True:
            try:
                self._handle(client, await _frame(socket))
            except WebSocketDisconnect:
                return
            except ValueError:
                self._hub.drop(client, CloseCode.BAD_FRAME)
                return

    def _handle(self, client: LiveClient, frame: protocol.ClientFrame) -> None:
        if isinstance(frame, AuthOp):
            client.push(protocol.refusal("", "this connection is authenticated already"))
        elif isinstance(frame, SubOp | ResumeOp):
            refused = self._refusal(client, frame.ch)
            if refused is not None:
                client.push(protocol.refusal(frame.ch, refused))
                return
            self._hub.subscribe(client, frame.ch, _since(frame))
        else:
            self._hub.unsubscribe(client, frame.ch)

    def _refusal(self, client: LiveClient, channel: str) -> str | None:
        if topic_of(channel) is None:
            return "there is no such channel"
        instrument = bars_instrument(channel)
        if instrument is not None and instrument not in self._instruments:
            return f"{instrument} is not traded here"
        if self._hub.subscriptions(client, but=channel) >= protocol.MAX_CHANNELS:
            return f"at most {protocol.MAX_CHANNELS} channels for one connection"
        return None


def _ticket(frame: protocol.ClientFrame) -> str:
    if not isinstance(frame, AuthOp):
        raise SecurityError("the first frame must be auth")
    return frame.ticket


async def _frame(socket: WebSocket) -> protocol.ClientFrame:
    """The next frame of the client; ValueError for anything that is not of the protocol."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None or len(text) > protocol.MAX_FRAME_BYTES:
        raise ValueError(f"a frame is text of at most {protocol.MAX_FRAME_BYTES} characters")
    return protocol.CLIENT_FRAME.validate_json(text)


async def _close(socket: WebSocket, code: CloseCode) -> None:
    if (
        socket.client_state is not WebSocketState.CONNECTED
        or socket.application_state is not WebSocketState.CONNECTED
    ):
        return
    with suppress(TimeoutError, WebSocketDisconnect):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await socket.close(code)


def _since(frame: SubOp | ResumeOp) -> tuple[str, int] | None:
    if isinstance(frame, ResumeOp):
        return frame.epoch, frame.from_seq
    return None if frame.since is None else (frame.since.epoch, frame.since.seq)
