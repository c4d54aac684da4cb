"""A run's report: one self-contained HTML page (inline SVG, no network) and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from trading_models.base import from_millis
from trading_models.performance_monitoring import (
    CRYPTO_DAYS,
    Performance,
    drawdown_pct,
    measure,
)

TEMPLATES = Path(__file__).parent / "templates"
CHART_POINTS = 600
WIDTH, HEIGHT = 960, 260
DRAWDOWN_HEIGHT = 110
MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP = 64, 22, 10


@dataclass(frozen=True, slots=True)
class TradeRow:
    """A round trip as the report prints it."""

    trade_no: int
    entry_at: datetime
    entry_price: Decimal
    exit_at: datetime
    exit_price: Decimal
    exit_reason: str
    quantity: Decimal
    realized_pnl: Decimal
    fees: Decimal
    r_multiple: Decimal | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> TradeRow:
        """From the wire form of a trade, the engine's or the store's."""
        multiple = row["r_multiple"]
        return cls(
            trade_no=int(row["trade_no"]),
            entry_at=datetime.fromisoformat(row["entry_at"]),
            entry_price=Decimal(row["entry_price"]),
            exit_at=datetime.fromisoformat(row["exit_at"]),
            exit_price=Decimal(row["exit_price"]),
            exit_reason=str(row["exit_reason"]),
            quantity=Decimal(row["quantity"]),
            realized_pnl=Decimal(row["realized_pnl"]),
            fees=Decimal(row["fees"]),
            r_multiple=None if multiple is None else Decimal(multiple),
        )


@dataclass(frozen=True, slots=True)
class ReportInput:
    """What a report shows. `equity` and `close` are (N,) at `closed_at` (N,) milliseconds."""

    title: str
    mode: str
    data_name: str
    instrument_id: str
    analyst_label: str
    closed_at: NDArray[np.int64]
    equity: NDArray[np.float64]
    close: NDArray[np.float64]
    trades: Sequence[TradeRow]
    summary: Mapping[str, Any]
    hashes: Mapping[str, str]
    days_per_year: int = CRYPTO_DAYS
    notes: Sequence[str] = field(default_factory=tuple)


def buy_and_hold(report: ReportInput, fee_rate: float) -> NDArray[np.float64]:
    """Equity of buying everything at the first close and holding it, entry fee included, (N,)."""
    units = report.equity[0] * (1.0 - fee_rate) / report.close[0]
    result: NDArray[np.float64] = units * report.close
    return result


def write_report(report: ReportInput, folder: Path, *, fee_rate: float) -> Path:
    """Write `index.html` and `report.json` into `folder`; returns the path of the page."""
    # Loading the template engine takes longer than most commands that never print a report.
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415

    twin = buy_and_hold(report, fee_rate) if len(report.equity) else report.equity
    figures = measure(
        report.closed_at, report.equity, report.trades, days_per_year=report.days_per_year
    )
    held = measure(report.closed_at, twin, (), days_per_year=report.days_per_year)
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True)
    page = environment.get_template("report.html.j2").render(
        report=report,
        verdict=verdict(figures, held),
        figures=figures,
        held=held,
        equity_chart=line_chart(report.closed_at, {"equity": report.equity, "hold": twin}, HEIGHT),
        drawdown_chart=line_chart(
            report.closed_at, {"drawdown": -drawdown_pct(report.equity)}, DRAWDOWN_HEIGHT
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    target.write_text(page, encoding="utf-8")
    body = {
        "title": report.title,
        "summary": dict(report.summary),
        "performance": asdict(figures),
        "buy_and_hold": asdict(held),
        "hashes": dict(report.hashes),
        "trades": [asdict(trade) for trade in report.trades],
    }
    (folder / "report.json").write_bytes(
        orjson.dumps(body, default=str, option=orjson.OPT_INDENT_2)
    )
    return target


def verdict(figures: Performance, held: Performance) -> str:
    """One sentence a person reads first."""
    if figures.trades == 0:
        return "No trade was made: the decisions page says why for every bar."
    direction = "gained" if figures.total_return_pct >= 0 else "lost"
    ahead = figures.total_return_pct - held.total_return_pct
    compared = "ahead of" if ahead >= 0 else "behind"
    text = (
        f"{figures.trades} trades {direction} {abs(figures.total_return_pct):.2f} % after costs, "
        f"{abs(ahead):.2f} points {compared} buy and hold; "
        f"the deepest drawdown was {figures.max_drawdown_pct:.2f} %."
    )
    if figures.trades < 100:
        text += " Fewer than 100 trades say little about the future."
    return text


@dataclass(frozen=True, slots=True)
class Chart:
    """SVG geometry of a line chart: paths by series, and labelled grid lines."""

    height: int
    paths: Mapping[str, str]
    rows: Sequence[tuple[float, str]]
    columns: Sequence[tuple[float, str]]
    width: int = WIDTH
    left: int = MARGIN_LEFT


def line_chart(
    closed_at: NDArray[np.int64], series: Mapping[str, NDArray[np.float64]], height: int
) -> Chart:
    """Scale series (N,) over time (N,) to an SVG of WIDTH x height, thinned to CHART_POINTS."""
    count = len(closed_at)
    if count < 2:
        return Chart(height, {}, (), ())
    kept = np.unique(np.linspace(0, count - 1, min(count, CHART_POINTS)).astype(np.int64))
    low = min(float(values.min()) for values in series.values())
    high = max(float(values.max()) for values in series.values())
    span = (high - low) or 1.0
    inner = height - MARGIN_TOP - MARGIN_BOTTOM
    first, last = int(closed_at[0]), int(closed_at[-1])

    def x(at: float) -> float:
        return MARGIN_LEFT + (at - first) / (last - first) * (WIDTH - MARGIN_LEFT - 8)

    def y(value: float) -> float:
        return MARGIN_TOP + (high - value) / span * inner

    paths = {
        name: " ".join(
            f"{'M' if number == 0 else 'L'}{x(closed_at[i]):.1f},{y(values[i]):.1f}"
            for number, i in enumerate(kept)
        )
        for name, values in series.items()
    }
    levels = np.linspace(low, high, 4)
    # Adding zero turns a negative zero into a plain one.
    rows = [(y(v), f"{v + 0.0:,.0f}" if span > 50 else f"{round(v, 2) + 0.0:,.2f}") for v in levels]
    ticks = np.linspace(first, last, 6)[:-1]
    columns = [(x(tick), f"{from_millis(int(tick)):%Y-%m-%d}") for tick in ticks]
    return Chart(height, paths, rows, columns)
