"""Every indicator of the catalogue, engine or plug-in: a new file is covered without an edit."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from fakes.decision_data import cut, walk_columns
from trading_models import technical_indicators
from trading_models.base import ConfigError, Timeframe
from trading_models.technical_indicators import BarValues, FeatureSet, catalog, plugin_classes

PLUGIN = '''"""A plug-in that a newcomer dropped in."""
from trading_models.indicators._api import Indicator


class Midpoint(Indicator):
    """(high + low) / 2."""

    name = "{name}"
    summary = "middle of the bar"
    scale = "price"

    @property
    def outputs(self):
        return ("{output}",)

    @property
    def warmup(self):
        return 1

    def update(self, bar):
        return ((bar.high + bar.low) / 2,)
'''
ENTRIES = catalog()
SCALES = {"price", "percent", "volume", "ratio", "state"}


def prices(columns):
    scaled = {n: columns[n] / 100.0 for n in ("open", "high", "low", "close")}
    return {"opened_at": columns["opened_at"], **scaled, "volume": columns["volume"]}


BARS = prices(walk_columns(7, 700))


def feature_set(entry):
    spec = [(entry["name"], {})]
    if entry["origin"] == "plugin":
        return FeatureSet(Timeframe.M15, [("rsi", {})], spec)
    return FeatureSet(Timeframe.M15, spec)


def rows_of(entry, values, features):
    return values[[features.index[name] for name in entry["outputs"]]]


def run(entry, bars):
    features = feature_set(entry)
    return rows_of(entry, features.batch(bars), features)


@pytest.fixture(params=ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def entry(request):
    return request.param


def test_entry_is_complete(entry):
    assert {"name", "outputs", "params", "warmup", "scale", "summary", "origin"} <= set(entry)
    assert entry["scale"] in SCALES
    assert entry["origin"] in {"engine", "plugin"}
    assert entry["outputs"]
    assert entry["warmup"] >= 1


def test_streaming_equals_batch_to_the_bit(entry):
    features = feature_set(entry)
    rows = zip(*(BARS[name].tolist() for name in BarValues._fields), strict=True)
    streamed = np.stack([features.update(BarValues(*row)) for row in rows], axis=1)
    assert rows_of(entry, streamed, features).tobytes() == run(entry, BARS).tobytes()


def test_no_value_sees_the_future(entry):
    whole = run(entry, BARS)
    for stop in np.random.default_rng(11).integers(1, 650, 25):
        part = run(entry, cut(BARS, int(stop)))
        assert part.tobytes() == whole[:, :stop].tobytes(), f"cut at {stop}"


def test_cold_then_finite(entry):
    values = run(entry, BARS)
    assert np.isnan(values[:, : entry["warmup"] - 1]).any(axis=0).all()
    warm = values[:, entry["warmup"] - 1 :]
    assert not np.isinf(warm).any()
    assert np.isfinite(warm).all()


def test_snapshot_continues_to_the_bit(entry):
    first, second = feature_set(entry), feature_set(entry)
    first.batch(cut(BARS, 400))
    second.restore(first.snapshot())
    rest = {name: column[400:] for name, column in BARS.items()}
    assert second.batch(rest).tobytes() == first.batch(rest).tobytes()


def test_percent_stays_in_its_range(entry):
    if entry["scale"] != "percent":
        assert entry["scale"] in SCALES
        return
    values = run(entry, BARS)[:, entry["warmup"] - 1 :]
    assert (values >= 0.0).all()
    assert (values <= 100.0).all()


def test_plugins_declare_what_the_loader_needs():
    for name, plugin in plugin_classes().items():
        assert name == plugin.name
        assert plugin.summary, f"{name} has no summary"
        source = Path(inspect.getsourcefile(plugin)).read_text(encoding="utf-8")
        assert len(source.splitlines()) <= 150, f"{name}: a plug-in file has at most 150 lines"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder that counts as part of the shelf for one test."""
    package = technical_indicators.indicators
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    return tmp_path


def test_a_dropped_file_is_in_the_catalogue_and_runs(shelf):
    (shelf / "midpoint_drop.py").write_text(PLUGIN.format(name="midpoint", output="midpoint"))
    found = {entry["name"]: entry for entry in catalog()}["midpoint"]
    assert found["origin"] == "plugin"
    middle = run(found, BARS)[0]
    np.testing.assert_array_equal(middle, (BARS["high"] + BARS["low"]) / 2)


def test_a_peeking_plugin_fails_the_prefix_test(shelf):
    text = PLUGIN.format(name="peek", output="peek") + (
        "\n    def batch(self, bars):\n"
        "        import numpy as np\n"
        "        return np.roll(bars['close'], -1).reshape(1, -1)\n"
    )
    (shelf / "peek_drop.py").write_text(text)
    found = {entry["name"]: entry for entry in catalog()}["peek"]
    with pytest.raises(AssertionError, match="cut at"):
        test_no_value_sees_the_future(found)


@pytest.mark.parametrize(
    ("name", "output", "word"),
    [("rsi", "mine", "'rsi' stands twice"), ("mine", "rsi_14", "'rsi_14' stands twice")],
)
def test_duplicates_are_refused(shelf, name, output, word):
    (shelf / f"twice_{output}.py").write_text(PLUGIN.format(name=name, output=output))
    with pytest.raises(ConfigError, match=word):
        catalog()


def test_a_file_without_a_plugin_is_refused(shelf):
    (shelf / "empty_drop.py").write_text('"""Nothing here."""\n')
    with pytest.raises(ConfigError, match="holds no Indicator"):
        catalog()
