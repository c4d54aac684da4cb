//! A seeded market: an order book with changing levels and taker orders that eat into it,
//! calibrated to recordings (`calibration.rs`, `scripts/fit_venue_generator.py`).
//!
//! Every depth interval taker orders arrive at fitted waits, then the mid price moves by a fitted
//! step, the touch is set with a fitted spread, what lies in its way is deleted, holes are filled
//! with fitted gaps, and further levels change at fitted ranks. Integers only: the same seed gives
//! the same market on every machine.

mod one;

use super::FeedMarket;
use crate::models::feed::{Feed, FeedEvent};
use one::Generator;

/// 2024-08-09 00:00 UTC: where every generated market begins.
pub const START_MS: i64 = 1_723_161_600_000;
/// One generated market per instrument, merged by time.
#[derive(Debug)]
pub struct GeneratorFeed {
    markets: Vec<Generator>,
    identity: String,
}

impl GeneratorFeed {
    /// A generator with `events_per_second` trades and depth messages per market second; the
    /// recording had [`super::calibration::NATURAL_EVENTS_PER_SECOND`], other rates stretch its time.
    pub fn new(seed: u64, events_per_second: u32, markets: &[FeedMarket]) -> Self {
        let build = |(index, market): (usize, &FeedMarket)| {
            Generator::new(seed, i64::from(events_per_second.max(1)), (index, market))
        };
        Self {
            markets: markets.iter().enumerate().map(build).collect(),
            identity: format!("generator 1 seed {seed} events_per_second {events_per_second}"),
        }
    }

    fn earliest(&self) -> Option<(usize, i64)> {
        let times = self.markets.iter().enumerate();
        times
            .filter_map(|(index, market)| Some((index, market.pending.front()?.at())))
            .min_by_key(|(_, at)| *at)
    }
}

impl Feed for GeneratorFeed {
    fn next(&mut self) -> Option<FeedEvent> {
        let (index, _) = self.earliest()?;
        self.markets.get_mut(index)?.next()
    }

    fn next_at(&self) -> Option<i64> {
        self.earliest().map(|(_, at)| at)
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}
