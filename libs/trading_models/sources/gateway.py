"""Live market data of the execution gateway: bars, trades, best prices and books, typed.

Reads `WS /v1/market` (docs/concepts/interfaces.md section 3). After a disconnect closed bars resume
after the last one received, so that none is missed; trades cannot be had again, so a hole is told
as a `FeedGap`. A reader that does not keep up is cut off by the gateway, never silently skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from trading_models.base import Bar, Clock, DataStale, DataUnavailable, InstrumentId
from trading_models.security import RequestSigner
from trading_models.sources._live import FeedGap, Link, Message, TradeTick, read_message

_RETRY_PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8)


class GatewayMarket:
    """One subscription. `messages()` never ends by itself; the clock is transport time."""

    def __init__(
        self,
        base_url: str,
        signer: RequestSigner,
        clock: Clock,
        *,
        channels: Sequence[str] = ("bars",),
        instruments: Sequence[str] = (),
    ) -> None:
        self._base_url = base_url.replace("http://", "ws://", 1)
        self._signer, self._clock = signer, clock
        self._query = "channels=" + ",".join(channels)
        if instruments:
            self._query += "&instruments=" + ",".join(instruments)
        self._newest: dict[InstrumentId, datetime] = {}
        self._trades: dict[InstrumentId, int] = {}
        # Instruments whose trades may have a hole since the last connection.
        self._unsure: set[InstrumentId] = set()
        self._heard_at: datetime | None = None
        self.is_connected = False
        self.is_venue_connected = False

    def resume_after(self, closed_at: datetime, instrument_id: InstrumentId) -> None:
        """Bars of the instrument up to `closed_at` are known: the next ones are wanted."""
        self._newest[instrument_id] = closed_at

    def check_fresh(self, limit: timedelta) -> None:
        """DataStale unless both links stand and something arrived within `limit`."""
        age = None if self._heard_at is None else self._clock.now() - self._heard_at
        if self.is_connected and self.is_venue_connected and age is not None and age <= limit:
            return
        text = "nothing yet" if age is None else f"{age.total_seconds():.1f} s ago"
        raise DataStale(
            f"market data: last message {text}, allowed {limit.total_seconds():.1f} s; gateway "
            f"connected: {self.is_connected}, venue connected: {self.is_venue_connected}",
            next_step="no new risk is taken until data arrives; check `ats status`",
        )

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Everything subscribed to, across reconnects; close it with `aclose` (or `aclosing`).

        DataUnavailable if the gateway refuses the subscription.
        """
        attempt = 0
        while True:
            path = self._path()
            headers = self._signer.headers("GET", path, b"")
            try:
                async with connect(
                    self._base_url + path, additional_headers=headers, compression=None,
                    max_size=None, proxy=None, close_timeout=1,
                ) as socket:  # fmt: skip
                    self.is_connected, attempt = True, 0
                    self._unsure = set(self._trades)
                    async for frame in socket:
                        self._heard_at = self._clock.now()
                        for message in self._read(orjson.loads(frame)):
                            yield message
            except InvalidStatus as error:
                status, body = error.response.status_code, error.response.body or b""
                if status < 500:
                    text = body.decode(errors="replace")[:300]
                    raise DataUnavailable(f"gateway answered {status}: {text}") from error
            except (OSError, WebSocketException):
                pass
            finally:
                self.is_connected = self.is_venue_connected = False
            await asyncio.sleep(_RETRY_PAUSES_S[min(attempt, len(_RETRY_PAUSES_S) - 1)])
            attempt += 1

    def _path(self) -> str:
        if not self._newest:
            return f"/v1/market?{self._query}"
        since = min(self._newest.values())
        text = f"{since:%Y-%m-%dT%H:%M:%S}.{since.microsecond // 1000:03d}Z"
        return f"/v1/market?{self._query}&from={text}"

    def _read(self, row: dict[str, Any]) -> tuple[Message, ...]:
        message = read_message(row)
        match message:
            case Link():
                self.is_venue_connected = message.is_connected
            case Bar() if message.is_closed:
                newest = self._newest.get(message.instrument_id)
                if newest is not None and message.closed_at <= newest:
                    return ()
                self._newest[message.instrument_id] = message.closed_at
            case TradeTick():
                last = self._trades.get(message.instrument_id)
                self._trades[message.instrument_id] = message.trade_id
                if message.instrument_id in self._unsure:
                    self._unsure.discard(message.instrument_id)
                    if last is not None and message.trade_id > last + 1:
                        gap = FeedGap("trades", message.instrument_id, message.received_at)
                        return (gap, message)
        return () if message is None else (message,)
