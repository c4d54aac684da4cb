"""The supervisor's process group, with real child processes: ready, restart, give up, stop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ats import processes
from ats.processes import ProcessFailed, ProcessGroup, ProcessSpec, free_port

pytestmark = pytest.mark.timeout(60)
RESTART_S = 10.0
SERVER = """
import http.server, os, signal, sys
port, folder, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
started = os.path.join(folder, "started")
if "once" in words and os.path.exists(started):
    sys.exit("cannot start again")
open(started, "a").write("x")
if "stubborn" in words:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass

http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
PARENT = """
import asyncio, sys
from pathlib import Path
from ats.processes import ProcessGroup, ProcessSpec

async def main():
    group = ProcessGroup(lambda name, text: None)
    port, folder, server = sys.argv[1:]
    command = [sys.executable, "-c", server, port, folder]
    url = f"http://127.0.0.1:{port}/"
    await group.start(ProcessSpec("child", command, Path(folder) / "child.log", url))
    sys.stdout.write(f"{group.pids['child']}\\n")
    sys.stdout.flush()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def spec(folder: Path, *words: str, name: str = "child") -> ProcessSpec:
    port = free_port()
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SERVER, str(port), str(folder), *words]
    return ProcessSpec(name, command, folder / f"{name}.log", f"http://127.0.0.1:{port}/")


async def until(condition: Callable[[], bool], seconds: float = RESTART_S) -> None:
    """Return as soon as the condition holds; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def answers(url: str) -> bool:
    """Something accepts connections there."""
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def is_alive(pid: int) -> bool:
    """The process runs; one that ended and was not waited for does not count."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


@asynccontextmanager
async def group(events: list[tuple[str, str]] | None = None) -> AsyncIterator[ProcessGroup]:
    heard = [] if events is None else events
    made = ProcessGroup(lambda name, text: heard.append((name, text)))
    try:
        yield made
    finally:
        await made.stop()


@pytest.mark.asyncio
async def test_a_killed_process_is_back_within_ten_seconds(tmp_path: Path) -> None:
    events: list[tuple[str, str]] = []
    wanted = spec(tmp_path)
    async with group(events) as running:
        await running.start(wanted)
        for _ in range(2):
            before = running.pids["child"]
            os.kill(before, signal.SIGKILL)
            async with asyncio.timeout(RESTART_S):
                while running.pids["child"] == before or not await answers(wanted.ready_url):
                    await asyncio.sleep(0.01)
        assert running.failure is None
    assert events == [("child", f"ended with {-signal.SIGKILL}, restarting")] * 2
    assert (tmp_path / "started").read_text() == "xxx"


@pytest.mark.asyncio
async def test_a_process_that_dies_at_the_start_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "started").write_text("x")
    async with group() as running:
        with pytest.raises(ProcessFailed, match=r"ended with 1.*cannot start again") as caught:
            await running.start(spec(tmp_path, "once"))
    assert str(tmp_path / "child.log") in str(caught.value)


@pytest.mark.asyncio
async def test_a_process_that_is_never_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "READY_TIMEOUT_S", 0.3)
    wanted = spec(tmp_path)
    wanted.ready_url = f"http://127.0.0.1:{free_port()}/"
    async with group() as running:
        with pytest.raises(ProcessFailed, match="was not ready within"):
            await running.start(wanted)
        pid = running.pids["child"]
    assert not is_alive(pid)


@pytest.mark.asyncio
async def test_a_process_that_keeps_dying_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "RESTARTS_PER_MINUTE", 3)
    events: list[tuple[str, str]] = []
    async with group(events) as running:
        await running.start(spec(tmp_path, "once"))
        os.kill(running.pids["child"], signal.SIGKILL)
        await until(lambda: running.failure is not None)
        assert "gave up restarting it" in str(running.failure)
        assert "cannot start again" in str(running.failure)
    assert len(events) == 4


@pytest.mark.asyncio
async def test_stop_ends_all_and_restarts_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_TIMEOUT_S", 0.5)
    events: list[tuple[str, str]] = []
    async with group(events) as running:
        await running.start(spec(tmp_path / "one", name="one"))
        await running.start(spec(tmp_path / "two", "stubborn", name="two"))
        pids = list(running.pids.values())
        assert all(is_alive(pid) for pid in pids)
    assert not any(is_alive(pid) for pid in pids)
    assert events == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal of Linux")
def test_a_killed_supervisor_leaves_no_child(tmp_path: Path) -> None:
    words = [sys.executable, "-c", PARENT, str(free_port()), str(tmp_path), SERVER]
    parent = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait(timeout=10)
    parent.stdout.close()
    asyncio.run(until(lambda: not is_alive(child)))
