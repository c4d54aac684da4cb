//! What the slow streams of one market show: the book as published, and the level changes that
//! wait for the next 100 ms or 1000 ms of market time.
//!
//! Streams are paced by market time, not by the wall clock: a replay publishes the same messages
//! at any speed.

use std::collections::BTreeMap;

use crate::models::feed::Level;
use crate::services::core::VenueState;

/// The published book of a market mode market: its update id and at most `limit` levels of each
/// side, best first.
pub fn published(
    state: &VenueState,
    market: usize,
    limit: usize,
) -> Option<(u64, Vec<Level>, Vec<Level>)> {
    let depth = state.depth(market)?;
    let (bids, asks) = depth.published(limit);
    Some((depth.last_update_id(), bids, asks))
}

/// Level changes between two messages of a depth stream.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub first: u64,
    pub last: u64,
    pub bids: BTreeMap<i64, i64>,
    pub asks: BTreeMap<i64, i64>,
}

/// A depth stream's pace and what waits for its next message.
#[derive(Debug, Clone)]
struct Pace {
    every_ms: i64,
    /// Number of the running span of market time.
    span: Option<i64>,
    batch: Option<Batch>,
}

/// One depth message that is due.
#[derive(Debug, Clone)]
pub struct DueDepth {
    pub is_fast: bool,
    pub at: i64,
    pub batch: Batch,
}

/// The published book of one market.
#[derive(Debug, Clone)]
pub struct Board {
    pub bids: BTreeMap<i64, i64>,
    pub asks: BTreeMap<i64, i64>,
    pub last_update_id: u64,
    paces: [Pace; 2],
}

impl Default for Board {
    fn default() -> Self {
        let pace = |every_ms| Pace {
            every_ms,
            span: None,
            batch: None,
        };
        Self {
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            last_update_id: 0,
            paces: [pace(100), pace(1_000)],
        }
    }
}

impl Board {
    /// Takes a book over as it stands, with nothing to publish.
    pub fn prime(&mut self, bids: &[Level], asks: &[Level], last_update_id: u64) {
        self.bids = bids.iter().map(|l| (l.price, l.quantity)).collect();
        self.asks = asks.iter().map(|l| (l.price, l.quantity)).collect();
        self.last_update_id = last_update_id;
    }

    /// Moves market time: the batches of spans that ended are due.
    pub fn roll(&mut self, at: i64) -> Vec<DueDepth> {
        let mut due = Vec::new();
        for (index, pace) in self.paces.iter_mut().enumerate() {
            let span = at.div_euclid(pace.every_ms);
            if pace.span == Some(span) {
                continue;
            }
            // The message leaves at the end of the span in which its changes happened.
            let ended = pace.span.map_or(at, |span| (span + 1) * pace.every_ms);
            pace.span = Some(span);
            due.extend(pace.batch.take().map(|batch| DueDepth {
                is_fast: index == 0,
                at: ended,
                batch,
            }));
        }
        due
    }

    /// Everything that waits, now.
    pub fn flush(&mut self, at: i64) -> Vec<DueDepth> {
        let paces = self.paces.iter_mut().enumerate();
        paces
            .filter_map(|(index, pace)| {
                Some(DueDepth {
                    is_fast: index == 0,
                    at,
                    batch: pace.batch.take()?,
                })
            })
            .collect()
    }

    /// Applies a change of the book; it waits for the next message of both paces.
    pub fn change(&mut self, (first, last): (u64, u64), bids: &[Level], asks: &[Level]) {
        apply(&mut self.bids, bids);
        apply(&mut self.asks, asks);
        self.last_update_id = last;
        for pace in &mut self.paces {
            let batch = pace.batch.get_or_insert_with(|| Batch {
                first,
                ..Batch::default()
            });
            batch.last = last;
            batch
                .bids
                .extend(bids.iter().map(|l| (l.price, l.quantity)));
            batch
                .asks
                .extend(asks.iter().map(|l| (l.price, l.quantity)));
        }
    }

    /// The best level of each side.
    pub fn best(&self) -> (Option<Level>, Option<Level>) {
        let level = |(price, quantity): (&i64, &i64)| Level {
            price: *price,
            quantity: *quantity,
        };
        (
            self.bids.last_key_value().map(level),
            self.asks.first_key_value().map(level),
        )
    }
}

fn apply(side: &mut BTreeMap<i64, i64>, levels: &[Level]) {
    for level in levels {
        if level.quantity == 0 {
            side.remove(&level.price);
        } else {
            side.insert(level.price, level.quantity);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Reader = (BTreeMap<i64, i64>, BTreeMap<i64, i64>, u64);

    proptest! {
        /// Whatever the pace, a reader who applies every message holds the published book, and
        /// the ids of one stream follow each other without a hole.
        #[test]
        fn messages_rebuild_the_book(
            changes in prop::collection::vec((0_i64..400, 1_i64..20, 0_i64..5, any::<bool>()), 1..200),
        ) {
            let mut board = Board::default();
            let mut readers = [Reader::default(), Reader::default()];
            let mut at = 0;
            let mut seen = Vec::new();
            for (index, (wait, price, quantity, is_bid)) in changes.iter().enumerate() {
                at += wait;
                seen.extend(board.roll(at));
                let level = [Level { price: *price, quantity: *quantity }];
                let id = index as u64 * 3 + 1;
                let (bids, asks) = if *is_bid { (&level[..], &[][..]) } else { (&[][..], &level[..]) };
                board.change((id, id + 2), bids, asks);
            }
            seen.extend(board.flush(at));
            for due in seen {
                let reader = &mut readers[usize::from(!due.is_fast)];
                prop_assert_eq!(due.batch.first, reader.2 + 1);
                reader.2 = due.batch.last;
                for (side, levels) in [(&mut reader.0, &due.batch.bids), (&mut reader.1, &due.batch.asks)] {
                    for (price, quantity) in levels {
                        if *quantity == 0 { side.remove(price); } else { side.insert(*price, *quantity); }
                    }
                }
            }
            for reader in readers {
                prop_assert_eq!(&reader.0, &board.bids);
                prop_assert_eq!(&reader.1, &board.asks);
                prop_assert_eq!(reader.2, board.last_update_id);
            }
        }
    }
}
