"""Start, watch, restart and stop the processes of one system (venue, gateway, API)."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx2

from ats.errors import ProcessFailed

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.05
# A process that dies more often than this within a minute will not get better by itself.
RESTARTS_PER_MINUTE = 20
PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class ProcessSpec:
    """How to start one process and how to know that it is ready."""

    name: str
    command: Sequence[str]
    log: Path
    ready_url: str


@dataclass(slots=True)
class Watched:
    """A running process and its history."""

    spec: ProcessSpec
    process: asyncio.subprocess.Process
    started_at_s: float
    restarts: list[float] = field(default_factory=list)


def free_port(wanted: int = 0) -> int:
    """A loopback port that is free now.

    Raises ProcessFailed when `wanted` is taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as error:
            raise ProcessFailed(
                f"port {wanted} is in use ({error.strerror}): stop the program that holds it or "
                "choose another with --port (1024..65535, 0 = any free port)"
            ) from error
        return int(probe.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """Different loopback ports that are free now: all are held until the last is chosen."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _die_with_parent() -> None:
    # Without this a supervisor that is killed would leave servers behind.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ProcessGroup:
    """Processes in start order; a dead one is restarted with the same command."""

    def __init__(self, on_event: Callable[[str, str], None]) -> None:
        self._on_event = on_event
        self._watched: dict[str, Watched] = {}
        self._logs: list[IO[bytes]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.failure: ProcessFailed | None = None

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name."""
        return {name: watched.process.pid for name, watched in self._watched.items()}

    async def start(self, spec: ProcessSpec) -> None:
        """Start a process, wait until it is ready, and restart it from then on when it dies."""
        process = await self._spawn(spec)
        loop = asyncio.get_running_loop()
        watched = Watched(spec, process, loop.time())
        self._watched[spec.name] = watched
        await self._until_ready(watched)
        self._tasks.append(asyncio.create_task(self._watch(watched), name=f"watch {spec.name}"))

    async def stop(self) -> None:
        """Terminate in reverse start order; kill what does not end in time."""
        self._stopping = True
        for watched in reversed(list(self._watched.values())):
            if watched.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    watched.process.terminate()
                try:
                    await asyncio.wait_for(watched.process.wait(), STOP_TIMEOUT_S)
                except TimeoutError:
                    watched.process.kill()
                    await watched.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for log in self._logs:
            log.close()

    async def _spawn(self, spec: ProcessSpec) -> asyncio.subprocess.Process:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        log = spec.log.open("ab")
        self._logs.append(log)
        return await asyncio.create_subprocess_exec(
            *spec.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent if os.name == "posix" else None,
        )

    async def _until_ready(self, watched: Watched) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_TIMEOUT_S
        async with httpx2.AsyncClient(timeout=2.0) as http:
            while loop.time() < deadline:
                if watched.process.returncode is not None:
                    raise ProcessFailed(_death_notice(watched))
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(watched.spec.ready_url)).is_success:
                        return
                await asyncio.sleep(POLL_S)
        raise ProcessFailed(
            f"{watched.spec.name} was not ready within {READY_TIMEOUT_S:.0f} s; "
            f"its log is {watched.spec.log}"
        )

    async def _watch(self, watched: Watched) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping:
            code = await watched.process.wait()
            if self._stopping:
                return
            now = loop.time()
            watched.restarts = [at for at in watched.restarts if now - at < 60] + [now]
            self._on_event(watched.spec.name, f"ended with {code}, restarting")
            if len(watched.restarts) > RESTARTS_PER_MINUTE:
                self.failure = ProcessFailed(f"{_death_notice(watched)}; gave up restarting it")
                return
            watched.process = await self._spawn(watched.spec)
            watched.started_at_s = loop.time()
            # An immediate death is met with a growing pause, a single kill with none.
            await asyncio.sleep(0.05 * len(watched.restarts))


def _death_notice(watched: Watched) -> str:
    log = watched.spec.log
    try:
        tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    except OSError:
        tail = []
    last = " | ".join(tail)
    code = watched.process.returncode
    return f"{watched.spec.name} ended with {code}; its log is {log}; last lines: {last}"
