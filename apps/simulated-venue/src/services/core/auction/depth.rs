//! The order book of one market: both sides, what of it is published, and the update ids.
//!
//! While a feed with recorded ids runs, its ids are the venue's and what orders change waits for the
//! feed's next batch. Otherwise every input that changes levels is one update with the venue's own
//! id. `lastUpdateId` always belongs to the published levels, so that a client that follows "How to
//! manage a local order book correctly" (web-socket-streams.md) holds exactly them.

use std::collections::{BTreeMap, BTreeSet};

use super::ladder::Ladder;
use crate::models::events::Event;
use crate::models::feed::Level;
use crate::models::orders::Side;

/// Both sides of one market.
#[derive(Debug, Clone)]
pub struct Depth {
    pub bids: Ladder,
    pub asks: Ladder,
    published_bids: BTreeMap<i64, i64>,
    published_asks: BTreeMap<i64, i64>,
    changed: BTreeSet<(bool, i64)>,
    last_update_id: u64,
    /// The feed numbers its updates itself.
    is_recorded: bool,
    /// The feed brings its own best bids and asks.
    has_recorded_best: bool,
    last_best: Option<(Level, Level)>,
}

impl Default for Depth {
    fn default() -> Self {
        Self {
            bids: Ladder::new(Side::Buy),
            asks: Ladder::new(Side::Sell),
            published_bids: BTreeMap::new(),
            published_asks: BTreeMap::new(),
            changed: BTreeSet::new(),
            last_update_id: 0,
            is_recorded: false,
            has_recorded_best: false,
            last_best: None,
        }
    }
}

/// The ids of a feed's batch; 0 where it has none.
#[derive(Debug, Clone, Copy)]
pub struct UpdateIds {
    pub first: u64,
    pub last: u64,
}

impl Depth {
    pub fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Notes that a level may have changed.
    pub fn touch(&mut self, side: Side, price: i64) {
        self.changed.insert((side == Side::Buy, price));
    }

    pub fn last_update_id(&self) -> u64 {
        self.last_update_id
    }

    /// The published levels, best first: what `GET /api/v3/depth` shows with
    /// [`Depth::last_update_id`].
    pub fn published(&self, limit: usize) -> (Vec<Level>, Vec<Level>) {
        let level = |(price, quantity): (&i64, &i64)| Level {
            price: *price,
            quantity: *quantity,
        };
        let bids = self.published_bids.iter().rev().map(level);
        let asks = self.published_asks.iter().map(level);
        (bids.take(limit).collect(), asks.take(limit).collect())
    }

    /// Best bid and ask as they stand now, published or not.
    pub fn best(&self) -> (Level, Level) {
        (self.bids.best(), self.asks.best())
    }

    /// The feed sets outside volume at some prices of one side.
    pub fn set_external(&mut self, side: Side, levels: &[Level], at: i64) {
        for level in levels {
            let ladder = self.ladder_mut(side);
            if ladder.set_external(level.price, level.quantity, at) {
                self.touch(side, level.price);
            }
        }
    }

    /// The feed's whole book: prices it does not name have no outside volume.
    pub fn snapshot(&mut self, side: Side, levels: &[Level], at: i64) {
        let named: BTreeSet<i64> = levels.iter().map(|level| level.price).collect();
        let gone: Vec<Level> = self
            .ladder(side)
            .prices()
            .into_iter()
            .filter(|price| !named.contains(price))
            .map(|price| Level { price, quantity: 0 })
            .collect();
        self.set_external(side, &gone, at);
        self.set_external(side, levels, at);
    }

    /// Whether own changes wait for the feed's next batch.
    pub fn waits_for_feed(&self) -> bool {
        self.is_recorded
    }

    /// The feed has ended or has no ids: from now on the venue counts.
    pub fn count_alone(&mut self) {
        self.is_recorded = false;
    }

    /// Publishes every changed level under the feed's ids, or under the next own id.
    /// `None` if nothing changed and the feed brought no ids.
    pub fn publish(&mut self, market: usize, ids: Option<UpdateIds>, at: i64) -> Option<Event> {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        for (is_bid, price) in std::mem::take(&mut self.changed) {
            let (ladder, published, out) = if is_bid {
                (&self.bids, &mut self.published_bids, &mut bids)
            } else {
                (&self.asks, &mut self.published_asks, &mut asks)
            };
            let quantity = ladder.total(price);
            let old = if quantity == 0 {
                published.remove(&price)
            } else {
                published.insert(price, quantity)
            };
            if old.unwrap_or(0) != quantity {
                out.push(Level { price, quantity });
            }
        }
        bids.reverse();
        let next = self.last_update_id + 1;
        let (first, last) = match ids.filter(|ids| ids.last > self.last_update_id) {
            Some(ids) => {
                self.is_recorded = true;
                // A snapshot stands for all ids up to its own.
                (if ids.first == 0 { next } else { ids.first }, ids.last)
            }
            None if bids.is_empty() && asks.is_empty() => return None,
            None => (next, next),
        };
        self.last_update_id = last;
        Some(Event::Depth {
            market,
            first,
            last,
            bids,
            asks,
            at,
        })
    }

    /// The best bid and ask, if an own change or the feed's depth moved them.
    pub fn publish_best(&mut self, market: usize, is_feed: bool, at: i64) -> Option<Event> {
        let (bid, ask) = self.best();
        if self.last_best == Some((bid, ask)) {
            return None;
        }
        self.last_best = Some((bid, ask));
        if is_feed && self.has_recorded_best {
            return None;
        }
        let update_id = self.last_update_id;
        Some(Event::Best {
            market,
            update_id,
            bid,
            ask,
            at,
        })
    }

    /// A recorded best bid and ask, with what orders of accounts add to it or put before it.
    pub fn recorded_best(&mut self, (bid, ask): (Level, Level)) -> (Level, Level) {
        self.has_recorded_best = true;
        (own_top(&self.bids, bid), own_top(&self.asks, ask))
    }
}

/// The recorded top of one side, unless orders of accounts stand at or before it.
fn own_top(ladder: &Ladder, recorded: Level) -> Level {
    let own = ladder
        .from_best()
        .take_while(|(price, _)| {
            recorded.price == 0 || ladder.reaches(Some(recorded.price), *price)
        })
        .find(|(_, rung)| !rung.queue.is_empty());
    match own {
        Some((price, rung)) => {
            let visible: i64 = rung.queue.iter().map(|resting| resting.visible).sum();
            let outside = if price == recorded.price {
                recorded.quantity
            } else {
                0
            };
            Level {
                price,
                quantity: visible + outside,
            }
        }
        None => recorded,
    }
}
