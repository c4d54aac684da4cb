//! Expands recorded bars into prints and book moves.
//!
//! A bar becomes at most four prints: open, the extreme against the bar's direction, the other
//! extreme, close. The adverse move comes first, so a protective order is reached before a target
//! where both lie in the bar. The kline of these prints equals the recorded bar: prices exactly,
//! volume to the instrument's quantity scale. Bars without volume bring no print and stay gaps; a
//! bar with less volume than prints gets one quantity unit per print.

use std::collections::VecDeque;
use std::sync::Arc;

use super::FeedMarket;
use super::merge::{Merged, Source, ThinBook};
use crate::models::feed::FeedEvent;
use crate::models::orders::Side;
use crate::services::replay::{Columns, Row};

/// The recorded bars of one instrument.
#[derive(Debug, Clone)]
pub struct RecordedBars {
    pub market: FeedMarket,
    pub interval_ms: i64,
    pub columns: Arc<Columns>,
}

/// A feed of the bars of all instruments, in market order.
pub fn open(bars: Vec<RecordedBars>) -> Merged<BarSource> {
    let digests: Vec<&str> = bars
        .iter()
        .map(|bars| bars.columns.digest.as_str())
        .collect();
    let identity = format!("bars 1 {}", digests.join(" "));
    let sources = bars.into_iter().enumerate().map(|(market, bars)| {
        let mut source = BarSource {
            market,
            bars,
            next: 0,
            book: ThinBook::default(),
            last_price: 0,
            pending: VecDeque::new(),
        };
        source.fill();
        source
    });
    Merged::new(sources.collect(), identity)
}

/// The prints of one instrument's bars.
#[derive(Debug)]
pub struct BarSource {
    market: usize,
    bars: RecordedBars,
    next: usize,
    book: ThinBook,
    last_price: i64,
    pending: VecDeque<FeedEvent>,
}

impl Source for BarSource {
    fn head_at(&self) -> Option<i64> {
        self.pending.front().map(FeedEvent::at)
    }

    fn take(&mut self) -> Option<FeedEvent> {
        let event = self.pending.pop_front();
        self.fill();
        event
    }
}

impl BarSource {
    fn fill(&mut self) {
        while self.pending.is_empty() {
            let Some(row) = self.bars.columns.row(self.next) else {
                return;
            };
            self.next += 1;
            self.expand(&row);
        }
    }

    fn expand(&mut self, row: &Row) {
        let volume = units(row.volume, self.bars.market.instrument.quantity_scale);
        if volume == 0 {
            return;
        }
        let path = path(row);
        let count = i64::try_from(path.len()).unwrap_or(1);
        let each = (volume / count).max(1);
        let tick = self.bars.market.instrument.tick_size.mantissa().max(1);
        for (index, price) in (0_i64..).zip(path) {
            let is_last = index + 1 == count;
            let quantity = if is_last {
                (volume - each * index).max(1)
            } else {
                each
            };
            let at = if is_last && count > 1 {
                row.opened_at + self.bars.interval_ms - 1
            } else {
                row.opened_at + self.bars.interval_ms * index / count
            };
            let taker = if price >= self.last_price {
                Side::Buy
            } else {
                Side::Sell
            };
            self.last_price = price;
            let print = (price, quantity, taker);
            self.pending
                .extend(self.book.print(self.market, tick, print, (at, 0)));
        }
    }
}

/// The prices a bar passes, without repeats of the price before.
fn path(row: &Row) -> Vec<i64> {
    let (first, second) = if row.close >= row.open {
        (row.low, row.high)
    } else {
        (row.high, row.low)
    };
    let mut path = vec![row.open, first, second, row.close];
    path.dedup();
    path
}

/// A recorded volume in quantity mantissas, rounded to the nearest.
fn units(volume: f64, scale: u8) -> i64 {
    let exact = (volume * 10_f64.powi(i32::from(scale))).round();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "casting saturates; the columns hold finite volumes that are not negative"
    )]
    let units = exact as i64;
    units.min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::feed::Feed;
    use crate::services::core::tape::Tape;
    use crate::services::core::tape::interval::Interval;
    use crate::services::core::tape::trades::Print;
    use proptest::prelude::*;
    use serde_json::json;

    fn market() -> FeedMarket {
        let instrument = serde_json::from_value(json!({
            "instrument_id": "BTC-USDT.SIM", "symbol": "BTCUSDT", "base_currency": "BTC",
            "quote_currency": "USDT", "price_scale": 2, "quantity_scale": 5,
            "tick_size": "0.01", "step_size": "0.00001", "min_quantity": "0.00001",
            "min_notional": "5",
        }));
        FeedMarket {
            instrument: instrument.unwrap(),
            start_price: None,
        }
    }

    proptest! {
        /// Recorded bars in, the same klines out; bars without volume stay gaps.
        #[test]
        fn klines_equal_the_recorded_bars(
            rows in prop::collection::vec((100_i64..200, 0_i64..9, 0_i64..9, 0_i64..30, 0_i64..50), 1..40),
        ) {
            let mut columns = Columns::default();
            for (index, (open, up, down, close, volume)) in (0_i64..).zip(&rows) {
                let close = open - 15 + close;
                columns.opened_at.push(index * 60_000);
                columns.open.push(*open);
                columns.high.push(*open.max(&close) + up);
                columns.low.push(*open.min(&close) - down);
                columns.close.push(close);
                columns.volume.push(if *volume < 5 { 0.0 } else { *volume as f64 / 100_000.0 });
                columns.flags.push(0);
            }
            let columns = Arc::new(columns);
            let bars = RecordedBars { market: market(), interval_ms: 60_000, columns: columns.clone() };
            let mut feed = open(vec![bars]);
            let mut tape = Tape::new(2, 5);
            let mut now = 0;
            let mut best = (0, i64::MAX);
            while let Some(event) = feed.next() {
                prop_assert!(event.at() >= now, "times rise");
                now = event.at();
                match event {
                    FeedEvent::Print { price, quantity, taker, at, .. } => {
                        let touched = if taker == Side::Buy { best.1 } else { best.0 };
                        prop_assert_eq!(price, touched);
                        tape.record(&Print { trade_id: 1, price, quantity, taker, taker_order: None, at });
                    }
                    FeedEvent::Depth { bids, asks, .. } => {
                        let last = |levels: &[crate::models::feed::Level], old| {
                            levels.last().map_or(old, |level| level.price)
                        };
                        best = (last(&bids, best.0), last(&asks, best.1));
                        prop_assert!(best.0 < best.1, "the book is not crossed");
                    }
                    _ => {}
                }
            }
            let found: Vec<_> = tape
                .klines((Interval::Minute1, 0), (0, i64::MAX), (true, 1_000))
                .iter()
                .map(|k| (k.opened_at, k.open, k.high, k.low, k.close, k.volume))
                .collect();
            let expected: Vec<_> = (0..columns.len())
                .filter_map(|index| columns.row(index))
                .filter(|row| row.volume > 0.0)
                .map(|row| (row.opened_at, row.open, row.high, row.low, row.close, i128::from(units(row.volume, 5))))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
