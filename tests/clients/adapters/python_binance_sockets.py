"""python-binance: WebSocket API and streams."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from binance import AsyncClient, BinanceSocketManager
from support.adapter import Method
from support.background import Background, Stream
from support.control import Endpoints


def api_methods(client: Any) -> dict[str, Method]:
    """The client's synchronous `ws_*` methods."""
    return {
        "WS ping": client.ws_ping,
        "WS time": client.ws_get_time,
        "WS exchangeInfo": client.ws_get_exchange_info,
        "WS depth": client.ws_get_order_book,
        "WS trades.recent": client.ws_get_recent_trades,
        "WS trades.historical": client.ws_get_historical_trades,
        "WS trades.aggregate": client.ws_get_aggregate_trades,
        "WS klines": client.ws_get_klines,
        "WS uiKlines": client.ws_get_uiKlines,
        "WS avgPrice": client.ws_get_avg_price,
        "WS ticker": client.ws_get_symbol_ticker_window,
        "WS ticker.24hr": client.ws_get_ticker,
        "WS ticker.tradingDay": client.ws_get_trading_day_ticker,
        "WS ticker.price": client.ws_get_symbol_ticker,
        "WS ticker.book": client.ws_get_orderbook_ticker,
        "WS order.place": client.ws_create_order,
        "WS order.status": client.ws_get_order,
        "WS order.cancel": client.ws_cancel_order,
        "WS openOrders.cancelAll": client.ws_cancel_all_open_orders,
        "WS account.status": client.ws_get_account,
        "WS account.commission": client.ws_get_commission_rates,
        "WS account.rateLimits.orders": client.ws_get_account_rate_limits_orders,
        "WS openOrders.status": client.ws_get_open_orders,
        "WS allOrders": client.ws_get_all_orders,
        "WS myTrades": client.ws_get_my_trades,
        "WS myPreventedMatches": client.ws_get_prevented_matches,
        "WS myAllocations": client.ws_get_allocations,
        "WS openOrderLists.status": client.ws_get_oco_open_orders,
    }


class Streams:
    """The socket manager, one socket for each stream, on a loop of its own."""

    def __init__(self, endpoints: Endpoints, keys: dict[str, str]) -> None:
        self._endpoints = endpoints
        self._keys = keys

    def methods(self) -> dict[str, Method]:
        """What the manager has a method for."""
        names = [
            "trade",
            "aggTrade",
            "kline_1m",
            "kline_1s",
            "miniTicker",
            "ticker",
            "bookTicker",
            "depth",
            "depth@100ms",
            "depth5",
            "depth20@100ms",
            "!miniTicker@arr",
        ]
        found: dict[str, Method] = {f"STREAM {name}": self.open for name in names}
        return {**found, "STREAM user": self.open_user}

    def open(self, stream: str) -> Stream:
        """A market stream by its name."""
        return self._open(lambda manager: self._socket(manager, stream))

    def open_user(self) -> Stream:
        """Own orders and balances."""
        return self._open(lambda manager: manager.user_socket())

    def _socket(self, manager: BinanceSocketManager, stream: str) -> Any:
        if stream == "!miniTicker@arr":
            return manager.miniticker_socket()
        symbol, _, rest = stream.partition("@")
        depth = re.fullmatch(r"depth(\d*)(?:@(\d+)ms)?", rest)
        if depth:
            interval = int(depth[2]) if depth[2] else None
            return manager.depth_socket(symbol, depth=depth[1] or None, interval=interval)
        if rest.startswith("kline_"):
            return manager.kline_socket(symbol, interval=rest.removeprefix("kline_"))
        opener = {
            "trade": manager.trade_socket,
            "aggTrade": manager.aggtrade_socket,
            "miniTicker": manager.symbol_miniticker_socket,
            "ticker": manager.symbol_ticker_socket,
            "bookTicker": manager.symbol_book_ticker_socket,
        }[rest]
        return opener(symbol)

    def _open(self, make: Any) -> Stream:
        background, stream = Background(), Stream()
        ready = background.loop.create_future()
        stop = asyncio.Event()

        async def follow() -> None:
            client = AsyncClient(self._keys["api_key"], self._keys.get("api_secret"))
            client.API_URL = f"{self._endpoints.rest}/api"
            client.ws_api._url = self._endpoints.ws_api
            manager = BinanceSocketManager(client)
            manager.STREAM_URL = f"{self._endpoints.stream}/"
            async with make(manager) as socket:
                ready.set_result(None)
                while not stop.is_set():
                    message = await socket.recv()
                    if message is not None:
                        stream.put(message)
            await client.close_connection()

        task: list[asyncio.Task[None]] = []

        async def begin() -> None:
            task.append(asyncio.ensure_future(follow()))
            await asyncio.wait([ready, task[0]], return_when=asyncio.FIRST_COMPLETED)
            if task[0].done():
                task[0].result()

        async def end() -> None:
            stop.set()
            task[0].cancel()
            await asyncio.gather(*task, return_exceptions=True)

        background.run(begin())
        stream.on_close += [lambda: background.run(end()), background.close]
        return stream
