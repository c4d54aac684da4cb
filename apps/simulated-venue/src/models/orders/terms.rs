//! Order types, each with exactly the fields it needs (rest-api.md, "New order").

use serde::{Deserialize, Serialize};

use super::enums::{SelfTradePrevention, TimeInForce};

/// When a contingent order begins to work: `stopPrice`, `trailingDelta` (basis points), or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Trails once the price has reached `stop_price` (faqs/trailing-stop-faq.md).
    TrailingFrom {
        stop_price: i64,
        trailing_delta: u32,
    },
    Price {
        stop_price: i64,
    },
    Trailing {
        trailing_delta: u32,
    },
}

impl Trigger {
    /// `None` if neither is given: no such order exists.
    pub fn new(stop_price: Option<i64>, trailing_delta: Option<u32>) -> Option<Self> {
        match (stop_price, trailing_delta) {
            (Some(stop_price), Some(trailing_delta)) => Some(Self::TrailingFrom {
                stop_price,
                trailing_delta,
            }),
            (Some(stop_price), None) => Some(Self::Price { stop_price }),
            (None, Some(trailing_delta)) => Some(Self::Trailing { trailing_delta }),
            (None, None) => None,
        }
    }

    pub fn stop_price(self) -> Option<i64> {
        match self {
            Self::TrailingFrom { stop_price, .. } | Self::Price { stop_price } => Some(stop_price),
            Self::Trailing { .. } => None,
        }
    }

    pub fn trailing_delta(self) -> Option<u32> {
        match self {
            Self::TrailingFrom { trailing_delta, .. } | Self::Trailing { trailing_delta } => {
                Some(trailing_delta)
            }
            Self::Price { .. } => None,
        }
    }
}

/// The order types of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Terms {
    /// MARKET by `quantity`.
    Market,
    /// MARKET by `quoteOrderQty`, at scale 8; the ticket's quantity is 0.
    MarketQuote {
        quote_quantity: i64,
    },
    Limit {
        price: i64,
        time_in_force: TimeInForce,
    },
    LimitMaker {
        price: i64,
    },
    StopLoss {
        #[serde(flatten)]
        trigger: Trigger,
    },
    StopLossLimit {
        price: i64,
        time_in_force: TimeInForce,
        #[serde(flatten)]
        trigger: Trigger,
    },
    TakeProfit {
        #[serde(flatten)]
        trigger: Trigger,
    },
    TakeProfitLimit {
        price: i64,
        time_in_force: TimeInForce,
        #[serde(flatten)]
        trigger: Trigger,
    },
}

impl Terms {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Market | Self::MarketQuote { .. } => "MARKET",
            Self::Limit { .. } => "LIMIT",
            Self::LimitMaker { .. } => "LIMIT_MAKER",
            Self::StopLoss { .. } => "STOP_LOSS",
            Self::StopLossLimit { .. } => "STOP_LOSS_LIMIT",
            Self::TakeProfit { .. } => "TAKE_PROFIT",
            Self::TakeProfitLimit { .. } => "TAKE_PROFIT_LIMIT",
        }
    }

    /// The limit price of a type that has one.
    pub fn limit_price(self) -> Option<i64> {
        match self {
            Self::Limit { price, .. }
            | Self::LimitMaker { price }
            | Self::StopLossLimit { price, .. }
            | Self::TakeProfitLimit { price, .. } => Some(price),
            Self::Market
            | Self::MarketQuote { .. }
            | Self::StopLoss { .. }
            | Self::TakeProfit { .. } => None,
        }
    }

    /// `price` as replies show it: 0 without a limit.
    pub fn price(self) -> i64 {
        self.limit_price().unwrap_or(0)
    }

    pub fn trigger(self) -> Option<Trigger> {
        match self {
            Self::StopLoss { trigger }
            | Self::StopLossLimit { trigger, .. }
            | Self::TakeProfit { trigger }
            | Self::TakeProfitLimit { trigger, .. } => Some(trigger),
            _ => None,
        }
    }

    pub fn stop_price(self) -> Option<i64> {
        self.trigger().and_then(Trigger::stop_price)
    }

    pub fn trailing_delta(self) -> Option<u32> {
        self.trigger().and_then(Trigger::trailing_delta)
    }

    pub fn is_take_profit(self) -> bool {
        matches!(self, Self::TakeProfit { .. } | Self::TakeProfitLimit { .. })
    }

    pub fn time_in_force(self) -> TimeInForce {
        match self {
            Self::Limit { time_in_force, .. }
            | Self::StopLossLimit { time_in_force, .. }
            | Self::TakeProfitLimit { time_in_force, .. } => time_in_force,
            _ => TimeInForce::Gtc,
        }
    }

    /// `quoteOrderQty` at scale 8, 0 for orders by quantity.
    pub fn quote_quantity(self) -> i64 {
        match self {
            Self::MarketQuote { quote_quantity } => quote_quantity,
            _ => 0,
        }
    }
}

/// What any order may carry beside its terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iceberg_quantity: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<i64>,
    pub self_trade_prevention: SelfTradePrevention,
}

impl OrderOptions {
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
