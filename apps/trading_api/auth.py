"""Who is asking: login, sessions, one-time links, WebSocket tickets.

A session is a JWT in an HttpOnly cookie and a row in the store: both must hold, so a session can be
ended before it expires, and a changed role counts at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading_models.base import Clock, SecurityError
from trading_models.persistence import Store, User
from trading_models.security import (
    OneTimeTokens,
    Passwords,
    SecurityPolicy,
    SessionClaims,
    SessionTokens,
)

COOKIE = "ats_session"
LINK = "login"
MINUTE_S = 60.0
#: Names are guessed too: an address gets this many times the failures of one name.
ADDRESS_FACTOR = 6
#: Argon2 takes 64 MiB and a core for a while; more at once would starve the trading loop.
PARALLEL_HASHES = 1


@dataclass(frozen=True, slots=True)
class Session:
    """An authenticated caller."""

    session_id: str
    username: str
    role: str
    expires_at: datetime


class TooManyFailures(SecurityError):
    """The caller must wait `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "too many failed logins", next_step=f"wait {retry_after_s} s, then try again"
        )
        self.retry_after_s = retry_after_s


class FailureWindow:
    """Failures of the last minute by key."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._failures: dict[str, deque[float]] = {}

    def check(self, key: str) -> None:
        """TooManyFailures when `limit` failures lie within the last minute."""
        now = self._clock.monotonic()
        recent = self._failures.get(key)
        while recent and recent[0] <= now - MINUTE_S:
            recent.popleft()
        if recent and len(recent) >= self._limit:
            raise TooManyFailures(max(1, round(recent[0] + MINUTE_S - now)))

    def add(self, key: str) -> None:
        """Count one failure and forget keys that have been quiet."""
        now = self._clock.monotonic()
        oldest = now - MINUTE_S
        quiet = [k for k, times in self._failures.items() if not times or times[-1] <= oldest]
        for old in quiet:
            del self._failures[old]
        self._failures.setdefault(key, deque(maxlen=self._limit)).append(now)


class Authenticator:
    """The use cases of this page. SecurityError means 401."""

    def __init__(
        self, store: Store, clock: Clock, jwt_secret: bytes, policy: SecurityPolicy
    ) -> None:
        lifetime = timedelta(hours=policy.session_hours)
        self._store = store
        self._clock = clock
        self._policy = policy
        self._tokens = SessionTokens(jwt_secret, clock, lifetime)
        self._tickets = OneTimeTokens(clock, policy.ws_ticket_s)
        self._tickets_of: dict[str, Session] = {}
        self._passwords = Passwords(policy)
        self._hashing = asyncio.Semaphore(PARALLEL_HASHES)
        limit = policy.login_failures_per_minute
        self._by_name = FailureWindow(clock, limit)
        self._by_address = FailureWindow(clock, limit * ADDRESS_FACTOR)
        self.lifetime_s = int(lifetime.total_seconds())

    async def login(self, username: str, password: str, address: str) -> tuple[str, User]:
        """Cookie value and user. TooManyFailures after too many wrong passwords."""
        name_key = f"{address}/{username}"
        self._check_failures(name_key, address)
        user = await self._store.find_user(username)
        stored = None if user is None else user.password_hash
        async with self._hashing:
            self._check_failures(name_key, address)
            is_correct = await asyncio.to_thread(self._passwords.is_correct, password, stored)
        if user is None or not is_correct:
            self._add_failure(name_key, address)
            await self._store.append_audit(
                "login_failed", {"username": username, "address": address}
            )
            raise SecurityError("user name or password is wrong")
        return await self._start(user, "password"), user

    async def redeem_link(self, token: str, address: str) -> tuple[str, User]:
        """Cookie value and user of a one-time link."""
        link_key = f"{address}/"
        self._check_failures(link_key, address)
        username = await self._store.redeem_token(LINK, token)
        user = None if username is None else await self._store.find_user(username)
        if user is None:
            self._add_failure(link_key, address)
            raise SecurityError(
                "the one-time link is unknown, used or expired",
                next_step="log in with name and password, or ask for a new link",
            )
        return await self._start(user, "one_time_link"), user

    async def session(self, cookie: str | None) -> Session:
        """The caller behind a cookie."""
        if not cookie:
            raise SecurityError("no session", next_step="log in")
        claims = self._tokens.verify(cookie)
        user = await self._store.session_user(claims.session_id)
        if user is None:
            raise SecurityError("the session has ended", next_step="log in again")
        return _session(claims, user)

    async def logout(self, session: Session) -> None:
        """End the session everywhere."""
        await self._store.revoke_session(session.session_id)
        await self._store.append_audit("logout", {"username": session.username})

    def issue_ticket(self, session: Session) -> tuple[str, datetime]:
        """A single-use ticket for the WebSocket and the time it expires."""
        ticket = self._tickets.issue(session.session_id)
        now = self._clock.now()
        self._tickets_of = {
            key: known for key, known in self._tickets_of.items() if known.expires_at > now
        }
        self._tickets_of[session.session_id] = session
        return ticket, now + timedelta(seconds=self._policy.ws_ticket_s)

    async def redeem_ticket(self, ticket: str) -> Session:
        """The session of a ticket, once, while the session lives."""
        session_id = self._tickets.redeem(ticket)
        if await self._store.session_user(session_id) is None:
            raise SecurityError("the session has ended", next_step="log in again")
        return self._tickets_of[session_id]

    async def _start(self, user: User, by: str) -> str:
        token, claims = self._tokens.issue(user.username, user.role)
        await self._store.add_session(claims.session_id, user.username, self.lifetime_s)
        await self._store.append_audit("login", {"username": user.username, "by": by})
        return token

    def _check_failures(self, name_key: str, address: str) -> None:
        self._by_name.check(name_key)
        self._by_address.check(address)

    def _add_failure(self, name_key: str, address: str) -> None:
        self._by_name.add(name_key)
        self._by_address.add(address)


def _session(claims: SessionClaims, user: User) -> Session:
    return Session(claims.session_id, user.username, user.role, claims.expires_at)
