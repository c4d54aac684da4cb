"""The long suites behind `./ats test --full`: shards that can be run, resumed and rotated.

A shard that passed is remembered under `var/full.json` together with a hash of the source tree, so
that a run that was cut short goes on with what is left. `--shard NAME` runs one, `--rotate` the one
whose turn it is (chosen by the commit, so that every shard runs on one commit in a few).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from running import JOBS, ROOT, Count, counted, run, say

PROGRESS = ROOT / "var" / "full.json"
# Programs with the simulator and the kill points compiled in; never part of a release.
TEST_BUILD = ROOT / "target" / "drill"
SCHEDULES = 10_000
CRASHES = 100
FUZZ_SECONDS = 40
PYTEST = {
    "passed": r"(\d+) passed",
    "failed": r"(\d+) (?:failed|error)",
    "skipped": r"(\d+) skipped",
}


@dataclass(frozen=True)
class Shard:
    """A long suite."""

    name: str
    title: str
    work: Callable[[], Count]


def test_build() -> Path:
    """Build the gateway with simulator and kill points; the folder of the programs."""
    features = ["--features", "simulation,failpoints"]
    command = ["cargo", "build", "--release", "--locked", "-j", JOBS, "-p", "execution-gateway"]
    code, _ = run("build the simulator", [*command, *features, "--target-dir", str(TEST_BUILD)])
    if code != 0:
        raise SystemExit(code)
    return TEST_BUILD / "release"


def _program(title: str, command: Sequence[str | Path]) -> Count:
    code, _ = run(title, command)
    return Count(passed=int(code == 0), failed=int(code != 0))


def simulation() -> Count:
    """10,000 random schedules without a violation, and the coverage matrix."""
    program = test_build() / "gateway-simulation"
    return _program("simulation", [program, "--seeds", str(SCHEDULES)])


def mutants() -> Count:
    """Every seeded bug is found."""
    return _program("seeded bugs", [test_build() / "gateway-simulation", "--mutants"])


def _pytest(title: str, marks: str, *paths: str) -> Count:
    command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *paths]
    return counted(*run(title, command), **PYTEST)


def clients() -> Count:
    """Four third-party clients run every call, and the same scripts."""
    return _pytest("third-party clients", "clients", "tests/clients")


def slow() -> Count:
    """What else is marked slow."""
    return _pytest("slow tests", "slow and not clients", "tests")


SHARDS = (
    Shard("simulation", f"{SCHEDULES} schedules of faults", simulation),
    Shard("mutants", "seeded bugs", mutants),
    Shard("clients", "third-party clients", clients),
    Shard("slow", "slow tests", slow),
)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout


def tree_hash() -> str:
    """Hash of the commit and of what differs from it."""
    state = _git("rev-parse", "HEAD") + _git("diff", "HEAD")
    return hashlib.sha256(state.encode()).hexdigest()


def whose_turn() -> Shard:
    """The shard of this commit; `simulation` runs always and takes no turn."""
    rotating = [shard for shard in SHARDS if shard.name != "simulation"]
    number = int(_git("rev-list", "--count", "HEAD").strip() or "0")
    return rotating[number % len(rotating)]


def run_shards(shards: Sequence[Shard], *, resume: bool) -> Count:
    """Run shards; with `resume` skip those that passed on this very tree."""
    tree = tree_hash()
    try:
        known = json.loads(PROGRESS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    passed: dict[str, int] = known.get("passed", {}) if known.get("tree") == tree else {}
    total = Count()
    for shard in shards:
        if resume and shard.name in passed:
            say(f"\n=== {shard.title}: passed before on this tree ({passed[shard.name]} tests)")
            total.passed += passed[shard.name]
            continue
        count = shard.work()
        total.add(count)
        if not count.failed:
            passed[shard.name] = count.passed
            PROGRESS.parent.mkdir(exist_ok=True)
            PROGRESS.write_text(json.dumps({"tree": tree, "passed": passed}), encoding="utf-8")
    return total
