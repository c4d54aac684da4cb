//! What is asked of a venue and what it answers, in our words.

use serde::{Deserialize, Serialize};

use rust_common::{
    ClientOrderId, Currency, InstrumentId, Money, OrderSide, OrderType, PositionSide, Price,
    Quantity, TimeInForce, UnixMillis,
};

pub use super::report::{ReportExtra, VenueReport, VenueStatus, VenueTrade};

/// Priority of a call (C8), the most urgent first. Strict, with an age-out for the last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// P0: the kill switch.
    Kill,
    /// P1: cancels, and orders that only reduce.
    Exit,
    /// P2: questions about unknown outcomes.
    Probe,
    /// P3: entries; they carry a deadline.
    Entry,
    /// P4: reconciliation.
    Reconcile,
    /// P5: market data history.
    History,
}

/// The family of endpoints that owns an order: only there its absence means anything (A13, C5.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    #[default]
    Order,
    /// Conditional orders of USD-M futures.
    Algo,
    /// A leg of an order list.
    List,
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
    pub reduce_only: bool,
    pub position_side: Option<PositionSide>,
    /// Transport time after which it may not leave any more: it dies in the queue as `NotSent`.
    pub deadline: Option<i64>,
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
    pub reduce_only: bool,
    pub position_side: Option<PositionSide>,
    pub deadline: Option<i64>,
}

/// From where a sweep of an instrument's trades starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    pub instrument_id: InstrumentId,
    /// Last trade id of the previous complete sweep; `None` asks for the present end only.
    pub after_trade_id: Option<u64>,
}

/// Newest ids seen before an order was sent: what is older cannot be that order (C5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LowWater {
    pub order_id: Option<u64>,
    pub trade_id: Option<u64>,
}

/// Parts of a reconciliation; each has its own period (C7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// Balances, and positions where the venue has them.
    pub account: bool,
    /// Open orders and open lists of every instrument; own orders that are not among them.
    pub open: bool,
    /// Trades since the last sweep.
    pub trades: bool,
}

impl Parts {
    pub const ALL: Self = Self {
        account: true,
        open: true,
        trades: true,
    };
}

/// A request to the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueCall {
    Place(PlaceOrder),
    PlaceOco(PlaceOco),
    /// `order/test`: the breaker's question whether orders are taken again.
    Test(PlaceOrder),
    /// Makes a resting order smaller; it keeps its priority and its client order id.
    Amend {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
        quantity: Quantity,
    },
    Cancel {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
        cancel_id: ClientOrderId,
        family: Family,
    },
    CancelList {
        instrument_id: InstrumentId,
        list_id: ClientOrderId,
        cancel_id: ClientOrderId,
    },
    /// Everything that rests on an instrument; `Missing` when nothing does.
    CancelAll {
        instrument_id: InstrumentId,
    },
    /// The order, with its trades when it has executed.
    Query {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
        family: Family,
        list_id: Option<ClientOrderId>,
    },
    /// Complete lists of open orders, of past orders and of trades since the low water, searched
    /// for one id. Answers `Absent`, or the `Reports` that carry the id.
    Absence {
        instrument_id: InstrumentId,
        client_order_id: ClientOrderId,
        family: Family,
        list_id: Option<ClientOrderId>,
        low_water: LowWater,
    },
    /// Account, open orders, own orders that are not among them, trades since the last sweep.
    Reconcile {
        parts: Parts,
        sweeps: Vec<Sweep>,
        own_open: Vec<(InstrumentId, ClientOrderId)>,
    },
    /// Samples the venue's clock; answers `Clock`.
    SyncClock,
    /// Dead-man switch of the venue (USD-M `countdownCancelAll`); 0 stops it.
    Countdown {
        instrument_id: InstrumentId,
        countdown_ms: i64,
    },
}

impl VenueCall {
    /// Name used in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Place(_) => "place",
            Self::PlaceOco(_) => "place_oco",
            Self::Test(_) => "test",
            Self::Amend { .. } => "amend",
            Self::Cancel { .. } => "cancel",
            Self::CancelList { .. } => "cancel_list",
            Self::CancelAll { .. } => "cancel_all",
            Self::Query { .. } => "query",
            Self::Absence { .. } => "absence",
            Self::Reconcile { .. } => "reconcile",
            Self::SyncClock => "sync_clock",
            Self::Countdown { .. } => "countdown",
        }
    }

    /// The queue it waits in.
    pub fn lane(&self) -> Lane {
        let is_cancel = matches!(self, Self::Cancel { .. } | Self::CancelList { .. });
        if is_cancel && crate::mutants::is_on(crate::mutants::Mutant::CancelBehindEntries) {
            return Lane::History;
        }
        match self {
            Self::CancelAll { .. } => Lane::Kill,
            Self::Place(PlaceOrder { reduce_only, .. })
            | Self::PlaceOco(PlaceOco { reduce_only, .. }) => {
                if *reduce_only {
                    Lane::Exit
                } else {
                    Lane::Entry
                }
            }
            Self::Amend { .. }
            | Self::Cancel { .. }
            | Self::CancelList { .. }
            | Self::Countdown { .. } => Lane::Exit,
            Self::Query { .. } | Self::Absence { .. } | Self::Test(_) | Self::SyncClock => {
                Lane::Probe
            }
            Self::Reconcile { .. } => Lane::Reconcile,
        }
    }

    /// Transport time after which the call may not leave any more.
    pub fn deadline(&self) -> Option<i64> {
        match self {
            Self::Place(order) | Self::Test(order) => order.deadline,
            Self::PlaceOco(oco) => oco.deadline,
            _ => None,
        }
    }

    /// Without a journal this call may not leave: it creates an order.
    pub fn is_placing(&self) -> bool {
        matches!(self, Self::Place(_) | Self::PlaceOco(_))
    }
}

/// Funds of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetBalance {
    pub asset: Currency,
    pub free: Money,
    pub locked: Money,
}

/// A position as a derivatives venue tells it; negative is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenuePosition {
    pub instrument_id: InstrumentId,
    pub position_side: Option<PositionSide>,
    pub quantity: Money,
}

/// An order list that the venue holds open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenList {
    pub instrument_id: InstrumentId,
    pub list_id: ClientOrderId,
    pub legs: Vec<ClientOrderId>,
}

/// A complete picture of the parts that were asked for. It exists only when every query behind it
/// succeeded: a failed query is never read as an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub balances: Vec<AssetBalance>,
    pub positions: Vec<VenuePosition>,
    pub open_lists: Vec<OpenList>,
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
    /// Offset of the venue's clock to ours.
    Clock {
        offset_ms: i64,
    },
    /// Taken, and nothing to tell.
    Accepted,
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
    /// The stream lives, but events of it are lost: state has to be rebuilt by query.
    Gap,
    /// Funds came or went without an order: deposit, withdrawal, transfer.
    Transfer {
        asset: Currency,
        amount: Money,
        at: UnixMillis,
        /// Key of the event; repeats of it are not booked again.
        reference: String,
    },
}
