"""A venue for market data on a real loopback socket: REST answers and streams, as scripted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

FIRST_MS = 1_632_700_800_000
STEP_MS = 60_000
PAGE = 1000
FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
    {"filterType": "LOT_SIZE", "stepSize": "0.00001", "minQty": "0.00001"},
]


def trade(number: int) -> str:
    """One message of the trade stream."""
    return (
        '{"stream":"btcusd@trade","data":{"e":"trade","E":1632700800000,"s":"BTCUSD",'
        f'"t":{number},"p":"100.00","q":"0.10000","T":1632700800000,"m":true,"M":true}}}}'
    )


def depth(number: int) -> str:
    """Update `number` sets the best bid's quantity to `number`."""
    data = {"e": "depthUpdate", "E": FIRST_MS, "s": "BTCUSD", "U": number, "u": number}
    sides = {"b": [["99.00", f"{number}.00000"]], "a": []}
    return json.dumps({"stream": "btcusd@depth@100ms", "data": {**data, **sides}})


def best(number: int) -> str:
    """A bookTicker message."""
    data = {"u": number, "s": "BTCUSD", "b": "99.00", "B": "1.00000", "a": "101.00", "A": "2.0"}
    return json.dumps({"stream": "btcusd@bookTicker", "data": data})


def _row(number: int) -> list[Any]:
    opened = FIRST_MS + STEP_MS * number
    prices = ["100.00", "101.00", "99.00", "100.50", "3.00000"]
    return [opened, *prices, opened + STEP_MS - 1, "0", 1, "0", "0", "0"]


def closed_bar(number: int) -> str:
    """The kline message that closes bar `number`."""
    opened = FIRST_MS + STEP_MS * number
    names = dict(zip("ohlcv", _row(number)[1:6], strict=True))
    k = {"t": opened, "T": opened + STEP_MS - 1, "s": "BTCUSD", "i": "1m", "x": True, **names}
    data = {"e": "kline", "E": opened + STEP_MS, "s": "BTCUSD", "k": k}
    return json.dumps({"stream": "btcusd@kline_1m", "data": data})


@dataclass
class MarketVenue:
    """`bars` and `trades` are what the queries know; `say` sends to who subscribed."""

    bars: int = 0
    trades: int = 0
    book: int = 0
    port: int = 0
    streams: dict[ServerConnection, set[str]] = field(default_factory=dict)
    _server: Server | None = None

    async def start(self) -> None:
        """Listen; on the same port again after `stop`."""
        self._server = await serve(
            self._socket, "127.0.0.1", self.port, process_request=self._answer, compression=None,
            ping_interval=None,
        )  # fmt: skip
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def has(self, name: str) -> bool:
        """Somebody subscribed to the stream."""
        return any(name in names for names in self.streams.values())

    async def say(self, text: str) -> None:
        """Send to every connection that carries the message's stream."""
        name = text.split('"', 4)[3]
        for connection, names in list(self.streams.items()):
            if name in names:
                try:
                    await connection.send(text)
                except ConnectionClosed:
                    self.streams.pop(connection, None)

    async def _socket(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        parts = urlsplit(connection.request.path)
        is_stream = parts.path == "/stream"
        if is_stream:
            names = parse_qs(parts.query).get("streams", [""])[0]
            self.streams[connection] = set(names.split("/"))
        try:
            async for frame in connection:
                control = json.loads(frame)
                if is_stream:
                    change = self.streams[connection]
                    if control["method"] == "SUBSCRIBE":
                        change |= set(control["params"])
                    else:
                        change -= set(control["params"])
                    await connection.send(json.dumps({"result": None, "id": control["id"]}))
                else:
                    reply = {"id": control["id"], "status": 200, "result": {"subscriptionId": 0}}
                    await connection.send(json.dumps(reply))
        except ConnectionClosed:
            pass
        finally:
            self.streams.pop(connection, None)

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        if not parts.path.startswith(("/api/", "/sapi/")):
            return None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = self._body(parts.path.rsplit("/", 1)[1], query)
        status = HTTPStatus.NOT_FOUND if body is None else HTTPStatus.OK
        content = json.dumps(body if body is not None else {"code": -1, "msg": "no"}).encode()
        headers = Headers({"Content-Type": "application/json", "Connection": "close"})
        headers["Content-Length"] = str(len(content))
        return Response(status, status.phrase, headers, content)

    def _body(self, name: str, query: dict[str, str]) -> Any:
        match name:
            case "time":
                return {"serverTime": 1_700_000_000_000}
            case "exchangeInfo":
                pair = {"symbol": "BTCUSD", "baseAsset": "BTC", "quoteAsset": "USD"}
                return {"rateLimits": [], "symbols": [{**pair, "filters": FILTERS}]}
            case "klines":
                limit = int(query["limit"])
                first = max(0, self.bars - limit)
                if "startTime" in query:
                    first = max(0, -((FIRST_MS - int(query["startTime"])) // STEP_MS))
                return [_row(number) for number in range(first, min(self.bars, first + limit))]
            case "historicalTrades":
                first = int(query["fromId"])
                known = range(first, min(self.trades + 1, first + PAGE))
                row = {"price": "100.00", "qty": "0.1", "time": FIRST_MS, "isBuyerMaker": True}
                return [{"id": number, **row} for number in known]
            case "depth":
                bids = [["99.00", f"{self.book}.00000"]]
                return {"lastUpdateId": self.book, "bids": bids, "asks": [["101.00", "5.00000"]]}
            case "account":
                rights = {"canTrade": True, "canWithdraw": False, "permissions": ["SPOT"]}
                return {"balances": [], **rights}
            case "openOrders" | "myTrades" | "allOrders" | "openOrderList":
                return []
        return None
