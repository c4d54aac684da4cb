"""One supervisor per data folder: the lock, who holds it, and asking it to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ats.instance import InstanceHeld, InstanceLock

HOLDER = """
import signal, sys
from pathlib import Path
from ats.instance import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
lock.acquire()
lock.describe({"run_id": "run-1"})
sys.stdout.write("held\\n")
sys.stdout.flush()
signal.pause()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX signals")


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait(timeout=10)
    process.stdout.close()


def test_the_second_is_refused_and_told_who_runs(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    lock = InstanceLock(tmp_path)
    assert lock.is_held()
    with pytest.raises(InstanceHeld, match=f"process {holder.pid}, run run-1.*ats down"):
        lock.acquire()


def test_the_lock_dies_with_its_holder(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait(timeout=10)
    lock = InstanceLock(tmp_path)
    assert not lock.is_held()
    assert lock.ask_to_stop() is None, "a process id of the past must not be signalled"


def test_the_holder_is_asked_to_stop(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert InstanceLock(tmp_path).ask_to_stop() == holder.pid
    assert holder.wait(timeout=10) == -signal.SIGTERM
    assert not InstanceLock(tmp_path).is_held()


def test_nobody_ever_ran(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "new")
    assert not lock.is_held()
    assert lock.holder() == {}
    assert lock.ask_to_stop() is None
    assert not (tmp_path / "new").exists(), "asking changes nothing"


def test_a_torn_description_is_no_description(tmp_path: Path) -> None:
    (tmp_path / "supervisor.json").write_text('{"pid": 1')
    assert InstanceLock(tmp_path).holder() == {}
