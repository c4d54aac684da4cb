"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = (
    "decisions",
    "equity",
    "audit",
    "run_state",
    "orders",
    "fills",
    "positions",
    "trades",
    "users",
    "sessions",
    "one_time_tokens",
)


def upgrade() -> None:
    _bars()
    _trading()
    _trades()
    _people()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _bars() -> None:
    op.create_table(
        "decisions",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=True),
        sa.Column("score", sa.String(length=16), nullable=True),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("refused_by", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
        sa.UniqueConstraint("decision_id", name="uq_decisions_decision_id"),
    )
    op.create_index(
        "ix_decisions_instrument_id_closed_at",
        "decisions",
        ["instrument_id", "closed_at"],
        unique=False,
    )
    op.create_index("ix_decisions_outcome_seq", "decisions", ["outcome", "seq"], unique=False)
    op.create_table(
        "equity",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("equity", sa.String(length=48), nullable=False),
        sa.Column("drawdown_pct", sa.String(length=24), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_equity"),
        sa.UniqueConstraint("at", name="uq_equity_at"),
    )
    op.create_table(
        "audit",
        sa.Column("seq", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_table(
        "run_state",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_run_state"),
    )


def _trading() -> None:
    op.create_table(
        "orders",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("client_order_id", sa.String(length=36), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("gateway_seq", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_orders"),
        sa.UniqueConstraint("client_order_id", name="uq_orders_client_order_id"),
    )
    op.create_index("ix_orders_decision_id", "orders", ["decision_id"], unique=False)
    op.create_index("ix_orders_is_open_seq", "orders", ["is_open", "seq"], unique=False)
    op.create_table(
        "fills",
        sa.Column("seq", SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("trade_id", sa.String(length=64), nullable=False),
        sa.Column("client_order_id", sa.String(length=36), nullable=False),
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("market_time", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_fills"),
        sa.UniqueConstraint("instrument_id", "trade_id", name="uq_fills_instrument_id_trade_id"),
    )
    op.create_index("ix_fills_decision_id", "fills", ["decision_id"], unique=False)
    op.create_index("ix_fills_market_time", "fills", ["market_time"], unique=False)
    op.create_table(
        "positions",
        sa.Column("account", sa.String(length=32), nullable=False),
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "instrument_id", name="pk_positions"),
    )


def _trades() -> None:
    op.create_table(
        "trades",
        sa.Column("trade_no", SEQUENCE, autoincrement=False, nullable=False),
        sa.Column("instrument_id", sa.String(length=64), nullable=False),
        sa.Column("exit_at", sa.BigInteger(), nullable=False),
        sa.Column("entry_decision_id", sa.String(length=64), nullable=False),
        sa.Column("exit_decision_id", sa.String(length=64), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trade_no", name="pk_trades"),
    )
    op.create_index("ix_trades_entry_decision_id", "trades", ["entry_decision_id"], unique=False)
    op.create_index("ix_trades_exit_decision_id", "trades", ["exit_decision_id"], unique=False)


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_users"),
    )
    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("session_id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_username", "sessions", ["username"], unique=False)
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name="pk_one_time_tokens"),
    )
