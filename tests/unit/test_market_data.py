"""The bar store: what goes in, what is refused, what comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from trading_models.base import (
    ConfigError,
    DataRejected,
    DataStale,
    DataUnavailable,
    InstrumentId,
    Timeframe,
    TradingError,
)
from trading_models.market_data import (
    AsOfFrames,
    BarStore,
    Columns,
    ImportOptions,
    check_fresh,
    parse_instrument_id,
)

START = datetime(2024, 1, 1, tzinfo=UTC)
BTC = InstrumentId("BTC-USDT.SIM")


def csv(path: Path, minutes: list[int], **columns: list[str]) -> Path:
    lines = ["ts,open,high,low,close,volume"]
    for index, minute in enumerate(minutes):
        at = (START + timedelta(minutes=minute)).isoformat()
        close = columns.get("close", ["11.50"] * len(minutes))[index]
        volume = columns.get("volume", ["5"] * len(minutes))[index]
        lines.append(f"{at},10,12,9,{close},{volume}")
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    return BarStore(tmp_path / "data")


@pytest.fixture
def filled(tmp_path: Path, store: BarStore) -> BarStore:
    path = csv(tmp_path / "BTCUSDT.csv", [0, 15, 30, 75, 90], volume=["5", "0", "2.5", "1", "1"])
    store.import_file(path, ImportOptions())
    return store


def test_import_detects_and_marks(filled: BarStore) -> None:
    (manifest,) = filled.list()
    assert manifest.instrument.instrument_id == BTC
    assert manifest.timeframe is Timeframe.M15
    assert (manifest.instrument.price_scale, manifest.rows) == (1, 5)
    assert str(manifest.instrument.tick_size) == "0.1"
    assert manifest.counts["zero_volume"] == 1
    assert (manifest.counts["gaps"], manifest.counts["missing_bars"]) == (1, 2)
    (gap,) = manifest.gaps
    assert (gap.start, gap.missing) == (START + timedelta(minutes=45), 2)
    assert gap.stop == START + timedelta(minutes=75)
    assert manifest.profile is None


def test_the_manifest_is_the_published_one(filled: BarStore, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "bars" / BTC / "15m"
    body = json.loads((folder / "manifest.json").read_bytes())
    assert set(body) == {
        "schema", "instrument", "timeframe", "rows", "first_opened_at", "last_opened_at",
        "parquet_sha256", "source", "profile", "volume_unit", "counts", "gaps",
    }  # fmt: skip
    assert body["gaps"] == [
        {"from": "2024-01-01T00:45:00.000Z", "missing": 2, "to": "2024-01-01T01:15:00.000Z"}
    ]
    assert (folder / "bars.parquet").is_file()


def test_columns_are_exact_and_memory_mapped(filled: BarStore) -> None:
    columns = filled.open(BTC)
    assert isinstance(columns["close"], np.memmap)
    assert columns["close"].tolist() == [115] * 5
    assert columns["close"].dtype == np.int64
    assert columns["flags"].tolist() == [0, 1, 0, 2, 0]
    assert columns.volume.tolist() == [5.0, 0.0, 2.5, 1.0, 1.0]
    assert (columns.closed_at - columns.opened_at).tolist() == [900_000] * 5
    assert columns.prices("close").tolist() == [11.5] * 5
    bar = columns.bar(3)
    assert (bar.close, bar.flags) == (Decimal("11.5"), ("after_gap",))
    assert columns.directory is not None
    assert {path.name for path in columns.directory.iterdir()} == {
        "opened_at.npy", "open.npy", "high.npy", "low.npy", "close.npy", "volume.npy", "flags.npy",
    }  # fmt: skip
    with pytest.raises(ValueError, match="read-only"):
        columns["close"][0] = 1


def test_slices(filled: BarStore, tmp_path: Path) -> None:
    columns = filled.open(BTC)
    part = columns.between(START + timedelta(minutes=15), START + timedelta(minutes=90))
    assert part.rows == 3
    assert part.directory is None
    assert columns.between() is columns
    exported = part.export(tmp_path / "slice")
    assert exported.directory == tmp_path / "slice"
    assert np.load(tmp_path / "slice" / "opened_at.npy").tolist() == part.opened_at.tolist()
    with pytest.raises(DataUnavailable, match="holds no bar in that span"):
        columns.between(START + timedelta(days=1))


def test_a_dirty_file_is_refused_and_nothing_is_written(store: BarStore, tmp_path: Path) -> None:
    path = csv(
        tmp_path / "BTCUSDT.csv", [0, 15, 15, 30, 20], close=["11"] * 2 + ["10"] + ["11"] * 2
    )
    with pytest.raises(DataRejected) as caught:
        store.import_file(path, ImportOptions(timeframe=Timeframe.M15))
    error = caught.value
    rules = {str(offence["rule"]): offence for offence in error.offences}
    assert set(rules) == {"repeated_other", "disorder", "off_grid"}
    assert rules["repeated_other"]["row"] == 3
    assert rules["off_grid"]["value"] == "2024-01-01T00:20:00+00:00"
    assert "BTCUSDT.csv row 5" in str(error)
    assert store.list() == ()
    assert not (tmp_path / "data").exists()


def test_a_refused_file_leaves_the_older_import_alone(filled: BarStore, tmp_path: Path) -> None:
    before = filled.manifest(BTC)
    bad = csv(tmp_path / "BTCUSDT.csv", [0, 15, 15])
    with pytest.raises(DataRejected):
        filled.import_file(bad, ImportOptions())
    assert filled.manifest(BTC) == before
    assert filled.check(BTC).is_sound


def test_a_new_import_replaces_the_old_one(filled: BarStore, tmp_path: Path) -> None:
    assert filled.open(BTC).rows == 5
    filled.import_file(csv(tmp_path / "BTCUSDT.csv", [0, 15]), ImportOptions())
    assert filled.open(BTC).rows == 2
    assert len(filled.list()) == 1


def test_the_same_import_gives_the_same_bytes(tmp_path: Path) -> None:
    path = csv(tmp_path / "BTCUSDT.csv", [0, 15, 30])
    hashes = {
        BarStore(tmp_path / name).import_file(path, ImportOptions())[0].parquet_sha256
        for name in ("a", "b")
    }
    assert len(hashes) == 1


def test_damage_is_found(filled: BarStore, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "bars" / BTC / "15m"
    content = bytearray((folder / "bars.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "bars.parquet").write_bytes(bytes(content))
    (problem,) = filled.check(BTC).problems
    assert "SHA-256" in problem
    with pytest.raises(DataRejected, match="the manifest says"):
        filled.open(BTC)
    (folder / "bars.parquet").unlink()
    assert "is gone" in filled.check(BTC).problems[0]
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(DataRejected, match="not a manifest"):
        filled.list()


def test_what_is_not_stored_is_said(filled: BarStore) -> None:
    with pytest.raises(DataUnavailable, match=r"no bars of ETH-USD.SIM.*stored: BTC-USDT.SIM 15m"):
        filled.open(InstrumentId("ETH-USD.SIM"))
    with pytest.raises(DataUnavailable, match=r"BTC-USDT\.SIM 1h"):
        filled.open(BTC, Timeframe.H1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BTC-USD.SIM", "BTC-USD.SIM"), ("btc/usd", "BTC-USD.SIM"), ("BTCUSDT", "BTC-USDT.SIM"),
        ("SPY", "SPY-USD.SIM"), ("XRPETH", "XRP-ETH.SIM"), ("USD", "USD-USD.SIM"),
        ("BTC-USDT-PERP.BINANCE", "BTC-USDT-PERP.BINANCE"),
    ],
)  # fmt: skip
def test_instrument_names(text: str, expected: str) -> None:
    assert parse_instrument_id(text) == expected


def test_bad_options_are_refused(store: BarStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--symbol BTC-USD"):
        parse_instrument_id("B T C")
    path = csv(tmp_path / "BTCUSDT.csv", [0, 15, 30])
    cases: list[tuple[ImportOptions, str]] = [
        (ImportOptions(calendar="weekdays"), "daily bars"),
        (ImportOptions(profile="nope@1"), "unknown import profile"),
        (ImportOptions(quantity_scale=9), "allowed: 0..8"),
        (ImportOptions(timeframe=Timeframe.H1), "off_grid"),
    ]
    for options, words in cases:
        with pytest.raises(TradingError, match=words):
            store.import_file(path, options)
    with pytest.raises(DataRejected, match="median step is 420 s"):
        store.import_file(csv(path, [0, 7, 14]), ImportOptions())
    with pytest.raises(DataRejected, match="fewer than two"):
        store.import_file(csv(path, [0]), ImportOptions())
    path.write_text(
        "ts,ticker,open,high,low,close,volume\n2024-01-01,A,1,1,1,1,1\n2024-01-02,B,1,1,1,1,1\n"
    )
    with pytest.raises(DataRejected, match="holds 2 instruments: A, B"):
        store.import_file(path, ImportOptions())


def test_freshness_is_measured_in_bars() -> None:
    limit = START + timedelta(minutes=30)
    check_fresh(START, limit, Timeframe.M15, stale_after_bars=2)
    with pytest.raises(DataStale, match="1801 s ago; allowed: 1800 s"):
        check_fresh(START, limit + timedelta(seconds=1), Timeframe.M15, stale_after_bars=2)


def _columns(filled: BarStore) -> Columns:
    return filled.open(BTC)


def test_frames_of_a_gap_close_at_the_next_base_bar(filled: BarStore) -> None:
    frames = AsOfFrames(_columns(filled), (Timeframe.M5, Timeframe.M15, Timeframe.H1))
    assert frames.timeframes == (Timeframe.M15, Timeframe.H1)
    hour = frames[Timeframe.H1]
    # 00:45 is absent, so the hour becomes known with the bar of 01:15 (base bar 3).
    assert hour["known_index"].tolist() == [3]
    assert hour["missing"].tolist() == [1]
    assert hour.row.tolist() == [-1, -1, -1, 0, 0]
    assert frames.newest(Timeframe.H1, 2) is None
    assert frames.newest(Timeframe.H1, 3) == 0
    assert frames[Timeframe.M15].row.tolist() == [0, 1, 2, 3, 4]
