"""Writes a unit of work on the one writer connection. The same statements on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from trading_models.base import StorageError
from trading_models.storage import tables
from trading_models.storage.audit import VOUCHED, AuditHead, link, read_head, voucher
from trading_models.storage.rows import Row
from trading_models.storage.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Written:
    """Outcome of a unit: the new audit head, and whether every row was new to the database."""

    head: AuditHead
    is_all_new: bool


class Writer:
    """Prepared statements of one dialect."""

    def __init__(self, dialect: str) -> None:
        self._insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
        self._once = {
            "decision": self._insert_once(tables.decisions),
            "fill": self._insert_once(tables.fills),
            "trade": self._insert_once(tables.trades),
        }
        self._equity = self._upsert(tables.equity, ("at",))
        self._positions = self._upsert(tables.positions, ("account", "instrument_id"))
        self._run_state = self._upsert(tables.run_state, ("key",))
        self._orders = self._upsert(tables.orders, ("client_order_id",), newest_by="gateway_seq")
        self._audit = sa.insert(tables.audit)

    def write(
        self, connection: sa.Connection, unit: UnitOfWork, head: AuditHead | None, at: int
    ) -> Written:
        """Write everything of `unit` inside the caller's transaction.

        `head` is the newest audit entry as the caller remembers it. None: read it under a lock,
        because another process appends too.
        """
        if head is None:
            head = self._locked_head(connection)
        entries: list[tuple[str, str]] = []
        for kind, collected in (
            ("decision", unit.decisions),
            ("fill", unit.fills),
            ("trade", unit.trades),
        ):
            entries += [self._write_once(connection, kind, row) for row in collected]
        self._write_state(connection, unit)
        audit_rows = []
        vouchers = [(kind, body) for kind, body in entries if kind]
        for kind, body in vouchers + unit.audit:
            audit_rows.append(link(head, at, kind, body))
            head = AuditHead(audit_rows[-1]["seq"], audit_rows[-1]["hash"])
        if audit_rows:
            connection.execute(self._audit, audit_rows)
        is_all_new = all(kind in VOUCHED for kind, _ in entries)
        return Written(head, is_all_new)

    def _locked_head(self, connection: sa.Connection) -> AuditHead:
        # SQLite holds the write lock since BEGIN IMMEDIATE.
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE"))
        return read_head(connection)

    def _write_state(self, connection: sa.Connection, unit: UnitOfWork) -> None:
        if unit.orders:
            connection.execute(self._orders, list(unit.orders.values()))
        if unit.positions:
            connection.execute(self._positions, list(unit.positions.values()))
        if unit.equity:
            connection.execute(self._equity, unit.equity)
        if unit.run_state:
            state = [{"key": key, "value": value} for key, value in unit.run_state.items()]
            connection.execute(self._run_state, state)

    def _write_once(self, connection: sa.Connection, kind: str, row: Row) -> tuple[str, str]:
        """Insert a row that must never change; ("", "") when it was there already."""
        result = connection.execute(self._once[kind], row)
        if result.rowcount == 1:
            return kind, voucher(kind, row)
        table, columns = VOUCHED[kind]
        same = [column == row[column.name] for column in columns]
        stored = (connection.execute(sa.select(table.c.digest).where(*same))).scalar_one()
        if stored == row["digest"]:
            return "", ""
        key = "/".join(str(row[column.name]) for column in columns)
        if kind == "decision":
            # A live model may answer differently after a crash; what was recorded first was sent.
            return "decision_differs", voucher(kind, row)
        raise StorageError(
            f"{kind} {key} is stored with other contents (digest {stored[:12]}, "
            f"now {row['digest'][:12]}); nothing of this bar was written",
            next_step="run `ats audit verify` and compare with the gateway's journal",
        )

    def _insert_once(self, table: sa.Table) -> sa.Executable:
        statement: sa.Executable = self._insert(table).on_conflict_do_nothing()
        return statement

    def _upsert(
        self, table: sa.Table, keys: tuple[str, ...], newest_by: str | None = None
    ) -> sa.Executable:
        statement = self._insert(table)
        skipped = {*keys, "seq"}
        changed = {c.name: statement.excluded[c.name] for c in table.c if c.name not in skipped}
        where = None
        if newest_by is not None:
            where = table.c[newest_by] < statement.excluded[newest_by]
        upsert: sa.Executable = statement.on_conflict_do_update(
            index_elements=list(keys), set_=changed, where=where
        )
        return upsert
