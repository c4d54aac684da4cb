"""Backtest of the BTC sample with the shipped, untuned parameters, and its report.

.venv/bin/python demo_backtest.py
"""

from pathlib import Path

from ats.local_backtest import backtest_columns, report_of, summary_of
from ats.replay_data import DataChoice, load_columns
from trading_models.config_manager import load_settings


def main() -> None:
    settings = load_settings(Path("config.toml"))
    columns = load_columns(DataChoice("sample", steps=3000), settings)
    result = backtest_columns(columns, settings)
    summary = summary_of(result, columns)
    for name, value in summary.items():
        print(f"{name:>18}  {value}")
    print("last fills:")
    for fill in result.fills[-4:]:
        print("  ", fill["market_time"], fill["order_side"], fill["quantity"], "at", fill["price"],
              fill["reason"])  # fmt: skip
    page = report_of(result, columns, settings, summary, Path("var/report"))
    print(f"report: {page}")


if __name__ == "__main__":
    main()
