"""binance-connector: REST."""

from __future__ import annotations

import inspect
import json
from typing import Any

from adapters.connector_sockets import Api, stream_methods
from binance.error import ClientError, ServerError
from binance.spot import Spot
from support.adapter import Adapter, Method, Refused
from support.control import Endpoints


def market_methods(c: Any) -> dict[str, Method]:
    """Public calls and the methods that do them."""
    return {
        "GET /api/v3/ping": c.ping,
        "GET /api/v3/time": c.time,
        "GET /api/v3/exchangeInfo": c.exchange_info,
        "GET /api/v3/depth": c.depth,
        "GET /api/v3/trades": c.trades,
        "GET /api/v3/historicalTrades": c.historical_trades,
        "GET /api/v3/aggTrades": c.agg_trades,
        "GET /api/v3/klines": c.klines,
        "GET /api/v3/uiKlines": c.ui_klines,
        "GET /api/v3/avgPrice": c.avg_price,
        "GET /api/v3/ticker/24hr": c.ticker_24hr,
        "GET /api/v3/ticker/price": c.ticker_price,
        "GET /api/v3/ticker/bookTicker": c.book_ticker,
        "GET /api/v3/ticker": c.rolling_window_ticker,
        "GET /api/v3/ticker/tradingDay": c.trading_day_ticker,
    }


def trading_methods(c: Any) -> dict[str, Method]:
    """Signed calls and the methods that do them."""
    return {
        "POST /api/v3/order": c.new_order,
        "POST /api/v3/order/test": c.new_order_test,
        "GET /api/v3/order": c.get_order,
        "DELETE /api/v3/order": c.cancel_order,
        "POST /api/v3/order/cancelReplace": c.cancel_and_replace,
        "GET /api/v3/openOrders": c.get_open_orders,
        "DELETE /api/v3/openOrders": c.cancel_open_orders,
        "GET /api/v3/allOrders": c.get_orders,
        "GET /api/v3/myTrades": c.my_trades,
        "GET /api/v3/account": c.account,
        "GET /api/v3/account/commission": c.query_commission_rates,
        "GET /api/v3/rateLimit/order": c.get_order_rate_limit,
        "GET /api/v3/myPreventedMatches": c.query_prevented_matches,
        "GET /api/v3/myAllocations": c.query_allocations,
        "POST /api/v3/orderList/oco": c.new_oco_order,
        "POST /api/v3/orderList/oto": c.new_oto_order,
        "POST /api/v3/orderList/otoco": c.new_otoco_order,
        "DELETE /api/v3/orderList": c.cancel_oco_order,
        "GET /api/v3/orderList": c.get_oco_order,
        "GET /api/v3/allOrderList": c.get_oco_orders,
        "GET /api/v3/openOrderList": c.get_oco_open_orders,
    }


class BinanceConnector(Adapter):
    """Calls by the client's own methods."""

    name = "binance-connector"

    def __init__(self, endpoints: Endpoints, account: str) -> None:
        super().__init__(endpoints, account)
        keys = endpoints.accounts[account]
        c = Spot(
            api_key=keys["api_key"],
            api_secret=keys.get("api_secret"),
            private_key=keys.get("private_key"),
            base_url=endpoints.rest,
        )
        self.client = c
        self.methods = {
            **market_methods(c),
            **trading_methods(c),
            **Api(endpoints, keys).methods(),
            **stream_methods(endpoints),
        }

    def _guarded(self, method: Method, words: dict[str, Any]) -> Any:
        # One method spells its parameter `window_size`-style names; the rest are the venue's own.
        known = inspect.signature(method).parameters
        if "type" in words and "type" not in known and "_type" in known:
            words = {**words, "_type": words["type"]}
            words.pop("type")
        try:
            return method(**words)
        except ClientError as error:
            raise Refused(error.status_code, error.error_code, error.error_message) from error
        except ServerError as error:
            raise Refused(error.status_code, _code(error.message), error.message) from error


def _code(body: str) -> int | None:
    try:
        return int(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return None
