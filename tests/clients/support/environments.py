"""A virtual environment for each client, from its hash-locked requirements."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = ROOT / "var" / "clients"


def environment(client: str) -> Path:
    """The Python of a client's environment, made or renewed when its lock changed."""
    lock = ROOT / "requirements" / "clients" / f"{client}.txt"
    folder = ENVIRONMENTS / client
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return python
    uv = ROOT / ".tools" / "bin" / "uv"
    run = lambda *words: subprocess.run([str(word) for word in words], check=True)  # noqa: E731
    run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
    run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, lock)
    stamp.write_text(digest, encoding="utf-8")
    return python
