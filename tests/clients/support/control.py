"""The venue's control API, as a test in any environment needs it (standard library only)."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Endpoints:
    """Where a running venue listens and with which keys it can be used."""

    rest: str
    stream: str
    ws_api: str
    control: str
    control_token: str
    accounts: dict[str, dict[str, str]]
    symbols: tuple[str, ...]

    @staticmethod
    def read(path: Path) -> Endpoints:
        """From the file that the test wrote when it started the venue."""
        words = json.loads(path.read_text(encoding="utf-8"))
        return Endpoints(**{**words, "symbols": tuple(words["symbols"])})

    def write(self, path: Path) -> None:
        """For a client process in another environment."""
        path.write_text(json.dumps(self.__dict__), encoding="utf-8")


@dataclass(frozen=True)
class Control:
    """Moves the market, moves funds and reads the venue's own truth."""

    endpoints: Endpoints

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.endpoints.control + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.endpoints.control_token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def state(self) -> dict[str, Any]:
        """Position of the feed and market time."""
        found: dict[str, Any] = self._call("GET", "/sim/v1/state")
        return found

    def advance(self, events: int) -> dict[str, Any]:
        """Move the feed on by some events."""
        found: dict[str, Any] = self._call("POST", "/sim/v1/advance", {"events": events})
        return found

    def ledger(self, account: str) -> dict[str, Any]:
        """Orders, trades and balances of an account as the venue has them."""
        found: dict[str, Any] = self._call("GET", f"/sim/v1/ledger?account={account}")
        return found

    def ledger_hash(self, account: str) -> str:
        """SHA-256 of the ledger without ids and times."""
        return str(self._call("GET", f"/sim/v1/ledger/hash?account={account}")["sha256"])

    def deposit(self, account: str, asset: str, amount: str) -> None:
        """Credit an account from outside."""
        self._call(
            "POST", "/sim/v1/deposit", {"account": account, "asset": asset, "amount": amount}
        )

    def forget(self) -> None:
        """Drop all orders and trades, as the public testnet does about once a month."""
        self._call("POST", "/sim/v1/forget", {})

    def symbol_status(self, symbol: str, status: str) -> None:
        """TRADING, HALT, BREAK or CANCEL_ONLY."""
        self._call("POST", "/sim/v1/symbol", {"symbol": symbol, "status": status})

    def faults(self, rules: list[dict[str, Any]]) -> Any:
        """Install fault rules."""
        return self._call("POST", "/sim/v1/faults", rules)
