"""A backtest of chosen bars with the settings in force, and its report."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from trading_models.backtesting import BacktestResult, Bars, Progress, run_backtest
from trading_models.base import ApprovedOrder, Timeframe
from trading_models.config_manager import Settings
from trading_models.llm_integration import Router
from trading_models.market_data import Columns
from trading_models.performance_monitoring import CRYPTO_DAYS, EQUITY_DAYS
from trading_models.reporting import ReportInput, TradeRow, write_report
from trading_models.risk_management import RiskEngine


def backtest_columns(
    columns: Columns, settings: Settings, progress: Progress | None = None
) -> BacktestResult:
    """Run the product's strategy over the columns."""
    settings = settings.funded_in(columns.instrument.quote_currency)
    # No order leaves a backtest: the approvals need a key, but nobody verifies them.
    key = secrets.token_bytes(32)

    def sign(order: ApprovedOrder) -> str:
        return order.signature(key)

    risk = RiskEngine(settings, sign, [columns.instrument], bar_length=columns.timeframe.duration)
    bars = Bars(columns.instrument, columns.timeframe, columns.arrays)
    return run_backtest(bars, settings, Router(settings.llm), risk, progress)


def summary_of(result: BacktestResult, columns: Columns) -> dict[str, Any]:
    """The figures that `ats backtest --json` prints."""
    fees = sum((Decimal(trade["fees"]) for trade in result.trades), Decimal(0))
    return {
        "data": columns.name,
        "bars": columns.rows,
        "candidates": result.candidates,
        "fills": len(result.fills),
        "trades": len(result.trades),
        "refusals": dict(result.refusals),
        "ledger_sha256": result.ledger_sha256,
        "equity_start": f"{result.equity_start:f}",
        "equity_end": f"{result.equity_end:f}",
        "max_drawdown_pct": f"{result.max_drawdown_pct:f}",
        "costs": f"{fees:f}",
    }


def report_of(
    result: BacktestResult,
    columns: Columns,
    settings: Settings,
    summary: Mapping[str, Any],
    folder: Path,
) -> Path:
    """Write the report of a backtest; returns the path of its page."""
    is_daily = columns.timeframe is Timeframe.D1
    report = ReportInput(
        title=f"Backtest of {columns.name}",
        mode="backtest",
        data_name=columns.name,
        instrument_id=str(columns.instrument.instrument_id),
        analyst_label=Router(settings.llm).label,
        closed_at=result.closed_at,
        equity=result.equity,
        close=columns.prices("close"),
        trades=[TradeRow.of(row) for row in result.trades],
        summary=summary,
        hashes={"ledger SHA-256": result.ledger_sha256, "configuration": settings.config_hash},
        days_per_year=EQUITY_DAYS if is_daily else CRYPTO_DAYS,
    )
    return write_report(report, folder, fee_rate=float(settings.venue.taker_fee_rate))
