"""binance-sdk-spot: WebSocket API and streams on a loop of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from binance_common.configuration import (
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_sdk_spot.spot import Spot
from pydantic import BaseModel
from support.adapter import Method, Refused
from support.background import Background, Stream
from support.control import Endpoints

API = {
    "ping": "ping",
    "time": "time",
    "exchangeInfo": "exchange_info",
    "depth": "depth",
    "trades.recent": "trades_recent",
    "trades.historical": "trades_historical",
    "trades.aggregate": "trades_aggregate",
    "klines": "klines",
    "uiKlines": "ui_klines",
    "avgPrice": "avg_price",
    "ticker": "ticker",
    "ticker.24hr": "ticker24hr",
    "ticker.tradingDay": "ticker_trading_day",
    "ticker.price": "ticker_price",
    "ticker.book": "ticker_book",
    "order.place": "order_place",
    "order.status": "order_status",
    "order.cancel": "order_cancel",
    "openOrders.cancelAll": "open_orders_cancel_all",
    "account.status": "account_status",
    "account.commission": "account_commission",
    "account.rateLimits.orders": "account_rate_limits_orders",
    "openOrders.status": "open_orders_status",
    "allOrders": "all_orders",
    "myTrades": "my_trades",
    "myPreventedMatches": "my_prevented_matches",
    "myAllocations": "my_allocations",
    "myFilters": "my_filters",
    "openOrderLists.status": "open_order_lists_status",
    "allOrderLists": "all_order_lists",
    "session.logon": "session_logon",
    "session.status": "session_status",
    "session.logout": "session_logout",
    "session.subscriptions": "session_subscriptions",
    "userDataStream.subscribe": "user_data_stream_subscribe",
    "userDataStream.unsubscribe": "user_data_stream_unsubscribe",
}


class Sockets:
    """One connection to the WebSocket API and one to the streams, opened on first use."""

    def __init__(
        self,
        endpoints: Endpoints,
        keys: dict[str, str],
        note: Callable[[Any], None],
        snake: Callable[[str], str],
    ) -> None:
        private = {"private_key": keys["private_key"]} if "private_key" in keys else {}
        self._spot = Spot(
            config_ws_api=ConfigurationWebSocketAPI(
                api_key=keys["api_key"],
                api_secret=keys.get("api_secret"),
                stream_url=endpoints.ws_api,
                **private,
            ),
            config_ws_streams=ConfigurationWebSocketStreams(stream_url=endpoints.stream),
        )
        self._note = note
        self._snake = snake
        self._background: Background | None = None
        self._connected: set[str] = set()

    def methods(self) -> dict[str, Method]:
        """Everything the client offers over sockets."""
        found: dict[str, Method] = {f"WS {name}": self._api(word) for name, word in API.items()}
        return {**found, **self._streams(), "STREAM user": self.open_user}

    def _loop(self) -> Background:
        if self._background is None:
            self._background = Background()
        return self._background

    def _connection(self, part: str) -> Any:
        connection = getattr(self._spot, part)
        if part not in self._connected:
            self._loop().run(connection.create_connection())
            self._connected.add(part)
        return connection

    def _api(self, method: str) -> Method:
        def send(**words: Any) -> Any:
            connection = self._connection("websocket_api")
            named = {self._snake(name): value for name, value in words.items()}
            response = self._loop().run(getattr(connection, method)(**named))
            answer = response.data()
            self._note(answer)
            body = _plain(answer)
            if isinstance(body, dict) and "error" in body:
                raise Refused(body.get("status"), body["error"]["code"], body["error"]["msg"])
            return body["result"] if isinstance(body, dict) and "result" in body else body

        return send

    def _streams(self) -> dict[str, Method]:
        calls: dict[str, Callable[[Any, str], Any]] = {
            "trade": lambda c, s: c.trade(symbol=s),
            "aggTrade": lambda c, s: c.agg_trade(symbol=s),
            "kline_1m": lambda c, s: c.kline(symbol=s, interval="1m"),
            "kline_1s": lambda c, s: c.kline(symbol=s, interval="1s"),
            "miniTicker": lambda c, s: c.mini_ticker(symbol=s),
            "ticker": lambda c, s: c.ticker(symbol=s),
            "bookTicker": lambda c, s: c.book_ticker(symbol=s),
            "depth": lambda c, s: c.diff_book_depth(symbol=s),
            "depth@100ms": lambda c, s: c.diff_book_depth(symbol=s, update_speed="100ms"),
            "depth5": lambda c, s: c.partial_book_depth(symbol=s, levels="5"),
            "depth20@100ms": lambda c, s: c.partial_book_depth(
                symbol=s, levels="20", update_speed="100ms"
            ),
            "ticker_1h": lambda c, s: c.rolling_window_ticker(symbol=s, window_size="1h"),
            "ticker_4h": lambda c, s: c.rolling_window_ticker(symbol=s, window_size="4h"),
            "avgPrice": lambda c, s: c.avg_price(symbol=s),
            "!miniTicker@arr": lambda c, s: c.all_mini_ticker(),
        }
        return {f"STREAM {name}": self._stream(work) for name, work in calls.items()}

    def _stream(self, subscribe: Callable[[Any, str], Any]) -> Method:
        def begin(stream: str) -> Stream:
            connection = self._connection("websocket_streams")
            handle = self._loop().run(subscribe(connection, stream.partition("@")[0]))
            return self._follow(handle)

        return begin

    def open_user(self) -> Stream:
        """Own orders and balances, by a signed subscription."""
        connection = self._connection("websocket_api")
        answer = self._loop().run(connection.user_data_stream_subscribe_signature())
        return self._follow(answer.stream)

    def _follow(self, handle: Any) -> Stream:
        made = Stream()

        def received(message: Any) -> None:
            self._note(message)
            made.put(_plain(message))

        handle.on("message", received)
        made.on_close.append(lambda: self._loop().run(handle.unsubscribe()))
        return made


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, BaseModel):
        inner = getattr(value, "actual_instance", None)
        return _plain(inner) if inner is not None else value.to_dict()  # type: ignore[attr-defined]
    return value
