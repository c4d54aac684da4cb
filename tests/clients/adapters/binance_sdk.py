"""binance-sdk-spot: REST, with every answer checked against the client's generated models."""

from __future__ import annotations

import re
from typing import Any

from adapters.sdk_sockets import Sockets
from binance_common.configuration import ConfigurationRestAPI
from binance_common.errors import (
    BadRequestError,
    ClientError,
    Error,
    ForbiddenError,
    NotFoundError,
    RateLimitBanError,
    ServerError,
    TooManyRequestsError,
    UnauthorizedError,
)
from binance_sdk_spot.spot import Spot
from pydantic import BaseModel
from support.adapter import Adapter, Method, Refused
from support.control import Endpoints

STATUSES: dict[type[Error], int] = {
    BadRequestError: 400,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    RateLimitBanError: 418,
    TooManyRequestsError: 429,
    ServerError: 500,
    ClientError: 400,
}

HIDDEN = {"Order cancel-replace partially failed.": (409, -2021)}


def snake(name: str) -> str:
    """`newClientOrderId` as the client spells it: `new_client_order_id`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def market_methods(c: Any) -> dict[str, Method]:
    """Public calls and the methods that do them."""
    return {
        "GET /api/v3/ping": c.ping,
        "GET /api/v3/time": c.time,
        "GET /api/v3/exchangeInfo": c.exchange_info,
        "GET /api/v3/executionRules": c.execution_rules,
        "GET /api/v3/depth": c.depth,
        "GET /api/v3/trades": c.get_trades,
        "GET /api/v3/historicalTrades": c.historical_trades,
        "GET /api/v3/aggTrades": c.agg_trades,
        "GET /api/v3/klines": c.klines,
        "GET /api/v3/uiKlines": c.ui_klines,
        "GET /api/v3/avgPrice": c.avg_price,
        "GET /api/v3/ticker/24hr": c.ticker24hr,
        "GET /api/v3/ticker/price": c.ticker_price,
        "GET /api/v3/ticker/bookTicker": c.ticker_book_ticker,
        "GET /api/v3/ticker": c.ticker,
        "GET /api/v3/ticker/tradingDay": c.ticker_trading_day,
    }


def trading_methods(c: Any) -> dict[str, Method]:
    """Signed calls and the methods that do them."""
    return {
        "POST /api/v3/order": c.new_order,
        "POST /api/v3/order/test": c.order_test,
        "GET /api/v3/order": c.get_order,
        "DELETE /api/v3/order": c.delete_order,
        "POST /api/v3/order/cancelReplace": c.order_cancel_replace,
        "PUT /api/v3/order/amend/keepPriority": c.order_amend_keep_priority,
        "GET /api/v3/order/amendments": c.order_amendments,
        "GET /api/v3/openOrders": c.get_open_orders,
        "DELETE /api/v3/openOrders": c.delete_open_orders,
        "GET /api/v3/allOrders": c.all_orders,
        "GET /api/v3/myTrades": c.my_trades,
        "GET /api/v3/account": c.get_account,
        "GET /api/v3/account/commission": c.account_commission,
        "GET /api/v3/rateLimit/order": c.rate_limit_order,
        "GET /api/v3/myPreventedMatches": c.my_prevented_matches,
        "GET /api/v3/myAllocations": c.my_allocations,
        "GET /api/v3/myFilters": c.my_filters,
        "POST /api/v3/order/oco": c.order_oco,
        "POST /api/v3/orderList/oco": c.order_list_oco,
        "POST /api/v3/orderList/oto": c.order_list_oto,
        "POST /api/v3/orderList/otoco": c.order_list_otoco,
        "DELETE /api/v3/orderList": c.delete_order_list,
        "GET /api/v3/orderList": c.get_order_list,
        "GET /api/v3/allOrderList": c.all_order_list,
        "GET /api/v3/openOrderList": c.open_order_list,
        "POST /api/v3/sor/order": c.sor_order,
    }


class BinanceSdk(Adapter):
    """Calls by the client's own methods; fields its models do not know are collected."""

    name = "binance-sdk-spot"

    def __init__(self, endpoints: Endpoints, account: str) -> None:
        super().__init__(endpoints, account)
        keys = endpoints.accounts[account]
        configuration = ConfigurationRestAPI(
            api_key=keys["api_key"],
            api_secret=keys.get("api_secret"),
            private_key=keys.get("private_key"),
            base_path=endpoints.rest,
            retries=0,
            timeout=10_000,
        )
        self.unknown: dict[str, set[str]] = {}
        c = Spot(config_rest_api=configuration).rest_api
        self.client = c
        self.methods = {
            **market_methods(c),
            **trading_methods(c),
            **Sockets(endpoints, keys, self._note_unknown, snake).methods(),
        }

    def _guarded(self, method: Method, words: dict[str, Any]) -> Any:
        if method.__name__ in ("send", "begin", "open_user"):
            return self._over_socket(method, words)
        try:
            model = method(**{snake(name): value for name, value in words.items()}).data()
        except Error as error:
            status = STATUSES.get(type(error), 400)
            code = getattr(error, "status_code", None)
            if type(error) is ClientError:
                # For statuses that it has no class for, such as 409, the client drops the code.
                status, code = HIDDEN.get(str(error.error_message), (400, code))
            raise Refused(status, code, str(getattr(error, "error_message", error))) from error
        self._note_unknown(model)
        return plain(model)

    def _over_socket(self, method: Method, words: dict[str, Any]) -> Any:
        try:
            return method(**words)
        except Refused:
            raise
        except Exception as error:
            # The client raises a bare ValueError with the venue's error body as its text.
            code = re.search(r"'code': (-?\d+)", str(error)) or re.search(
                r'"code":\s*(-?\d+)', str(error)
            )
            if code is None:
                raise
            raise Refused(None, int(code[1]), str(error)) from error

    def _note_unknown(self, value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                self._note_unknown(item)
        elif isinstance(value, BaseModel):
            extra = getattr(value, "additional_properties", None) or {}
            if extra:
                self.unknown.setdefault(type(value).__name__, set()).update(extra)
            for name in type(value).model_fields:
                self._note_unknown(getattr(value, name))


def plain(value: Any) -> Any:
    """Models back to what came over the wire."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, BaseModel):
        inner = getattr(value, "actual_instance", None)
        if inner is not None:
            return plain(inner)
        return {} if not hasattr(value, "to_dict") else value.to_dict()
    return value
