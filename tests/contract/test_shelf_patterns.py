"""Every pattern of the catalogue, engine or plug-in: a new file is covered without an edit."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.decision_data import cut, walk_columns
from trading_models import pattern_recognition
from trading_models.base import Timeframe
from trading_models.pattern_recognition import PatternSet, catalog
from trading_models.technical_indicators import BarValues

PLUGIN = '''"""A plug-in that a newcomer dropped in."""
from trading_models.patterns._api import Pattern


class Rising(Pattern):
    """The bar closed above its open."""

    name = "rising_bar"
    summary = "close above open"

    @property
    def outputs(self):
        return ("rising_bar",)

    @property
    def warmup(self):
        return 1

    def update(self, bar):
        return (1.0 if bar.close > bar.open else 0.0,)
'''
ENTRIES = catalog()


def prices(columns):
    scaled = {n: columns[n] / 100.0 for n in ("open", "high", "low", "close")}
    return {"opened_at": columns["opened_at"], **scaled, "volume": columns["volume"]}


BARS = prices(walk_columns(8, 700))
FLAT = {
    **{name: np.full(300, 100.0) for name in ("open", "high", "low", "close", "volume")},
    "opened_at": np.arange(300, dtype=np.int64) * 900_000,
}


def pattern_set(entry):
    spec = [(entry["name"], {})]
    if entry["origin"] == "plugin":
        return PatternSet(Timeframe.M15, [("doji", {})], spec)
    return PatternSet(Timeframe.M15, spec)


def run(entry, bars):
    found = pattern_set(entry)
    return found.batch(bars)[[found.index[name] for name in entry["outputs"]]]


@pytest.fixture(params=ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def entry(request):
    return request.param


def test_streaming_equals_batch_to_the_bit(entry):
    found = pattern_set(entry)
    rows = zip(*(BARS[name].tolist() for name in BarValues._fields), strict=True)
    streamed = np.stack([found.update(BarValues(*row)) for row in rows], axis=1)
    kept = streamed[[found.index[name] for name in entry["outputs"]]]
    assert kept.tobytes() == run(entry, BARS).tobytes()


def test_no_value_sees_the_future(entry):
    whole = run(entry, BARS)
    for stop in np.random.default_rng(12).integers(1, 650, 25):
        assert run(entry, cut(BARS, int(stop))).tobytes() == whole[:, :stop].tobytes()


def test_states_are_bounded_and_known_after_warmup(entry):
    values = run(entry, BARS)
    warm = values[:, entry["warmup"] - 1 :]
    assert not np.isinf(warm).any()
    if entry["scale"] == "state" and len(entry["outputs"]) == 1:
        assert np.isfinite(warm).all()
        assert (np.abs(warm) <= 1.0).all()
        assert np.isnan(values[:, : entry["warmup"] - 1]).all()


def test_a_flat_series_gives_no_bullish_or_bearish_shape(entry):
    if entry["scale"] != "state" or entry["name"] == "doji":
        # A doji is open = close, which is what a flat bar is; levels are prices, not shapes.
        assert entry["name"] in {"doji", "support_resistance"}
        return
    values = run(entry, FLAT)[:, entry["warmup"] - 1 :]
    assert (values == 0.0).all()


def test_a_dropped_file_is_in_the_catalogue_and_runs(tmp_path, monkeypatch):
    package = pattern_recognition.patterns
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    (tmp_path / "rising_drop.py").write_text(PLUGIN)
    found = {entry["name"]: entry for entry in catalog()}["rising_bar"]
    np.testing.assert_array_equal(run(found, BARS)[0], BARS["close"] > BARS["open"])
