//! The state of one order as a venue tells it.

use serde::{Deserialize, Serialize};

use rust_common::{
    ClientOrderId, Currency, InstrumentId, LiquiditySide, Money, OrderSide, OrderType,
    PositionSide, Price, Quantity, UnixMillis,
};

use super::venue::Family;

/// Where the venue says an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueStatus {
    Working,
    Triggered,
    Filled,
    Canceled,
    Expired,
    Rejected,
}

/// One execution as the venue tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueTrade {
    pub trade_id: String,
    pub execution_id: Option<u64>,
    pub price: Price,
    pub quantity: Quantity,
    pub fee: Money,
    pub fee_asset: Currency,
    pub liquidity_side: LiquiditySide,
    pub at: UnixMillis,
}

/// The state of one order as the venue tells it: by reply, by query or on the user stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueReport {
    pub client_order_id: ClientOrderId,
    pub venue_order_id: String,
    pub instrument_id: InstrumentId,
    pub order_type: OrderType,
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub status: VenueStatus,
    /// Cumulative executed quantity.
    pub executed: Quantity,
    pub trades: Vec<VenueTrade>,
    pub execution_id: Option<u64>,
    pub at: UnixMillis,
    pub reason: Option<String>,
    /// What only some venues and orders have.
    #[serde(default, skip_serializing_if = "ReportExtra::is_plain")]
    pub extra: ReportExtra,
}

/// Rarer facts of a report; the default says "a plain spot order".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportExtra {
    pub family: Family,
    pub list_id: Option<ClientOrderId>,
    pub reduce_only: bool,
    pub position_side: Option<PositionSide>,
    /// Quantity taken away by self-trade prevention (A7).
    pub prevented: Option<Quantity>,
    /// The venue made the order itself: liquidation, deleveraging, settlement (A13).
    pub is_venue_made: bool,
}

impl ReportExtra {
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}
