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
