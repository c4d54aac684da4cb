"""How the command line speaks: progress and words on standard error, results on standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trading_models.base import TradingError

console = Console(stderr=True, highlight=False)


def print_json(body: Mapping[str, Any] | list[Any], *, pretty: bool = False) -> None:
    """One JSON document on standard output, the last line a machine reads."""
    option = orjson.OPT_INDENT_2 if pretty else 0
    sys.stdout.write(orjson.dumps(body, option=option, default=str).decode() + "\n")
    sys.stdout.flush()


def print_line(text: str = "") -> None:
    """One line of a result on standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def explain_error(error: Exception, *, as_json: bool) -> None:
    """Say what went wrong: words, or `{"error":...}` for machines."""
    if as_json:
        body: dict[str, Any] = {"error": type(error).__name__, "detail": str(error)}
        if isinstance(error, TradingError):
            body["detail"] = error.message
            body |= {"next_step": error.next_step} if error.next_step else {}
        print_json(body)
    console.print("ats:", style="red", end=" ")
    console.print(str(error), markup=False, soft_wrap=True)


class BarProgress:
    """A progress bar over bars with equity and trades beside it; silent when not wanted."""

    def __init__(self, title: str, *, shown: bool) -> None:
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not shown,
        )
        self._task = self._progress.add_task(title, total=None, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def update(self, body: Mapping[str, Any]) -> None:
        """Show `{bars_done, bars_total, equity, trades}` of a progress file."""
        if not body:
            return
        note = f"equity {body.get('equity', '')}  trades {body.get('trades', 0)}"
        self._progress.update(
            self._task,
            completed=int(body.get("bars_done", 0)),
            total=int(body.get("bars_total", 0)) or None,
            note=note,
        )
