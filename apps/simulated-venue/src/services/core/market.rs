//! One traded instrument and its recording, and the steps that move all of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_common::fixed::{SCALE_MAX, rescale};
use rust_common::{Instrument, Rounding};

use crate::models::filters::FilterConfig;
use crate::models::orders::SymbolStatus;
use crate::services::replay::{Columns, Row};

const MINUTE_MS: i64 = 60_000;

/// An instrument, its recording, and how much of the recording has happened.
#[derive(Debug, Clone)]
pub struct Market {
    pub instrument: Instrument,
    pub interval: String,
    pub interval_ms: i64,
    /// The numbers of its filters, as market mode enforces them.
    pub filters: FilterConfig,
    columns: Arc<Columns>,
    /// Set in market mode, where there is no recording of bars.
    live: Option<Live>,
    /// Index of the bar whose open is the market now; everything before it is closed.
    next: usize,
}

/// Where a market of market mode stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Live {
    /// 0 before the first trade.
    pub(super) last_price: i64,
    pub(super) at: i64,
    pub(super) status: SymbolStatus,
}

impl Market {
    pub fn new(
        instrument: Instrument,
        interval: String,
        interval_ms: i64,
        columns: Arc<Columns>,
    ) -> Self {
        Self {
            filters: FilterConfig::for_instrument(&instrument),
            instrument,
            interval,
            interval_ms,
            columns,
            live: None,
            next: 0,
        }
    }

    /// A market of market mode: its prices come from the order book.
    pub fn live(instrument: Instrument, filters: FilterConfig) -> Self {
        let empty = Arc::new(Columns::default());
        Self {
            filters,
            live: Some(Live::default()),
            ..Self::new(instrument, "1m".to_owned(), MINUTE_MS, empty)
        }
    }

    pub fn is_live(&self) -> bool {
        self.live.is_some()
    }

    pub fn status(&self) -> SymbolStatus {
        self.live.map_or(SymbolStatus::Trading, |live| live.status)
    }

    pub(super) fn live_mut(&mut self) -> &mut Live {
        self.live.get_or_insert_default()
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

    /// The last price known: of the last trade in market mode, else the open of the running bar, or the close of the last one.
    pub fn last_price(&self) -> i64 {
        if let Some(live) = self.live {
            return live.last_price;
        }
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
        if let Some(live) = self.live {
            return live.at;
        }
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
        self.amount(price, quantity, Rounding::HalfEven)
    }

    /// What a trade moves of the quote currency, at scale 8. Market mode drops what the ninth
    /// decimal would hold, so that what was locked for an order always covers its trades.
    pub fn trade_amount(&self, price: i64, quantity: i64) -> i128 {
        let rounding = if self.is_live() {
            Rounding::Floor
        } else {
            Rounding::HalfEven
        };
        self.amount(price, quantity, rounding)
    }

    /// What is locked of the quote currency to buy: never less than the trades will cost.
    pub(super) fn locked_amount(&self, price: i64, quantity: i64) -> i128 {
        self.amount(price, quantity, Rounding::Ceil)
    }

    /// A quantity of the base currency at scale 8.
    pub(super) fn base_amount(&self, quantity: i64) -> i128 {
        let scale = self.instrument.quantity_scale;
        rescale(i128::from(quantity), scale, SCALE_MAX, Rounding::Floor).unwrap_or(i128::MAX)
    }

    fn amount(&self, price: i64, quantity: i64, rounding: Rounding) -> i128 {
        let scale = self.instrument.price_scale + self.instrument.quantity_scale;
        let exact = i128::from(price) * i128::from(quantity);
        rescale(exact, scale, SCALE_MAX, rounding).unwrap_or(i128::MAX)
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
