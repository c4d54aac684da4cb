"""Keys, signatures, passwords, sessions and the audit chain.

Everything compares in constant time; secret files are 0600, written whole or not at all; one JWT
algorithm is accepted. `load_approval_key` serves the risk engine alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trading_models.base import Clock, ConfigError, SecurityError, canonical_json
from trading_models.monitoring import redact as redact  # noqa: PLC0414 - re-export
from trading_models.monitoring import redact_event as redact_event  # noqa: PLC0414 - re-export

OWNER_ONLY = 0o600
JWT_ALGORITHM = "HS256"
GENESIS_HASH = "0" * 64
_MIN_SECRET_BYTES = 32
_HEX_NONCE_BYTES = 16
_JWT_ISSUER = "ats"


class SecurityPolicy(BaseModel):
    """`security_config.toml`: how hard passwords are to guess and how long access lasts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    argon2_time_cost: Annotated[int, Field(ge=1, le=20)] = 3
    argon2_memory_kib: Annotated[int, Field(ge=8192, le=1_048_576)] = 65536
    argon2_parallelism: Annotated[int, Field(ge=1, le=16)] = 4
    password_min_length: Annotated[int, Field(ge=8, le=128)] = 12
    login_failures_per_minute: Annotated[int, Field(ge=1, le=100)] = 5
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    ws_ticket_s: Annotated[int, Field(ge=5, le=300)] = 30


def load_policy(path: Path | None = None) -> SecurityPolicy:
    """The policy of `path`, or the defaults. ConfigError names file, key and range."""
    if path is None:
        return SecurityPolicy()
    try:
        return SecurityPolicy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=(str(path), None)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = f"{key} = {first['input']!r}: {first['msg']}"
        raise ConfigError(message, where=(str(path), None), key=key) from error


# ---- files ----------------------------------------------------------------------------------


def write_secret_file(path: Path, content: bytes) -> None:
    """Write `content` with mode 0600, whole or not at all (temporary file, fsync, rename)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), OWNER_ONLY)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def read_secret_file(path: Path) -> bytes:
    """Content of a secret file; SecurityError if others may read it or it does not exist."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise SecurityError(f"secret file {path} cannot be read: {error.strerror}") from error
    if os.name == "posix" and mode & 0o077:
        raise SecurityError(
            f"secret file {path} has mode {mode:04o}; allowed: 0600",
            next_step=f"chmod 600 {path}",
        )
    return content


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """One caller's key. `secret` never appears in a repr."""

    id: str
    secret: bytes
    scopes: frozenset[str]

    def __repr__(self) -> str:
        return f"ServiceKey(id={self.id!r}, scopes={sorted(self.scopes)})"


def load_service_key(path: Path, key_id: str) -> ServiceKey:
    """The key `key_id` of a key file (docs/concepts/interfaces.md section 2)."""
    keys = _key_file(path).get("keys", [])
    for entry in keys:
        if entry.get("id") == key_id:
            secret = _hex_secret(entry.get("secret"), path, f"keys[{key_id}].secret")
            return ServiceKey(key_id, secret, frozenset(entry.get("scopes", [])))
    known = ", ".join(str(entry.get("id")) for entry in keys) or "none"
    raise SecurityError(f"{path} holds no key {key_id!r}; known: {known}")


def load_approval_key(path: Path) -> bytes:
    """The key that signs approved orders.

    Only `risk_management`, or a composition root that hands it to the RiskEngine, may call this;
    a test checks it.
    """
    return _hex_secret(_key_file(path).get("approval_key"), path, "approval_key")


def make_key_file(path: Path, scopes_by_id: Mapping[str, Iterable[str]]) -> None:
    """A fresh key file: one approval key and one key per caller."""
    body = {
        "approval_key": secrets.token_hex(_MIN_SECRET_BYTES),
        "keys": [
            {"id": key_id, "secret": secrets.token_hex(_MIN_SECRET_BYTES), "scopes": list(scopes)}
            for key_id, scopes in scopes_by_id.items()
        ],
    }
    write_secret_file(path, json.dumps(body).encode())


def _key_file(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(read_secret_file(path))
    except ValueError as error:
        raise SecurityError(f"key file {path} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise SecurityError(f"key file {path} must hold a JSON object")
    return body


def _hex_secret(text: object, path: Path, name: str) -> bytes:
    try:
        secret = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError as error:
        raise SecurityError(f"{path}: {name} is not hexadecimal") from error
    if len(secret) < _MIN_SECRET_BYTES:
        raise SecurityError(
            f"{path}: {name} has {len(secret)} bytes; at least {_MIN_SECRET_BYTES} are needed"
        )
    return secret


# ---- request signing ------------------------------------------------------------------------


def request_signature(
    secret: bytes, request_line: tuple[str, str], timestamp: str, nonce: str, body: bytes
) -> str:
    """`X-ATS-Auth` for (METHOD, PATH?QUERY): hex HMAC-SHA256 over the five lines."""
    method, target = request_line
    digest = hashlib.sha256(body).hexdigest()
    message = "\n".join((method.upper(), target, timestamp, nonce, digest))
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


class RequestSigner:
    """Signs requests to the gateway. The clock is transport time (K1)."""

    def __init__(self, key: ServiceKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def headers(self, method: str, target: str, body: bytes = b"") -> dict[str, str]:
        """The four headers of one request; `target` is path and query as sent."""
        timestamp = str(self._clock.now_ms())
        nonce = secrets.token_hex(_HEX_NONCE_BYTES)
        auth = request_signature(self._key.secret, (method, target), timestamp, nonce, body)
        return {
            "X-ATS-Key": self._key.id,
            "X-ATS-Timestamp": timestamp,
            "X-ATS-Nonce": nonce,
            "X-ATS-Auth": auth,
        }


def is_same_secret(given: str | bytes, expected: str | bytes) -> bool:
    """Constant-time comparison; text is compared as UTF-8."""
    left = given.encode() if isinstance(given, str) else given
    right = expected.encode() if isinstance(expected, str) else expected
    return hmac.compare_digest(left, right)


# ---- people ---------------------------------------------------------------------------------


class Passwords:
    """Argon2id hashing. An unknown user costs the same time as a wrong password."""

    def __init__(self, policy: SecurityPolicy) -> None:
        self._min_length = policy.password_min_length
        self._hasher = PasswordHasher(
            time_cost=policy.argon2_time_cost,
            memory_cost=policy.argon2_memory_kib,
            parallelism=policy.argon2_parallelism,
        )
        self._dummy = self._hasher.hash(secrets.token_hex(_HEX_NONCE_BYTES))

    def hash(self, password: str) -> str:
        """PHC string of a new password; SecurityError if it is too short."""
        if len(password) < self._min_length:
            raise SecurityError(
                f"password has {len(password)} characters; at least {self._min_length} are needed"
            )
        return self._hasher.hash(password)

    def is_correct(self, password: str, stored: str | None) -> bool:
        """True if `password` fits. Pass None for an unknown user: the work is done all the same."""
        try:
            self._hasher.verify(self._dummy if stored is None else stored, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def needs_rehash(self, stored: str) -> bool:
        """The policy asks for more work than this hash was made with."""
        return self._hasher.check_needs_rehash(stored)


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """Who a session belongs to and until when."""

    session_id: str
    username: str
    role: str
    expires_at: datetime


class SessionTokens:
    """JWTs of one algorithm, checked against the injected clock."""

    def __init__(self, secret: bytes, clock: Clock, lifetime: timedelta) -> None:
        if len(secret) < _MIN_SECRET_BYTES:
            raise SecurityError(f"JWT secret needs at least {_MIN_SECRET_BYTES} bytes")
        self._secret = secret
        self._clock = clock
        self._lifetime = lifetime

    def issue(self, username: str, role: str) -> tuple[str, SessionClaims]:
        """A token for the cookie and what it says."""
        now = self._clock.now()
        claims = SessionClaims(
            session_id=secrets.token_hex(_HEX_NONCE_BYTES),
            username=username,
            role=role,
            expires_at=(now + self._lifetime).replace(microsecond=0),
        )
        body = {
            "iss": _JWT_ISSUER,
            "jti": claims.session_id,
            "sub": username,
            "role": role,
            "iat": int(now.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
        return jwt.encode(body, self._secret, algorithm=JWT_ALGORITHM), claims

    def verify(self, token: str) -> SessionClaims:
        """The claims of a valid, unexpired token; SecurityError otherwise, without details."""
        # Expiry is checked below: the library would read the system clock.
        options: Any = {
            "require": ["exp", "iat", "sub", "jti"],
            "verify_exp": False,
            "verify_iat": False,
        }
        try:
            body = jwt.decode(
                token,
                self._secret,
                algorithms=[JWT_ALGORITHM],
                issuer=_JWT_ISSUER,
                options=options,
            )
            expires = datetime.fromtimestamp(int(body["exp"]), tz=self._clock.now().tzinfo)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise SecurityError("session is not valid", next_step="log in again") from error
        if self._clock.now() >= expires:
            raise SecurityError("session has expired", next_step="log in again")
        return SessionClaims(body["jti"], body["sub"], str(body.get("role", "")), expires)


class OneTimeTokens:
    """Tokens that work once and for a short time (login link, WebSocket ticket).

    Only their hashes are kept, in memory: a restart of the process voids them.
    """

    def __init__(self, clock: Clock, lifetime_s: float) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._open: dict[str, tuple[str, float]] = {}

    def issue(self, subject: str) -> str:
        """A fresh token for `subject`."""
        now = self._clock.monotonic()
        self._open = {key: entry for key, entry in self._open.items() if entry[1] > now}
        token = secrets.token_urlsafe(32)
        self._open[_digest(token)] = (subject, now + self._lifetime_s)
        return token

    def redeem(self, token: str) -> str:
        """The subject; SecurityError if the token is unknown, used or too old."""
        subject, expires = self._open.pop(_digest(token), ("", -1.0))
        if self._clock.monotonic() >= expires:
            raise SecurityError(
                "one-time token is unknown, used or expired",
                next_step="log in with name and password, or ask for a new link",
            )
        return subject


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# ---- audit chain ----------------------------------------------------------------------------


def chain_hash(previous_hash: str, body: Any) -> str:
    """Hash of an audit row: SHA-256 of the previous hash and the canonical JSON of `body`."""
    return hashlib.sha256(previous_hash.encode() + canonical_json(body)).hexdigest()


def first_broken_link(
    rows: Iterable[tuple[Any, str]], *, genesis: str = GENESIS_HASH
) -> int | None:
    """Index of the first (body, hash) that does not follow from its predecessor, else None."""
    previous = genesis
    for index, (body, row_hash) in enumerate(rows):
        expected = chain_hash(previous, body)
        if not is_same_secret(row_hash, expected):
            return index
        previous = expected
    return None
