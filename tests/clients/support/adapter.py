"""One face for all clients, so that a case is written once and runs through each of them.

A call is named as the venue names it (`POST /api/v3/order`) and takes the venue's own parameter
names; an adapter says with which method of its client that is done. What an adapter does not list
its client has no method for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.control import Endpoints

Method = Callable[..., Any]


class Absent(Exception):
    """The client has no method for this call."""


class Refused(Exception):
    """The venue refused: what the client made of it."""

    def __init__(self, status: int | None, code: int | None, message: str) -> None:
        super().__init__(f"status {status}, code {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class Adapter:
    """REST calls of one client under the venue's names."""

    name = ""

    def __init__(self, endpoints: Endpoints, account: str) -> None:
        self.endpoints = endpoints
        self.account = account
        self.methods: dict[str, Method] = {}

    def has(self, call: str) -> bool:
        """Whether the client can do this call."""
        return call in self.methods

    def call(self, call: str, **words: Any) -> Any:
        """Do the call; the parsed answer, or `Refused`, or `Absent`."""
        method = self.methods.get(call)
        if method is None:
            raise Absent(call)
        return self._guarded(method, words)

    def _guarded(self, method: Method, words: dict[str, Any]) -> Any:
        raise NotImplementedError

    def with_account(self, account: str) -> Adapter:
        """The same client with another account's keys."""
        return type(self)(self.endpoints, account)

    def with_secret(self, secret: str) -> Adapter:
        """The same client and key with another secret."""
        words = {**self.endpoints.accounts[self.account], "api_secret": secret}
        accounts = {**self.endpoints.accounts, self.account: words}
        changed = Endpoints(**{**self.endpoints.__dict__, "accounts": accounts})
        return type(self)(changed, self.account)
