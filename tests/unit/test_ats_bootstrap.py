"""The set-up script: stamps, and one clear line when the Rust toolchain is missing or old."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ats.options import HOME


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A fresh copy of scripts/bootstrap.py that looks at a temporary repository."""
    spec = importlib.util.spec_from_file_location("bootstrap", HOME / "scripts" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STAMP", tmp_path / "stamp.json")
    return module


@pytest.fixture
def empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH without any program."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "no-cargo-home"))
    return folder


def fake_cargo(folder: Path, version: str) -> None:
    program = folder / "cargo"
    program.write_text(f"#!/bin/sh\necho 'cargo {version} (abcdef 2024-01-01)'\n")
    program.chmod(0o755)


def test_a_missing_toolchain_is_one_line_with_the_fix(
    bootstrap: ModuleType, empty_path: Path
) -> None:
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.check_cargo()
    text = str(caught.value)
    assert "cargo not found" in text
    assert "rustup" in text
    assert "\n" not in text


def test_an_old_toolchain_is_refused(bootstrap: ModuleType, empty_path: Path) -> None:
    fake_cargo(empty_path, "1.80.1")
    with pytest.raises(bootstrap.SetupError, match=r"1\.80\.1 is too old.*rustup update stable"):
        bootstrap.check_cargo()


def test_a_new_toolchain_is_taken(bootstrap: ModuleType, empty_path: Path) -> None:
    fake_cargo(empty_path, "1.99.0")
    assert bootstrap.check_cargo() == str(empty_path / "cargo")


def test_without_cargo_a_command_ends_with_the_message(
    bootstrap: ModuleType,
    empty_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bootstrap, "make_python", lambda _profile: None)
    monkeypatch.setattr(bootstrap, "python_inputs", lambda _profile: ([], "hash"))
    assert bootstrap.main(["demo"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ats: the Rust toolchain is missing")


def test_the_digest_follows_names_and_contents(bootstrap: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "part"
    (folder / "target").mkdir(parents=True)
    (folder / "a.rs").write_text("one")
    first = bootstrap.digest([folder])
    (folder / "target" / "built").write_text("output does not count")
    assert bootstrap.digest([folder]) == first
    assert bootstrap.digest([folder], "other version") != first
    (folder / "a.rs").write_text("two")
    second = bootstrap.digest([folder])
    (folder / "a.rs").rename(folder / "b.rs")
    assert len({first, second, bootstrap.digest([folder])}) == 3


def test_the_stamp_is_written_whole(bootstrap: ModuleType, tmp_path: Path) -> None:
    assert bootstrap.read_stamp() == {}
    bootstrap.write_stamp({"rust": "abc"})
    assert bootstrap.read_stamp() == {"rust": "abc"}
    assert [path.name for path in tmp_path.iterdir()] == ["stamp.json"]
    (tmp_path / "stamp.json").write_text("{ torn")
    assert bootstrap.read_stamp() == {}


def test_a_failing_step_shows_its_output(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"do it failed \(exit 3\)"):
        bootstrap.run(["sh", "-c", "echo the reason; exit 3"], title="do it")
    assert "the reason" in capsys.readouterr().err
