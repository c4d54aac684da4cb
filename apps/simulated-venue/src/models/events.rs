//! What the core tells the outside, in the order it happened.

use serde_json::Value;

use super::accounts::AccountId;
use super::feed::Level;
use super::orders::Side;
use crate::services::core::tape::TapeEvent;

/// A public trade, from the feed or with an account in it. Mantissas at the instrument's scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    pub trade_id: u64,
    pub price: i64,
    pub quantity: i64,
    /// Side of the incoming order; `m` of a trade event is true when it is SELL.
    pub taker: Side,
    pub at: i64,
}

/// Something subscribers may want to hear of.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A user event of one account (user-data-stream.md), without the subscription wrapper.
    User { account: AccountId, payload: Value },
    /// Bar modes: a fill of the account is all the public tape there is; index into the trades.
    Trade { index: usize },
    /// Bar modes: a recorded bar closed.
    BarClosed { market: usize, index: usize },
    /// Bar modes: the market stands at a new open.
    Quote { market: usize },
    /// Market mode: a public trade; the tape has it already.
    Print { market: usize, trade: PublicTrade },
    /// Market mode: total quantities of the levels that changed since the last such event; 0
    /// deletes. `first` is the id after the last event's `last`.
    Depth {
        market: usize,
        first: u64,
        last: u64,
        bids: Vec<Level>,
        asks: Vec<Level>,
        at: i64,
    },
    /// Market mode: the best bid and ask are these; an empty side has price and quantity 0.
    Best {
        market: usize,
        update_id: u64,
        bid: Level,
        ask: Level,
        at: i64,
    },
    /// Market mode: an aggregate, a closed kline or a second of statistics is due.
    Tape { market: usize, event: TapeEvent },
    /// Market mode: a symbol's trading status changed.
    SymbolStatus { market: usize },
    /// The venue forgot every order and trade, as a testnet reset does.
    Forgotten,
}
