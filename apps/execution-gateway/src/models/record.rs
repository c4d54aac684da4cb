//! What the journal keeps. Applying the records in order rebuilds the book exactly.

use serde::{Deserialize, Serialize};

use rust_common::{
    ApprovedOrder, ClientOrderId, Currency, InstrumentId, Money, Quantity, StopLevel, UnixMillis,
};

use super::order::{ListIds, Terms};
use super::venue::{LowWater, VenueReport};

/// Record type byte of published events; their payload is the event's JSON.
pub const EVENT_KIND: u8 = 2;

/// One journal record of the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Transport time.
    pub at: i64,
    /// Time that events of this record carry: market time where the market is replayed.
    pub event_at: UnixMillis,
    pub record: Record,
}

/// Why our own limits refused an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    pub rule: String,
    pub limit: String,
    pub observed: String,
}

/// How a doubt was resolved without a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Proven never executed.
    NotSent,
    /// Once accepted, now unknown to the venue (a venue that lost its state).
    Forgotten,
}

/// Why holdings changed without a trade (C7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Deposit,
    Withdrawal,
    FeeAsset,
    Dust,
    Operator,
}

/// The facts of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    Epoch {
        epoch: u32,
        build: String,
        config_hash: String,
        /// Newest event known to have been published, even if its record is damaged: numbers are
        /// never given twice.
        #[serde(default)]
        seq_floor: u64,
    },
    Intent {
        key: String,
        body_hash: String,
        approved: Box<ApprovedOrder>,
        denial: Option<Denial>,
    },
    /// The adapter may have sent these orders from here on.
    Sent {
        ids: Vec<ClientOrderId>,
        recv_window_ms: i64,
        #[serde(default)]
        low_water: LowWater,
    },
    Outcome {
        ids: Vec<ClientOrderId>,
        class: String,
        code: i64,
        detail: String,
        resend: bool,
    },
    Report {
        report: Box<VenueReport>,
    },
    /// Protection of a filled bracket entry; `None` when there is nothing to protect.
    Protection {
        parent: ClientOrderId,
        made: Option<Box<ProtectionTerms>>,
        reason: Option<String>,
    },
    Resolution {
        id: ClientOrderId,
        verdict: Verdict,
        evidence: String,
        resend: bool,
    },
    CancelIntent {
        id: ClientOrderId,
        cancel_id: ClientOrderId,
    },
    CancelOutcome {
        id: ClientOrderId,
        class: String,
        code: i64,
        detail: String,
    },
    AmendIntent {
        id: ClientOrderId,
        quantity: Quantity,
    },
    AmendOutcome {
        id: ClientOrderId,
        class: String,
        code: i64,
        detail: String,
    },
    Stop {
        level: StopLevel,
        reason: String,
    },
    /// The stop has been carried out: nothing rests any more.
    StopDone,
    Resume {
        reason: String,
    },
    Halt {
        instrument_id: InstrumentId,
        reason: String,
        /// What was compared: booked, at the venue, when.
        #[serde(default)]
        evidence: Vec<String>,
    },
    Baseline {
        instrument_id: InstrumentId,
        base_total: Money,
        trade_id: u64,
    },
    Swept {
        instrument_id: InstrumentId,
        trade_id: u64,
    },
    /// Holdings changed without a trade; nothing else but fills ever changes them.
    Adjustment {
        asset: Currency,
        amount: Money,
        cause: Cause,
        /// Key of the venue's event, or of the operator's request.
        reference: String,
        reason: String,
    },
    /// The venue has lost its state: entries stay closed until an operator resumes.
    Forgot {
        reason: String,
    },
    /// The journal or its replay is damaged: entries stay closed until an operator resumes.
    Damage {
        reason: String,
    },
    /// Idempotency keys last used before this transport time are dropped with their orders.
    KeysDropped {
        before: i64,
    },
    /// Hash of the book before this record.
    Checkpoint {
        state_hash: String,
    },
    /// The epoch has ended in good order.
    Shutdown,
}

/// The two legs made for a bracket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionTerms {
    pub ids: ListIds,
    pub stop: Terms,
    pub target: Terms,
}

impl Record {
    /// Record type byte in the journal.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Epoch { .. } => 1,
            Self::Intent { .. } => 3,
            Self::Sent { .. } => 4,
            Self::Outcome { .. } => 5,
            Self::Report { .. } => 6,
            Self::Protection { .. } => 7,
            Self::Resolution { .. } => 8,
            Self::CancelIntent { .. } => 9,
            Self::CancelOutcome { .. } => 10,
            Self::Stop { .. } => 11,
            Self::StopDone => 12,
            Self::Resume { .. } => 13,
            Self::Halt { .. } => 14,
            Self::Baseline { .. } => 15,
            Self::Swept { .. } => 16,
            Self::Shutdown => 17,
            Self::AmendIntent { .. } => 18,
            Self::AmendOutcome { .. } => 19,
            Self::Adjustment { .. } => 20,
            Self::Forgot { .. } => 21,
            Self::Damage { .. } => 22,
            Self::KeysDropped { .. } => 23,
            Self::Checkpoint { .. } => 24,
        }
    }
}
