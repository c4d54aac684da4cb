"""Where the built programs and the dashboard are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ats.errors import ProcessFailed
from ats.options import HOME


def dashboard_folder() -> Path:
    """The built dashboard: of the checkout, else the one shipped inside the package."""
    built = HOME / "apps" / "trading-dashboard-ui-clean" / "dist"
    return built if built.is_dir() else Path(__file__).parent / "static"


def program(name: str) -> str:
    """Path of a Rust program: the checkout's release build, else one on PATH.

    Raises ProcessFailed when there is none.
    """
    suffix = ".exe" if sys.platform == "win32" else ""
    built = HOME / "target" / "release" / f"{name}{suffix}"
    if built.exists():
        return str(built)
    found = shutil.which(name)
    if found is None:
        raise ProcessFailed(
            f"{name} is not built: run ./ats demo once in the checkout, or install its wheel"
        )
    return found
