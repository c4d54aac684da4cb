"""The store: all durable state of a run except the bars and the gateway's journal.

    store = await Store.open(sqlite_url(run_dir / "ats.db"))
    async with store.unit() as unit:
        unit.add_decision(record)
    await store.close()

A unit is one transaction. After its commit the changed rows go to the live sink, so a client never
sees what a crash could take back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from trading_models.base import Clock, StorageError, SystemClock
from trading_models.bus import UpdateSink
from trading_models.storage import accounts, audit, postgres, schema, sqlite
from trading_models.storage._api import WriteSession
from trading_models.storage.accounts import User, new_token
from trading_models.storage.audit import AuditHead, AuditReport
from trading_models.storage.postgres import PostgresWriter
from trading_models.storage.reads import Page, Reader, Window
from trading_models.storage.rows import decision_summary, fill_body, order_body
from trading_models.storage.tally import (
    AccountFigures,
    Tally,
    apply_unit,
    load_tally,
    portfolio_summary,
)
from trading_models.storage.unit import UnitOfWork
from trading_models.storage.writer import Writer, Written

__all__ = [
    "AccountFigures",
    "AuditHead",
    "AuditReport",
    "Page",
    "Store",
    "Tally",
    "UnitOfWork",
    "User",
    "Window",
    "decision_summary",
    "fill_body",
    "order_body",
    "portfolio_summary",
    "sqlite_url",
]

T = TypeVar("T")

ROLES = ("viewer", "trader", "admin")


def sqlite_url(path: Path) -> str:
    """Database URL of an SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


class Store:
    """One writer connection, several readers. Open with `Store.open`."""

    def __init__(self, writer: WriteSession, reader: Reader, clock: Clock) -> None:
        self._session = writer
        self._clock = clock
        self._writer = Writer(writer.dialect)
        self._commit_lock = asyncio.Lock()
        self._head = AuditHead()
        self._is_current = False
        self._is_closed = False
        self._sink: UpdateSink | None = None
        self.read = reader
        self.tally = Tally()

    @classmethod
    async def open(cls, url: str, *, clock: Clock | None = None) -> Self:
        """Connect, migrate to this program's schema and load the tally.

        `clock` is transport time (audit entries, sessions, tokens). StorageError when the file is
        no database, cannot be opened or has a newer schema.
        """
        store = cls._connect(url, clock)
        await store._start(url)  # noqa: SLF001 - an instance of this class
        return store

    @classmethod
    async def open_for_audit(cls, url: str) -> Self:
        """Connect without reading rows, so that a damaged database can be verified too."""
        return cls._connect(url, None)

    @classmethod
    def _connect(cls, url: str, clock: Clock | None) -> Self:
        is_sqlite = url.startswith("sqlite")
        session: WriteSession = sqlite.SqliteWriter(url) if is_sqlite else PostgresWriter(url)
        engine = (sqlite if is_sqlite else postgres).reader_engine(url)
        return cls(session, Reader(engine), clock or SystemClock())

    async def _start(self, url: str) -> None:
        try:
            await self._session.run(schema.migrate)
            await self._reload()
        except SQLAlchemyError as error:
            await self.close()
            raise StorageError(
                f"database {_shown(url)} cannot be opened: {_reason(error)}",
                next_step="check path, rights and free space, or start a fresh run",
            ) from error
        except StorageError:
            await self.close()
            raise

    async def close(self) -> None:
        """Release all connections; repeating is harmless."""
        if not self._is_closed:
            self._is_closed = True
            await self._session.close()
            await self.read.close()

    def attach(self, sink: UpdateSink) -> None:
        """Send changed rows of each later commit to `sink`."""
        self._sink = sink

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[UnitOfWork]:
        """Collect changes and commit them together; an exception inside discards them all."""
        unit = UnitOfWork()
        yield unit
        await self.commit(unit)

    async def commit(self, unit: UnitOfWork) -> None:
        """Write `unit` in one transaction, then publish what changed; all or nothing."""
        async with self._commit_lock:
            written = await self._write_unit(unit)
            self._head = written.head
            if written.is_all_new:
                apply_unit(self.tally, unit)
                self._is_current = True
            else:
                await self._reload()
        if self._sink is not None:
            for channel, ops in unit.updates.items():
                self._sink.apply(channel, ops)

    async def get_run_state(self, key: str) -> Any:
        """Value last committed under `key`, or None."""
        return await self.read.run_state(key)

    async def append_audit(self, kind: str, body: dict[str, Any]) -> None:
        """One audit entry in its own commit."""
        async with self.unit() as unit:
            unit.append_audit(kind, body)

    async def verify_audit(self) -> AuditReport:
        """Recompute the chain and the digests of the rows it vouches for."""
        return await self.read.run(audit.verify)

    async def put_user(self, username: str, password_hash: str, role: str) -> None:
        """Create a user or replace password and role. `role`: viewer, trader or admin."""
        if role not in ROLES:
            raise StorageError(f"role {role!r} is unknown; allowed: {', '.join(ROLES)}")
        user, now = User(username, password_hash, role), self._clock.now_ms()
        await self._write(lambda connection: accounts.put_user(connection, user, now))

    async def find_user(self, username: str) -> User | None:
        """The user of that name."""
        return await self.read.run(lambda connection: accounts.find_user(connection, username))

    async def add_session(self, session_id: str, username: str, ttl_s: int) -> None:
        """Remember a session for `ttl_s` seconds."""
        now = self._clock.now_ms()
        entry = accounts.SessionEntry(session_id, username, now, now + ttl_s * 1000)
        await self._write(lambda connection: accounts.add_session(connection, entry))

    async def session_user(self, session_id: str) -> User | None:
        """The user of a live session."""
        now = self._clock.now_ms()
        return await self.read.run(lambda c: accounts.session_user(c, session_id, now))

    async def revoke_session(self, session_id: str) -> None:
        """End a session."""
        now = self._clock.now_ms()
        await self._write(lambda connection: accounts.revoke_session(connection, session_id, now))

    async def issue_token(self, purpose: str, username: str, ttl_s: int) -> str:
        """A new one-time token of `purpose` (`login`), valid for `ttl_s` seconds."""
        token = new_token()
        entry = accounts.TokenEntry(token, purpose, username, self._clock.now_ms() + ttl_s * 1000)
        await self._write(lambda connection: accounts.add_token(connection, entry))
        return token

    async def redeem_token(self, purpose: str, token: str) -> str | None:
        """The token's username, once; None when unknown, used or expired."""
        now = self._clock.now_ms()
        return await self._write(lambda c: accounts.redeem_token(c, token, purpose, now))

    async def _write(self, work: Callable[[sa.Connection], T]) -> T:
        if self._is_closed:
            raise StorageError("the store is closed")
        try:
            return await self._session.run(work)
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise StorageError(
                f"nothing was written: {_reason(error)}",
                next_step="check free space and that no other program holds the database",
            ) from error

    async def _write_unit(self, unit: UnitOfWork) -> Written:
        if not self._is_current:
            await self._reload()
        # A cancelled wait does not stop the writer's thread: memory may be behind until then.
        self._is_current = False
        try:
            return await self._write_with(unit, self._head)
        except IntegrityError:
            # Another process appended to the audit chain: take the number from the database.
            try:
                return await self._write_with(unit, None)
            except IntegrityError as error:
                raise StorageError(f"nothing was written: {_reason(error)}") from error

    async def _write_with(self, unit: UnitOfWork, head: AuditHead | None) -> Written:
        at = self._clock.now_ms()
        return await self._write(lambda connection: self._writer.write(connection, unit, head, at))

    async def _reload(self) -> None:
        def load(connection: sa.Connection) -> tuple[AuditHead, Tally]:
            return audit.read_head(connection), load_tally(connection)

        try:
            self._head, self.tally = await self.read.run(load)
        except ValueError as error:
            raise StorageError(
                f"a stored row cannot be read: {error}", next_step="run ./ats audit verify"
            ) from error
        self._is_current = True


def _reason(error: SQLAlchemyError) -> str:
    return str(error.orig) if isinstance(error, DBAPIError) else str(error)


def _shown(url: str) -> str:
    """The URL without a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
