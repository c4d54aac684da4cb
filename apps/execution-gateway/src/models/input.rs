//! What goes into the core and what comes out of it.

use serde_json::Value;

use rust_common::{
    ApprovedOrder, ClientOrderId, Currency, Instrument, InstrumentId, Money, Price, Quantity,
    StopLevel, UnixMillis,
};

use super::problem::Problem;
use super::record::{Cause, Entry};
use super::venue::{Lane, Outcome, StreamEvent, VenueCall};
use crate::services::journal::writer::Health;

/// Connects a request of a caller with its reply.
pub type RequestId = u64;
/// Connects a venue call with its outcome.
pub type CallId = u64;

/// Everything that can happen to the core.
#[derive(Debug, Clone)]
pub enum Input {
    Submit {
        request: RequestId,
        order: Box<ApprovedOrder>,
        wait_ms: i64,
    },
    Cancel {
        request: RequestId,
        client_order_id: ClientOrderId,
        wait_ms: i64,
    },
    /// Makes a resting order smaller.
    Amend {
        request: RequestId,
        client_order_id: ClientOrderId,
        quantity: Quantity,
        wait_ms: i64,
    },
    /// An operator explains a difference between book and venue; negative takes away.
    Adjust {
        request: RequestId,
        asset: Currency,
        amount: Money,
        cause: Cause,
        reason: String,
    },
    Read {
        request: RequestId,
        query: Query,
    },
    Sync {
        request: RequestId,
        through_execution_id: u64,
    },
    Kill {
        request: RequestId,
        level: StopLevel,
        reason: String,
    },
    Resume {
        request: RequestId,
        reason: String,
    },
    Answered {
        call: CallId,
        outcome: Outcome,
    },
    Stream(StreamEvent),
    /// Trading rules, and the offset of the venue's clock.
    Facts {
        instruments: Vec<Instrument>,
        offset_ms: i64,
    },
    /// A bar: reference price, and market time when it is closed.
    Bar {
        instrument_id: InstrumentId,
        close: Price,
        closed_at: UnixMillis,
        is_closed: bool,
    },
    Journal(Health),
    /// The limiter lets nothing of this lane (of any lane if `None`) leave before `until`.
    Throttled {
        lane: Option<Lane>,
        until: i64,
    },
    /// The venue has banned us (418): nothing but the journal works before `until`.
    Banned {
        until: i64,
    },
    /// The venue's clock was sampled.
    ClockSync {
        offset_ms: i64,
        sampled_at: i64,
    },
    /// The user stream is connected but has brought nothing, not even a ping, since then.
    StreamSilent {
        since: i64,
    },
    /// The kill file: its level while it exists, `None` when it is gone (which resumes nothing).
    FileKill {
        level: Option<StopLevel>,
    },
    /// A signal of the operating system asked for a stop.
    SignalKill {
        level: StopLevel,
    },
    /// What the venue says the exchange key may do.
    KeyPermissions {
        can_trade: bool,
        can_withdraw: bool,
    },
    Tick,
    Shutdown,
}

/// Read-only questions.
#[derive(Debug, Clone)]
pub enum Query {
    Order(ClientOrderId),
    Orders { open_only: bool },
    Positions,
    Balances,
    Instruments,
    Status,
}

/// What the shell has to do. Effects leave only after every record before them is durable.
#[derive(Debug, Clone)]
pub enum Effect {
    Journal(Box<Entry>),
    /// Journaled like a record, then handed to `/v1/events`.
    Publish {
        gateway_seq: u64,
        text: String,
    },
    Call {
        call: CallId,
        request: Box<VenueCall>,
    },
    Reply {
        request: RequestId,
        reply: Reply,
    },
    /// If this call still waits in a queue it must not leave: its outcome is `NotSent`.
    Recall {
        call: CallId,
    },
    /// Something that must never happen, or must be looked at by a person.
    Alarm {
        name: &'static str,
        detail: String,
    },
}

/// The answer to a caller.
#[derive(Debug, Clone)]
pub enum Reply {
    Body { status: u16, body: Value },
    Problem(Box<Problem>),
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self::Body { status: 200, body }
    }

    pub fn problem(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
