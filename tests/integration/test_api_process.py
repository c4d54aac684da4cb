"""The process around the application: port file, SIGTERM, a failing trading loop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

TESTS = Path(__file__).resolve().parents[1]

# The entry point as it is, over a context without gateway; argv: folder, what the loop does.
PROGRAM = """
import asyncio, sys
from dataclasses import dataclass, replace
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from fakes import api_app
from trading_api import __main__ as entry
from trading_api.settings import ServerSettings

folder, ending = Path(sys.argv[1]), sys.argv[2]

class Loop:
    def __init__(self):
        self.ended = asyncio.Event()
    async def run(self):
        if ending == "fail":
            raise RuntimeError("the loop broke")
        await self.ended.wait()
    async def stop(self):
        self.ended.set()

@dataclass
class Runtime:
    context: object
    async def close(self):
        await self.context.store.close()
        print("closed", flush=True)

async def build(run_dir):
    clock = api_app.ManualClock(api_app.records.START)
    store = await api_app.open_store(run_dir / "ats.db", clock)
    hub = api_app.Hub(clock)
    settings = ServerSettings(port_file=run_dir / "api.port")
    return Runtime(api_app.AppContext(
        store=store, hub=hub, control=api_app.RecordingControl(), market=api_app.LadderMarket(),
        health=api_app.HealthRegistry(clock), settings=settings,
        security=api_app.Security(b"k" * 32, api_app.POLICY), clock=clock, background=Loop()))

entry.build_runtime = build
sys.argv = ["trading_api", "--run-dir", str(folder)]
entry.main()
"""


def _start(folder: Path, ending: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, str(folder), ending, str(TESTS)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def _is_running(process: subprocess.Popen[str]) -> bool:
    """Give the process a moment, so that asking does not take the processor from it."""
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return True
    return False


def _wait_until_served(folder: Path, process: subprocess.Popen[str]) -> str:
    """The base URL once the process answers."""
    transport = httpx2.HTTPTransport(retries=0)
    with httpx2.Client(transport=transport, timeout=2.0) as client:
        while _is_running(process):
            port_file = folder / "api.port"
            port = port_file.read_text(encoding="utf-8").strip() if port_file.exists() else ""
            if not port:
                continue
            url = f"http://127.0.0.1:{port}"
            try:
                if client.get(f"{url}/healthz").status_code == 200:
                    return url
            except httpx2.TransportError:
                continue
    raise AssertionError(process.communicate())


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    with _start(tmp_path, "wait") as process:
        _wait_until_served(tmp_path, process)
        process.terminate()
        output, errors = process.communicate(timeout=30)
    assert (process.returncode, output.strip()) == (0, "closed"), errors
    assert not (tmp_path / "ats.db-wal").exists() or (tmp_path / "ats.db-wal").stat().st_size == 0


def test_a_failing_trading_loop_ends_the_process_with_an_error(tmp_path: Path) -> None:
    with _start(tmp_path, "fail") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output.splitlines()[-1]) == (1, "closed"), errors
    assert "the loop broke" in output + errors
