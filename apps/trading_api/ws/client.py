"""The queue of one connected client."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime

from trading_api.ws import protocol

#: Frames a client may lag behind before it is dropped.
QUEUE_FRAMES = 4_096


class LiveClient:
    """Frames wait here until the socket takes them. Filled by the hub, emptied by one task."""

    def __init__(
        self,
        session_id: str,
        expires_at: datetime,
        compose: Callable[[str], tuple[int, str]],
    ) -> None:
        self.session_id = session_id
        self.expires_at = expires_at
        self.sent_seq: dict[str, int] = {}
        self._compose = compose
        # A str is a frame; a tuple stands for the newest value of a channel or for a heartbeat.
        self._queue: deque[str | tuple[str]] = deque()
        self._latest: dict[str, tuple[int, str] | None] = {}
        self._beat: tuple[str, dict[str, int]] | None = None
        self._ready = asyncio.Event()
        self._dropped = asyncio.Event()
        self._code: protocol.CloseCode | None = None

    @property
    def is_full(self) -> bool:
        """More waits than a live client can need."""
        return len(self._queue) > QUEUE_FRAMES

    @property
    def close_code(self) -> protocol.CloseCode | None:
        """Set once the hub has dropped the client."""
        return self._code

    def push(self, frame: str) -> None:
        """Queue a frame that must arrive."""
        self._queue.append(frame)
        self._ready.set()

    def push_latest(self, channel: str, seq: int, frame: str) -> None:
        """Queue a newest value; if one still waits, a snapshot will stand for both."""
        if channel in self._latest:
            self._latest[channel] = None
            return
        self._latest[channel] = (seq, frame)
        self._queue.append((channel,))
        self._ready.set()

    def push_heartbeat(self, server_time: str, heads: dict[str, int]) -> None:
        """Queue a heartbeat unless one still waits: its heads hold for what is queued before it."""
        if self._beat is None:
            self._beat = (server_time, heads)
            self._queue.append(("",))
            self._ready.set()

    def forget(self, channel: str) -> None:
        """The channel is not read any more."""
        self._latest.pop(channel, None)
        self.sent_seq.pop(channel, None)

    def close(self, code: protocol.CloseCode) -> None:
        """Wake the sender so that it closes the socket."""
        self._code = code
        self._queue.clear()
        self._ready.set()
        self._dropped.set()

    async def wait_dropped(self) -> None:
        """Return once the hub has dropped the client."""
        await self._dropped.wait()

    async def next_frame(self) -> str | None:
        """The next frame to send; None when the client was dropped."""
        while self._code is None:
            if not self._queue:
                self._ready.clear()
                await self._ready.wait()
                continue
            item = self._queue.popleft()
            frame = item if isinstance(item, str) else self._make(item[0])
            if frame is not None:
                return frame
        return None

    def _make(self, channel: str) -> str | None:
        if not channel:
            return self._make_heartbeat()
        if channel not in self._latest:
            return None
        waiting = self._latest.pop(channel)
        seq, frame = self._compose(channel) if waiting is None else waiting
        self.sent_seq[channel] = seq
        return frame

    def _make_heartbeat(self) -> str | None:
        if self._beat is None:
            return None
        (server_time, heads), self._beat = self._beat, None
        return protocol.heartbeat(server_time, {**heads, **self.sent_seq})
