"""The tables, once for SQLite and PostgreSQL.

Columns exist only where a query filters, sorts or joins; the full wire object is the `body` of the
row. Times are integer milliseconds UTC. Money never becomes a binary float: it stays in the body.
"""

from __future__ import annotations

import sqlalchemy as sa

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# A rowid alias in SQLite must be spelled INTEGER; PostgreSQL wants 64 bits.
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData(naming_convention=NAMING)


def _sequence() -> sa.Column[int]:
    return sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=True)


decisions = sa.Table(
    "decisions",
    metadata,
    _sequence(),
    sa.Column("decision_id", sa.String(64), nullable=False, unique=True),
    sa.Column("instrument_id", sa.String(64), nullable=False),
    sa.Column("closed_at", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("direction", sa.String(8)),
    sa.Column("score", sa.String(16)),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("refused_by", sa.String(64)),
    sa.Column("digest", sa.String(64), nullable=False),
    # zlib over canonical JSON: a third of the size, 20 microseconds.
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("ix_decisions_outcome_seq", "outcome", "seq"),
    sa.Index("ix_decisions_instrument_id_closed_at", "instrument_id", "closed_at"),
)

orders = sa.Table(
    "orders",
    metadata,
    _sequence(),
    sa.Column("client_order_id", sa.String(36), nullable=False, unique=True),
    sa.Column("decision_id", sa.String(64), nullable=False, index=True),
    sa.Column("instrument_id", sa.String(64), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("gateway_seq", sa.BigInteger, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("ix_orders_is_open_seq", "is_open", "seq"),
)

fills = sa.Table(
    "fills",
    metadata,
    _sequence(),
    sa.Column("instrument_id", sa.String(64), nullable=False),
    sa.Column("trade_id", sa.String(64), nullable=False),
    sa.Column("client_order_id", sa.String(36), nullable=False),
    sa.Column("decision_id", sa.String(64), nullable=False, index=True),
    sa.Column("market_time", sa.BigInteger, nullable=False, index=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("instrument_id", "trade_id"),
)

positions = sa.Table(
    "positions",
    metadata,
    sa.Column("account", sa.String(32), primary_key=True),
    sa.Column("instrument_id", sa.String(64), primary_key=True),
    sa.Column("is_open", sa.Boolean, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

trades = sa.Table(
    "trades",
    metadata,
    sa.Column("trade_no", SEQUENCE, primary_key=True, autoincrement=False),
    sa.Column("instrument_id", sa.String(64), nullable=False),
    sa.Column("exit_at", sa.BigInteger, nullable=False),
    sa.Column("entry_decision_id", sa.String(64), nullable=False, index=True),
    sa.Column("exit_decision_id", sa.String(64), index=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

equity = sa.Table(
    "equity",
    metadata,
    _sequence(),
    sa.Column("at", sa.BigInteger, nullable=False, unique=True),
    sa.Column("equity", sa.String(48), nullable=False),
    sa.Column("drawdown_pct", sa.String(24), nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("seq", SEQUENCE, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

run_state = sa.Table(
    "run_state",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("username", sa.String(64), primary_key=True),
    sa.Column("password_hash", sa.String(256), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_id", sa.String(64), primary_key=True),
    sa.Column("username", sa.String(64), nullable=False, index=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)

one_time_tokens = sa.Table(
    "one_time_tokens",
    metadata,
    # Only the SHA-256 of a token is kept: reading the file gives nobody a way in.
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("username", sa.String(64), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger),
)
