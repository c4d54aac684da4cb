"""PostgreSQL through asyncpg."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

READ_CONNECTIONS = 8

T = TypeVar("T")


class PostgresWriter:
    """Implements `WriteSession`: the synchronous work runs in SQLAlchemy's greenlet bridge."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction."""
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Release the connection."""
        await self._engine.dispose()


def reader_engine(url: str) -> AsyncEngine:
    """Connections for the API; the server refuses writes on them."""
    settings = {"default_transaction_read_only": "on"}
    return create_async_engine(
        url,
        pool_size=READ_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"server_settings": settings},
    )
