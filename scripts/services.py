"""Start real PostgreSQL and Redis on random loopback ports and run the contract suites on them.

The servers are Debian's, run in temporary folders, and are stopped at the end. `--install` installs
the packages first (needs root and apt-get).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WAIT_S = 30.0
PACKAGES = ("postgresql", "redis-server")


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install() -> None:
    """Install the servers and the Python drivers."""
    if shutil.which("redis-server") is None or postgres_bin() is None:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)


def install_drivers() -> None:
    """Put asyncpg and redis beside the development packages (hash-locked)."""
    suffix = "Scripts" if os.name == "nt" else "bin"
    uv = ROOT / ".tools" / suffix / "uv"
    words = [uv, "pip", "install", "-q", "--python", sys.executable, "--no-deps"]
    locked = ["--require-hashes", "-r", ROOT / "requirements" / "services.txt"]
    subprocess.run([str(word) for word in [*words, *locked]], check=True)


def postgres_bin() -> Path | None:
    """Folder of initdb and postgres: Debian keeps them off PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if folders:
        return folders[0]
    found = shutil.which("initdb")
    return Path(found).parent if found else None


def wait_for_port(port: int, name: str) -> None:
    """Return when something listens on the port."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{name} did not listen on port {port} within {WAIT_S:.0f} s")


@contextlib.contextmanager
def server(command: list[str], port: int, name: str) -> Iterator[None]:
    """A server process for the duration of the block."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        wait_for_port(port, name)
        yield
    finally:
        process.terminate()
        process.wait(timeout=WAIT_S)


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """URL of a fresh PostgreSQL cluster."""
    programs = postgres_bin()
    if programs is None:
        raise SystemExit("PostgreSQL is not installed: run ./ats services-test --install")
    # PostgreSQL refuses to run as root.
    as_user = ["runuser", "-u", "postgres", "--"] if os.name == "posix" and os.getuid() == 0 else []
    data = folder / "pg"
    data.mkdir()
    if as_user:
        folder.chmod(0o755)
        shutil.chown(data, "postgres")
    init = [str(programs / "initdb"), "-D", str(data), "-U", "ats", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*as_user, *init], check=True, stdout=subprocess.DEVNULL, cwd=data)
    port = free_port()
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data)]
    with server([*as_user, str(programs / "postgres"), *options], port, "PostgreSQL"):
        yield f"postgresql+asyncpg://ats@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """URL of a fresh Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("Redis is not installed: run ./ats services-test --install")
    port = free_port()
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with server([*words, "--save", "", "--appendonly", "no"], port, "Redis"):
        yield f"redis://127.0.0.1:{port}/0"


def main() -> int:
    """Start the servers, run `pytest -m services`, stop the servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true")
    if parser.parse_args().install:
        install()
    install_drivers()
    with tempfile.TemporaryDirectory(prefix="ats-services-") as name:
        folder = Path(name)
        with postgres(folder) as database_url, redis(folder) as redis_url:
            urls = {"ATS_TEST_POSTGRES_URL": database_url, "ATS_TEST_REDIS_URL": redis_url}
            words = [sys.executable, "-m", "pytest", "-q", "-m", "services", "tests"]
            environment = {**os.environ, **urls}
            return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
