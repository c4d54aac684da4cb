"""The WebSocket."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from trading_api.ws.connection import LiveConnection

router = APIRouter()


@router.websocket("/ws")
async def live(socket: WebSocket) -> None:
    """Snapshots and deltas of the live channels; the ticket comes in the first frame."""
    services = socket.app.state.services
    context = services.context
    instruments = frozenset(str(i.instrument_id) for i in context.market.instruments())
    connection = LiveConnection(context.hub, services.authenticator, context.clock, instruments)
    await connection.serve(socket)
