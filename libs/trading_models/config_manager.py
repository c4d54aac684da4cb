"""Settings: one frozen object out of defaults, `config.toml`, environment and overrides.

Later layers win: defaults < file < `ATS_<SECTION>__<KEY>` < overrides. An unknown key, a wrong
type or a value out of range is a ConfigError with file, line, key, value and allowed range.
A reload validates first and swaps then; what would loosen risk needs a confirmation.
This is the only module of the library that reads the environment.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from trading_models.base import (
    AccountId,
    ConfigError,
    Currency,
    InstrumentId,
    StrategyId,
    Timeframe,
    canonical_json,
    decimal_from_float,
)

ENV_PREFIX = "ATS_"
_HEADER = re.compile(r"^\s*\[\[?\s*([A-Za-z0-9_.\"-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_.\"-]+)\s*=")
# Which way a change makes risk larger; read by `SettingsStore`.
LOOSER_UP: dict[str, Any] = {"loosens": "up"}
LOOSER_DOWN: dict[str, Any] = {"loosens": "down"}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _up(low: str, high: str, default: str) -> Any:
    return Field(
        default=Decimal(default), ge=Decimal(low), le=Decimal(high), json_schema_extra=LOOSER_UP
    )


class DataSettings(_Section):
    """Where bars are kept and which timeframes are analysed."""

    dir: Path = Path("var/data")
    sample: InstrumentId = InstrumentId("BTC-USD.SIM")
    timeframe: Timeframe = Timeframe.M15
    analysis_timeframes: Annotated[tuple[Timeframe, ...], Field(min_length=1, max_length=7)] = (
        Timeframe.M15,
        Timeframe.H1,
        Timeframe.H4,
        Timeframe.D1,
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        lengths = [t.minutes for t in self.analysis_timeframes]
        if lengths != sorted(set(lengths)):
            raise ValueError("analysis_timeframes must be ascending and different, as 15m 1h 4h 1d")
        return self


class VenueSettings(_Section):
    """Costs and opening balances of the simulated venue. Rates are ratios (0.001 = 0.1 %)."""

    maker_fee_rate: Decimal = Field(default=Decimal("0.001"), ge=0, le=Decimal("0.05"))
    taker_fee_rate: Decimal = Field(default=Decimal("0.001"), ge=0, le=Decimal("0.05"))
    slippage_bps: Decimal = Field(default=Decimal(2), ge=0, le=500)
    balances: dict[Currency, Annotated[Decimal, Field(ge=0)]] = Field(
        default_factory=lambda: {Currency("USD"): Decimal(10000)}, min_length=1
    )


class StrategySettings(_Section):
    """Thresholds are scores 0..100, `*_atr` multiples of the average true range."""

    name: StrategyId = StrategyId("confluence-v1")
    entry_threshold: float = Field(default=62.0, ge=50, le=100)
    exit_threshold: float = Field(default=42.0, ge=0, le=50)
    opinion_weight: float = Field(default=0.1, ge=0, le=0.5)
    stop_atr: float = Field(default=2.0, ge=0.25, le=10)
    target_atr: float = Field(default=3.0, ge=0.25, le=20)
    allow_short: bool = False


class PositionSettings(_Section):
    """How an open position is managed; `*_r` are multiples of the first stop distance."""

    break_even_r: Decimal = Field(default=Decimal("1.0"), ge=0, le=20)
    trail_start_r: Decimal = Field(default=Decimal("1.5"), ge=0, le=20)
    trail_atr: Decimal = Field(default=Decimal("2.5"), ge=Decimal("0.25"), le=20)
    min_move_atr: Decimal = Field(default=Decimal("0.25"), ge=0, le=5)
    max_bars: int = Field(default=96, ge=1, le=100_000)


class RiskSettings(_Section):
    """Limits of the risk engine. `*_pct` are percent of equity unless said otherwise."""

    per_trade_pct: Decimal = _up("0.25", "2", "0.5")
    portfolio_pct: Decimal = _up("0.5", "20", "20")
    max_position_pct: Decimal = _up("1", "1000", "100")
    leverage: Decimal = _up("1", "10", "3")
    correlation: Decimal = _up("0", "1", "0.7")
    correlation_bars: int = Field(default=96, ge=20, le=10_000)
    daily_drawdown_pct: Decimal = _up("0.5", "8", "8")
    monthly_drawdown_pct: Decimal = _up("1", "20", "20")
    cooldown_hours: int = Field(default=24, ge=1, le=744, json_schema_extra=LOOSER_DOWN)
    stale_after_bars: int = Field(default=2, ge=1, le=20, json_schema_extra=LOOSER_UP)
    max_open_positions: int = Field(default=10, ge=1, le=1000, json_schema_extra=LOOSER_UP)
    order_ttl_s: int = Field(default=30, ge=1, le=300)

    @model_validator(mode="after")
    def _month_holds_a_day(self) -> Self:
        if self.monthly_drawdown_pct < self.daily_drawdown_pct:
            raise ValueError("monthly_drawdown_pct must not be below daily_drawdown_pct")
        return self


class GatewayLimits(_Section):
    """Hard limits that the gateway checks again, outside the risk engine. Quote currency."""

    max_order_notional: Decimal = _up("1", "100000000", "100000")
    max_instrument_notional: Decimal = _up("1", "100000000", "100000")
    max_orders_per_minute: int = Field(default=600, ge=1, le=100_000, json_schema_extra=LOOSER_UP)


class LlmSettings(_Section):
    """Which analysts are asked, by which policy, and how long an answer may take."""

    policy: Literal["pinned", "accuracy_first", "cost_aware", "latency_aware"] = "pinned"
    analysts: Annotated[tuple[str, ...], Field(max_length=16)] = ("rules-v1",)
    tape_mode: Literal["off", "record", "replay"] = "off"
    tape_path: Path | None = None
    deadline_s: Decimal = Field(default=Decimal(8), gt=0, le=120)

    @model_validator(mode="after")
    def _tape_has_a_file(self) -> Self:
        if self.tape_mode != "off" and self.tape_path is None:
            raise ValueError(f"tape_mode {self.tape_mode} needs tape_path")
        return self


class ApiSettings(_Section):
    """REST and WebSocket server. Port 0 lets the supervisor choose."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)


class SupervisorSettings(_Section):
    """How many old runs are kept and how much disk they may take."""

    runs_kept: int = Field(default=10, ge=1, le=10_000)
    disk_cap_mb: int = Field(default=2048, ge=64, le=10_000_000)


class Settings(_Section):
    """All settings of one run. Frozen: a reload makes a new object."""

    account: AccountId = AccountId("paper-1")
    data: DataSettings = DataSettings()
    venue: VenueSettings = VenueSettings()
    strategy: StrategySettings = StrategySettings()
    position: PositionSettings = PositionSettings()
    risk: RiskSettings = RiskSettings()
    gateway_limits: GatewayLimits = GatewayLimits()
    llm: LlmSettings = LlmSettings()
    api: ApiSettings = ApiSettings()
    supervisor: SupervisorSettings = SupervisorSettings()

    def funded_in(self, quote: Currency) -> Self:
        """These settings with an opening balance in `quote`: the first amount if none is set."""
        if quote in self.venue.balances:
            return self
        amount = next(iter(self.venue.balances.values()))
        venue = self.venue.model_copy(update={"balances": {quote: amount}})
        return self.model_copy(update={"venue": venue})

    @property
    def config_hash(self) -> str:
        """SHA-256 of the settings that can change a decision; ports and paths are left out."""
        body = {
            "analysis_timeframes": [t.code for t in self.data.analysis_timeframes],
            "venue": self.venue.model_dump(),
            "strategy": self.strategy.model_dump(),
            "position": self.position.model_dump(),
            "risk": self.risk.model_dump(),
            "llm": {"policy": self.llm.policy, "analysts": self.llm.analysts},
        }
        return hashlib.sha256(canonical_json(_without_floats(body))).hexdigest()


def _without_floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_floats(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return value.normalize()
    return decimal_from_float(value) if isinstance(value, float) else value


def load_settings(
    path: Path | str | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from all layers. `overrides` are dotted (`risk.per_trade_pct`), strings or values.

    Without `path` only defaults, environment and overrides count. ConfigError as described above.
    """
    text, name = "", "defaults"
    if path is not None:
        name, text = str(path), _read(Path(path))
    try:
        layered: dict[str, Any] = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        where = (name, int(line.group(1)) if line else None)
        raise ConfigError(f"not valid TOML: {error}", where=where) from error
    origin: dict[str, str] = {}
    env = os.environ if environment is None else environment
    for variable, raw in sorted(env.items()):
        if variable.startswith(ENV_PREFIX) and "__" in variable:
            key = variable.removeprefix(ENV_PREFIX).lower().replace("__", ".")
            _put(layered, key, raw)
            origin[key] = f"environment variable {variable}"
    for key, value in (overrides or {}).items():
        _put(layered, key, value)
        origin[key] = "command line or caller"
    try:
        return Settings.model_validate(layered)
    except ValidationError as error:
        raise _explain(error, name, text, origin) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"configuration cannot be read: {error}",
            where=(str(path), None),
            next_step="pass --config PATH, or copy config.toml from the repository",
        ) from error


def _put(tree: dict[str, Any], dotted: str, value: object) -> None:
    *sections, key = dotted.split(".")
    for section in sections:
        below = tree.setdefault(section, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{dotted}: {section} is not a section", key=dotted)
        tree = below
    tree[key] = _toml_value(value) if isinstance(value, str) else value


def _toml_value(text: str) -> Any:
    """Numbers, booleans and lists as TOML reads them; anything else is a plain string."""
    try:
        return tomllib.loads(f"v = {text}", parse_float=Decimal)["v"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(
    error: ValidationError, name: str, text: str, origin: Mapping[str, str]
) -> ConfigError:
    details = error.errors(include_url=False)
    first = details[0]
    key = ".".join(str(part) for part in first["loc"]) or "(root)"
    source = next((o for k, o in origin.items() if key == k or key.startswith(f"{k}.")), None)
    where = (source, None) if source else (name, _line_of(text, key))
    allowed = _allowed(first)
    value = _shown(first)
    if first["type"] == "extra_forbidden":
        message = f"unknown key {key} (value {value}); allowed: {allowed}"
    elif first["type"] == "value_error":
        message = f"{key}: {first['msg'].removeprefix('Value error, ')}"
    else:
        message = f"{key} = {value}: {first['msg']}; allowed: {allowed}"
    if len(details) > 1:
        message += f" (and {len(details) - 1} more)"
    return ConfigError(
        message,
        where=where,
        key=key,
        value=value,
        allowed=allowed,
        next_step="correct the value, then run `ats config check`",
    )


def _shown(detail: ErrorDetails) -> str:
    """The offending value, but never a whole section that may hold more than the mistake."""
    value = detail["input"]
    return "(section)" if isinstance(value, Mapping | BaseModel) else repr(str(value))


def _allowed(detail: ErrorDetails) -> str:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        section = _model_at(location[:-1])
        names = sorted(section.model_fields) if section else []
        close = difflib.get_close_matches(str(location[-1]), names, n=1)
        return ", ".join(names) + (f" (did you mean {close[0]}?)" if close else "")
    section = _model_at(location[:1]) if len(location) > 1 else Settings
    field = section.model_fields.get(str(location[min(1, len(location) - 1)])) if section else None
    return _range_of(field) if field else "see config.toml"


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] = Settings
    for part in location:
        field = model.model_fields.get(str(part))
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return None
        model = kind
    return model


def _range_of(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(str(choice) for choice in get_args(field.annotation))
    bounds = {
        name: getattr(item, name)
        for item in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(item, name, None) is not None
    }
    kind = getattr(field.annotation, "__name__", str(field.annotation)).lower()
    if not bounds:
        return kind
    low = bounds.get("ge", bounds.get("gt", "-inf"))
    high = bounds.get("le", bounds.get("lt", "inf"))
    return f"{'integer' if kind == 'int' else 'number'} in {low}..{high}"


def _line_of(text: str, key: str) -> int | None:
    """Line of `key` in TOML text, or of its section if the key itself is not written there."""
    section, best, depth = "", None, 0
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        assigned = _KEY.match(line)
        if header:
            section = found = header.group(1).replace('"', "")
        elif assigned:
            found = ".".join(p for p in (section, assigned.group(1).replace('"', "")) if p)
        else:
            continue
        if (key == found or key.startswith(f"{found}.")) and len(found) > depth:
            best, depth = number, len(found)
    return best


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """A reload: `diff` holds (key, old, new), `loosened` the keys that make risk larger."""

    version: int
    settings: Settings
    diff: tuple[tuple[str, str, str], ...]
    loosened: tuple[str, ...]


class SettingsStore:
    """The settings in force. Readers take `current`; a reload replaces it whole or not at all."""

    def __init__(self, path: Path, overrides: Mapping[str, object] | None = None) -> None:
        self._path = path
        self._overrides = dict(overrides or {})
        self.current = load_settings(path, self._overrides)
        self.version = 1

    def reload(self, *, confirm_loosening: bool = False) -> SettingsChange:
        """Read again, validate, swap. On any error the settings in force stay as they are."""
        fresh = load_settings(self._path, self._overrides)
        diff, loosened = _compare(self.current, fresh)
        if loosened and not confirm_loosening:
            raise ConfigError(
                f"this change would loosen risk: {', '.join(loosened)}; the old settings stay",
                where=(str(self._path), None),
                key=loosened[0],
                next_step="confirm it with `ats risk set --confirm`, or undo it in the file",
            )
        if diff:
            self.current = fresh
            self.version += 1
        return SettingsChange(self.version, self.current, diff, loosened)

    async def watch(self, on_error: Callable[[ConfigError], None]) -> AsyncIterator[SettingsChange]:
        """Yield a change each time the file is saved; refused ones go to `on_error`."""
        from watchfiles import awatch  # noqa: PLC0415 - only long-running processes need it

        async for _ in awatch(self._path):
            try:
                change = self.reload()
            except ConfigError as error:
                on_error(error)
                continue
            if change.diff:
                yield change


def _compare(
    old: Settings, new: Settings
) -> tuple[tuple[tuple[str, str, str], ...], tuple[str, ...]]:
    before, after = _leaves(old), _leaves(new)
    diff = tuple(
        (key, str(before.get(key)), str(after.get(key)))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    )
    loosened = tuple(key for key, _, _ in diff if _loosens(key, before.get(key), after.get(key)))
    return diff, loosened


def _leaves(settings: Settings) -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, section in settings:
        if isinstance(section, BaseModel):
            leaves.update({f"{name}.{key}": value for key, value in section})
        else:
            leaves[name] = section
    return leaves


def _loosens(key: str, old: Any, new: Any) -> bool:
    section, _, name = key.partition(".")
    model = _model_at((section,))
    extra = model.model_fields[name].json_schema_extra if model else None
    way = extra.get("loosens") if isinstance(extra, dict) else None
    if way is None:
        return False
    return bool(new > old) if way == "up" else bool(new < old)
