//! The closed set of orders that may be asked for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::money::{Price, Quantity, checked};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderSide {
    Buy,
    Sell,
}

impl OrderSide {
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

impl fmt::Display for OrderSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderType {
    Market,
    Limit,
    StopMarket,
    Bracket,
    Oco,
}

impl OrderType {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Limit => "LIMIT",
            Self::StopMarket => "STOP_MARKET",
            Self::Bracket => "BRACKET",
            Self::Oco => "OCO",
        }
    }
}

/// How long a limit order lives. Post-only exists only where resting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum TimeInForce {
    Gtc { post_only: bool },
    // Empty braces, not unit variants: serde ignores unknown fields of a tagged unit variant.
    Ioc {},
    Fok {},
}

/// An instruction to a venue, tagged by `order_type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order_type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Order {
    Market(MarketOrder),
    Limit(LimitOrder),
    StopMarket(StopMarketOrder),
    Bracket(BracketOrder),
    Oco(OcoOrder),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketOrder {
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOrder {
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
    #[serde(deserialize_with = "checked::price")]
    pub price: Price,
    pub time_in_force: TimeInForce,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopMarketOrder {
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
    #[serde(deserialize_with = "checked::price")]
    pub trigger_price: Price,
}

/// A market entry, then an OCO of the opposite side at these distances from the average fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BracketOrder {
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
    #[serde(deserialize_with = "checked::price")]
    pub stop_offset: Price,
    #[serde(deserialize_with = "checked::price")]
    pub target_offset: Price,
}

/// A stop-market leg and a limit leg for one quantity; one cancels the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OcoFields")]
pub struct OcoOrder {
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub trigger_price: Price,
    pub price: Price,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OcoFields {
    order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    quantity: Quantity,
    #[serde(deserialize_with = "checked::price")]
    trigger_price: Price,
    #[serde(deserialize_with = "checked::price")]
    price: Price,
}

impl TryFrom<OcoFields> for OcoOrder {
    type Error = DomainError;

    fn try_from(fields: OcoFields) -> Result<Self, DomainError> {
        let OcoFields {
            order_side,
            quantity,
            trigger_price,
            price,
        } = fields;
        let ordered = match order_side {
            OrderSide::Sell => price > trigger_price,
            OrderSide::Buy => price < trigger_price,
        };
        if !ordered {
            let message = format!(
                "OCO {order_side} with limit {price} and trigger {trigger_price}: \
                 a SELL needs limit > trigger, a BUY limit < trigger"
            );
            return Err(DomainError::Inconsistent { message });
        }
        Ok(Self {
            order_side,
            quantity,
            trigger_price,
            price,
        })
    }
}

impl Order {
    pub fn order_type(&self) -> OrderType {
        match self {
            Self::Market(_) => OrderType::Market,
            Self::Limit(_) => OrderType::Limit,
            Self::StopMarket(_) => OrderType::StopMarket,
            Self::Bracket(_) => OrderType::Bracket,
            Self::Oco(_) => OrderType::Oco,
        }
    }

    pub fn order_side(&self) -> OrderSide {
        match self {
            Self::Market(order) => order.order_side,
            Self::Limit(order) => order.order_side,
            Self::StopMarket(order) => order.order_side,
            Self::Bracket(order) => order.order_side,
            Self::Oco(order) => order.order_side,
        }
    }

    pub fn quantity(&self) -> Quantity {
        match self {
            Self::Market(order) => order.quantity,
            Self::Limit(order) => order.quantity,
            Self::StopMarket(order) => order.quantity,
            Self::Bracket(order) => order.quantity,
            Self::Oco(order) => order.quantity,
        }
    }
}
