//! One traded instrument and its recording, and the steps that move all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_common::fixed::{SCALE_MAX, rescale};
use rust_common::{Instrument, Rounding};

use crate::services::replay::{Columns, Row};

/// An instrument, its recording, and how much of the recording has happened.
#[derive(Debug, Clone)]
pub struct Market {
    pub instrument: Instrument,
    pub interval: String,
    pub interval_ms: i64,
    pub filters: crate::models::filters::FilterConfig,
    columns: Arc<Columns>,
    /// Index of the bar whose open is the market now; everything before it is closed.
    next: usize,
}

impl Market {
    pub fn new(
        instrument: Instrument,
        interval: String,
        interval_ms: i64,
        columns: Arc<Columns>,
    ) -> Self {
        Self {
            filters: crate::models::filters::FilterConfig::for_instrument(&instrument),
            instrument,
            interval,
            interval_ms,
            columns,
            next: 0,
        }
    }

    pub fn is_live(&self) -> bool {
        false
    }

    pub fn status(&self) -> crate::models::orders::SymbolStatus {
        crate::models::orders::SymbolStatus::Trading
    }

    pub fn symbol(&self) -> &str {
        self.instrument.symbol.as_str()
    }

    /// Bars that have closed. No reader gets a row at or beyond this index.
    pub fn closed(&self) -> usize {
        self.next
    }

    /// A closed bar; `None` for the future.
    pub fn bar(&self, index: usize) -> Option<Row> {
        if index < self.next {
            self.columns.row(index)
        } else {
            None
        }
    }

    /// Closed bars with `from <= opened_at <= to`, as indices.
    pub fn closed_between(&self, from: i64, to: i64) -> std::ops::Range<usize> {
        let seen = self.columns.opened_at.get(..self.next).unwrap_or_default();
        let start = seen.partition_point(|at| *at < from);
        let end = seen.partition_point(|at| *at <= to);
        start..end.max(start)
    }

    /// The open that orders trade at now, and its time; `None` after the last bar.
    pub fn market(&self) -> Option<(i64, i64)> {
        self.columns
            .row(self.next)
            .map(|row| (row.open, row.opened_at))
    }

    /// The last price known: the open of the running bar, or the close of the last one.
    pub fn last_price(&self) -> i64 {
        let last = self
            .next
            .checked_sub(1)
            .and_then(|index| self.columns.close.get(index));
        self.market()
            .map(|(price, _)| price)
            .or(last.copied())
            .unwrap_or(0)
    }

    /// Market time of this instrument: when its running bar opened, or when its last one closed.
    pub fn time(&self) -> i64 {
        let last = self
            .next
            .checked_sub(1)
            .and_then(|index| self.columns.opened_at.get(index));
        self.market()
            .map(|(_, at)| at)
            .or(last.map(|opened_at| opened_at + self.interval_ms))
            .unwrap_or(0)
    }

    /// The bar about to close, if it closes at `closed_at`.
    pub(super) fn running(&self, closed_at: i64) -> Option<Row> {
        self.columns
            .row(self.next)
            .filter(|row| row.opened_at + self.interval_ms == closed_at)
    }

    pub(super) fn close_running(&mut self) {
        self.next += 1;
    }

    /// Makes every bar that closed at or before `at` history.
    pub(super) fn skip_to(&mut self, at: i64) {
        let length = self.interval_ms;
        self.next = self
            .columns
            .opened_at
            .partition_point(|opened_at| opened_at + length <= at);
    }

    /// `price x quantity` at scale 8: exact where the scales allow it, else half-even.
    pub fn quote_amount(&self, price: i64, quantity: i64) -> i128 {
        let scale = self.instrument.price_scale + self.instrument.quantity_scale;
        let exact = i128::from(price) * i128::from(quantity);
        rescale(exact, scale, SCALE_MAX, Rounding::HalfEven).unwrap_or(i128::MAX)
    }

    /// Identity of the recording.
    pub fn digest(&self) -> &str {
        &self.columns.digest
    }
}

/// Step n closes all bars with the n-th distinct close time.
#[derive(Debug, Clone)]
pub struct Schedule {
    closes: Vec<i64>,
}

impl Schedule {
    pub fn new(markets: &[Market]) -> Self {
        let mut closes = BTreeSet::new();
        for market in markets {
            for opened_at in &market.columns.opened_at {
                closes.insert(opened_at + market.interval_ms);
            }
        }
        Self {
            closes: closes.into_iter().collect(),
        }
    }

    pub fn steps(&self) -> u64 {
        self.closes.len() as u64
    }

    /// Close time of step `step`, counted from 1.
    pub fn closes_at(&self, step: u64) -> Option<i64> {
        let index = usize::try_from(step.checked_sub(1)?).ok()?;
        self.closes.get(index).copied()
    }
}
