//! What is asked of a venue and what it answers, in our words.

use serde::{Deserialize, Serialize};

use rust_common::{
    ClientOrderId, Currency, InstrumentId, LiquiditySide, Money, OrderSide, OrderType, Price,
    Quantity, TimeInForce, UnixMillis,
};

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
}

/// A single order to place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOrder {
    pub client_order_id: ClientOrderId,
    pub instrument_id: InstrumentId,
    pub order_type: OrderType,
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub time_in_force: Option<TimeInForce>,
}

/// A stop leg and a limit leg, one cancels the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOco {
    pub list_id: ClientOrderId,
    pub stop_id: ClientOrderId,
    pub target_id: ClientOrderId,
    pub instrument_id: InstrumentId,
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub trigger_price: Price,
    pub price: Price,
}

/// From where a sweep of an instrument's trades starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    pub instrument_id: InstrumentId,
    /// Last trade id of the previous complete sweep; `None` asks for the present end only.
    pub after_trade_id: Option<u64>,
}

/// A request to the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueCall {
    Place(PlaceOrder),
    PlaceOco(PlaceOco),
    Cancel {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
        cancel_id: ClientOrderId,
    },
    CancelList {
        instrument_id: InstrumentId,
        list_id: ClientOrderId,
        cancel_id: ClientOrderId,
    },
    /// The order, with its trades when it has executed.
    Query {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
    },
    /// Complete lists of open and past orders, searched for one id.
    Absence {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
    },
    /// Account, open orders, own orders that are not among them, trades since the last sweep.
    Reconcile {
        sweeps: Vec<Sweep>,
        own_open: Vec<(InstrumentId, ClientOrderId)>,
    },
}

impl VenueCall {
    /// Name used in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Place(_) => "place",
            Self::PlaceOco(_) => "place_oco",
            Self::Cancel { .. } => "cancel",
            Self::CancelList { .. } => "cancel_list",
            Self::Query { .. } => "query",
            Self::Absence { .. } => "absence",
            Self::Reconcile { .. } => "reconcile",
        }
    }
}

/// Funds of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetBalance {
    pub asset: Currency,
    pub free: Money,
    pub locked: Money,
}

/// A complete picture of the account. It exists only when every query behind it succeeded:
/// a failed query is never read as an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub balances: Vec<AssetBalance>,
    pub reports: Vec<VenueReport>,
    /// Own orders the venue did not find.
    pub missing: Vec<ClientOrderId>,
    /// Last trade id seen per instrument.
    pub swept: Vec<(InstrumentId, u64)>,
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueAnswer {
    Reports(Vec<VenueReport>),
    /// Whether the complete lists contain nothing of the order.
    Absent(bool),
    Snapshot(Box<Snapshot>),
}

/// The class of an outcome decides everything (sheet A8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done(VenueAnswer),
    /// N: no byte left us.
    NotSent {
        detail: String,
    },
    /// D: the venue proved that it did not accept.
    Refused {
        code: i64,
        detail: String,
    },
    /// A: may or may not have been executed.
    Ambiguous {
        code: i64,
        detail: String,
    },
    /// Q: the venue does not find the order; not proof by itself.
    Missing,
}

impl Outcome {
    /// Letter of the class, for metrics and the journal.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Done(_) => "ok",
            Self::NotSent { .. } => "N",
            Self::Refused { .. } => "D",
            Self::Ambiguous { .. } => "A",
            Self::Missing => "Q",
        }
    }

    pub fn code(&self) -> i64 {
        match self {
            Self::Refused { code, .. } | Self::Ambiguous { code, .. } => *code,
            _ => 0,
        }
    }
}

/// What the user stream and the market stream bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    Up,
    Down,
    Report(Box<VenueReport>),
    Balances(Vec<AssetBalance>),
    /// An event that carries only an execution id of ours (nothing about an order changes).
    Execution(u64),
}
