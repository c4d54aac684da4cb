//! One execution of an order.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientOrderId, Currency, InstrumentId, Leg};
use crate::money::{Money, Price, Quantity, checked};
use crate::order::OrderSide;
use crate::time::UnixMillis;

/// Whether the execution took a resting order or was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LiquiditySide {
    Maker,
    Taker,
}

impl LiquiditySide {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maker => "MAKER",
            Self::Taker => "TAKER",
        }
    }
}

/// What was executed, at which price, for which fee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    pub client_order_id: ClientOrderId,
    /// Contiguous per account where the venue counts so, else absent.
    pub execution_id: Option<u64>,
    pub trade_id: String,
    pub venue_order_id: String,
    pub instrument_id: InstrumentId,
    pub leg: Leg,
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::price")]
    pub price: Price,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
    pub fee: Money,
    pub fee_asset: Currency,
    pub liquidity_side: LiquiditySide,
    pub market_time: UnixMillis,
}
