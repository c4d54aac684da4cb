"""binance-connector: WebSocket API and streams, both by callback."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from support.adapter import Method, Refused
from support.background import Stream
from support.control import Endpoints

ANSWER_SECONDS = 20.0


class Api:
    """Waits for the answer with the id of its question."""

    def __init__(self, endpoints: Endpoints, keys: dict[str, str]) -> None:
        self._answers: queue.Queue[Any] = queue.Queue()
        self._numbers = itertools.count(1)
        self._client: SpotWebsocketAPIClient | None = None
        self._make = lambda: SpotWebsocketAPIClient(
            stream_url=endpoints.ws_api,
            api_key=keys["api_key"],
            api_secret=keys.get("api_secret"),
            on_message=lambda _, text: self._answers.put(json.loads(text)),
        )

    def methods(self) -> dict[str, Method]:
        """The client's methods under the venue's names."""
        names = {
            "ping": "ping_connectivity",
            "time": "server_time",
            "exchangeInfo": "exchange_info",
            "depth": "order_book",
            "trades.recent": "recent_trades",
            "trades.historical": "historical_trades",
            "trades.aggregate": "aggregate_trades",
            "klines": "klines",
            "uiKlines": "ui_klines",
            "avgPrice": "avg_price",
            "ticker": "ticker",
            "ticker.24hr": "ticker_24hr",
            "ticker.price": "ticker_price",
            "ticker.book": "ticker_book",
            "order.place": "new_order",
            "order.status": "get_order",
            "order.cancel": "cancel_order",
            "openOrders.cancelAll": "cancel_open_orders",
            "account.status": "account",
            "account.rateLimits.orders": "order_rate_limit",
            "openOrders.status": "get_open_orders",
            "allOrders": "order_history",
            "myTrades": "my_trades",
            "myPreventedMatches": "prevented_matches",
            "openOrderLists.status": "get_open_oco_orders",
            "allOrderLists": "oco_history",
        }
        return {f"WS {name}": self._call(method) for name, method in names.items()}

    def _call(self, method: str) -> Method:
        def send(**words: Any) -> Any:
            if self._client is None:
                self._client = self._make()
            name = f"c{next(self._numbers)}"
            getattr(self._client, method)(**words, id=name)
            while True:
                answer = self._answers.get(timeout=ANSWER_SECONDS)
                if answer.get("id") == name:
                    return self._result(answer)

        return send

    def _result(self, answer: dict[str, Any]) -> Any:
        if answer["status"] == 200:
            return answer["result"]
        error = answer["error"]
        raise Refused(answer["status"], error["code"], error["msg"])


def stream_methods(endpoints: Endpoints) -> dict[str, Method]:
    """Streams that the client has a subscription method for."""

    def opened(subscribe: Callable[[Any, str], None]) -> Method:
        def begin(stream: str) -> Stream:
            made, ready = Stream(), threading.Event()

            def received(_: Any, text: str) -> None:
                message = json.loads(text)
                if isinstance(message, dict) and "result" in message:
                    ready.set()
                else:
                    made.put(message)

            client = SpotWebsocketStreamClient(stream_url=endpoints.stream, on_message=received)
            subscribe(client, stream.partition("@")[0])
            if not ready.wait(ANSWER_SECONDS):
                raise TimeoutError("the subscription was not answered")
            made.on_close.append(client.stop)
            return made

        return begin

    subscriptions: dict[str, Callable[[Any, str], None]] = {
        "trade": lambda c, s: c.trade(s),
        "aggTrade": lambda c, s: c.agg_trade(s),
        "kline_1m": lambda c, s: c.kline(s, "1m"),
        "kline_1s": lambda c, s: c.kline(s, "1s"),
        "miniTicker": lambda c, s: c.mini_ticker(s),
        "ticker": lambda c, s: c.ticker(s),
        "bookTicker": lambda c, s: c.book_ticker(s),
        "depth": lambda c, s: c.diff_book_depth(s, speed=1000),
        "depth@100ms": lambda c, s: c.diff_book_depth(s, speed=100),
        "depth5": lambda c, s: c.partial_book_depth(s, level=5, speed=1000),
        "depth20@100ms": lambda c, s: c.partial_book_depth(s, level=20, speed=100),
        "ticker_1h": lambda c, s: c.rolling_window_ticker(s, "1h"),
        "ticker_4h": lambda c, s: c.rolling_window_ticker(s, "4h"),
        "!miniTicker@arr": lambda c, s: c.mini_ticker(),
    }
    return {f"STREAM {name}": opened(work) for name, work in subscriptions.items()}
