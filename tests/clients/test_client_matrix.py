"""Four third-party clients, each in its own environment, run every call against the venue (D3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from support.control import Control, Endpoints  # noqa: E402
from support.environments import environment  # noqa: E402
from support.venue_process import WARM_UP_EVENTS, running_venue  # noqa: E402

CLIENTS = ("ccxt", "python-binance", "binance-connector", "binance-sdk-spot")
LEAST_CASES = 120
SCRIPTS = int(os.environ.get("ATS_CLIENT_SCRIPTS", "100"))

pytestmark = [pytest.mark.slow, pytest.mark.clients, pytest.mark.timeout(1200)]


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[tuple[Endpoints, Path]]:
    with running_venue(tmp_path / "venue") as endpoints:
        Control(endpoints).advance(WARM_UP_EVENTS)
        path = tmp_path / "endpoints.json"
        endpoints.write(path)
        yield endpoints, path


def lines_of(client: str, suite: str, path: Path, arguments: object) -> list[dict[str, object]]:
    """Run a suite in the client's environment and read its JSON lines."""
    command = [environment(client), HERE / "run_client.py", client, suite, path]
    done = subprocess.run(
        [*map(str, command), json.dumps(arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=1100,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, f"{client} said nothing:\n{done.stderr[-4000:]}"
    return found


@pytest.mark.parametrize("client", CLIENTS)
def test_every_call_of_the_client_works(client: str, venue: tuple[Endpoints, Path]) -> None:
    *results, last = lines_of(client, "cases", venue[1], {})
    failed = {str(line["case"]): line["problem"] for line in results if not line["passed"]}
    assert not failed, "\n".join(f"{name}:\n{problem}" for name, problem in failed.items())
    assert len(results) >= LEAST_CASES, f"only {len(results)} cases; absent: {last['absent']}"


def test_the_same_scripts_leave_the_same_ledger(tmp_path: Path) -> None:
    ledgers = {}
    for client in CLIENTS:
        with running_venue(tmp_path / client) as endpoints:
            Control(endpoints).advance(WARM_UP_EVENTS)
            path = tmp_path / f"{client}.json"
            endpoints.write(path)
            ledgers[client] = lines_of(client, "scripts", path, {"first": 1, "count": SCRIPTS})
    wanted = ledgers[CLIENTS[0]]
    assert len(wanted) == SCRIPTS
    for client in CLIENTS[1:]:
        for mine, theirs in zip(wanted, ledgers[client], strict=True):
            assert mine == theirs, f"{client} differs from {CLIENTS[0]} at seed {mine['seed']}"
