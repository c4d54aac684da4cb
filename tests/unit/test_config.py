"""Settings: layers, exact errors, hash, hot reload."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trading_models.base import ConfigError
from trading_models.config_manager import (
    Settings,
    SettingsChange,
    SettingsStore,
    load_settings,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_the_shipped_file_says_the_defaults() -> None:
    assert load_settings(ROOT / "config.toml", environment={}) == Settings()


def test_later_layers_win(file: Path) -> None:
    file.write_text("account = 'x'\n[risk]\nper_trade_pct = 1\nleverage = 2\n[venue]\n")
    environment = {"ATS_RISK__LEVERAGE": "4", "ATS_RISK__CORRELATION": "0.5", "ATS_HOME": "x"}
    settings = load_settings(file, {"risk.correlation": "0.25"}, environment=environment)
    assert settings.account == "x"
    assert settings.risk.per_trade_pct == 1
    assert settings.risk.leverage == 4
    assert settings.risk.correlation == Decimal("0.25")
    assert settings.risk.portfolio_pct == 20


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().account = "other"  # type: ignore[misc,assignment]


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("[risk]\nper_trade_pct = 5\n", 2, "risk.per_trade_pct", ["'5'", "0.25..2"]),
        ("\n[risk]\n\nleverage = 'x'\n", 4, "risk.leverage", ["'x'", "1..10"]),
        ("[risk]\nper_trade_pc = 1\n", 2, "risk.per_trade_pc", ["unknown", "mean per_trade_pct?"]),
        ("[rsk]\na = 1\n", 1, "rsk", ["unknown key rsk", "did you mean risk?"]),
        ("risk.leverage = 11\n", 1, "risk.leverage", ["'11'", "1..10"]),
        ("[llm]\npolicy = 'best'\n", 2, "llm.policy", ["'best'", "pinned"]),
        ("[position]\nmax_bars = 1.5\n", 2, "position.max_bars", ["'1.5'", "integer", "100000"]),
        ("[data]\nanalysis_timeframes = ['1h', '15m']\n", 1, "data", ["ascending"]),
        ("[risk]\nmonthly_drawdown_pct = 2\n", 1, "risk", ["must not be below"]),
        ("[llm]\ntape_mode = 'record'\n", 1, "llm", ["tape_path"]),
    ],
)
def test_errors_name_file_line_key_value_and_range(
    file: Path, text: str, line: int, key: str, words: list[str]
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environment={})
    error = caught.value
    assert (error.file, error.line, error.key) == (str(file), line, key)
    assert str(error).startswith(f"{file}:{line}: ")
    for word in words:
        assert word in str(error)


def test_broken_toml_and_missing_file_are_said(file: Path) -> None:
    file.write_text("[risk]\nleverage = = 1\n")
    with pytest.raises(ConfigError, match="not valid TOML") as caught:
        load_settings(file)
    assert caught.value.line == 2
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(file.with_name("absent.toml"))


def test_an_environment_mistake_names_the_variable() -> None:
    with pytest.raises(ConfigError, match="environment variable ATS_RISK__LEVERAGE"):
        load_settings(None, environment={"ATS_RISK__LEVERAGE": "99"})


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-5, max_value=15, places=2))
def test_a_limit_is_kept_or_refused_never_clipped(value: Decimal) -> None:
    if Decimal("0.25") <= value <= 2:
        settings = load_settings(None, {"risk.per_trade_pct": value}, environment={})
        assert settings.risk.per_trade_pct == value
    else:
        with pytest.raises(ConfigError, match=r"0\.25\.\.2"):
            load_settings(None, {"risk.per_trade_pct": value}, environment={})


def test_the_hash_follows_decisions_only() -> None:
    plain = load_settings(None, environment={})
    same = load_settings(
        None, {"api.port": 9, "data.dir": "elsewhere", "supervisor.runs_kept": 3}, environment={}
    )
    other = load_settings(None, {"strategy.entry_threshold": 63}, environment={})
    written = load_settings(None, {"risk.per_trade_pct": "0.50"}, environment={})
    assert plain.config_hash == same.config_hash == written.config_hash
    assert len({plain.config_hash, other.config_hash}) == 2


def test_reload_swaps_whole_or_not_at_all(file: Path) -> None:
    file.write_text("[risk]\nper_trade_pct = 1\n")
    store = SettingsStore(file)
    file.write_text("[risk]\nper_trade_pct = 0.5\ncooldown_hours = 48\n[strategy]\nstop_atr = 3\n")
    change = store.reload()
    assert (change.version, store.version, change.loosened) == (2, 2, ())
    assert ("risk.per_trade_pct", "1", "0.5") in change.diff
    assert len(change.diff) == 3
    kept = store.current
    file.write_text("[risk]\nper_trade_pct = 50\n")
    with pytest.raises(ConfigError, match=r"0\.25\.\.2"):
        store.reload()
    assert store.current is kept
    assert store.version == 2


@pytest.mark.parametrize(
    "looser", ["per_trade_pct = 2", "cooldown_hours = 1", "daily_drawdown_pct = 8"]
)
def test_loosening_risk_needs_confirmation(file: Path, looser: str) -> None:
    file.write_text("[risk]\nper_trade_pct = 0.5\ncooldown_hours = 24\ndaily_drawdown_pct = 4\n")
    store = SettingsStore(file)
    kept = store.current
    lines = {line.split(" = ")[0]: line for line in file.read_text().splitlines()[1:]}
    lines[looser.split(" = ", maxsplit=1)[0]] = looser
    file.write_text("[risk]\n" + "\n".join(lines.values()) + "\n")
    with pytest.raises(ConfigError, match="would loosen risk"):
        store.reload()
    assert store.current is kept
    change = store.reload(confirm_loosening=True)
    assert change.loosened == (f"risk.{looser.split(' = ', maxsplit=1)[0]}",)
    assert store.current is not kept


def _save(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.mark.asyncio
async def test_watch_sees_a_saved_file(file: Path) -> None:
    _save(file, "[strategy]\nstop_atr = 2\n")
    store = SettingsStore(file)
    errors: list[ConfigError] = []

    async def first() -> SettingsChange:
        async for change in store.watch(errors.append):
            return change
        raise AssertionError

    async def save_until_seen(task: asyncio.Task[SettingsChange]) -> None:
        # The watcher starts when it starts; saving again is harmless until it has looked.
        while not task.done():
            _save(file, f"[strategy]\nstop_atr = {3 if errors else 99}\n")
            await asyncio.wait({task}, timeout=0.2)

    task = asyncio.create_task(first())
    await asyncio.wait_for(save_until_seen(task), timeout=60)
    assert task.result().settings.strategy.stop_atr == 3
    assert errors[0].key == "strategy.stop_atr"
