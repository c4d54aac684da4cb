"""How the task list runs a command and counts what its runner says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JOBS = str(min(os.cpu_count() or 1, 8))


@dataclass
class Count:
    """Tests that passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        """Add another suite's numbers."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def run(title: str, command: Sequence[str | Path], cwd: Path = ROOT) -> tuple[int, str]:
    """Run a command, showing its output as it comes; returns exit code and output."""
    say(f"\n=== {title}")
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    code = process.wait()
    say(f"=== {title}: exit {code} after {time.monotonic() - started:.0f} s")
    return code, "".join(lines)


def number(pattern: str, text: str) -> int:
    """Sum of the numbers that a pattern captures."""
    return sum(int(found) for found in re.findall(pattern, text))


def counted(code: int, output: str, *, passed: str, failed: str, skipped: str) -> Count:
    """Numbers read from a runner's output; a failing exit without a failed test counts as one."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    count = Count(number(passed, plain), number(failed, plain), number(skipped, plain))
    if code != 0 and count.failed == 0:
        count.failed = 1
    if code == 0 and count.passed == 0:
        say("a suite ended well without a passed test: counted as failed")
        count.failed = 1
    return count
