"""The developer's task list behind `./ats test | check | bench | services-test`.

Runs inside `.venv` (scripts/bootstrap.py has set it up). `test` runs every test of every language
and ends with one line `total: N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

import full
from running import JOBS, ROOT, Count, counted, run, say

DASHBOARD = ROOT / "apps" / "trading-dashboard-ui-clean"
BIN = Path(sys.executable).parent
WORKERS = min(os.cpu_count() or 1, 2)
PYTHON_CODE = ("libs", "apps", "tests", "scripts")


def python_tests() -> Count:
    """Pytest: first everything parallel, then the end-to-end tests one at a time."""
    slow = " and not slow"
    pytest = [sys.executable, "-m", "pytest", "-q"]
    pattern = {
        "passed": r"(\d+) passed",
        "failed": r"(\d+) (?:failed|error)",
        "skipped": r"(\d+) skipped",
    }
    parallel = [*pytest, "-n", str(WORKERS), "-m", f"not e2e and not browser{slow}"]
    total = counted(*run("Python tests", [*parallel, "tests"]), **pattern)
    alone = [*pytest, "-m", f"(e2e or browser){slow}", "tests"]
    total.add(counted(*run("end-to-end tests", alone), **pattern))
    return total


def rust_tests() -> Count:
    """Cargo test over the workspace."""
    command = ["cargo", "test", "--workspace", "--locked", "-j", JOBS, "--", "--test-threads=2"]
    return counted(
        *run("Rust tests", command),
        passed=r"test result: \w+\. (\d+) passed",
        failed=r"; (\d+) failed",
        skipped=r"; (\d+) ignored",
    )


def dashboard_tests() -> Count:
    """Vitest over the dashboard, after its type check and lint."""
    npm = BIN / ("npm.cmd" if os.name == "nt" else "npm")
    code, output = run("dashboard tests", [npm, "test"], DASHBOARD)
    return counted(
        code,
        "\n".join(line for line in output.splitlines() if re.match(r"\s*Tests\s", line)) or output,
        passed=r"(\d+) passed",
        failed=r"(\d+) failed",
        skipped=r"(\d+) skipped",
    )


def test(arguments: argparse.Namespace) -> int:
    """Every test of every language, and the checks; or the long suites alone."""
    if arguments.shard or arguments.rotate:
        return finish(long_tests(arguments))
    total = Count()
    total.add(check_count())
    total.add(rust_tests())
    total.add(dashboard_tests())
    total.add(python_tests())
    if arguments.full:
        total.add(long_tests(arguments))
    return finish(total)


def long_tests(arguments: argparse.Namespace) -> Count:
    """The shards that were asked for; all of them, resumable, with `--full`."""
    if arguments.rotate:
        always = next(shard for shard in full.SHARDS if shard.name == "simulation")
        return full.run_shards([always, full.whose_turn()], resume=False)
    if arguments.shard:
        chosen = [shard for shard in full.SHARDS if shard.name == arguments.shard]
        if not chosen:
            names = ", ".join(shard.name for shard in full.SHARDS)
            say(f"no shard is called {arguments.shard!r}; there are: {names}")
            return Count(failed=1)
        return full.run_shards(chosen, resume=False)
    return full.run_shards(full.SHARDS, resume=True)


def finish(total: Count) -> int:
    """Print the summary line; the exit code says whether anything failed."""
    skipped = f", {total.skipped} skipped" if total.skipped else ""
    say(f"\ntotal: {total.passed} passed, {total.failed} failed{skipped}")
    return 1 if total.failed else 0


def checks() -> list[tuple[str, list[str | Path], Path]]:
    """Format, lint, types and layering of each language."""
    npm = BIN / ("npm.cmd" if os.name == "nt" else "npm")
    module = [sys.executable, "-m"]
    clippy = ["cargo", "clippy", "--workspace", "--all-targets", "--locked", "-j", JOBS]
    demos = [path.name for path in sorted(ROOT.glob("demo_*.py"))]
    found: list[tuple[str, list[str | Path], Path]] = [
        ("ruff format", [*module, "ruff", "format", "--check", *PYTHON_CODE, *demos], ROOT),
        ("ruff", [*module, "ruff", "check", *PYTHON_CODE, *demos], ROOT),
        ("mypy", [*module, "mypy"], ROOT),
        ("layers", [BIN / "lint-imports", "--no-cache"], ROOT),
        ("rustfmt", ["cargo", "fmt", "--all", "--check"], ROOT),
        ("clippy", [*clippy, "--", "-D", "warnings"], ROOT),
        ("eslint", [npm, "run", "lint"], DASHBOARD),
        ("tsc", [npm, "run", "typecheck"], DASHBOARD),
    ]
    return found


def check_count() -> Count:
    """Run the checks; each counts as one test."""
    total = Count()
    for title, command, cwd in checks():
        code, _ = run(title, command, cwd)
        total.add(Count(passed=int(code == 0), failed=int(code != 0)))
    return total


def check(_: argparse.Namespace) -> int:
    """Format, lint, types, layering, and the tidy test."""
    total = check_count()
    tidy = [sys.executable, "-m", "pytest", "-q", "tests/test_tidy.py"]
    pattern = {"passed": r"(\d+) passed", "failed": r"(\d+) failed", "skipped": r"(\d+) skipped"}
    total.add(counted(*run("tidy", tidy), **pattern))
    return finish(total)


def bench(arguments: argparse.Namespace) -> int:
    """Run the benchmark scripts (all, or those whose name contains a word)."""
    scripts = sorted((ROOT / "tests" / "benchmarks").glob("bench_*.py"))
    chosen = [path for path in scripts if all(word in path.stem for word in arguments.words)]
    if not chosen:
        names = ", ".join(path.stem.removeprefix("bench_") for path in scripts)
        say(f"no benchmark matches {' '.join(arguments.words)!r}; there are: {names}")
        return 2
    codes = [run(path.stem, [sys.executable, path])[0] for path in chosen]
    return max(codes)


def services_test(arguments: argparse.Namespace) -> int:
    """The storage and bus contract suites on real PostgreSQL and Redis servers."""
    script = ROOT / "scripts" / "services.py"
    command = (
        [sys.executable, script, "--install"] if arguments.install else [sys.executable, script]
    )
    code, output = run("services test", command)
    pattern = {"passed": r"(\d+) passed", "failed": r"(\d+) failed", "skipped": r"(\d+) skipped"}
    return finish(counted(code, output, **pattern))


def main() -> int:
    """Parse the task and run it."""
    parser = argparse.ArgumentParser(prog="ats", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    one = tasks.add_parser("test", help="every test of every language")
    one.add_argument(
        "--full", action="store_true", help="the long suites too; goes on where it was cut short"
    )
    one.add_argument("--shard", help="one of the long suites alone")
    one.add_argument("--rotate", action="store_true", help="the long suite whose turn it is")
    one.set_defaults(function=test)
    tasks.add_parser("check", help="format, lint, types, layering, tidy").set_defaults(
        function=check
    )
    one = tasks.add_parser("bench", help="benchmarks with their baselines")
    one.add_argument("words", nargs="*", help="only benchmarks whose name contains these words")
    one.set_defaults(function=bench)
    one = tasks.add_parser("services-test", help="contract suites on real PostgreSQL and Redis")
    one.add_argument("--install", action="store_true", help="install the Debian packages first")
    one.set_defaults(function=services_test)
    if shutil.which("cargo") is None:
        say("cargo is not on PATH: start tasks with ./ats, which finds it")
    arguments = parser.parse_args()
    return int(arguments.function(arguments))


if __name__ == "__main__":
    sys.exit(main())
