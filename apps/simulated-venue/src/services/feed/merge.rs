//! Several markets' events in the order of their times.

use crate::models::feed::{Feed, FeedEvent, Level};
use crate::models::orders::Side;

/// The events of one market, oldest first.
pub trait Source: Send + std::fmt::Debug {
    fn head_at(&self) -> Option<i64>;
    fn take(&mut self) -> Option<FeedEvent>;
}

/// A feed of several sources; at the same time the first one comes first.
#[derive(Debug)]
pub struct Merged<S> {
    sources: Vec<S>,
    identity: String,
}

impl<S: Source> Merged<S> {
    pub fn new(sources: Vec<S>, identity: String) -> Self {
        Self { sources, identity }
    }

    fn earliest(&self) -> Option<(usize, i64)> {
        let heads = self.sources.iter().enumerate();
        heads
            .filter_map(|(index, source)| Some((index, source.head_at()?)))
            .min_by_key(|(_, at)| *at)
    }
}

impl<S: Source> Feed for Merged<S> {
    fn next(&mut self) -> Option<FeedEvent> {
        let (index, _) = self.earliest()?;
        self.sources.get_mut(index)?.take()
    }

    fn next_at(&self) -> Option<i64> {
        self.earliest().map(|(_, at)| at)
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}

/// The book of a feed that knows prints only: one level on each side, no more than what is known
/// to have been there.
#[derive(Debug, Default, Clone, Copy)]
pub struct ThinBook {
    bid: Option<Level>,
    ask: Option<Level>,
}

impl ThinBook {
    /// The book right before a print, and the print: the maker's side shows exactly the printed
    /// quantity at the printed price, the other side keeps its last level, moved away by a tick
    /// where it would cross.
    pub fn print(
        &mut self,
        market: usize,
        tick: i64,
        print: (i64, i64, Side),
        (at, trade_id): (i64, u64),
    ) -> [FeedEvent; 2] {
        let (price, quantity, taker) = print;
        let before = *self;
        let printed = Some(Level { price, quantity });
        let beside = |known: Option<Level>, crosses: fn(i64, i64) -> bool, price: i64| {
            let known = known.filter(|level| !crosses(level.price, price));
            known.unwrap_or(Level { price, quantity })
        };
        match taker {
            Side::Buy => {
                self.ask = printed;
                let most = (price - tick).max(1);
                self.bid = Some(beside(self.bid, |bid, most| bid > most, most));
            }
            Side::Sell => {
                self.bid = printed;
                let least = price + tick;
                self.ask = Some(beside(self.ask, |ask, least| ask < least, least));
            }
        }
        let depth = FeedEvent::Depth {
            market,
            first_update_id: 0,
            final_update_id: 0,
            bids: changes(before.bid, self.bid),
            asks: changes(before.ask, self.ask),
            at,
        };
        let print = FeedEvent::Print {
            market,
            price,
            quantity,
            taker,
            at,
            trade_id,
        };
        [depth, print]
    }
}

fn changes(old: Option<Level>, new: Option<Level>) -> Vec<Level> {
    let gone = old.filter(|old| new.is_none_or(|new| new.price != old.price));
    let gone = gone.map(|old| Level {
        price: old.price,
        quantity: 0,
    });
    gone.into_iter().chain(new).collect()
}
