"""One supervisor per data folder: an exclusive lock that dies with its holder."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

from ats.errors import InstanceHeld

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class InstanceLock:
    """Held from `acquire` to the end of the process; the file says who holds it."""

    def __init__(self, var: Path) -> None:
        self._path = var / "supervisor.lock"
        self._info = var / "supervisor.json"
        self._file: IO[bytes] | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises InstanceHeld when another process has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        if not _try_lock(file):
            file.close()
            holder = self.holder()
            raise InstanceHeld(
                f"a system is already running (process {holder.get('pid', '?')}, run "
                f"{holder.get('run_id', '?')}): see 'ats status', stop it with 'ats down'"
            )
        self._file = file
        self.describe({})

    def release(self) -> None:
        """Give the lock back; it also ends with the process."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def describe(self, body: dict[str, Any]) -> None:
        """Say what the holder runs; read by `ats status`, `down` and `logs`."""
        self._info.write_text(json.dumps({"pid": os.getpid(), **body}), encoding="utf-8")

    def holder(self) -> dict[str, Any]:
        """What the last holder said about itself; empty when there was none."""
        try:
            return dict(json.loads(self._info.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def is_held(self) -> bool:
        """Whether some process holds the lock now."""
        if not self._path.exists():
            return False
        with self._path.open("ab") as file:
            return not _try_lock(file)

    def ask_to_stop(self) -> int | None:
        """Send the holder a termination signal; returns its process id, None if nobody runs."""
        if not self.is_held():
            return None
        pid = self.holder().get("pid")
        if isinstance(pid, int):
            os.kill(pid, signal.SIGTERM)
            return pid
        return None


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
