"""Run one client's cases, scripts or books; started with the Python of that client's environment.

    python run_client.py CLIENT SUITE ENDPOINTS.json [ARGUMENTS as JSON]

Prints JSON lines; exit code 1 when a case failed. Only loopback can be reached.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import loopback
from support.adapter import Adapter
from support.cases import Registry, run
from support.context import Context
from support.control import Endpoints
from support.play import play

ADAPTERS = {
    "ccxt": ("adapters.ccxt_rest", "Ccxt", ("ccxt_cases", "ccxt_pro_cases")),
    "python-binance": ("adapters.python_binance", "PythonBinance", ()),
    "binance-connector": ("adapters.binance_connector", "BinanceConnector", ()),
    "binance-sdk-spot": ("adapters.binance_sdk", "BinanceSdk", ("sdk_cases",)),
}
SHARED = ("public", "orders", "lists", "queries", "errors", "sockets")


def adapter_class(client: str) -> Callable[[Endpoints, str], Adapter]:
    """The adapter of a client; imports the client."""
    module, name, _ = ADAPTERS[client]
    made: Callable[[Endpoints, str], Adapter] = getattr(importlib.import_module(module), name)
    return made


def cases(client: str, endpoints: Endpoints, arguments: dict[str, Any]) -> int:
    """Shared cases, then the client's own."""
    context = Context(endpoints, adapter_class(client))
    registry = Registry(client, frozenset(context.adapter.methods))
    for name in SHARED:
        registry.take(importlib.import_module(f"shared_cases.{name}").CASES)
    for name in ADAPTERS[client][2]:
        registry.take(importlib.import_module(f"own_cases.{name}").CASES)
    return run(registry, context, arguments.get("only"))


def scripts(client: str, endpoints: Endpoints, arguments: dict[str, Any]) -> int:
    """Random order scripts: one line with the ledger's hash for each seed."""
    return play(Context(endpoints, adapter_class(client)), arguments)


def main() -> int:
    """Dispatch on the suite."""
    client, suite, path, *rest = sys.argv[1:]
    loopback.install()
    endpoints = Endpoints.read(Path(path))
    arguments = json.loads(rest[0]) if rest else {}
    suites = {"cases": cases, "scripts": scripts}
    return suites[suite](client, endpoints, arguments)


if __name__ == "__main__":
    sys.exit(main())
