"""What commands share: option types, where files are, and how errors are said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ats.errors import CommandError
from ats.output import console, explain_error
from trading_models.base import TradingError
from trading_models.config_manager import Settings, load_settings

if TYPE_CHECKING:
    from trading_models.market_data import BarStore

HOME = Path(__file__).resolve().parents[2]
FAILED = 1

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.toml).")
]
DataOption = Annotated[str, typer.Option("--data", help="sample, or a CSV or Parquet file.")]
SymbolOption = Annotated[
    str | None, typer.Option("--symbol", help="Symbol of the file, such as BTCUSDT.")
]
FromOption = Annotated[str | None, typer.Option("--from", help="First bar, ISO date or time, UTC.")]
ToOption = Annotated[
    str | None, typer.Option("--to", help="End (exclusive), ISO date or time, UTC.")
]
StepsOption = Annotated[int | None, typer.Option("--steps", min=1, help="Only this many bars.")]
PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Dashboard port; 0 = any free port.")
]
HeadlessOption = Annotated[bool, typer.Option("--headless", help="Do not open a browser.")]
UntilEndOption = Annotated[
    bool, typer.Option("--until-end", help="Stop when the replay has ended.")
]


def config_path(chosen: Path | None) -> Path | None:
    """The configuration file in force: the one named, else config.toml here or at home."""
    if chosen is not None:
        return chosen
    return next((p for p in (Path("config.toml"), HOME / "config.toml") if p.is_file()), None)


def var_folder() -> Path:
    """Where runs, data and locks live."""
    return HOME / "var" if (HOME / "Cargo.toml").is_file() else Path("var").resolve()


def guarded(action: Callable[[], None], *, as_json: bool) -> None:
    """Run a command; an expected error is said in words (or JSON) and ends with exit code 1."""
    try:
        action()
    except (TradingError, CommandError) as error:
        explain_error(error, as_json=as_json)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        console.print("stopped")
        raise typer.Exit(130) from None


def settings_from(chosen: Path | None) -> Settings:
    """Validated settings of the configuration file in force."""
    return load_settings(config_path(chosen))


def bar_store(settings: Settings) -> BarStore:
    """The store that every command reads: `[data] dir`, relative to the folder that holds var."""
    from trading_models.market_data import BarStore

    return BarStore(var_folder().parent / settings.data.dir)
