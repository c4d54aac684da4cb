//! Public trades of one instrument: each once, in the order of their ids, gaps filled or told.
//!
//! No I/O. A trade behind a hole waits for a query; a hole inside an answer is real, because the
//! venue gave both of its edges. What cannot be had is reported as lost, never skipped in silence.

use std::collections::BTreeMap;

use super::events::TradeTick;

/// Trades that may wait behind a hole; more than that and the hole is given up.
const HELD_MAX: usize = 50_000;
/// Answers without progress before the hole is given up.
const FILL_TRIES: u32 = 8;
/// Pages of one hole: a longer outage is reported instead of replayed.
const PAGES_MAX: u32 = 20;

/// What to do with a trade of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeStep {
    Deliver(TradeTick),
    Known,
    Held,
    /// Ask for the trades from this id on.
    Fill(u64),
    /// Too many wait: take what `give_up` returns.
    Overflow,
}

/// What an answered query gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TradesFilled {
    pub deliver: Vec<TradeTick>,
    /// First and last id that could not be had; it stands between `deliver` and `behind`.
    pub lost: Option<(u64, u64)>,
    pub behind: Vec<TradeTick>,
    /// Ask again from this id on.
    pub again: Option<u64>,
}

/// The trades of one instrument.
#[derive(Debug, Default)]
pub struct TradeTrack {
    last: Option<u64>,
    held: BTreeMap<u64, TradeTick>,
    is_filling: bool,
    tries: u32,
    pages: u32,
}

impl TradeTrack {
    pub fn on_trade(&mut self, tick: TradeTick) -> TradeStep {
        let id = tick.trade_id;
        let Some(last) = self.last else {
            self.last = Some(id);
            return TradeStep::Deliver(tick);
        };
        if id <= last {
            return TradeStep::Known;
        }
        if id == last + 1 && !self.is_filling {
            self.last = Some(id);
            return TradeStep::Deliver(tick);
        }
        self.held.insert(id, tick);
        if self.held.len() > HELD_MAX {
            return TradeStep::Overflow;
        }
        if self.is_filling {
            return TradeStep::Held;
        }
        self.is_filling = true;
        TradeStep::Fill(last + 1)
    }

    /// A page of trades from the id asked for; an empty one tells nothing.
    pub fn on_filled(&mut self, page: Vec<TradeTick>) -> TradesFilled {
        if !self.is_filling {
            return TradesFilled::default();
        }
        let before = self.last;
        self.pages += 1;
        let newest = page.iter().map(|tick| tick.trade_id).max().unwrap_or(0);
        for tick in page {
            if self.last.is_none_or(|last| tick.trade_id > last) {
                self.held.insert(tick.trade_id, tick);
            }
        }
        let mut filled = TradesFilled::default();
        while let Some(entry) = self.held.first_entry() {
            let follows = self.last.is_none_or(|last| *entry.key() == last + 1);
            if !follows && *entry.key() > newest {
                break;
            }
            let (id, tick) = entry.remove_entry();
            self.last = Some(id);
            filled.deliver.push(tick);
        }
        if self.held.is_empty() {
            self.settle();
            return filled;
        }
        self.tries = if self.last == before {
            self.tries + 1
        } else {
            0
        };
        if self.tries >= FILL_TRIES || self.pages >= PAGES_MAX {
            return TradesFilled {
                deliver: filled.deliver,
                ..self.give_up()
            };
        }
        filled.again = self.last.map(|last| last + 1);
        filled
    }

    /// The query failed; asks again, or gives the hole up.
    pub fn on_failed(&mut self) -> TradesFilled {
        if !self.is_filling {
            return TradesFilled::default();
        }
        self.tries += 1;
        if self.tries >= FILL_TRIES {
            return self.give_up();
        }
        TradesFilled {
            again: self.last.map(|last| last + 1),
            ..TradesFilled::default()
        }
    }

    /// Gives the first hole up: what waits behind it follows, up to the next hole.
    pub fn give_up(&mut self) -> TradesFilled {
        let mut filled = TradesFilled::default();
        if let (Some(last), Some((first, _))) = (self.last, self.held.first_key_value())
            && *first > last + 1
        {
            filled.lost = Some((last + 1, first - 1));
            self.last = Some(first - 1);
        }
        while let Some(entry) = self.held.first_entry() {
            if self.last.is_some_and(|last| *entry.key() > last + 1) {
                break;
            }
            let (id, tick) = entry.remove_entry();
            self.last = Some(id);
            filled.behind.push(tick);
        }
        self.settle();
        if !self.held.is_empty() {
            self.is_filling = true;
            filled.again = self.last.map(|last| last + 1);
        }
        filled
    }

    fn settle(&mut self) {
        (self.is_filling, self.tries, self.pages) = (false, 0, 0);
    }
}
