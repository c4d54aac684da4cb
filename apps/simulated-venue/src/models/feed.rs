//! What the outside market does: the events a feed hands to the core.
//!
//! A feed is a deterministic sequence: the same settings give the same events in the same order, so
//! that the log only notes how far it was applied. Only a mirror of a live market is logged whole.

use serde::{Deserialize, Serialize};

use super::orders::Side;

/// A price and what stands there. Mantissas at the instrument's scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Level {
    pub price: i64,
    pub quantity: i64,
}

/// One event of the outside market. Times are UTC milliseconds; update and trade ids are those of
/// the recording, or 0 where it has none and the venue counts its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FeedEvent {
    /// The whole outside book: every level that is not named is gone.
    Snapshot {
        market: usize,
        last_update_id: u64,
        bids: Vec<Level>,
        asks: Vec<Level>,
        at: i64,
    },
    /// Absolute outside quantities of the named levels; 0 deletes
    /// (web-socket-streams.md, "Diff. Depth Stream").
    Depth {
        market: usize,
        first_update_id: u64,
        final_update_id: u64,
        bids: Vec<Level>,
        asks: Vec<Level>,
        at: i64,
    },
    /// A public trade of the outside market. `taker` is the side of the incoming order.
    Print {
        market: usize,
        price: i64,
        quantity: i64,
        taker: Side,
        at: i64,
        trade_id: u64,
    },
    /// A recorded best bid and ask; passed on when no order of an account changes the top.
    Best {
        market: usize,
        update_id: u64,
        bid: Level,
        ask: Level,
        at: i64,
    },
}

impl FeedEvent {
    pub fn market(&self) -> usize {
        match self {
            Self::Snapshot { market, .. }
            | Self::Depth { market, .. }
            | Self::Print { market, .. }
            | Self::Best { market, .. } => *market,
        }
    }

    /// When it happened: the market's time from then on.
    pub fn at(&self) -> i64 {
        match self {
            Self::Snapshot { at, .. }
            | Self::Depth { at, .. }
            | Self::Print { at, .. }
            | Self::Best { at, .. } => *at,
        }
    }
}

/// A deterministic source of market events. The core counts what it takes; position n means that n
/// events were taken.
pub trait Feed: Send + std::fmt::Debug {
    /// The next event; `None` when there is none (a recording that ended, or [`NoFeed`]).
    fn next(&mut self) -> Option<FeedEvent>;

    /// The time of the next event without taking it: the pace of a feed that plays by itself.
    fn next_at(&self) -> Option<i64>;

    /// What the events are made of (files, seed, rates): part of the log's identity.
    fn identity(&self) -> String;
}

/// No outside market: only the accounts trade with each other. Also the feed under a mirror, whose
/// events come as `Input::Mirror`.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFeed;

impl Feed for NoFeed {
    fn next(&mut self) -> Option<FeedEvent> {
        None
    }

    fn next_at(&self) -> Option<i64> {
        None
    }

    fn identity(&self) -> String {
        "none".to_owned()
    }
}
