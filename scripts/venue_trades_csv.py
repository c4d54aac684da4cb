"""Write a Parquet file of trades as the CSV that the simulated venue replays.

    python scripts/venue_trades_csv.py TRADES.parquet XRPETH-trades.csv

Expected columns: `ts` (UTC), `id`, `price`, `amount`, and `side` ("buy" or "sell": the taker's) or
`buyer_maker` (boolean). The file name must begin with the symbol. Numbers keep their shortest
exact form, without exponent; nothing is rounded.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

HEADER = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain(value: float | str) -> str:
    """A number without exponent, exactly as it is written."""
    return f"{Decimal(str(value)):f}"


def convert(source: Path, target: Path) -> int:
    """Convert one file; returns the number of trades."""
    frame = pl.read_parquet(source).sort("ts", maintain_order=True)
    makers = (
        frame["buyer_maker"].to_list()
        if "buyer_maker" in frame.columns
        else [side == "sell" for side in frame["side"].to_list()]
    )
    columns = (frame["ts"], frame["id"], frame["price"], frame["amount"])
    with target.open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        for at, trade_id, price, amount, is_maker in zip(*columns, makers, strict=True):
            quote = Decimal(str(price)) * Decimal(str(amount))
            milliseconds = (at - _EPOCH).total_seconds() * 1000
            rows.writerow(
                (
                    trade_id,
                    plain(price),
                    plain(amount),
                    f"{quote:f}",
                    round(milliseconds),
                    str(bool(is_maker)).lower(),
                    "true",
                )
            )
    return frame.height


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
