"""The audit chain: each entry's hash covers the entry and the hash before it.

Decisions, fills and trades enter the chain by the digest of their body, so that a changed row of
those tables is found as well as a changed entry.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from trading_models.base import canonical_json
from trading_models.security import GENESIS_HASH, chain_hash
from trading_models.storage import tables
from trading_models.storage.rows import digest, unpack

# SQLite takes at most 32,766 values in one statement.
BATCH = 2_000


@dataclass(frozen=True, slots=True)
class AuditHead:
    """Number and hash of the newest entry; 0 and zeros for an empty chain."""

    seq: int = 0
    hash: str = GENESIS_HASH


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Result of a verification. `first_bad_seq` is None for a whole chain."""

    records: int
    head: AuditHead
    first_bad_seq: int | None = None
    problem: str | None = None

    @property
    def is_intact(self) -> bool:
        """Every entry and every row it vouches for is unchanged."""
        return self.first_bad_seq is None


def link(head: AuditHead, at: int, kind: str, body: str) -> dict[str, Any]:
    """Columns of the entry after `head`. `body` is canonical JSON."""
    seq = head.seq + 1
    entry = {"seq": seq, "at": at, "kind": kind, "body": body}
    return {**entry, "previous_hash": head.hash, "hash": chain_hash(head.hash, entry)}


def read_head(connection: sa.Connection) -> AuditHead:
    """The newest entry."""
    newest = sa.select(tables.audit.c.seq, tables.audit.c.hash)
    row = (connection.execute(newest.order_by(tables.audit.c.seq.desc()).limit(1))).first()
    return AuditHead() if row is None else AuditHead(int(row.seq), str(row.hash))


def verify(connection: sa.Connection) -> AuditReport:
    """Recompute the chain from its start and name the first entry that does not fit."""
    head = AuditHead()
    while True:
        entries = sa.select(tables.audit).where(tables.audit.c.seq > head.seq)
        rows = (connection.execute(entries.order_by(tables.audit.c.seq).limit(BATCH))).mappings()
        batch = [dict(row) for row in rows]
        if not batch:
            return _verify_vouched(connection, head)
        for row in batch:
            expected = link(head, row["at"], row["kind"], row["body"])
            if expected != row:
                problem = _difference(expected, row)
                return AuditReport(head.seq, head, head.seq + 1, problem)
            head = AuditHead(row["seq"], row["hash"])


def _difference(expected: dict[str, Any], row: dict[str, Any]) -> str:
    if row["seq"] != expected["seq"]:
        return f"entry {expected['seq']} is missing; the next one found is {row['seq']}"
    if row["previous_hash"] != expected["previous_hash"]:
        return f"entry {row['seq']} does not continue the chain (previous_hash differs)"
    return f"entry {row['seq']} was changed (kind {row['kind']}; its hash does not fit its body)"


#: Kind of entry -> the table it vouches for and the columns that name a row of it.
VOUCHED: dict[str, tuple[sa.Table, tuple[sa.Column[Any], ...]]] = {
    "decision": (tables.decisions, (tables.decisions.c.decision_id,)),
    "fill": (tables.fills, (tables.fills.c.instrument_id, tables.fills.c.trade_id)),
    "trade": (tables.trades, (tables.trades.c.trade_no,)),
}


def voucher(kind: str, row: dict[str, Any]) -> str:
    """Body of the entry that vouches for `row`."""
    key = [row[column.name] for column in VOUCHED[kind][1]]
    return canonical_json({"digest": row["digest"], "key": key}).decode()


def _verify_vouched(connection: sa.Connection, head: AuditHead) -> AuditReport:
    found = [_first_bad_row(connection, kind) for kind in VOUCHED]
    bad = min((f for f in found if f is not None), default=None)
    if bad is None:
        return AuditReport(head.seq, head)
    return AuditReport(head.seq, head, bad[0], bad[1])


def _first_bad_row(connection: sa.Connection, kind: str) -> tuple[int, str] | None:
    table, columns = VOUCHED[kind]
    entries = sa.select(tables.audit.c.seq, tables.audit.c.body).where(tables.audit.c.kind == kind)
    after, count = 0, 0
    while True:
        page = entries.where(tables.audit.c.seq > after).order_by(tables.audit.c.seq).limit(BATCH)
        vouchers = [(int(s), orjson.loads(b)) for s, b in (connection.execute(page)).all()]
        if not vouchers:
            break
        after, count = vouchers[-1][0], count + len(vouchers)
        keys = [tuple(v["key"]) for _, v in vouchers]
        stored = sa.select(*columns, table.c.body).where(sa.tuple_(*columns).in_(keys))
        bodies = {tuple(r[:-1]): r[-1] for r in (connection.execute(stored)).all()}
        for (seq, vouched), key in zip(vouchers, keys, strict=True):
            name = f"{kind} {'/'.join(map(str, key))} of entry {seq}"
            if key not in bodies:
                return seq, f"{name} is missing"
            if _stored_digest(bodies[key]) != vouched["digest"]:
                return seq, f"{name} was changed"
    rows = (connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
    if rows > count:
        return after + 1, f"{rows - count} rows of {table.name} are not in the chain"
    return None


def _stored_digest(body: bytes | str) -> str | None:
    try:
        return digest(unpack(body) if isinstance(body, bytes) else body.encode())
    except zlib.error:
        return None
