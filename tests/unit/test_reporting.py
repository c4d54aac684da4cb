"""The report page: well formed, self-contained, complete, and honest about small numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import orjson
import pytest

from trading_models.performance_monitoring import measure
from trading_models.reporting import (
    CHART_POINTS,
    HEIGHT,
    WIDTH,
    ReportInput,
    TradeRow,
    buy_and_hold,
    line_chart,
    verdict,
    write_report,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
STEP_MS = 900_000
VOID = {"meta", "path", "line", "link", "br", "img", "input"}
EXTERNAL = re.compile(r"""(?:https?:)?//|\bsrc\s*=|\burl\(|@import|<script""")


class Checker(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def trade(number: int, pnl: str, multiple: str | None = "1.25") -> TradeRow:
    return TradeRow(
        trade_no=number,
        entry_at=START + timedelta(hours=number),
        entry_price=Decimal("43210.55"),
        exit_at=START + timedelta(hours=number + 1),
        exit_price=Decimal("43999.01"),
        exit_reason="target",
        quantity=Decimal("0.01234"),
        realized_pnl=Decimal(pnl),
        fees=Decimal("1.10"),
        r_multiple=None if multiple is None else Decimal(multiple),
    )


def report_input(*, rows: int = 500, title: str = "Backtest of the sample") -> ReportInput:
    rng = np.random.default_rng(3)
    first = int(START.timestamp() * 1000)
    equity = 10_000 + np.cumsum(rng.normal(1, 20, rows))
    return ReportInput(
        title=title,
        mode="backtest",
        data_name="BTC-USD.SIM 15m",
        instrument_id="BTC-USD.SIM",
        analyst_label="rules (no LLM)",
        closed_at=first + STEP_MS * np.arange(1, rows + 1, dtype=np.int64),
        equity=equity,
        close=43_000 + np.cumsum(rng.normal(0, 60, rows)),
        trades=[trade(1, "9.73"), trade(2, "-4.10", None)],
        summary={"trades": 2, "costs": "2.20", "refusals": {"existing_position": 7}},
        hashes={"ledger SHA-256": "ab" * 32},
        notes=("prices are as imported",),
    )


@pytest.fixture
def page(tmp_path: Path) -> str:
    return write_report(report_input(), tmp_path, fee_rate=0.001).read_text(encoding="utf-8")


def test_the_page_is_well_formed(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert checker.seen.count("svg") == 2
    assert page.startswith("<!doctype html>")


def test_the_page_needs_no_network(page: str) -> None:
    assert EXTERNAL.search(page) is None


def test_the_page_shows_trades_refusals_and_hashes(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    text = " ".join(checker.text)
    for expected in (
        "43210.55", "43999.01", "0.01234", "+9.73", "-4.10", "+1.25", "—", "target",
        "existing_position", "7", "ab" * 32, "rules (no LLM)", "prices are as imported",
    ):  # fmt: skip
        assert expected in text, expected
    assert text.count("target") == 2


def test_text_from_outside_cannot_become_markup(tmp_path: Path) -> None:
    bad = report_input(title="<script>alert(1)</script>")
    page = write_report(bad, tmp_path, fee_rate=0.0).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_the_json_says_the_same(tmp_path: Path) -> None:
    report = report_input()
    write_report(report, tmp_path, fee_rate=0.001)
    body = orjson.loads((tmp_path / "report.json").read_bytes())
    figures = measure(report.closed_at, report.equity, report.trades)
    assert body["performance"]["total_return_pct"] == figures.total_return_pct
    assert body["performance"]["trades"] == len(body["trades"]) == 2
    assert body["trades"][0]["realized_pnl"] == "9.73"
    assert body["hashes"] == dict(report.hashes)


def test_buy_and_hold_pays_its_entry() -> None:
    report = replace(
        report_input(), equity=np.array([10_000.0, 1.0]), close=np.array([100.0, 110.0])
    )
    assert buy_and_hold(report, 0.001).tolist() == pytest.approx([9_990.0, 10_989.0])


@pytest.mark.parametrize(
    ("end", "held", "words"),
    [(11_000.0, 10_500.0, "gained 10.00 %"), (9_000.0, 9_500.0, "lost 10.00 %")],
)
def test_the_verdict_compares_with_holding(end: float, held: float, words: str) -> None:
    report = report_input()
    times = report.closed_at[:2]
    sentence = verdict(
        measure(times, np.array([10_000.0, end]), report.trades),
        measure(times, np.array([10_000.0, held]), ()),
    )
    assert words in sentence
    assert "5.00 points" in sentence
    assert ("ahead of" if end > held else "behind") in sentence
    assert "Fewer than 100 trades" in sentence


def test_no_trade_is_said(tmp_path: Path) -> None:
    page = write_report(replace(report_input(), trades=[]), tmp_path, fee_rate=0.0)
    assert "No trade was made" in page.read_text(encoding="utf-8")


def test_charts_are_thinned_and_stay_inside() -> None:
    report = report_input(rows=5_000)
    chart = line_chart(report.closed_at, {"equity": report.equity}, HEIGHT)
    points = [tuple(map(float, p[1:].split(","))) for p in chart.paths["equity"].split()]
    assert len(points) == CHART_POINTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    xs = [x for x, _ in points]
    assert xs == sorted(xs)


def test_a_run_of_one_bar_has_no_chart(tmp_path: Path) -> None:
    one = report_input(rows=1)
    assert line_chart(one.closed_at, {"equity": one.equity}, HEIGHT).paths == {}
    assert write_report(one, tmp_path, fee_rate=0.0).is_file()


def test_trade_rows_come_from_the_wire() -> None:
    row = {
        "trade_no": 3,
        "entry_at": "2021-09-27T13:45:00.000Z",
        "entry_price": "43000.00",
        "exit_at": "2021-09-27T14:45:00.000Z",
        "exit_price": "43100.00",
        "exit_reason": "stop",
        "quantity": "0.10000",
        "realized_pnl": "10.00000000",
        "fees": "0.10000000",
        "r_multiple": None,
    }
    made = TradeRow.of(row)
    assert made.entry_at == datetime(2021, 9, 27, 13, 45, tzinfo=UTC)
    assert made.r_multiple is None
    assert made.realized_pnl == Decimal(10)
