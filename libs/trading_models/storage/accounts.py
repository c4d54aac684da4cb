"""Users, sessions and one-time tokens. Secrets are stored as hashes only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from trading_models.storage import tables

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may log in. `role` is `viewer`, `trader` or `admin`."""

    username: str
    password_hash: str
    role: str


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """A session to remember; times in milliseconds."""

    session_id: str
    username: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A one-time token to remember; `expires_at` in milliseconds."""

    token: str
    purpose: str
    username: str
    expires_at: int


def token_hash(token: str) -> str:
    """What is stored of a token; 256 random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A URL-safe token of 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def find_user(connection: sa.Connection, username: str) -> User | None:
    """The user of that name."""
    c = tables.users.c
    chosen = sa.select(c.username, c.password_hash, c.role).where(c.username == username)
    row = (connection.execute(chosen)).first()
    return None if row is None else User(row.username, row.password_hash, row.role)


def put_user(connection: sa.Connection, user: User, at: int) -> None:
    """Create the user or replace password and role."""
    c = tables.users.c
    changes = {"password_hash": user.password_hash, "role": user.role}
    changed = connection.execute(
        sa.update(tables.users).where(c.username == user.username).values(**changes)
    )
    if changed.rowcount == 0:
        row = {"username": user.username, "created_at": at, **changes}
        connection.execute(sa.insert(tables.users), row)


def add_session(connection: sa.Connection, entry: SessionEntry) -> None:
    """Remember a session so that it can be revoked; forget the expired ones."""
    row = {**asdict(entry), "session_id": token_hash(entry.session_id)}
    connection.execute(sa.insert(tables.sessions), row)
    expired = tables.sessions.c.expires_at < entry.created_at
    connection.execute(sa.delete(tables.sessions).where(expired))


def session_user(connection: sa.Connection, session_id: str, at: int) -> User | None:
    """The user of a session that is known, not expired and not revoked."""
    c, u = tables.sessions.c, tables.users.c
    chosen = (
        sa.select(u.username, u.password_hash, u.role)
        .select_from(tables.sessions.join(tables.users, c.username == u.username))
        .where(c.session_id == token_hash(session_id))
        .where(c.expires_at > at, c.revoked_at.is_(None))
    )
    row = (connection.execute(chosen)).first()
    return None if row is None else User(row.username, row.password_hash, row.role)


def revoke_session(connection: sa.Connection, session_id: str, at: int) -> None:
    """End a session; repeating is harmless."""
    c = tables.sessions.c
    connection.execute(
        sa.update(tables.sessions)
        .where(c.session_id == token_hash(session_id), c.revoked_at.is_(None))
        .values(revoked_at=at)
    )


def add_token(connection: sa.Connection, entry: TokenEntry) -> None:
    """Store the hash of a one-time token."""
    row = {
        "token_hash": token_hash(entry.token),
        "purpose": entry.purpose,
        "username": entry.username,
        "expires_at": entry.expires_at,
    }
    connection.execute(sa.insert(tables.one_time_tokens), row)


def redeem_token(connection: sa.Connection, token: str, purpose: str, at: int) -> str | None:
    """The username, once: of two concurrent attempts one wins. None for any other token."""
    c = tables.one_time_tokens.c
    used = connection.execute(
        sa.update(tables.one_time_tokens)
        .where(c.token_hash == token_hash(token), c.purpose == purpose)
        .where(c.used_at.is_(None), c.expires_at > at)
        .values(used_at=at)
        .returning(c.username)
    )
    row = used.first()
    connection.execute(sa.delete(tables.one_time_tokens).where(c.expires_at < at))
    return None if row is None else str(row.username)
