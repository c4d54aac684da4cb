"""The dashboard in a real browser while the demo trades (apps/.../e2e/demo.e2e.mjs)."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from ats.observation import login_link
from ats.options import HOME
from ats.places import dashboard_folder
from ats.replay_data import DataChoice
from ats.system import RunningSystem, SystemOptions, prepare
from trading_models.base import SystemClock
from trading_models.config_manager import load_settings

pytestmark = [pytest.mark.browser, pytest.mark.timeout(280)]
SCRIPT = HOME / "apps" / "trading-dashboard-ui-clean" / "e2e" / "demo.e2e.mjs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test_a_person_watches_the_demo(tmp_path: Path) -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        if os.environ.get("CI"):
            pytest.fail("no Chromium: continuous integration must have one")
        pytest.skip("no Chromium: install Debian's chromium to run the browser test")
    assert (dashboard_folder() / "index.html").is_file(), "the dashboard is not built"
    options = SystemOptions(DataChoice("sample"), "browser")
    prepared = prepare(options, load_settings(), tmp_path, SystemClock().now())

    async def watch() -> tuple[int, str]:
        system = RunningSystem(prepared, lambda _name, _text: None)
        try:
            await system.start()
            link = login_link(prepared.directory, system.url)
            environment = {
                **os.environ,
                "BASE_URL": system.url,
                "LOGIN_URL": str(link),
                "OUT_DIR": str(tmp_path / "shots"),
            }
            node = Path(sys.executable).parent / "node"
            process = await asyncio.create_subprocess_exec(
                str(node),
                str(SCRIPT),
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            return process.returncode or 0, output.decode(errors="replace")
        finally:
            await system.stop()

    code, output = asyncio.run(watch())
    assert code == 0, output[-4000:]
