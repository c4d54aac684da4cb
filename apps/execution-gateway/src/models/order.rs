//! An order as the gateway keeps it: evidence first, status derived from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use rust_common::{
    AccountId, ClientOrderId, Currency, DecisionId, Fill, InstrumentId, Intent, Leg, Money,
    OrderSide, OrderStatus, OrderType, Price, Quantity, StrategyId, TimeInForce, UnixMillis,
};

/// Who the order is and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub account: AccountId,
    pub strategy: StrategyId,
    pub decision_id: DecisionId,
    pub leg: Leg,
    pub attempt: u8,
    pub client_order_id: ClientOrderId,
    pub instrument_id: InstrumentId,
    pub intent: Intent,
    /// Order that this one protects or belongs to.
    pub parent: Option<ClientOrderId>,
    pub is_external: bool,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub order_type: OrderType,
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub time_in_force: Option<TimeInForce>,
}

/// How an order relates to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    Single,
    /// A market entry; its protection is made from the average fill.
    BracketEntry {
        stop_offset: Price,
        target_offset: Price,
        protection: Protection,
    },
    /// The list itself; it has no order at the venue, its legs have.
    ListParent(ListIds),
    /// A leg of a list.
    Leg(ListIds),
}

/// Where the protection of a bracket stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    Wanted,
    Made(ListIds),
    /// Nothing was filled, or the fill is too small, or a stop forbids resting orders.
    Dropped,
}

/// Ids of a list and its two legs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListIds {
    pub list_id: ClientOrderId,
    pub stop_id: ClientOrderId,
    pub target_id: ClientOrderId,
}

/// How an order ended at the venue; the order of the variants is the rank in a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Rejected,
    Expired,
    Canceled,
    Filled,
}

/// Everything known about an order. Merging is a join: flags only rise, maxima are taken, fills
/// are a set by trade id. So order and repetition of messages cannot change the result.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each may hold with any other"
)]
pub struct Evidence {
    pub denied: bool,
    /// Times the order was handed to the adapter (only protection is ever sent again, and only
    /// after absence was proven).
    pub sends: u8,
    pub not_sent: bool,
    /// Absence was proven and the protection will be sent again under the same id.
    pub resend: bool,
    pub ambiguous: Option<String>,
    pub accepted: bool,
    pub triggered: bool,
    pub ending: Option<Ending>,
    /// Largest cumulative executed quantity reported.
    pub reported: Quantity,
    pub venue_order_id: Option<String>,
    pub fills: BTreeMap<String, Fill>,
}

impl Evidence {
    pub fn none(scale: u8) -> Self {
        Self {
            denied: false,
            sends: 0,
            not_sent: false,
            resend: false,
            ambiguous: None,
            accepted: false,
            triggered: false,
            ending: None,
            reported: Quantity::zero(scale),
            venue_order_id: None,
            fills: BTreeMap::new(),
        }
    }
}

/// The pending operation beside the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCancel {
    pub cancel_id: ClientOrderId,
    /// The outcome of the cancel request itself is unknown.
    pub is_unknown: bool,
}

/// One order of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    pub identity: Identity,
    pub terms: Terms,
    pub role: Role,
    pub evidence: Evidence,
    pub pending_cancel: Option<PendingCancel>,
    pub reason: Option<String>,
    /// Derived from the evidence.
    pub status: OrderStatus,
    /// Status of the last published event.
    pub announced: Option<OrderStatus>,
    pub last_seq: u64,
    pub last_event_at: UnixMillis,
    pub fills_total: Totals,
}

/// Sums over the booked fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub quantity: Quantity,
    pub quote: Money,
}

impl OrderState {
    /// Executed quantity that the venue reported and we have no trade for yet.
    pub fn has_missing_fills(&self) -> bool {
        self.evidence.reported > self.fills_total.quantity
    }

    pub fn remaining(&self) -> Quantity {
        let zero = Quantity::zero(self.terms.quantity.scale());
        self.terms
            .quantity
            .checked_sub(self.fills_total.quantity)
            .unwrap_or(zero)
    }

    /// Commission paid in `asset`.
    pub fn fees_in(&self, asset: &Currency) -> Money {
        self.evidence
            .fills
            .values()
            .filter(|fill| fill.fee_asset == *asset)
            .fold(Money::ZERO, |sum, fill| {
                sum.checked_add(fill.fee).unwrap_or(sum)
            })
    }
}
