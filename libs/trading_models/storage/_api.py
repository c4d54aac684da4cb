"""What a database adapter gives: one serial writer and an engine for reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa

T = TypeVar("T")


class WriteSession(Protocol):
    """The one writer connection. Work is synchronous code, so both databases share it."""

    dialect: str

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction: commit when it returns, roll back when it raises."""
        ...

    async def close(self) -> None:
        """Release the connection; repeating is harmless."""
        ...
