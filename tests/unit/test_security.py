"""Keys, signatures, passwords, sessions, one-time tokens, audit chain."""

from __future__ import annotations

import ast
import hashlib
import hmac
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from trading_models.base import ConfigError, ManualClock, SecurityError
from trading_models.security import (
    OneTimeTokens,
    Passwords,
    RequestSigner,
    SecurityPolicy,
    SessionTokens,
    chain_hash,
    first_broken_link,
    is_same_secret,
    load_approval_key,
    load_policy,
    load_service_key,
    make_key_file,
    read_secret_file,
    write_secret_file,
)

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = bytes(range(32))
QUICK = SecurityPolicy(argon2_time_cost=1, argon2_memory_kib=8192, argon2_parallelism=1)


def test_the_shipped_policy_says_the_defaults() -> None:
    assert load_policy(ROOT / "security_config.toml") == SecurityPolicy()


def test_a_weak_policy_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("argon2_memory_kib = 8\n")
    with pytest.raises(ConfigError, match=r"s\.toml: argon2_memory_kib = 8.*8192"):
        load_policy(path)


def test_secret_files_are_for_their_owner(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    write_secret_file(path, b"one")
    write_secret_file(path, b"two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret_file(path) == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["key"]
    path.chmod(0o640)
    with pytest.raises(SecurityError, match="0640"):
        read_secret_file(path)


def test_key_files_give_service_and_approval_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path, {"orchestrator": ["read", "orders:write"], "supervisor": ["read"]})
    key = load_service_key(path, "orchestrator")
    assert key.scopes == {"read", "orders:write"}
    assert len(key.secret) == len(load_approval_key(path)) == 32
    assert key.secret.hex() not in repr(key)
    assert key.secret != load_service_key(path, "supervisor").secret
    with pytest.raises(SecurityError, match="known: orchestrator, supervisor"):
        load_service_key(path, "nobody")
    write_secret_file(path, b'{"approval_key":"abcd","keys":[]}')
    with pytest.raises(SecurityError, match="2 bytes; at least 32"):
        load_approval_key(path)


def test_only_the_risk_engine_gets_the_approval_key() -> None:
    callers = {
        path.name
        for folder in ("libs/trading_models", "apps")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute | ast.alias)
        and "load_approval_key" in (
            getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "name", ""),
        )
    }  # fmt: skip
    # runtime.py is the composition root: it hands the key to the RiskEngine and keeps no copy.
    assert callers <= {"risk_management.py", "security.py", "runtime.py"}


def test_requests_are_signed_as_published(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    make_key_file(path, {"orchestrator": ["read"]})
    key = load_service_key(path, "orchestrator")
    headers = RequestSigner(key, ManualClock(AT)).headers("post", "/v1/sync?x=1", b"{}")
    assert headers["X-ATS-Timestamp"] == str(int(AT.timestamp() * 1000))
    nonce = headers["X-ATS-Nonce"]
    assert 16 <= len(bytes.fromhex(nonce)) * 2 <= 64
    digest = hashlib.sha256(b"{}").hexdigest()
    text = f"POST\n/v1/sync?x=1\n{headers['X-ATS-Timestamp']}\n{nonce}\n{digest}"
    expected = hmac.new(key.secret, text.encode(), hashlib.sha256).hexdigest()
    assert headers["X-ATS-Auth"] == expected
    again = RequestSigner(key, ManualClock(AT)).headers("post", "/v1/sync?x=1", b"{}")
    assert again["X-ATS-Nonce"] != nonce


def test_passwords() -> None:
    passwords = Passwords(QUICK)
    stored = passwords.hash("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert passwords.is_correct("correct horse battery", stored)
    assert not passwords.is_correct("wrong", stored)
    assert not passwords.is_correct("correct horse battery", None)
    assert not passwords.is_correct("x", "not a hash")
    assert Passwords(QUICK.model_copy(update={"argon2_time_cost": 2})).needs_rehash(stored)
    with pytest.raises(SecurityError, match="at least 12"):
        passwords.hash("short")


def test_sessions_expire_by_the_injected_clock() -> None:
    clock = ManualClock(AT)
    tokens = SessionTokens(SECRET, clock, timedelta(hours=1))
    token, claims = tokens.issue("ada", "owner")
    assert tokens.verify(token) == claims
    assert claims.expires_at == AT + timedelta(hours=1)
    clock.advance(timedelta(hours=1))
    with pytest.raises(SecurityError, match="expired"):
        tokens.verify(token)


def test_one_algorithm_and_one_key_are_accepted() -> None:
    tokens = SessionTokens(SECRET, ManualClock(AT), timedelta(hours=1))
    body = {"iss": "ats", "sub": "eve", "jti": "1", "iat": 0, "exp": 4_000_000_000}
    forged = [
        jwt.encode(body, None, algorithm="none"),
        jwt.encode(body, b"another key of 64 bytes" + bytes(41), algorithm="HS512"),
        jwt.encode(body, bytes(32), algorithm="HS256"),
        jwt.encode({**body, "iss": "x"}, SECRET, algorithm="HS256"),
        jwt.encode({"iss": "ats", "sub": "eve", "jti": "1"}, SECRET, algorithm="HS256"),
        "", "a.b.c",
    ]  # fmt: skip
    for token in forged:
        with pytest.raises(SecurityError, match="not valid"):
            tokens.verify(token)
    with pytest.raises(SecurityError, match="32 bytes"):
        SessionTokens(b"short", ManualClock(AT), timedelta(hours=1))


def test_one_time_tokens_work_once_and_not_for_long() -> None:
    clock = ManualClock(AT)
    tokens = OneTimeTokens(clock, lifetime_s=60)
    first, second = tokens.issue("ada"), tokens.issue("bob")
    assert tokens.redeem(first) == "ada"
    with pytest.raises(SecurityError):
        tokens.redeem(first)
    clock.advance(timedelta(seconds=60))
    with pytest.raises(SecurityError):
        tokens.redeem(second)
    with pytest.raises(SecurityError):
        tokens.redeem("guess")


def test_the_chain_names_the_first_bad_row() -> None:
    rows: list[tuple[dict[str, int], str]] = []
    previous = "0" * 64
    for number in range(20):
        previous = chain_hash(previous, {"n": number})
        rows.append(({"n": number}, previous))
    assert first_broken_link(rows) is None
    for index in (0, 7, 19):
        changed = [*rows[:index], ({"n": 99}, rows[index][1]), *rows[index + 1 :]]
        assert first_broken_link(changed) == index
    assert first_broken_link(rows[:5] + rows[6:]) == 5
    assert is_same_secret("ä", "ä".encode())
    assert not is_same_secret("a", b"b")
