//! Every request the venue knows: path, WebSocket method, weight, whether it is signed.

use super::params::Params;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Ping,
    Time,
    ExchangeInfo,
    Klines,
    Depth,
    TickerPrice,
    BookTicker,
    Ticker24h,
    PlaceOrder,
    TestOrder,
    QueryOrder,
    CancelOrder,
    OpenOrders,
    CancelOpenOrders,
    AllOrders,
    MyTrades,
    Account,
    OrderCounts,
    PlaceOco,
    QueryList,
    CancelList,
    OpenLists,
    AllLists,
}

/// Where one request lives.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub endpoint: Endpoint,
    pub method: &'static str,
    pub path: &'static str,
    pub websocket: &'static str,
}

const fn route(
    endpoint: Endpoint,
    method: &'static str,
    path: &'static str,
    websocket: &'static str,
) -> Route {
    Route {
        endpoint,
        method,
        path,
        websocket,
    }
}

/// All routes. The WebSocket API calls the same requests by method name.
pub const ROUTES: [Route; 23] = [
    route(Endpoint::Ping, "GET", "/api/v3/ping", "ping"),
    route(Endpoint::Time, "GET", "/api/v3/time", "time"),
    route(
        Endpoint::ExchangeInfo,
        "GET",
        "/api/v3/exchangeInfo",
        "exchangeInfo",
    ),
    route(Endpoint::Klines, "GET", "/api/v3/klines", "klines"),
    route(Endpoint::Depth, "GET", "/api/v3/depth", "depth"),
    route(
        Endpoint::TickerPrice,
        "GET",
        "/api/v3/ticker/price",
        "ticker.price",
    ),
    route(
        Endpoint::BookTicker,
        "GET",
        "/api/v3/ticker/bookTicker",
        "ticker.book",
    ),
    route(
        Endpoint::Ticker24h,
        "GET",
        "/api/v3/ticker/24hr",
        "ticker.24hr",
    ),
    route(Endpoint::PlaceOrder, "POST", "/api/v3/order", "order.place"),
    route(
        Endpoint::TestOrder,
        "POST",
        "/api/v3/order/test",
        "order.test",
    ),
    route(Endpoint::QueryOrder, "GET", "/api/v3/order", "order.status"),
    route(
        Endpoint::CancelOrder,
        "DELETE",
        "/api/v3/order",
        "order.cancel",
    ),
    route(
        Endpoint::OpenOrders,
        "GET",
        "/api/v3/openOrders",
        "openOrders.status",
    ),
    route(
        Endpoint::CancelOpenOrders,
        "DELETE",
        "/api/v3/openOrders",
        "openOrders.cancelAll",
    ),
    route(Endpoint::AllOrders, "GET", "/api/v3/allOrders", "allOrders"),
    route(Endpoint::MyTrades, "GET", "/api/v3/myTrades", "myTrades"),
    route(
        Endpoint::Account,
        "GET",
        "/api/v3/account",
        "account.status",
    ),
    route(
        Endpoint::OrderCounts,
        "GET",
        "/api/v3/rateLimit/order",
        "account.rateLimits.orders",
    ),
    route(
        Endpoint::PlaceOco,
        "POST",
        "/api/v3/orderList/oco",
        "orderList.place.oco",
    ),
    route(
        Endpoint::QueryList,
        "GET",
        "/api/v3/orderList",
        "orderList.status",
    ),
    route(
        Endpoint::CancelList,
        "DELETE",
        "/api/v3/orderList",
        "orderList.cancel",
    ),
    route(
        Endpoint::OpenLists,
        "GET",
        "/api/v3/openOrderList",
        "openOrderLists.status",
    ),
    route(
        Endpoint::AllLists,
        "GET",
        "/api/v3/allOrderList",
        "allOrderLists",
    ),
];

impl Endpoint {
    pub fn for_websocket(method: &str) -> Option<Self> {
        ROUTES
            .iter()
            .find(|route| route.websocket == method)
            .map(|route| route.endpoint)
    }

    /// Public requests need no key; all others are signed.
    pub fn is_signed(self) -> bool {
        !matches!(
            self,
            Self::Ping
                | Self::Time
                | Self::ExchangeInfo
                | Self::Klines
                | Self::Depth
                | Self::TickerPrice
                | Self::BookTicker
                | Self::Ticker24h
        )
    }

    /// Placing and cancelling cost nothing once they succeeded.
    pub fn is_free_on_success(self) -> bool {
        matches!(
            self,
            Self::PlaceOrder
                | Self::CancelOrder
                | Self::CancelOpenOrders
                | Self::PlaceOco
                | Self::CancelList
        )
    }

    /// Request weight as documented for this request with these parameters.
    pub fn weight(self, params: &Params) -> u32 {
        let has_symbol = params.has("symbol");
        match self {
            Self::Ping
            | Self::Time
            | Self::PlaceOrder
            | Self::CancelOrder
            | Self::CancelOpenOrders
            | Self::PlaceOco
            | Self::CancelList => 1,
            Self::TestOrder => 1 + 19 * u32::from(params.has("computeCommissionRates")),
            Self::Klines => 2,
            Self::TickerPrice | Self::BookTicker | Self::Ticker24h if has_symbol => 2,
            Self::TickerPrice | Self::BookTicker | Self::QueryOrder | Self::QueryList => 4,
            Self::Ticker24h => 80,
            Self::Depth => 5,
            Self::OpenOrders if !has_symbol => 80,
            Self::OpenOrders | Self::OpenLists => 6,
            Self::MyTrades if params.has("orderId") => 5,
            Self::ExchangeInfo
            | Self::AllOrders
            | Self::MyTrades
            | Self::Account
            | Self::AllLists => 20,
            Self::OrderCounts => 40,
        }
    }
}
