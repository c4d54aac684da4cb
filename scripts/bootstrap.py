"""Set up what `./ats COMMAND` needs, then run it: standard library only.

Three parts are made and stamped with a hash of their inputs, so that a second start does nothing:
the Python environment (`.venv`, from hash-locked requirements), the Rust programs and the engine
module (release build), and the dashboard (Node from a Python wheel). `./ats test`, `check`, `bench`
and `services-test` go to scripts/tasks.py; every other word is the product's own command line.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMP = VENV / ".ats-stamp.json"
DASHBOARD = ROOT / "apps" / "trading-dashboard-ui-clean"
WINDOWS = os.name == "nt"
BIN = "Scripts" if WINDOWS else "bin"
EXE = ".exe" if WINDOWS else ""
UV_VERSION = "0.13.9"
RUST_MINIMUM = (1, 95)
TASKS = ("test", "check", "bench", "services-test")
# Answered without Rust and dashboard builds: they read files or talk to what runs.
LIGHT = ("--help", "-h", "--version", "config", "audit", "doctor", "status", "logs", "down")
SKIPPED_FOLDERS = {"node_modules", "dist", "target", "__pycache__", ".vite"}


class SetupError(Exception):
    """A prerequisite is missing or a set-up step failed; the message says what to do."""


def say(text: str) -> None:
    """Progress goes to standard error, so that `--json` output stays clean."""
    sys.stderr.write(f"ats: {text}\n")
    sys.stderr.flush()


def digest(paths: Iterable[Path], *extra: str) -> str:
    """SHA-256 over names and bytes of files (folders: every file below), and the extra words."""
    state = hashlib.sha256("\0".join(extra).encode())
    for path in sorted(files_below(paths)):
        state.update(str(path.relative_to(ROOT)).encode())
        state.update(path.read_bytes())
    return state.hexdigest()


def files_below(paths: Iterable[Path]) -> Iterable[Path]:
    """The files named, and those below the folders named, without build output."""
    for path in paths:
        if path.is_file():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
            yield from (Path(folder, name) for name in names)


def read_stamp() -> dict[str, str]:
    """Hashes of the parts made last time; empty when there are none."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def run(command: Sequence[str | Path], *, title: str, cwd: Path = ROOT) -> None:
    """Run a set-up step with a title and its duration; on failure show its whole output."""
    say(f"{title} ...")
    started = time.monotonic()
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    environment["PATH"] = os.pathsep.join(
        [str(VENV / BIN), str(TOOLS / BIN), *cargo_folders(), os.environ.get("PATH", "")]
    )
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        words = " ".join(str(word) for word in command)
        raise SetupError(f"{title} failed (exit {done.returncode}): {words}")
    say(f"{title}: done in {time.monotonic() - started:.0f} s")


def cargo_folders() -> list[str]:
    """Where rustup puts cargo when it is not on PATH."""
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo")) / "bin"
    return [str(home)] if home.is_dir() else []


def uv() -> Path:
    """Path of the pinned installer, made once in its own small environment."""
    program = TOOLS / BIN / f"uv{EXE}"
    if not program.exists():
        run([sys.executable, "-m", "venv", TOOLS], title="create the tool environment")
        pip = [TOOLS / BIN / f"python{EXE}", "-m", "pip", "install", "-q", f"uv=={UV_VERSION}"]
        run(pip, title="install uv")
    return program


def python_inputs(profile: str) -> tuple[list[Path], str]:
    """The requirement files of a profile (run | dev) and the hash that stands for them."""
    first = "dev.txt" if profile == "dev" else "core.txt"
    files = [ROOT / "requirements" / name for name in (first, "sample.txt", "node.txt")]
    version = ".".join(map(str, sys.version_info[:3]))
    return files, digest([*files, ROOT / "pyproject.toml"], version, UV_VERSION)


def make_python(profile: str) -> None:
    """Create `.venv` and sync the hash-locked requirements and the project itself."""
    files, _ = python_inputs(profile)
    program = uv()
    if not (VENV / BIN / f"python{EXE}").exists():
        run([program, "venv", "--python", sys.executable, VENV], title="create .venv")
    target = ["--python", VENV / BIN / f"python{EXE}"]
    sync = [program, "pip", "sync", *target, "--require-hashes", *files]
    run(sync, title=f"install Python packages ({profile})")
    editable = [program, "pip", "install", *target, "--no-deps", "--no-build-isolation", "-e", "."]
    run(editable, title="install the project")


def rust_inputs() -> list[Path]:
    """Every file that the Rust builds depend on."""
    crates = ("libs/rust-common", "libs/trading-engine", "apps/execution-gateway")
    folders = [ROOT / name for name in (*crates, "apps/simulated-venue")]
    return [ROOT / "Cargo.toml", ROOT / "Cargo.lock", *folders]


def check_cargo() -> str:
    """Path of a cargo that is new enough."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *cargo_folders()])
    cargo = shutil.which("cargo", path=path)
    if cargo is None:
        raise SetupError(
            "the Rust toolchain is missing (cargo not found): install Rust "
            f"{'.'.join(map(str, RUST_MINIMUM))} or newer with rustup (https://rustup.rs), "
            "then run this command again"
        )
    words = subprocess.run([cargo, "--version"], capture_output=True, text=True, check=False)
    version = words.stdout.split()[1] if words.returncode == 0 else "0.0"
    if tuple(int(part) for part in version.split(".")[:2]) < RUST_MINIMUM:
        raise SetupError(
            f"Rust {version} is too old, {'.'.join(map(str, RUST_MINIMUM))} or newer is needed: "
            "run 'rustup update stable', then this command again"
        )
    return cargo


def make_rust() -> None:
    """Build gateway and venue, and install the engine module into `.venv`."""
    cargo = check_cargo()
    jobs = ["-j", str(min(os.cpu_count() or 1, 8))]
    binaries = ["-p", "execution-gateway", "-p", "simulated-venue"]
    build = [cargo, "build", "--release", "--locked", *jobs, *binaries]
    run(build, title="build execution-gateway and simulated-venue (the first time takes minutes)")
    engine = ROOT / "libs" / "trading-engine" / "Cargo.toml"
    wheels = ROOT / "target" / "wheels"
    shutil.rmtree(wheels, ignore_errors=True)
    maturin = [VENV / BIN / f"maturin{EXE}", "build", "--release", "--locked", "-q"]
    words = [*maturin, "-m", engine, "--out", wheels, "-i", VENV / BIN / f"python{EXE}"]
    run(words, title="build trading_engine")
    install_engine()


def install_engine() -> None:
    """Put the built engine wheel into `.venv` (a sync of packages removes it)."""
    wheel = next((ROOT / "target" / "wheels").glob("*.whl"), None)
    if wheel is None:
        raise SetupError("the engine wheel is missing under target/wheels: run the command again")
    target = ["--python", VENV / BIN / f"python{EXE}"]
    words = [uv(), "pip", "install", *target, "--no-deps", "--force-reinstall", wheel]
    run(words, title="install trading_engine")


def dashboard_inputs() -> list[Path]:
    """Every file that the dashboard build depends on."""
    return [path for path in DASHBOARD.iterdir() if path.name not in SKIPPED_FOLDERS | {"e2e"}]


def make_dashboard() -> None:
    """Install the locked npm packages and build the static dashboard."""
    npm = VENV / BIN / ("npm.cmd" if WINDOWS else "npm")
    run([npm, "ci", "--no-audit", "--no-fund"], title="install npm packages", cwd=DASHBOARD)
    run([npm, "run", "build"], title="build the dashboard", cwd=DASHBOARD)


def set_up(profile: str, *, heavy: bool) -> None:
    """Make every part whose inputs changed since its stamp, and stamp it."""
    stamp = read_stamp()
    # A development environment holds everything that running needs.
    wanted = "dev" if profile == "dev" or stamp.get("profile") == "dev" else "run"
    _, python_hash = python_inputs(wanted)
    python_made = stamp.get("python") != python_hash or stamp.get("profile") != wanted
    if python_made:
        make_python(wanted)
        stamp |= {"python": python_hash, "profile": wanted}
        write_stamp(stamp)
    if not heavy:
        return
    parts: list[tuple[str, list[Path], Callable[[], None], bool]] = [
        ("rust", rust_inputs(), make_rust, rust_programs_exist()),
        ("dashboard", dashboard_inputs(), make_dashboard, (DASHBOARD / "dist").is_dir()),
    ]
    for name, inputs, make, exists in parts:
        value = digest(inputs)
        if stamp.get(name) != value or not exists:
            make()
            stamp[name] = value
            write_stamp(stamp)
        elif name == "rust" and python_made:
            install_engine()


def rust_programs_exist() -> bool:
    """Whether both programs of the last build are still there."""
    names = ("execution-gateway", "simulated-venue")
    return all((ROOT / "target" / "release" / f"{name}{EXE}").exists() for name in names)


def write_stamp(stamp: dict[str, str]) -> None:
    """Write the stamp whole or not at all."""
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(stamp, indent=1), encoding="utf-8")
    fresh.replace(STAMP)


def main(arguments: list[str]) -> int:
    """Set up, then replace this process by the command."""
    command = arguments[0] if arguments else "--help"
    try:
        profile = "dev" if command in TASKS else "run"
        set_up(profile, heavy=command not in LIGHT)
    except SetupError as error:
        say(str(error))
        return 1
    python = str(VENV / BIN / f"python{EXE}")
    script = str(ROOT / "scripts" / "tasks.py")
    target = [python, script] if command in TASKS else [python, "-m", "ats"]
    os.environ["PATH"] = os.pathsep.join(
        [str(VENV / BIN), *cargo_folders(), os.environ.get("PATH", "")]
    )
    os.environ["ATS_HOME"] = str(ROOT)
    if WINDOWS:
        return subprocess.run([*target, *arguments], check=False).returncode
    os.execv(python, [*target, *arguments])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
