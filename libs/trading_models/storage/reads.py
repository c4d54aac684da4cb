"""Queries of the API. Rows come back in their wire shape, newest first where there is a cursor.

A cursor is the number of the last row seen; it stays valid while rows are added.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from trading_models.base import StorageError, from_millis, time_text, to_millis
from trading_models.storage import tables
from trading_models.storage.rows import Row, unpack

T = TypeVar("T")

#: `candidate` is any bar that reached the band in which an opinion counts.
CANDIDATE_OUTCOMES = ("approved", "refused")
LIST_COLUMNS = (
    "seq",
    "decision_id",
    "instrument_id",
    "closed_at",
    "outcome",
    "direction",
    "score",
    "headline",
    "refused_by",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page and the cursor of the next one, None at the end."""

    rows: list[Row]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows: an instrument (or all), a time range [from_at, to_at] and a limit."""

    instrument_id: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    limit: int = 500

    def conditions(
        self, table: sa.Table, time_column: sa.Column[Any]
    ) -> list[sa.ColumnElement[bool]]:
        """WHERE clauses of this window."""
        found: list[sa.ColumnElement[bool]] = []
        if self.instrument_id is not None:
            found.append(table.c.instrument_id == self.instrument_id)
        if self.from_at is not None:
            found.append(time_column >= to_millis(self.from_at))
        if self.to_at is not None:
            found.append(time_column <= to_millis(self.to_at))
        return found


class Reader:
    """Read side of the store, on its own connections."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            raise StorageError(
                f"the database cannot be read: {error.orig}", next_step="run ./ats doctor"
            ) from error

    async def decisions(self, *, limit: int, cursor: str | None, outcome: str) -> Page:
        """List rows of decisions; `outcome` is all, candidate, approved or refused."""
        query = _decision_list()
        c = tables.decisions.c
        if outcome == "candidate":
            query = query.where(c.outcome.in_(CANDIDATE_OUTCOMES))
        elif outcome != "all":
            query = query.where(c.outcome == outcome)
        rows = await self._mappings(_page(query, c.seq, limit, cursor))
        return _paged([(row["seq"], _decision(row)) for row in rows], limit)

    async def decision(self, decision_id: str) -> Row | None:
        """The whole record, with its orders, fills and the trade it opened or closed."""
        c = tables.decisions.c
        async with self._connect() as connection:
            chosen = sa.select(c.body).where(c.decision_id == decision_id)
            stored = (await connection.execute(chosen)).scalar()
            if stored is None:
                return None
            record: Row = orjson.loads(unpack(stored))
            o, f, t = tables.orders.c, tables.fills.c, tables.trades.c
            orders = sa.select(o.body).where(o.decision_id == decision_id).order_by(o.seq)
            fills = sa.select(f.body).where(f.decision_id == decision_id).order_by(f.seq)
            trade = sa.select(t.body).where(
                sa.or_(t.entry_decision_id == decision_id, t.exit_decision_id == decision_id)
            )
            record["orders"] = await _bodies(connection, orders)
            record["fills"] = await _bodies(connection, fills)
            found = await _bodies(connection, trade.order_by(t.trade_no).limit(1))
            record["outcome_trade"] = found[0] if found else None
            return record

    async def decision_at(self, closed_at: datetime) -> str | None:
        """Id of the decision at a bar's close; of the first instrument when there are several."""
        c = tables.decisions.c
        query = sa.select(c.decision_id).where(c.closed_at == to_millis(closed_at))
        async with self._connect() as connection:
            found = (await connection.execute(query.order_by(c.instrument_id).limit(1))).scalar()
        return None if found is None else str(found)

    async def signals(self, window: Window) -> list[Row]:
        """Decisions with a candidate, oldest first: the newest `limit` of the window."""
        c = tables.decisions.c
        query = _decision_list().where(c.outcome.in_(CANDIDATE_OUTCOMES))
        query = query.where(*window.conditions(tables.decisions, c.closed_at))
        rows = await self._mappings(query.order_by(c.seq.desc()).limit(window.limit))
        names = ("decision_id", "closed_at", "direction", "score", "outcome", "refused_by")
        shown = [_decision(row) for row in reversed(rows)]
        return [{name: row[name] for name in names} for row in shown]

    async def orders(self, *, status: str, limit: int, cursor: str | None) -> Page:
        """Orders; `status` is open or all."""
        c = tables.orders.c
        query = sa.select(c.seq, c.body)
        if status == "open":
            query = query.where(c.is_open.is_(True))
        return await self._body_page(query, c.seq, limit, cursor)

    async def fills(self, window: Window) -> list[Row]:
        """Fills with reason and decision, oldest first: the newest `limit` of the window."""
        c = tables.fills.c
        query = sa.select(c.body).where(*window.conditions(tables.fills, c.market_time))
        async with self._connect() as connection:
            newest = await _bodies(connection, query.order_by(c.seq.desc()).limit(window.limit))
        return newest[::-1]

    async def positions(self) -> list[Row]:
        """Open positions by instrument."""
        c = tables.positions.c
        query = sa.select(c.body).where(c.is_open.is_(True)).order_by(c.instrument_id, c.account)
        async with self._connect() as connection:
            return await _bodies(connection, query)

    async def trades(self, *, limit: int, cursor: str | None) -> Page:
        """Closed round trips."""
        c = tables.trades.c
        query = sa.select(c.trade_no, c.body)
        return await self._body_page(query, c.trade_no, limit, cursor)

    async def equity(self, limit: int) -> list[Row]:
        """Equity points, oldest first, thinned to at most `limit`; first and last are kept."""
        c = tables.equity.c
        numbered = sa.select(
            c.at, c.equity, c.drawdown_pct, sa.func.row_number().over(order_by=c.at).label("n")
        ).subquery()
        async with self._connect() as connection:
            counted = sa.select(sa.func.count()).select_from(tables.equity)
            count = (await connection.execute(counted)).scalar_one()
            step = max(1, -(-(count - 1) // max(limit - 1, 1)))
            n = numbered.c.n
            kept = sa.select(numbered).where(sa.or_((n - 1) % step == 0, n == count)).order_by(n)
            rows = (await connection.execute(kept)).all()
        return [
            {"at": _time(r.at), "equity": r.equity, "drawdown_pct": r.drawdown_pct} for r in rows
        ]

    async def counts(self) -> dict[str, int]:
        """Number of rows: decisions, orders, fills, trades, bars (equity points), audit."""
        async with self._connect() as connection:
            found = {}
            for name in ("decisions", "orders", "fills", "trades", "equity", "audit"):
                counted = sa.select(sa.func.count()).select_from(tables.metadata.tables[name])
                found[name] = (await connection.execute(counted)).scalar_one()
            return found

    async def run_state(self, key: str) -> Any:
        """Value last committed under `key`, or None."""
        c = tables.run_state.c
        async with self._connect() as connection:
            query = sa.select(c.value).where(c.key == key)
            found = (await connection.execute(query)).scalar()
        return None if found is None else orjson.loads(found)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run synchronous queries on a read connection."""
        async with self._connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Release the connections."""
        await self._engine.dispose()

    async def _body_page(
        self, query: sa.Select[Any], key: sa.Column[Any], limit: int, cursor: str | None
    ) -> Page:
        async with self._connect() as connection:
            found = (await connection.execute(_page(query, key, limit, cursor))).all()
        return _paged([(row[0], orjson.loads(row[1])) for row in found], limit)

    async def _mappings(self, query: sa.Select[Any]) -> list[Row]:
        async with self._connect() as connection:
            found = (await connection.execute(query)).all()
        # Column names are a subclass of str, which the JSON encoder refuses as a key.
        return [dict(zip(LIST_COLUMNS, row, strict=True)) for row in found]


def _decision_list() -> sa.Select[Any]:
    return sa.select(*(tables.decisions.c[name] for name in LIST_COLUMNS))


def _decision(row: Row) -> Row:
    row.pop("seq", None)
    row["closed_at"] = _time(row["closed_at"])
    return row


def _page(
    query: sa.Select[Any], key: sa.Column[Any], limit: int, cursor: str | None
) -> sa.Select[Any]:
    if cursor is not None:
        query = query.where(key < int(cursor))
    return query.order_by(key.desc()).limit(limit + 1)


def _paged(rows: list[tuple[int, Row]], limit: int) -> Page:
    has_more = len(rows) > limit
    kept = rows[:limit]
    return Page([row for _, row in kept], str(kept[-1][0]) if has_more else None)


async def _bodies(connection: AsyncConnection, query: sa.Select[Any]) -> list[Row]:
    found: Sequence[Any] = (await connection.execute(query)).scalars().all()
    return [orjson.loads(body) for body in found]


def _time(millis: int) -> str:
    return time_text(from_millis(millis))
