//! An order as the gateway keeps it: evidence first, status derived from it.
//!
//! Three orthogonal parts (C2): the evidence, the lifecycle that follows from it, and the operation
//! that is pending beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use rust_common::{
    AccountId, ClientOrderId, Currency, DecisionId, Fill, InstrumentId, Intent, Leg, Money,
    OrderSide, OrderStatus, OrderType, Price, Quantity, StrategyId, TimeInForce, UnixMillis,
};

use super::venue::{Family, LowWater};

/// Who the order is and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// An ambiguous outcome (class A) and the send it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Doubt {
    pub send: u8,
    pub reason: String,
}

/// Proof that the sends up to this one were never executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Absence {
    pub send: u8,
    /// It stays so; otherwise the order is sent again under the same id.
    pub is_final: bool,
}

/// Everything known about an order. Merging is a join: flags only rise, maxima are taken, fills
/// are a set by trade id. So order and repetition of messages cannot change the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub denied: bool,
    /// Times the order was handed to the adapter (again only after absence was proven).
    pub sends: u8,
    pub doubt: Option<Doubt>,
    pub absent: Option<Absence>,
    /// Newest send that was refused (class D).
    pub refused: Option<u8>,
    pub accepted: bool,
    pub triggered: bool,
    pub ending: Option<Ending>,
    /// Largest cumulative executed quantity reported.
    pub reported: Quantity,
    /// Smallest order quantity the venue told: amendments only reduce it.
    pub amended: Option<Quantity>,
    pub venue_order_id: Option<String>,
    pub fills: BTreeMap<String, Fill>,
}

impl Evidence {
    pub fn none(scale: u8) -> Self {
        Self {
            denied: false,
            sends: 0,
            doubt: None,
            absent: None,
            refused: None,
            accepted: false,
            triggered: false,
            ending: None,
            reported: Quantity::zero(scale),
            amended: None,
            venue_order_id: None,
            fills: BTreeMap::new(),
        }
    }

    /// Joins what another source knows: commutative, associative, idempotent.
    pub fn join(&mut self, other: &Self) {
        self.denied |= other.denied;
        self.sends = self.sends.max(other.sends);
        if other.doubt > self.doubt {
            self.doubt.clone_from(&other.doubt);
        }
        self.absent = self.absent.max(other.absent);
        self.refused = self.refused.max(other.refused);
        self.accepted |= other.accepted;
        self.triggered |= other.triggered;
        self.ending = self.ending.max(other.ending);
        self.reported = self.reported.max(other.reported);
        self.amended = smaller(self.amended, other.amended);
        if let Some(id) = &other.venue_order_id
            && self.venue_order_id.as_ref().is_none_or(|known| id < known)
        {
            self.venue_order_id = Some(id.clone());
        }
        for (trade_id, fill) in &other.fills {
            let known = self.fills.entry(trade_id.clone());
            let known = known.or_insert_with(|| fill.clone());
            // A later message may bring the execution id that the first one lacked.
            known.execution_id = known.execution_id.max(fill.execution_id);
        }
    }

    /// The last send was ambiguous and nothing has cleared it up.
    pub fn is_doubtful(&self) -> bool {
        self.doubt
            .as_ref()
            .is_some_and(|doubt| doubt.send >= self.sends)
            && !self.is_absent()
    }

    /// Proven never executed, whatever was tried.
    pub fn is_absent(&self) -> bool {
        self.absent.is_some_and(|absent| absent.send >= self.sends)
    }

    /// The last send was refused.
    pub fn is_refused(&self) -> bool {
        self.refused.is_some_and(|send| send >= self.sends)
    }

    /// We hold it for over, by our own conclusion and not by the venue's word.
    pub fn is_written_off(&self) -> bool {
        self.is_refused() || (self.is_absent() && !self.wants_resend())
    }

    /// Proven absent and to be sent again.
    pub fn wants_resend(&self) -> bool {
        self.is_absent() && self.absent.is_some_and(|absent| !absent.is_final)
    }

    /// The venue has spoken for the order: it exists, or did.
    pub fn is_known_to_venue(&self) -> bool {
        self.accepted || !self.fills.is_empty()
    }
}

fn smaller(left: Option<Quantity>, right: Option<Quantity>) -> Option<Quantity> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

/// The pending operation beside the lifecycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Pending {
    None,
    Cancel {
        cancel_id: ClientOrderId,
        /// The outcome of the cancel request itself is unknown.
        is_unknown: bool,
    },
    /// The order is being made smaller.
    Replace {
        quantity: Quantity,
        is_unknown: bool,
    },
}

impl Pending {
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    pub fn is_cancel(&self) -> bool {
        matches!(self, Self::Cancel { .. })
    }

    pub fn is_unknown(&self) -> bool {
        matches!(
            self,
            Self::Cancel {
                is_unknown: true,
                ..
            } | Self::Replace {
                is_unknown: true,
                ..
            }
        )
    }
}

/// One order of record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    pub identity: Identity,
    pub terms: Terms,
    pub role: Role,
    pub family: Family,
    pub evidence: Evidence,
    pub pending: Pending,
    /// Newest ids of the instrument before the first send.
    pub low_water: LowWater,
    pub reason: Option<String>,
    /// Derived from the evidence.
    pub status: OrderStatus,
    /// Status of the last published event.
    pub announced: Option<OrderStatus>,
    pub last_seq: u64,
    pub last_event_at: UnixMillis,
    pub fills_total: Totals,
    /// A fill came after the order had ended.
    pub has_late_fill: bool,
    /// Transport time of the record that made it.
    pub born_at: i64,
}

/// Sums over the booked fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub quantity: Quantity,
    pub quote: Money,
}

impl OrderState {
    /// Executed quantity that the venue reported and we have no trade for yet.
    pub fn has_missing_fills(&self) -> bool {
        self.evidence.reported > self.fills_total.quantity
    }

    /// Quantity in force: what was asked for, or less after an amendment.
    pub fn ordered(&self) -> Quantity {
        smaller(Some(self.terms.quantity), self.evidence.amended).unwrap_or(self.terms.quantity)
    }

    /// Worst case of what may still be executed; 0 once the order has ended.
    pub fn remaining(&self) -> Quantity {
        let zero = Quantity::zero(self.terms.quantity.scale());
        if self.status.is_terminal() && !self.has_missing_fills() {
            return zero;
        }
        self.ordered()
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
