"""The pages keep their word: commands of the README exist and run, links resolve, pictures fit."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
import typer
import typer.main

from ats.cli import app
from ats.options import HOME

README = (HOME / "README.md").read_text(encoding="utf-8")
USAGE_ERROR = typer.BadParameter.__bases__[0]
TASKS = ("test", "check", "bench", "services-test")
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\./ats|\.venv/bin/python) [^`]*)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Runs the command line on a folder of its own instead of the checkout's var/.
OWN_VAR = """
import sys
from pathlib import Path
import ats.cli, ats.options, ats.prove_commands
var = Path(sys.argv.pop(1))
for module in (ats.cli, ats.options, ats.prove_commands):
    module.var_folder = lambda: var
ats.cli.main()
"""


def pages() -> list[Path]:
    """Every page that git tracks or would add."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    done = subprocess.run(words, cwd=HOME, capture_output=True, text=True, check=True)
    found = [HOME / line for line in done.stdout.splitlines()]
    return [path for path in found if path.is_file()]


def commands_of(text: str) -> list[str]:
    """Every `./ats ...` and script call of a page, in order, once."""
    fenced = [line for block in FENCE.findall(text) for line in block.splitlines()]
    fenced = [line for line in fenced if line.startswith(("./ats", ".venv/bin/python"))]
    inline = [words for line in FENCE.sub("", text).splitlines() for words in INLINE.findall(line)]
    return list(dict.fromkeys(shlex.join(shlex.split(c, comments=True)) for c in fenced + inline))


COMMANDS = commands_of(README)
PRODUCT = [c for c in COMMANDS if c.startswith("./ats") and shlex.split(c)[1] not in TASKS]


def parse(words: list[str]) -> None:
    """Read the words as the command line would, without running anything."""
    command, name = typer.main.get_command(app), "ats"
    while hasattr(command, "commands"):
        assert words, f"{name} alone is no command"
        assert words[0] in command.commands, f"no command {words[0]!r} below {name}"
        command, name, words = command.commands[words[0]], words[0], words[1:]
    command.make_context(name, list(words)).close()


def test_the_two_commands_come_first() -> None:
    assert COMMANDS[:2] == ["./ats demo", "./ats test"]
    assert README.index("./ats demo") < 1500


@pytest.mark.parametrize("command", PRODUCT)
def test_a_command_of_the_readme_exists(command: str) -> None:
    parse(shlex.split(command)[1:])


def test_a_wrong_command_would_be_noticed() -> None:
    for words in (["demoo"], ["demo", "--heedless"], ["data", "chek"], ["backtest", "--steps=no"]):
        with pytest.raises((USAGE_ERROR, AssertionError)):
            parse(words)


def test_every_command_of_the_program_is_in_the_readme() -> None:
    shown = {shlex.split(command)[1] for command in PRODUCT}
    assert set(typer.main.get_command(app).commands) == shown  # type: ignore[attr-defined]


@pytest.mark.parametrize("task", TASKS)
def test_a_task_of_the_readme_exists(task: str) -> None:
    assert any(shlex.split(command)[:2] == ["./ats", task] for command in COMMANDS)
    words = [sys.executable, str(HOME / "scripts" / "tasks.py"), task, "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"usage: ats {task}" in done.stdout


def test_the_benchmark_of_the_readme_exists() -> None:
    (words,) = (shlex.split(c)[2:] for c in COMMANDS if c.startswith("./ats bench"))
    names = [path.stem for path in (HOME / "tests" / "benchmarks").glob("bench_*.py")]
    assert any(all(word in name for word in words) for name in names)


def test_every_demo_script_is_in_the_readme() -> None:
    scripts = {path.name for path in HOME.glob("demo_*.py")}
    shown = {shlex.split(c)[1] for c in COMMANDS if c.startswith(".venv/bin/python")}
    assert shown == scripts


def test_versions_of_the_readme_are_those_that_are_checked() -> None:
    project = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bootstrap = (HOME / "scripts" / "bootstrap.py").read_text(encoding="utf-8")
    rust = re.search(r"RUST_MINIMUM = \((\d+), (\d+)\)", bootstrap)
    assert rust is not None
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in README
    assert f"Rust {'.'.join(rust.groups())} or newer" in README


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(HOME).as_posix())
def test_links_resolve(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [
        target
        for target in LINK.findall(text)
        if not target.startswith(("https://", "mailto:", "#"))
        if not (page.parent / unquote(target.partition("#")[0])).exists()
    ]
    assert broken == []


def test_commands_of_other_pages_exist() -> None:
    # The copy of the founding contracts also names what is still to come.
    later = HOME / "docs" / "concepts" / "contracts.md"
    for page in set(pages()) - {later}:
        for command in commands_of(page.read_text(encoding="utf-8")):
            words = shlex.split(command)
            if words[0] == "./ats" and len(words) > 1 and words[1] not in TASKS:
                parse(words[1:])


def test_the_picture_is_drawn_inside_its_frame() -> None:
    root = ET.parse(HOME / "docs" / "picture.svg").getroot()
    width, height = map(float, root.attrib["viewBox"].split()[2:])
    text = (HOME / "docs" / "picture.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in text
    for box in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x + w <= width
        assert y + h <= height


# ---- for real ----------------------------------------------------------------------------------


def ats(var: Path, *words: str, timeout_s: int = 200) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OWN_VAR, str(var), *words],
        cwd=HOME,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def last_document(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `var` folder after the headless demo of the README, shortened."""
    var = tmp_path_factory.mktemp("readme") / "var"
    (command,) = (c for c in PRODUCT if "--headless" in c)
    summary = last_document(ats(var, *shlex.split(command)[1:], "--steps", "900"))
    assert summary["bars"] == summary["decisions"] == 900
    assert summary["wall_s"]
    return var


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_quick_commands_of_the_readme_run(traded: Path) -> None:
    tried = ("report", "explain", "audit", "config", "logs", "data sample", "data check", "down")
    quick = [c for c in PRODUCT if c.removeprefix("./ats ").startswith(tried)]
    assert len(quick) >= len(tried)
    for command in quick:
        done = ats(traded, *shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-1500:]}"
        assert done.stdout.strip(), command
    assert "Traceback" not in ats(traded, "logs").stdout
    assert ats(traded, "status", "--json").returncode == 1, "nothing runs any more"
    assert ats(traded, "doctor", "--json").returncode == 0


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_parity_of_the_readme_holds(traded: Path) -> None:
    body = last_document(ats(traded, "parity", "--steps", "5000", "--json"))
    assert body["equal"] is True
    assert body["differences"] == []


@pytest.mark.e2e
@pytest.mark.timeout(280)
def test_up_status_logs_down(traded: Path) -> None:
    words = [sys.executable, "-c", OWN_VAR, str(traded), "up", "--headless", "--speed", "900"]
    environment = {**os.environ, "NO_COLOR": "1"}
    running = subprocess.Popen(
        words, cwd=HOME, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 90
        body: dict[str, object] = {}
        while not body.get("progress"):
            assert running.poll() is None, running.stderr and running.stderr.read()[-2000:]
            assert time.monotonic() < deadline, body
            done = ats(traded, "status", "--json")
            body = json.loads(done.stdout) if done.stdout else {}
        services = body["services"]
        assert isinstance(services, dict)
        assert {row["health"] for row in services.values()} == {"ok"}
        assert "trading-api" in ats(traded, "logs", "trading-api").stdout
        assert "already running" in ats(traded, "up").stderr
        assert json.loads(ats(traded, "down", "--json").stdout) == {"stopped": True}
        running.wait(timeout=30)
    finally:
        running.kill()
        running.wait(timeout=10)
        if running.stderr is not None:
            running.stderr.close()
