"""The house style as a test: sizes, names, forbidden calls, layout of the repository."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / "libs" / "trading_models"
FRONT_DOOR_LINES = 500
FILE_LINES = 400
PLUGIN_LINES = 150
TEST_LINES = 500
PYTHON_FUNCTION_LINES = 50
RUST_FUNCTION_LINES = 70
SHELVES = ("indicators", "patterns", "risk_rules", "llm_providers", "strategies", "sources")
# Files over the cap, with the reason; this list may only shrink.
LONGER: dict[str, str] = {}
LONGER_FUNCTIONS: dict[str, str] = {}
CATCH_ALLS: dict[str, str] = {}
MACHINE = re.compile(r"/(?:work|root|farm)/[a-z]")
HOSTS = re.compile(r"https?://[^\s\"')]*(?:pypi\.org|pythonhosted|registry\.npmjs|static\.crates)")
PRAISE = re.compile(r"(?:enhanced|smart|optimi[sz]ed|final|ultimate|utils2|_v2)(?:_|\.|$)")


def tracked(*endings: str) -> list[Path]:
    """Files that git tracks or would add, by ending."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / line for line in listing.splitlines()]
    return [path for path in paths if path.is_file() and path.name.endswith(endings)]


def name(path: Path) -> str:
    """Path relative to the repository."""
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Qualified name and length of every Python function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def rust_body(path: Path) -> str:
    """A Rust file without its trailing test module."""
    return path.read_text(encoding="utf-8").split("#[cfg(test)]\nmod tests {")[0]


def cap(path: Path) -> int:
    """Largest number of lines a source file may have."""
    if "tests" in path.parts or path.name == "tests.rs" or path.parent.name == "e2e":
        return TEST_LINES
    if path.parent == LIBRARY:
        return FRONT_DOOR_LINES
    if path.parent.name in SHELVES and not path.name.startswith("_"):
        return PLUGIN_LINES
    return FILE_LINES


def test_files_are_short() -> None:
    over = {
        name(path): lines
        for path in tracked(".py", ".rs", ".ts", ".tsx")
        if (lines := rust_body(path).count("\n")) > cap(path) and name(path) not in LONGER
        if "generated" not in path.parts
    }
    assert not over, f"files over their cap: {over}"


def test_python_functions_are_short() -> None:
    over = {
        f"{name(path)}::{function}": lines
        for path in tracked(".py")
        for function, lines in functions(path)
        if lines > PYTHON_FUNCTION_LINES and f"{name(path)}::{function}" not in LONGER_FUNCTIONS
    }
    assert not over, f"functions over {PYTHON_FUNCTION_LINES} lines: {over}"


def test_waivers_are_still_needed() -> None:
    stale = [path for path in LONGER if (ROOT / path).read_text().count("\n") <= FILE_LINES]
    assert not stale, f"no longer over the cap, take them off the list: {stale}"


def test_root_is_small() -> None:
    entries = {name(path).split("/")[0] for path in tracked("")}
    assert len(entries) <= 45, f"{len(entries)} entries in the root: {sorted(entries)}"
    pages = [entry for entry in entries if entry.endswith(".md")]
    assert len(pages) <= 6, f"too many pages in the root: {pages}"


def test_no_class_name_twice() -> None:
    names = Counter(
        node.name
        for path in tracked(".py")
        if "tests" not in path.parts
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    plugins = {"Params", "CustomMetadataHook"}
    twice = {word for word, count in names.items() if count > 1} - plugins
    assert not twice, f"class names defined more than once: {twice}"


def test_only_risk_management_makes_approved_orders() -> None:
    makers = [
        name(path)
        for path in tracked(".py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ApprovedOrder"
    ]
    assert set(makers) <= {"libs/trading_models/risk_management.py"}, makers


def test_catch_all_handlers_are_listed() -> None:
    found = Counter(
        name(path)
        for path in tracked(".py")
        if "tests" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in ("Exception", "BaseException"))
    )
    assert set(found) == set(CATCH_ALLS), f"catch-all handlers: {dict(found)}"


@pytest.mark.parametrize(
    ("what", "pattern"), [("a machine path", MACHINE), ("a package host", HOSTS)]
)
def test_no_workplace_in_files(what: str, pattern: re.Pattern[str]) -> None:
    endings = (".py", ".rs", ".ts", ".tsx", ".toml", ".json", ".md", ".yml", ".sh", ".txt", ".in")
    found = {
        name(path): hit.group(0)
        for path in tracked(*endings)
        if path.name not in ("test_tidy.py", "Cargo.lock")
        if (hit := pattern.search(path.read_text(encoding="utf-8")))
    }
    assert not found, f"{what} in {found}"


def test_no_names_that_praise() -> None:
    found = [
        name(path) for path in tracked(".py", ".rs", ".ts", ".tsx") if PRAISE.search(path.stem)
    ]
    assert not found


def test_no_unfinished_marks() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX)\b|todo!\(|unimplemented!\(|NotImplementedError\(")
    found = [
        name(path)
        for path in tracked(".py", ".rs", ".ts", ".tsx")
        if path.name != "test_tidy.py" and marks.search(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"unfinished marks in {found}"


def test_no_floats_in_the_money_vocabulary() -> None:
    found = [
        f"{name(path)}: {hit.group(0)}"
        for path in (ROOT / "libs" / "rust-common" / "src").rglob("*.rs")
        if (hit := re.search(r"\bf64\b|\bf32\b", rust_body(path)))
    ]
    assert not found


def test_every_library_module_is_used() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in tracked(".py") if "tests" not in path.parts
    )
    doors = [path.stem for path in LIBRARY.glob("*.py") if path.stem != "__init__"]
    unused = [
        door
        for door in doors
        if not re.search(rf"trading_models\.{door}\b|from trading_models import .*\b{door}\b", text)
    ]
    assert not unused, f"modules that no entry point reaches: {unused}"
