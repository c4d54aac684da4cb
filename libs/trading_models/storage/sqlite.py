"""SQLite: WAL, one writer connection in a thread of its own, aiosqlite connections for reading.

A bar is half a dozen statements. Through aiosqlite each would be a round trip between two threads;
here a whole transaction is one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection as DriverConnection
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 5_000
READ_CONNECTIONS = 4

# NORMAL survives kill -9; after a power cut the last commits may be missing and are decided again
# from the gateway's journal, which syncs each order before it is sent.
WRITER_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "wal_autocheckpoint=1000",
    "journal_size_limit=16777216",
)
READER_PRAGMAS = (f"busy_timeout={BUSY_TIMEOUT_MS}", "query_only=ON")

T = TypeVar("T")


class SqliteWriter:
    """Implements `WriteSession`."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url.replace("+aiosqlite", "", 1))
        _apply_at_connect(self._engine, WRITER_PRAGMAS)
        _begin_immediate(self._engine)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._connection: sa.Connection | None = None

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction, in the writer's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    async def close(self) -> None:
        """Close the connection in its thread, then end the thread."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    def _run(self, work: Callable[[sa.Connection], T]) -> T:
        if self._connection is None:
            _create_private(self._engine.url.database)
            self._connection = self._engine.connect()
        with self._connection.begin():
            return work(self._connection)


def _create_private(path: str | None) -> None:
    """A new file belongs to its owner alone; the WAL takes over its rights."""
    if path is not None:
        # What is wrong with the path is said better by the connection that follows.
        with suppress(OSError):
            Path(path).touch(mode=0o600, exist_ok=True)


def reader_engine(url: str) -> AsyncEngine:
    """Connections for the API; they cannot write."""
    engine = create_async_engine(url, pool_size=READ_CONNECTIONS, max_overflow=0)
    _apply_at_connect(engine.sync_engine, READER_PRAGMAS)
    return engine


def _apply_at_connect(engine: sa.Engine, pragmas: tuple[str, ...]) -> None:
    def apply(connection: DriverConnection, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", apply)


def _begin_immediate(engine: sa.Engine) -> None:
    """Take the write lock at BEGIN, and make schema changes transactional.

    The driver would begin late and not at all before DDL: a crash in a migration would leave half
    a schema.
    """

    def manual(connection: DriverConnection, _record: object) -> None:
        connection.isolation_level = None

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", manual)
    event.listen(engine, "begin", begin)
