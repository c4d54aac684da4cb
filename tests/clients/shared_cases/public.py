"""Public market data: every call, its limits and its ranges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support.cases import Collection, expect, expect_equal
from support.context import Context

CASES = Collection()

INTERVALS = [
    "1s",
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
]
MINUTE = 60_000


def number(value: Any) -> Decimal:
    """A price or quantity, which the venue writes as a string."""
    return Decimal(str(value))


# Connectivity, clock and trading rules.


@CASES.case("ping")
def ping(ctx: Context) -> None:
    expect_equal(ctx.call("GET /api/v3/ping"), {}, "answer")


@CASES.case("time")
def time(ctx: Context) -> None:
    expect(int(ctx.call("GET /api/v3/time")["serverTime"]) > 1_600_000_000_000)


@CASES.case("exchange-info-all")
def exchange_info(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/exchangeInfo")
    names = {symbol["symbol"] for symbol in answer["symbols"]}
    expect(set(ctx.endpoints.symbols) <= names, names)
    kinds = {limit["rateLimitType"] for limit in answer["rateLimits"]}
    expect_equal(kinds, {"REQUEST_WEIGHT", "ORDERS", "RAW_REQUESTS"}, "rate limits")


@CASES.case("exchange-info-symbol", unless=("python-binance",))
def exchange_info_symbol(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/exchangeInfo", symbol=ctx.symbol)
    expect_equal([item["symbol"] for item in answer["symbols"]], [ctx.symbol])
    rules = answer["symbols"][0]
    filters = {rule["filterType"] for rule in rules["filters"]}
    wanted = {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL", "MAX_NUM_ORDERS"}
    expect(wanted <= filters, filters)
    expect_equal(len(rules["orderTypes"]), 7, "order types")


@CASES.case("exchange-info-symbols", unless=("python-binance",))
def exchange_info_symbols(ctx: Context) -> None:
    wanted = list(ctx.endpoints.symbols[:2])
    answer = ctx.call("GET /api/v3/exchangeInfo", symbols=wanted)
    expect_equal(sorted(item["symbol"] for item in answer["symbols"]), sorted(wanted))


# Depth, trades and aggregate trades.


@CASES.case("depth", [5, 10, 20, 50, 100, 500, 1000, 5000])
def depth(ctx: Context, limit: int) -> None:
    book = ctx.call("GET /api/v3/depth", symbol=ctx.symbol, limit=limit)
    bids = [number(level[0]) for level in book["bids"]]
    asks = [number(level[0]) for level in book["asks"]]
    expect(0 < len(bids) <= limit and 0 < len(asks) <= limit, (len(bids), len(asks)))
    expect(bids == sorted(bids, reverse=True) and asks == sorted(asks), "not sorted")
    expect(bids[0] < asks[0], "crossed")


@CASES.case("depth-default")
def depth_default(ctx: Context) -> None:
    book = ctx.call("GET /api/v3/depth", symbol=ctx.symbol)
    expect(len(book["bids"]) <= 100 and int(book["lastUpdateId"]) > 0)


@CASES.case("trades", [1, 10, 500, 1000])
def trades(ctx: Context, limit: int) -> None:
    found = ctx.call("GET /api/v3/trades", symbol=ctx.symbol, limit=limit)
    expect(0 < len(found) <= limit, len(found))
    ids = [int(item["id"]) for item in found]
    expect_equal(ids, sorted(ids), "order of ids")


@CASES.case("historical-trades", [1, 100])
def historical(ctx: Context, limit: int) -> None:
    newest = ctx.call("GET /api/v3/historicalTrades", symbol=ctx.symbol, limit=limit)
    first = int(newest[0]["id"])
    again = ctx.call("GET /api/v3/historicalTrades", symbol=ctx.symbol, limit=limit, fromId=first)
    expect_equal(int(again[0]["id"]), first, "fromId is inclusive")


@CASES.case("agg-trades", [1, 500, 1000])
def agg_trades(ctx: Context, limit: int) -> None:
    found = ctx.call("GET /api/v3/aggTrades", symbol=ctx.symbol, limit=limit)
    expect(0 < len(found) <= limit, len(found))
    expect(all(int(item["f"]) <= int(item["l"]) for item in found))


@CASES.case("agg-trades-from-id")
def agg_trades_from(ctx: Context) -> None:
    newest = ctx.call("GET /api/v3/aggTrades", symbol=ctx.symbol, limit=10)
    first = int(newest[0]["a"])
    again = ctx.call("GET /api/v3/aggTrades", symbol=ctx.symbol, fromId=first, limit=3)
    expect_equal([int(item["a"]) for item in again], [first, first + 1, first + 2])


@CASES.case("agg-trades-times")
def agg_trades_times(ctx: Context) -> None:
    newest = ctx.call("GET /api/v3/aggTrades", symbol=ctx.symbol, limit=10)
    start, end = int(newest[0]["T"]), int(newest[-1]["T"])
    again = ctx.call("GET /api/v3/aggTrades", symbol=ctx.symbol, startTime=start, endTime=end)
    expect(all(start <= int(item["T"]) <= end for item in again) and again, len(again))


# Klines of every interval, ranges, paging.


def check_rows(rows: Any, limit: int) -> None:
    expect(0 < len(rows) <= limit, len(rows))
    for row in rows:
        expect_equal(len(row), 12, "elements of a kline")
        low, high = number(row[3]), number(row[2])
        expect(low <= number(row[1]) <= high and low <= number(row[4]) <= high, row)
    opened = [int(row[0]) for row in rows]
    expect_equal(opened, sorted(opened), "order of klines")


@CASES.case("bars", [(path, interval) for path in ("klines", "uiKlines") for interval in INTERVALS])
def klines(ctx: Context, path: str, interval: str) -> None:
    check_rows(ctx.call(f"GET /api/v3/{path}", symbol=ctx.symbol, interval=interval, limit=50), 50)


@CASES.case("klines-limit", [1, 500, 1000])
def klines_limit(ctx: Context, limit: int) -> None:
    rows = ctx.call("GET /api/v3/klines", symbol=ctx.symbol, interval="1s", limit=limit)
    check_rows(rows, limit)


@CASES.case("klines-range")
def klines_range(ctx: Context) -> None:
    words = {"symbol": ctx.symbol, "interval": "1m"}
    newest = ctx.call("GET /api/v3/klines", **words, limit=5)
    start, end = int(newest[0][0]), int(newest[-1][0])
    again = ctx.call("GET /api/v3/klines", **words, startTime=start, endTime=end)
    expect_equal(int(again[0][0]), start)
    expect_equal(int(again[-1][0]), end)


@CASES.case("klines-paging")
def klines_paging(ctx: Context) -> None:
    words = {"symbol": ctx.symbol, "interval": "1s"}
    whole = ctx.call("GET /api/v3/klines", **words, limit=1000)
    pages, start = [], int(whole[0][0])
    while len(pages) < len(whole):
        page = ctx.call("GET /api/v3/klines", **words, startTime=start, limit=300)
        if not page:
            break
        pages += page
        start = int(page[-1][0]) + 1
    # The last bar may still be forming: its figures can move, its time cannot.
    expect_equal([row[0] for row in pages], [row[0] for row in whole], "bars")


@CASES.case("klines-agree-with-trades")
def klines_trades(ctx: Context) -> None:
    row = ctx.call("GET /api/v3/klines", symbol=ctx.symbol, interval="1m", limit=1)[0]
    found = ctx.call("GET /api/v3/trades", symbol=ctx.symbol, limit=1)[0]
    expect_equal(number(row[4]), number(found["price"]), "close = last trade")


@CASES.case("avg-price")
def avg_price(ctx: Context) -> None:
    answer = ctx.call("GET /api/v3/avgPrice", symbol=ctx.symbol)
    expect(number(answer["price"]) > 0 and int(answer["mins"]) >= 0, answer)


# Windows over the last day and the present top of the book.


def found(answer: Any) -> list[str]:
    rows = answer if isinstance(answer, list) else [answer]
    return [row["symbol"] for row in rows]


CALLS = ("24hr", "price", "bookTicker")


@CASES.case("ticker-one", CALLS)
def one(ctx: Context, kind: str) -> None:
    answer = ctx.call(f"GET /api/v3/ticker/{kind}", symbol=ctx.symbol)
    expect_equal(found(answer), [ctx.symbol])


@CASES.case("ticker-many", CALLS, unless=("python-binance",))
def many(ctx: Context, kind: str) -> None:
    wanted = list(ctx.endpoints.symbols[:2])
    answer = ctx.call(f"GET /api/v3/ticker/{kind}", symbols=wanted)
    expect_equal(sorted(found(answer)), sorted(wanted))


@CASES.case("ticker-all", CALLS)
def everything(ctx: Context, kind: str) -> None:
    answer = ctx.call(f"GET /api/v3/ticker/{kind}")
    expect(set(ctx.endpoints.symbols) <= set(found(answer)), answer)


@CASES.case("ticker-24hr-type", ["FULL", "MINI"])
def shape(ctx: Context, kind: str) -> None:
    answer = ctx.call("GET /api/v3/ticker/24hr", symbol=ctx.symbol, type=kind)
    row = answer[0] if isinstance(answer, list) else answer
    expect_equal("weightedAvgPrice" in row, kind == "FULL", row)
    expect(number(row["lowPrice"]) <= number(row["lastPrice"]) <= number(row["highPrice"]))


@CASES.case("ticker-window", ["1m", "1h", "4h", "1d", "7d"])
def window(ctx: Context, size: str) -> None:
    answer = ctx.call("GET /api/v3/ticker", symbol=ctx.symbol, windowSize=size)
    row = answer[0] if isinstance(answer, list) else answer
    expect(number(row["lowPrice"]) <= number(row["highPrice"]), row)


@CASES.case("ticker-trading-day", ["FULL", "MINI"])
def trading_day(ctx: Context, kind: str) -> None:
    answer = ctx.call("GET /api/v3/ticker/tradingDay", symbol=ctx.symbol, type=kind)
    row = answer[0] if isinstance(answer, list) else answer
    expect_equal(row["symbol"], ctx.symbol)


@CASES.case("ticker-trading-day-zone", ["0", "-1:00", "05:45"], unless=("binance-sdk-spot",))
def zone(ctx: Context, offset: str) -> None:
    ctx.call("GET /api/v3/ticker/tradingDay", symbol=ctx.symbol, timeZone=offset)
