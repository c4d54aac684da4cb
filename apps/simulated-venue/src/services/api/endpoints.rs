//! Every request the venue knows: path, WebSocket method, weight, who may send it.

use super::params::Params;

/// Who may send a request (rest-api.md, "Request security").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Public,
    /// Signed with any key.
    UserData,
    /// Signed with a key that may trade.
    Trade,
}

/// Where one request lives.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub endpoint: Endpoint,
    pub security: Security,
    pub method: &'static str,
    pub path: &'static str,
    pub websocket: &'static str,
}

macro_rules! routes {
    ($($name:ident $security:ident $method:ident $path:literal $websocket:literal;)*) => {
        /// The requests of the venue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Endpoint { $($name),* }

        /// All routes. The WebSocket API calls the same requests by method name.
        pub const ROUTES: &[Route] = &[$(Route {
            endpoint: Endpoint::$name,
            security: Security::$security,
            method: stringify!($method),
            path: concat!("/api/v3/", $path),
            websocket: $websocket,
        }),*];
    };
}

routes! {
    Ping Public GET "ping" "ping";
    Time Public GET "time" "time";
    ExchangeInfo Public GET "exchangeInfo" "exchangeInfo";
    ExecutionRules Public GET "executionRules" "executionRules";
    ReferencePrice Public GET "referencePrice" "referencePrice";
    ReferenceCalculation Public GET "referencePrice/calculation" "referencePrice.calculation";
    Depth Public GET "depth" "depth";
    Trades Public GET "trades" "trades.recent";
    HistoricalTrades Public GET "historicalTrades" "trades.historical";
    BlockTrades Public GET "historicalBlockTrades" "blockTrades.historical";
    AggTrades Public GET "aggTrades" "trades.aggregate";
    Klines Public GET "klines" "klines";
    UiKlines Public GET "uiKlines" "uiKlines";
    AvgPrice Public GET "avgPrice" "avgPrice";
    Ticker24h Public GET "ticker/24hr" "ticker.24hr";
    TradingDay Public GET "ticker/tradingDay" "ticker.tradingDay";
    TickerPrice Public GET "ticker/price" "ticker.price";
    BookTicker Public GET "ticker/bookTicker" "ticker.book";
    TickerWindow Public GET "ticker" "ticker";
    PlaceOrder Trade POST "order" "order.place";
    TestOrder Trade POST "order/test" "order.test";
    QueryOrder UserData GET "order" "order.status";
    CancelOrder Trade DELETE "order" "order.cancel";
    CancelReplace Trade POST "order/cancelReplace" "order.cancelReplace";
    AmendOrder Trade PUT "order/amend/keepPriority" "order.amend.keepPriority";
    Amendments UserData GET "order/amendments" "order.amendments";
    OpenOrders UserData GET "openOrders" "openOrders.status";
    CancelOpenOrders Trade DELETE "openOrders" "openOrders.cancelAll";
    AllOrders UserData GET "allOrders" "allOrders";
    PlaceOldOco Trade POST "order/oco" "orderList.place";
    PlaceOco Trade POST "orderList/oco" "orderList.place.oco";
    PlaceOto Trade POST "orderList/oto" "orderList.place.oto";
    PlaceOtoco Trade POST "orderList/otoco" "orderList.place.otoco";
    PlaceOpo Trade POST "orderList/opo" "orderList.place.opo";
    PlaceOpoco Trade POST "orderList/opoco" "orderList.place.opoco";
    QueryList UserData GET "orderList" "orderList.status";
    CancelList Trade DELETE "orderList" "orderList.cancel";
    OpenLists UserData GET "openOrderList" "openOrderLists.status";
    AllLists UserData GET "allOrderList" "allOrderLists";
    SorOrder Trade POST "sor/order" "sor.order.place";
    SorTest Trade POST "sor/order/test" "sor.order.test";
    Account UserData GET "account" "account.status";
    Commission UserData GET "account/commission" "account.commission";
    OrderCounts UserData GET "rateLimit/order" "account.rateLimits.orders";
    MyTrades UserData GET "myTrades" "myTrades";
    PreventedMatches UserData GET "myPreventedMatches" "myPreventedMatches";
    Allocations UserData GET "myAllocations" "myAllocations";
    MyFilters UserData GET "myFilters" "myFilters";
}

impl Endpoint {
    fn route(self) -> Option<&'static Route> {
        ROUTES.iter().find(|route| route.endpoint == self)
    }

    pub fn for_websocket(method: &str) -> Option<Self> {
        ROUTES
            .iter()
            .find(|route| route.websocket == method)
            .map(|route| route.endpoint)
    }

    pub fn security(self) -> Security {
        self.route().map_or(Security::Trade, |route| route.security)
    }

    /// Public requests need no key; all others are signed.
    pub fn is_signed(self) -> bool {
        self.security() != Security::Public
    }

    /// New orders that a request may place; each counts until it is filled.
    pub fn orders_placed(self) -> u32 {
        match self {
            Self::PlaceOrder | Self::CancelReplace | Self::SorOrder => 1,
            Self::PlaceOldOco | Self::PlaceOco | Self::PlaceOto | Self::PlaceOpo => 2,
            Self::PlaceOtoco | Self::PlaceOpoco => 3,
            _ => 0,
        }
    }

    /// Placing and cancelling cost nothing once they succeeded.
    pub fn is_free_on_success(self) -> bool {
        let cancels = matches!(
            self,
            Self::CancelOrder | Self::CancelOpenOrders | Self::CancelList
        );
        cancels || self.orders_placed() > 0
    }

    /// Request weight as documented for this request with these parameters.
    pub fn weight(self, params: &Params) -> u32 {
        let has_symbol = params.has("symbol");
        let symbols = params.listed("symbols");
        match self {
            Self::TestOrder | Self::SorTest if params.is_true("computeCommissionRates") => 20,
            Self::TickerPrice | Self::BookTicker | Self::Ticker24h | Self::ExecutionRules
                if has_symbol =>
            {
                2
            }
            Self::PreventedMatches if params.has("preventedMatchId") => 2,
            Self::Klines
            | Self::UiKlines
            | Self::AvgPrice
            | Self::ReferencePrice
            | Self::ReferenceCalculation => 2,
            Self::TickerPrice
            | Self::BookTicker
            | Self::AggTrades
            | Self::QueryOrder
            | Self::QueryList
            | Self::AmendOrder
            | Self::Amendments => 4,
            Self::Ticker24h => match symbols {
                1..=20 => 2,
                21..=100 => 40,
                _ => 80,
            },
            Self::TickerWindow | Self::TradingDay => (4 * symbols.max(1)).min(200),
            Self::ExecutionRules if symbols > 0 => (2 * symbols).min(40),
            Self::Depth => match params.number("limit").unwrap_or(100) {
                ..=100 => 5,
                101..=500 => 25,
                501..=1_000 => 50,
                _ => 250,
            },
            Self::Trades | Self::HistoricalTrades | Self::BlockTrades => 25,
            Self::OpenOrders if !has_symbol => 80,
            Self::OpenOrders | Self::OpenLists => 6,
            Self::MyTrades if params.has("orderId") => 5,
            Self::ExecutionRules | Self::OrderCounts | Self::MyFilters => 40,
            Self::ExchangeInfo
            | Self::AllOrders
            | Self::MyTrades
            | Self::Account
            | Self::AllLists
            | Self::PreventedMatches
            | Self::Allocations
            | Self::Commission => 20,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_documents() {
        let weight = |endpoint: Endpoint, query: &str| {
            endpoint.weight(&Params::from_parts(query, "").unwrap())
        };
        let twenty_one = format!("symbols=[{}]", ["\"A\""; 21].join(","));
        for (endpoint, query, expected) in [
            (Endpoint::Depth, "", 5),
            (Endpoint::Depth, "limit=101", 25),
            (Endpoint::Depth, "limit=5000", 250),
            (Endpoint::Ticker24h, "", 80),
            (Endpoint::Ticker24h, "symbols=[\"A\",\"B\"]", 2),
            (Endpoint::Ticker24h, &twenty_one, 40),
            (Endpoint::TickerWindow, &twenty_one, 84),
            (Endpoint::OpenOrders, "", 80),
            (Endpoint::OpenOrders, "symbol=A", 6),
            (Endpoint::MyTrades, "symbol=A&orderId=1", 5),
            (Endpoint::TestOrder, "computeCommissionRates=false", 1),
            (Endpoint::TestOrder, "computeCommissionRates=true", 20),
            (Endpoint::AmendOrder, "", 4),
            (Endpoint::PlaceOrder, "", 1),
        ] {
            assert_eq!(weight(endpoint, query), expected, "{endpoint:?} {query}");
        }
    }

    #[test]
    fn every_route_has_its_own_name() {
        for (index, route) in ROUTES.iter().enumerate() {
            let rest = ROUTES.get(index + 1..).unwrap_or_default();
            for other in rest {
                assert_ne!(route.websocket, other.websocket);
                assert_ne!((route.method, route.path), (other.method, other.path));
            }
        }
    }
}
