"""An event loop on a thread of its own, so that cases of asynchronous clients stay plain calls."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
CALL_SECONDS = 20.0


class Background:
    """Runs coroutines of one client; `close` ends the loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = CALL_SECONDS) -> T:
        """Run to the end and hand back the result."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(timeout=seconds)

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside the case."""
        asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        """Stop the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=5)


class Stream:
    """Messages of one subscription."""

    def __init__(self) -> None:
        self.messages: queue.Queue[Any] = queue.Queue()
        self.on_close: list[Any] = []

    def put(self, message: Any) -> None:
        """Called by the client for each message."""
        self.messages.put(message)

    def next(self, seconds: float = CALL_SECONDS) -> Any:
        """The next message; `queue.Empty` after the deadline."""
        return self.messages.get(timeout=seconds)

    def drain(self) -> list[Any]:
        """What has come so far."""
        found = []
        while not self.messages.empty():
            found.append(self.messages.get_nowait())
        return found

    def close(self) -> None:
        """Unsubscribe."""
        for work in self.on_close:
            work()
