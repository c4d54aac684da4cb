//! What goes into the core and what comes out of it.

use serde_json::Value;

use rust_common::{
    ApprovedOrder, ClientOrderId, Instrument, InstrumentId, Price, StopLevel, UnixMillis,
};

use super::problem::Problem;
use super::record::Entry;
use super::venue::{Outcome, StreamEvent, VenueCall};
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
