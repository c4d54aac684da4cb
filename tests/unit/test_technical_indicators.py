"""FeatureSet: plug-ins beside kernels, refusals, and the Donchian channel against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.decision_data import walk_columns
from trading_models.base import ConfigError, DataError, Timeframe
from trading_models.technical_indicators import BarValues, FeatureSet, catalog, plugin_classes


def prices(columns):
    scaled = {n: columns[n] / 100.0 for n in ("open", "high", "low", "close")}
    return {"opened_at": columns["opened_at"], **scaled, "volume": columns["volume"]}


BARS = prices(walk_columns(3, 200))


def test_default_set_is_the_engine_alone():
    features = FeatureSet(Timeframe.H1)
    assert {"rsi_14", "ema_20", "ema_50", "ema_200", "atr_14", "vwap", "vp_poc"} <= set(
        features.outputs
    )
    assert not any(name.startswith("donchian") for name in features.outputs)
    assert features.warmup == 200


def test_catalogue_holds_kernels_and_plugins():
    origins = {entry["name"]: entry["origin"] for entry in catalog()}
    assert origins["rsi"] == "engine"
    assert origins["donchian"] == "plugin"


def test_donchian_against_brute_force():
    features = FeatureSet(Timeframe.M15, [("rsi", {})], [("donchian", {"period": 7})])
    values = features.batch(BARS)
    upper = values[features.index["donchian_upper_7"]]
    middle = values[features.index["donchian_mid_7"]]
    assert np.isnan(upper[:6]).all()
    for end in range(6, len(upper)):
        highest = BARS["high"][end - 6 : end + 1].max()
        lowest = BARS["low"][end - 6 : end + 1].min()
        assert upper[end] == highest
        assert middle[end] == (highest + lowest) / 2


def test_cold_plugin_gives_nan_while_streaming():
    features = FeatureSet(Timeframe.M15, [("obv", {})], [("donchian", {})])
    first = features.update(BarValues(*(BARS[n][0].item() for n in BarValues._fields)))
    assert first.shape == (4,)
    assert np.isnan(first[1:]).all()
    assert np.isfinite(first[0])


def test_unknown_plugin_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"'nope' is not on the shelf; known: \['donchian'"):
        FeatureSet(Timeframe.M15, None, [("nope", {})])


def test_unknown_parameter_of_a_plugin():
    with pytest.raises(ConfigError, match="no parameter 'length'"):
        plugin_classes()["donchian"](length=3)


def test_state_of_another_set_is_refused():
    one, other = FeatureSet(Timeframe.M15, [("rsi", {})]), FeatureSet(Timeframe.M15, [("obv", {})])
    with pytest.raises(DataError, match="another set of studies"):
        other.restore(one.snapshot())


def test_state_of_another_plugin_is_refused():
    donchian = plugin_classes()["donchian"]()
    with pytest.raises(DataError, match="saved state of indicator 'donchian'"):
        donchian.restore(b'{"values": {}}')
