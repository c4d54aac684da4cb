"""Patterns and indicators on the BTC sample: what was seen, and when it became known.

.venv/bin/python demo_pattern_recognition.py
"""

from pathlib import Path

import numpy as np

from trading_models.base import InstrumentId, Timeframe, from_millis
from trading_models.market_data import AsOfFrames, BarStore, ensure_sample
from trading_models.pattern_recognition import PatternSet
from trading_models.technical_indicators import FeatureSet

SHOWN = ("pin_bar", "engulfing", "doji", "breakout", "divergence")


def main() -> None:
    store = BarStore(Path("var/data"))
    ensure_sample(store)
    columns = store.open(InstrumentId("BTC-USD.SIM"))
    bars = AsOfFrames(columns, [Timeframe.H1])[Timeframe.H1]
    unit = 10.0**columns.instrument.price_scale
    figures = {name: bars[name] / unit for name in ("open", "high", "low", "close")}
    figures |= {"opened_at": bars["opened_at"], "volume": bars["volume"]}

    patterns = PatternSet(Timeframe.H1)
    found = dict(zip(patterns.outputs, patterns.batch(figures), strict=True))
    print(f"{len(figures['close'])} hourly bars of {columns.instrument.instrument_id}")
    for name in SHOWN:
        bullish, bearish = int((found[name] > 0).sum()), int((found[name] < 0).sum())
        print(f"  {name:<12} bullish {bullish:>4}   bearish {bearish:>4}")

    print("newest patterns:")
    for name in SHOWN:
        rows = np.flatnonzero(found[name] != 0)
        if len(rows):
            at = from_millis(int(bars["closed_at"][rows[-1]]))
            print(f"  {name:<12} known at {at:%Y-%m-%d %H:%M}  close {figures['close'][rows[-1]]}")
    print(f"support {found['support'][-1]}, resistance {found['resistance'][-1]}")

    indicators = FeatureSet(Timeframe.H1)
    values = indicators.batch(figures)[:, -1]
    for name, value in zip(indicators.outputs, values, strict=True):
        print(f"  {name:<18} {value:>14.4f}")


if __name__ == "__main__":
    main()
