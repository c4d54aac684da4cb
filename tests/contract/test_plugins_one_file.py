"""One new file on a shelf is in the catalogue, in the API's list and in the contract suite.

The files are written into a copy of the package, and everything runs in processes that import that
copy; no other file is edited.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ats.options import HOME

pytestmark = pytest.mark.timeout(240)
INDICATOR = '''"""Rate of change in percent over a window: momentum relative to the first close."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from trading_models.indicators._api import BarValues, Indicator


class RateOfChange(Indicator):
    """100 x (close / close of `period` bars ago - 1)."""

    name = "newcomer_roc"
    summary = "rate of change over a window"
    params: ClassVar = {"period": 9}

    def __init__(self, **params: float) -> None:
        super().__init__(**params)
        self.closes: deque[float] = deque(maxlen=self.warmup)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("newcomer_roc_9",)

    @property
    def warmup(self) -> int:
        return int(self.values["period"]) + 1

    def update(self, bar: BarValues) -> tuple[float] | None:
        self.closes.append(bar.close)
        if len(self.closes) < self.warmup:
            return None
        return (100.0 * (bar.close / self.closes[0] - 1.0),)
'''
PATTERN = '''"""Outside bar: a range that holds the whole range of the bar before."""

from __future__ import annotations

from trading_models.patterns._api import BarValues, Pattern


class OutsideBar(Pattern):
    """+1 when an outside bar closes up, -1 when it closes down."""

    name = "newcomer_outside_bar"
    summary = "range beyond both ends of the bar before"

    def __init__(self, **params: float) -> None:
        super().__init__(**params)
        self.before: list[float] = []

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("newcomer_outside_bar",)

    @property
    def warmup(self) -> int:
        return 2

    def update(self, bar: BarValues) -> tuple[float] | None:
        before, self.before = self.before, [bar.high, bar.low]
        if not before:
            return None
        if bar.high > before[0] and bar.low < before[1]:
            return ((bar.close > bar.open) - (bar.close < bar.open) + 0.0,)
        return (0.0,)
'''
RULE = '''"""No entry that is larger than a share of equity."""

from __future__ import annotations

from decimal import Decimal

from trading_models.risk_rules._api import Pass, Refuse, RiskRule, RuleContext, RuleVerdict

LIMIT = Decimal(10)


class NewcomerRule(RiskRule):
    """Refuses a notional above ten times equity."""

    name = "newcomer_rule"
    summary = "notional against equity"
    priority = 777

    def check(self, ctx: RuleContext) -> RuleVerdict:
        share = ctx.notional / ctx.equity
        verdict = Refuse if share > LIMIT else Pass
        return verdict(limit=f"{LIMIT}", observed=f"{share:.6f}")
'''
SHELVES = {
    "indicators": ("newcomer_roc", INDICATOR, "test_shelf_indicators.py"),
    "patterns": ("newcomer_outside_bar", PATTERN, "test_shelf_patterns.py"),
    "risk_rules": ("newcomer_rule", RULE, "test_shelf_risk_rules.py"),
}
ROUTES = {
    "indicators": ("/api/v1/indicators/catalog", "indicators"),
    "patterns": ("/api/v1/patterns/catalog", "patterns"),
    "risk_rules": ("/api/v1/risk/rules", "rules"),
}
ASK_API = """
import asyncio, json, sys
from dataclasses import replace
from pathlib import Path
import httpx2
from fakes import api_app
from fakes.decision_data import INSTRUMENT, SETTINGS
from trading_api.main import create_app
from trading_api.services.market_reader import MarketReader
from trading_models.base import Timeframe

async def main():
    market = MarketReader(SETTINGS, [INSTRUMENT], Timeframe.M15)
    found = {}
    async with api_app.running(Path(sys.argv[1])) as running:
        await running.login("vera")
        app = create_app(replace(running.context, market=market))
        transport = httpx2.ASGITransport(app=app)
        cookies = running.client.cookies
        address = "http://127.0.0.1:8000"
        async with httpx2.AsyncClient(
            transport=transport, base_url=address, cookies=cookies
        ) as client:
            for path, key in json.loads(sys.argv[2]):
                reply = await client.get(path)
                assert reply.status_code == 200, reply.text
                found[path] = [row["name"] for row in reply.json()[key]]
    sys.stdout.write(json.dumps(found))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a copy of the library with one more file on each shelf."""
    folder = tmp_path_factory.mktemp("newcomer")
    library = folder / "trading_models"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HOME / "libs" / "trading_models", library, ignore=ignored)
    for shelf, (name, text, _) in SHELVES.items():
        (library / shelf / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


def run(packages: Path, *words: str) -> subprocess.CompletedProcess[str]:
    paths = [str(packages), str(HOME / "tests")]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [sys.executable, *words],
        cwd=HOME,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_copy_is_what_the_processes_import(packages: Path) -> None:
    done = run(packages, "-c", "import trading_models; print(trading_models.__file__)")
    assert Path(done.stdout.strip()).parent == packages / "trading_models"


@pytest.mark.parametrize("shelf", SHELVES)
def test_the_contract_suite_covers_the_new_file(packages: Path, shelf: str) -> None:
    name, _, suite = SHELVES[shelf]
    words = ["-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", name]
    done = run(packages, *words, str(HOME / "tests" / "contract" / suite))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.findall(rf"(test_\w+)\[{name}\] PASSED", done.stdout)
    assert len(passed) >= 4, done.stdout[-2000:]
    assert len(passed) == len(set(passed))


def test_a_bad_new_file_fails_its_suite(packages: Path, tmp_path: Path) -> None:
    """The suite would notice: a rule that lets larger orders pass is not monotone."""
    copy = tmp_path / "bad"
    shutil.copytree(packages / "trading_models", copy / "trading_models")
    path = copy / "trading_models" / "risk_rules" / "newcomer_rule.py"
    text = path.read_text(encoding="utf-8").replace("share > LIMIT", "ctx.portfolio.exposure == 0")
    path.write_text(text, encoding="utf-8")
    suite = str(HOME / "tests" / "contract" / "test_shelf_risk_rules.py")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "newcomer"]
    done = run(copy, *words, suite)
    assert done.returncode == 1, done.stdout[-2000:]
    assert "newcomer_rule" in done.stdout


def test_the_api_lists_the_new_files(packages: Path, tmp_path: Path) -> None:
    done = run(packages, "-c", ASK_API, str(tmp_path), json.dumps(list(ROUTES.values())))
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    for shelf, (path, _) in ROUTES.items():
        assert SHELVES[shelf][0] in found[path], f"{path}: {found[path]}"
