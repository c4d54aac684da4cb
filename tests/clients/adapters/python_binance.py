"""python-binance: REST."""

from __future__ import annotations

from typing import Any

from adapters.python_binance_sockets import Streams, api_methods
from binance.client import Client
from binance.exceptions import BinanceAPIException
from support.adapter import Adapter, Method, Refused
from support.control import Endpoints


def client_class(endpoints: Endpoints) -> type[Client]:
    """The client with its addresses overridden, and nothing else."""

    class LocalClient(Client):  # type: ignore[misc]
        API_URL = f"{endpoints.rest}/api"
        WS_API_URL = endpoints.ws_api

    return LocalClient


def market_methods(c: Any) -> dict[str, Method]:
    """Public calls and the methods that do them."""
    return {
        "GET /api/v3/ping": c.ping,
        "GET /api/v3/time": c.get_server_time,
        "GET /api/v3/exchangeInfo": c.get_exchange_info,
        "GET /api/v3/depth": c.get_order_book,
        "GET /api/v3/trades": c.get_recent_trades,
        "GET /api/v3/historicalTrades": c.get_historical_trades,
        "GET /api/v3/aggTrades": c.get_aggregate_trades,
        "GET /api/v3/klines": c.get_klines,
        "GET /api/v3/uiKlines": c.get_ui_klines,
        "GET /api/v3/avgPrice": c.get_avg_price,
        "GET /api/v3/ticker/24hr": c.get_ticker,
        "GET /api/v3/ticker/price": c.get_symbol_ticker,
        "GET /api/v3/ticker/bookTicker": c.get_orderbook_ticker,
        "GET /api/v3/ticker": c.get_symbol_ticker_window,
        "GET /api/v3/ticker/tradingDay": c.v3_get_ticker_trading_day,
    }


def trading_methods(c: Any) -> dict[str, Method]:
    """Signed calls and the methods that do them."""
    return {
        "POST /api/v3/order": c.create_order,
        "POST /api/v3/order/test": c.create_test_order,
        "GET /api/v3/order": c.get_order,
        "DELETE /api/v3/order": c.cancel_order,
        "POST /api/v3/order/cancelReplace": c.cancel_replace_order,
        "GET /api/v3/openOrders": c.get_open_orders,
        "DELETE /api/v3/openOrders": c.cancel_all_open_orders,
        "GET /api/v3/allOrders": c.get_all_orders,
        "GET /api/v3/myTrades": c.get_my_trades,
        "GET /api/v3/account": c.get_account,
        "GET /api/v3/account/commission": c.v3_get_account_commission,
        "GET /api/v3/rateLimit/order": c.get_current_order_count,
        "GET /api/v3/myPreventedMatches": c.get_prevented_matches,
        "GET /api/v3/myAllocations": c.get_allocations,
        "POST /api/v3/orderList/oco": c.create_oco_order,
        "POST /api/v3/orderList/oto": c.v3_post_order_list_oto,
        "POST /api/v3/orderList/otoco": c.v3_post_order_list_otoco,
        "DELETE /api/v3/orderList": c.v3_delete_order_list,
        "GET /api/v3/orderList": c.v3_get_order_list,
        "GET /api/v3/allOrderList": c.v3_get_all_order_list,
        "GET /api/v3/openOrderList": c.get_open_oco_orders,
        "POST /api/v3/sor/order": c.v3_post_sor_order,
    }


class PythonBinance(Adapter):
    """Calls by the client's own methods; none is sent by a generic helper."""

    name = "python-binance"

    def __init__(self, endpoints: Endpoints, account: str) -> None:
        super().__init__(endpoints, account)
        keys = endpoints.accounts[account]
        private = {"private_key": keys["private_key"]} if "private_key" in keys else {}
        self.client = client_class(endpoints)(
            keys["api_key"], keys.get("api_secret"), ping=False, **private
        )
        c = self.client
        c.API_URL = f"{endpoints.rest}/api"
        self.methods = {
            **market_methods(c),
            **trading_methods(c),
            **api_methods(c),
            **Streams(endpoints, keys).methods(),
        }

    def _guarded(self, method: Method, words: dict[str, Any]) -> Any:
        try:
            return method(**words)
        except BinanceAPIException as error:
            raise Refused(error.status_code, error.code, str(error.message)) from error
