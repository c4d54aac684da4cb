"""ccxt: REST, by the generated methods of its implicit API; the unified methods have own cases."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import ccxt
from support.adapter import Adapter, Method, Refused
from support.control import Endpoints


def configure(exchange: Any, endpoints: Endpoints) -> Any:
    """Override every address, so that nothing can reach another host."""

    def local(urls: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, url in urls.items():
            if isinstance(url, Mapping):
                found[name] = local(url)
            else:
                path = re.sub(r"^\w+://[^/]+", "", str(url))
                base = endpoints.rest if str(url).startswith("http") else endpoints.stream
                found[name] = base + path
        return found

    exchange.urls["api"] = local(exchange.urls["api"])
    exchange.urls["api"]["public"] = f"{endpoints.rest}/api/v3"
    exchange.urls["api"]["private"] = f"{endpoints.rest}/api/v3"
    exchange.urls["api"]["v1"] = f"{endpoints.rest}/api/v1"
    sockets = exchange.urls["api"].setdefault("ws", {})
    sockets["spot"] = f"{endpoints.stream}/ws"
    sockets.setdefault("ws-api", {})["spot"] = endpoints.ws_api
    return exchange


def options(endpoints: Endpoints, account: str) -> dict[str, Any]:
    """Keys, and the settings without which ccxt would call hosts we do not play."""
    keys = endpoints.accounts[account]
    return {
        "apiKey": keys["api_key"],
        "secret": keys.get("private_key") or keys.get("api_secret"),
        "enableRateLimit": False,
        "options": {
            "fetchMargins": False,
            "fetchCurrencies": False,
            "fetchMarkets": {"types": ["spot"]},
            "defaultType": "spot",
            "warnOnFetchOpenOrdersWithoutSymbol": False,
        },
    }


class Ccxt(Adapter):
    """The implicit API sends the venue's own parameter names."""

    name = "ccxt"

    def __init__(self, endpoints: Endpoints, account: str) -> None:
        super().__init__(endpoints, account)
        self.client = configure(ccxt.binance(options(endpoints, account)), endpoints)
        found = re.compile(r"^(public|private)_(get|post|put|delete)_(.+)$")
        for name in dir(self.client):
            parts = found.match(name)
            if parts:
                path = PATHS.get(parts[3])
                if path:
                    call = f"{parts[2].upper()} /api/v3/{path}"
                    self.methods[call] = self._method(name)

    def _method(self, name: str) -> Method:
        method = getattr(self.client, name)

        def send(**words: Any) -> Any:
            lists = {
                key: json.dumps(value, separators=(",", ":"))
                for key, value in words.items()
                if isinstance(value, list)
            }
            return method({**words, **lists})

        return send

    def _guarded(self, method: Method, words: dict[str, Any]) -> Any:
        try:
            return method(**words)
        except ccxt.BaseError as error:
            raise self._refused(error) from error

    def _refused(self, error: ccxt.BaseError) -> Refused:
        # The exception of a known text leaves the code out; the client keeps the answer itself.
        answer = str(getattr(self.client, "last_http_response", None) or error)
        code = re.search(r'"code":\s*(-?\d+)', answer)
        return Refused(None, int(code[1]) if code else None, answer)


PATHS = {
    "ping": "ping",
    "time": "time",
    "exchangeinfo": "exchangeInfo",
    "executionrules": "executionRules",
    "depth": "depth",
    "trades": "trades",
    "historicaltrades": "historicalTrades",
    "aggtrades": "aggTrades",
    "klines": "klines",
    "uiklines": "uiKlines",
    "avgprice": "avgPrice",
    "ticker": "ticker",
    "ticker_24hr": "ticker/24hr",
    "ticker_price": "ticker/price",
    "ticker_bookticker": "ticker/bookTicker",
    "ticker_tradingday": "ticker/tradingDay",
    "order": "order",
    "order_test": "order/test",
    "order_cancelreplace": "order/cancelReplace",
    "order_oco": "order/oco",
    "openorders": "openOrders",
    "allorders": "allOrders",
    "mytrades": "myTrades",
    "account": "account",
    "account_commission": "account/commission",
    "ratelimit_order": "rateLimit/order",
    "mypreventedmatches": "myPreventedMatches",
    "myallocations": "myAllocations",
    "orderlist": "orderList",
    "orderlist_oco": "orderList/oco",
    "orderlist_oto": "orderList/oto",
    "orderlist_otoco": "orderList/otoco",
    "allorderlist": "allOrderList",
    "openorderlist": "openOrderList",
    "sor_order": "sor/order",
}
