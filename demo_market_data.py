"""Market data: the dirty BTC sample through its import profile, refusal without one, as-of bars.

./ats demo     # once, sets everything up
.venv/bin/python demo_market_data.py
"""

import tempfile
from pathlib import Path

from trading_models.base import DataRejected, Timeframe
from trading_models.market_data import (
    SAMPLE_FILES,
    AsOfFrames,
    BarStore,
    ImportOptions,
    ensure_sample,
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = BarStore(Path(folder))
        dirty = SAMPLE_FILES[0].locate()
        print("1. Without a profile the file is refused:")
        try:
            store.import_file(dirty, ImportOptions())
        except DataRejected as error:
            print("  ", str(error).splitlines()[0])

        print("2. With its versioned profile every change is counted:")
        for manifest in ensure_sample(store):
            profile = manifest.profile
            name = f"{profile.name}@{profile.version}" if profile else "no profile"
            print(
                f"   {manifest.instrument.instrument_id:<14} {manifest.timeframe.code:>4}", end=" "
            )
            print(f"{manifest.rows:>6} bars  {len(manifest.gaps):>3} gaps  {name}")
            for rule, count in manifest.counts.items():
                if count:
                    print(f"      {rule:<24} {count}")

        print("3. Higher timeframes as of a base bar (no unclosed bar is ever seen):")
        btc = next(m for m in store.list() if m.timeframe is Timeframe.M15)
        columns = store.open(btc.instrument.instrument_id)
        frames = AsOfFrames(columns, [Timeframe.H1, Timeframe.H4, Timeframe.D1])
        index = 1000
        print(f"   base bar {columns.bar(index).opened_at:%Y-%m-%d %H:%M}")
        for timeframe in frames.timeframes:
            row = frames.newest(timeframe, index)
            print(f"   newest closed {timeframe.code:>3}: row {row}")


if __name__ == "__main__":
    main()
