"""Time, injected. The only module of the library that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What deciding code may ask about time. Market time or transport time: the owner knows."""

    def now(self) -> datetime:
        """Aware UTC time."""
        ...

    def now_ms(self) -> int:
        """The same as milliseconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; for ages and deadlines only."""
        ...


class SystemClock:
    """Wall clock in UTC (transport time; in live mode also market time)."""

    def now(self) -> datetime:
        """Aware UTC time."""
        return datetime.now(UTC)

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds of the system's monotonic clock."""
        return time.monotonic()


class ManualClock:
    """A clock that its owner moves: market time in lock-step, and tests."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The time last set."""
        return self._now

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return (self._now - _EPOCH) // timedelta(milliseconds=1)

    def monotonic(self) -> float:
        """Seconds moved forward so far."""
        return self._elapsed_s

    def set(self, at: datetime) -> None:
        """Move to `at`. Market time never goes back."""
        at = _utc(at)
        if at < self._now:
            raise ValueError(
                f"clock would go back from {self._now.isoformat()} to {at.isoformat()}"
            )
        self._elapsed_s += (at - self._now).total_seconds()
        self._now = at

    def advance(self, step: timedelta) -> None:
        """Move forward by `step`."""
        self.set(self._now + step)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"naive time {at.isoformat()}: give an aware UTC time")
    return at.astimezone(UTC)
