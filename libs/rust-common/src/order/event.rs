//! What the gateway tells about an order.

use serde::{Deserialize, Serialize};

use super::{OrderSide, OrderStatus, OrderType};
use crate::error::DomainError;
use crate::fill::Fill;
use crate::ids::{AccountId, ClientOrderId, DecisionId, InstrumentId, Leg, StrategyId};
use crate::money::{Price, Quantity, checked};
use crate::time::UnixMillis;

/// The word for the change; each belongs to one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEventKind {
    OrderInitialized,
    OrderDenied,
    OrderSubmitted,
    OrderUnknown,
    OrderAccepted,
    OrderTriggered,
    OrderPartiallyFilled,
    OrderFilled,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderNotSent,
}

impl From<OrderStatus> for OrderEventKind {
    fn from(status: OrderStatus) -> Self {
        match status {
            OrderStatus::Initialized => Self::OrderInitialized,
            OrderStatus::Denied => Self::OrderDenied,
            OrderStatus::Submitted => Self::OrderSubmitted,
            OrderStatus::Unknown => Self::OrderUnknown,
            OrderStatus::Accepted => Self::OrderAccepted,
            OrderStatus::Triggered => Self::OrderTriggered,
            OrderStatus::PartiallyFilled => Self::OrderPartiallyFilled,
            OrderStatus::Filled => Self::OrderFilled,
            OrderStatus::Canceled => Self::OrderCanceled,
            OrderStatus::Expired => Self::OrderExpired,
            OrderStatus::Rejected => Self::OrderRejected,
            OrderStatus::NotSent => Self::OrderNotSent,
        }
    }
}

/// One step of an order's life, with the order as it stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEvent {
    pub schema: u32,
    pub event: OrderEventKind,
    /// Contiguous per gateway journal.
    pub gateway_seq: u64,
    pub event_at: UnixMillis,
    pub account: AccountId,
    pub strategy: StrategyId,
    pub decision_id: DecisionId,
    pub leg: Leg,
    pub attempt: u8,
    pub client_order_id: ClientOrderId,
    pub venue_order_id: Option<String>,
    pub instrument_id: InstrumentId,
    pub order_type: OrderType,
    pub order_side: OrderSide,
    #[serde(deserialize_with = "checked::quantity")]
    pub quantity: Quantity,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub status: OrderStatus,
    pub filled_quantity: Quantity,
    pub reason: Option<String>,
    pub fill: Option<Fill>,
}

impl OrderEvent {
    /// The rules between the fields; call it on events of another process.
    pub fn check(&self) -> Result<(), DomainError> {
        let refuse = |what: &str| {
            let message = format!("order event {} ({}): {what}", self.gateway_seq, self.status);
            Err(DomainError::Inconsistent { message })
        };
        if self.filled_quantity > self.quantity {
            return refuse("filled_quantity exceeds quantity");
        }
        if self.status == OrderStatus::Filled && self.filled_quantity != self.quantity {
            return refuse("a FILLED order must be filled in full");
        }
        if self
            .fill
            .as_ref()
            .is_some_and(|fill| fill.client_order_id != self.client_order_id)
        {
            return refuse("the fill belongs to another order");
        }
        Ok(())
    }
}
