"""Fit the generator of the simulated venue to recorded order-book streams.

    python scripts/fit_venue_generator.py RECORDING... > \
        apps/simulated-venue/src/services/feed/calibration.rs

Method. Every distribution is kept as the means of equally likely strata: the sorted observations
are cut into N parts of equal size, and each part is replaced by its mean. Drawing one of the N
values with equal probability reproduces the mean exactly and every quantile to 1/N; only the
spread inside the outermost strata is lost. Waiting times are in microseconds, prices in 1e-10 of
the price, quantities as amounts of quote currency in 1e-4, so that the tables fit any instrument.

A taker order is a run of trades of one millisecond and side. Level gaps and quantities are taken
after every fifth depth message, by rank from the best price; changes of a message are counted
with the rank at which they fall into the book as it was before.
"""

from __future__ import annotations

import bisect
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

STRATA = 256
BUCKET_STRATA = 128
BUCKETS = (0, 1, 5, 20, 50)
DEEPEST = 100
SAMPLE_EVERY = 5


@dataclass
class Observations:
    """What is counted while the recording plays."""

    trades: list[tuple[int, float, float, bool]] = field(default_factory=list)
    message_times: list[int] = field(default_factory=list)
    mids: list[float] = field(default_factory=list)
    spreads: list[float] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    gaps: dict[int, list[float]] = field(default_factory=lambda: {b: [] for b in BUCKETS})
    amounts: dict[int, list[float]] = field(default_factory=lambda: {b: [] for b in BUCKETS})


class Book:
    """Both sides as price -> quantity; prices negative on the bid side, so that best is least."""

    def __init__(self) -> None:
        self.sides: tuple[dict[float, float], dict[float, float]] = ({}, {})

    def apply(self, bids: Sequence[Sequence[str]], asks: Sequence[Sequence[str]]) -> None:
        """Set the named levels; quantity 0 deletes."""
        for side, sign, levels in ((0, -1.0, bids), (1, 1.0, asks)):
            for price, quantity in levels:
                key = sign * float(price)
                if float(quantity) == 0.0:
                    self.sides[side].pop(key, None)
                else:
                    self.sides[side][key] = float(quantity)


def messages(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """All JSON messages of the recordings in order."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line.split(" ", 1)[1])


def observe(paths: Sequence[Path]) -> Observations:
    """Play the recordings and count."""
    seen, book = Observations(), Book()
    waiting: list[dict[str, Any]] = []
    last: int | None = None
    for message in messages(paths):
        if "stream" not in message:
            book.apply(message["bids"], message["asks"])
            last = int(message["lastUpdateId"])
            for event in waiting:
                if event["u"] > last:
                    book.apply(event["b"], event["a"])
            continue
        event = message["data"]
        if message["stream"].endswith("@trade"):
            seen.trades.append((event["T"], float(event["p"]), float(event["q"]), event["m"]))
        elif "@depth" in message["stream"] and last is None:
            waiting.append(event)
        elif "@depth" in message["stream"]:
            depth(seen, book, event)
    return seen


def depth(seen: Observations, book: Book, event: dict[str, Any]) -> None:
    """Count one depth message and apply it."""
    is_sample = len(seen.changes) % SAMPLE_EVERY == 0
    if is_sample:
        for side, sign, levels in ((0, -1.0, event["b"]), (1, 1.0, event["a"])):
            keys = sorted(book.sides[side])[:1000]
            seen.ranks += [bisect.bisect_left(keys, sign * float(price)) for price, _ in levels]
    book.apply(event["b"], event["a"])
    seen.changes.append(len(event["b"]) + len(event["a"]))
    seen.message_times.append(event["E"])
    bid, ask = -min(book.sides[0]), min(book.sides[1])
    mid = (bid + ask) / 2
    seen.mids.append(mid)
    seen.spreads.append((ask - bid) / mid)
    if is_sample:
        for levels_of in book.sides:
            keys = sorted(levels_of)[: DEEPEST + 1]
            for rank in range(len(keys) - 1):
                bucket = max(b for b in BUCKETS if b <= rank)
                seen.gaps[bucket].append((keys[rank + 1] - keys[rank]) / mid)
                seen.amounts[bucket].append(levels_of[keys[rank]] * mid)


def strata(values: Sequence[float], unit: float, count: int) -> list[int]:
    """The means of `count` equally likely strata, in `unit`."""
    ordered = sorted(values)
    size = len(ordered) / count
    means = []
    for index in range(count):
        part = ordered[int(index * size) : max(int((index + 1) * size), int(index * size) + 1)]
        means.append(round(sum(part) / len(part) / unit))
    return means


def table(name: str, values: Sequence[float], unit: float, note: str) -> None:
    """Print one table as a Rust constant."""
    body = ", ".join(str(value) for value in strata(values, unit, STRATA))
    print(f"\n/// {note}\npub const {name}: [i64; {STRATA}] = [{body}];")


def bucket_table(name: str, buckets: dict[int, list[float]], unit: float, note: str) -> None:
    """Print one table per rank bucket as a Rust constant."""
    rows = ", ".join(
        "[" + ", ".join(str(v) for v in strata(buckets[b], unit, BUCKET_STRATA)) + "]"
        for b in BUCKETS
    )
    shape = f"[[i64; {BUCKET_STRATA}]; {len(BUCKETS)}]"
    print(f"\n/// {note}\npub const {name}: {shape} = [{rows}];")


def scalars(seen: Observations, orders: Sequence[Sequence[tuple[int, float, float, bool]]]) -> None:
    """Print the single numbers."""
    sides = [order[0][3] for order in orders]
    same = sum(a == b for a, b in pairwise(sides)) / (len(sides) - 1)
    levels = sum(len({trade[1] for trade in order}) - 1 for order in orders)
    more = sum(len(order) - 1 for order in orders)
    span = seen.message_times[-1] - seen.message_times[0]
    every = span / (len(seen.message_times) - 1)
    rate = (len(seen.trades) + len(seen.message_times)) / span * 1000
    buckets = ", ".join(map(str, BUCKETS))
    print(f"pub const BUCKETS: [usize; {len(BUCKETS)}] = [{buckets}];")
    print("/// Chance in 1000 that a taker order has the side of the one before.")
    print(f"pub const SAME_SIDE_PER_MILLE: u64 = {round(same * 1000)};")
    print("/// Chance in 1000 that a taker order's next trade is at the next price.")
    print(f"pub const NEXT_LEVEL_PER_MILLE: u64 = {round(levels / more * 1000)};")
    print("/// Microseconds between depth messages.")
    print(f"pub const DEPTH_EVERY_US: i64 = {round(every * 1000)};")
    print("/// Trades and depth messages per second.")
    print(f"pub const NATURAL_EVENTS_PER_SECOND: i64 = {round(rate)};")
    print("/// The first mid price of the recording, at scale 8.")
    print(f"pub const START_PRICE: i64 = {round(seen.mids[0] * 1e8)};")


def main(paths: Sequence[Path]) -> None:
    """Write the constants."""
    seen = observe(paths)
    orders = [list(run) for _, run in groupby(seen.trades, key=lambda trade: (trade[0], trade[3]))]
    waits = [float(b[0][0] - a[0][0]) for a, b in pairwise(orders)]
    mids = seen.mids
    moves = [(b - a) / a for a, b in pairwise(mids)]
    print("//! Constants of the generator, fitted to recorded streams. Do not edit: written by")
    print("//! `scripts/fit_venue_generator.py`, which describes the method.")
    print("//!")
    print(f"//! Source: {', '.join(path.name for path in paths)}.")
    print('#![expect(clippy::unreadable_literal, reason = "tables are written by a script")]\n')
    print("/// First rank of each bucket of the tables by rank.")
    scalars(seen, orders)
    table("ORDER_WAIT_US", waits, 1e-3, "Microseconds between taker orders.")
    table("TRADES_PER_ORDER_MILLI", [len(o) for o in orders], 1e-3, "Thousandths of trades.")
    sizes = [trade[1] * trade[2] for trade in seen.trades]
    table("TRADE_AMOUNT", sizes, 1e-4, "Quote amount of a trade in 1e-4.")
    table("MID_MOVE", moves, 1e-10, "Move of the mid price between depth messages.")
    table("SPREAD", seen.spreads, 1e-10, "Best ask less best bid.")
    table("CHANGES_MILLI", seen.changes, 1e-3, "Thousandths of level changes per depth message.")
    table("CHANGE_RANK", seen.ranks, 1.0, "Rank of a changed level.")
    bucket_table("LEVEL_GAP", seen.gaps, 1e-10, "From a level to the next, by rank.")
    bucket_table("LEVEL_AMOUNT", seen.amounts, 1e-4, "Quote amount of a level in 1e-4, by rank.")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
