//! Klines of one interval, kept as trades come in.

use std::collections::VecDeque;

use super::interval::Interval;
use super::trades::PublicTrade;

/// One bar. Prices and volumes are mantissas at the instrument's scales, quote amounts at scale 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kline {
    pub opened_at: i64,
    /// First millisecond after the bar.
    pub ends_at: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: i128,
    pub quote_volume: i128,
    /// What takers bought.
    pub taker_volume: i128,
    pub taker_quote_volume: i128,
    pub first_trade_id: u64,
    pub last_trade_id: u64,
    pub trades: u64,
}

impl Kline {
    /// The bar of `span` with one trade in it.
    pub fn of(trade: &PublicTrade, (opened_at, ends_at): (i64, i64)) -> Self {
        let taken = i128::from(!trade.is_buyer_maker);
        Self {
            opened_at,
            ends_at,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: i128::from(trade.quantity),
            quote_volume: trade.quote,
            taker_volume: i128::from(trade.quantity) * taken,
            taker_quote_volume: trade.quote * taken,
            first_trade_id: trade.trade_id,
            last_trade_id: trade.trade_id,
            trades: 1,
        }
    }

    /// Adds a later bar's trades to this one.
    pub fn merge(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.taker_volume += later.taker_volume;
        self.taker_quote_volume += later.taker_quote_volume;
        self.last_trade_id = later.last_trade_id;
        self.trades += later.trades;
    }
}

/// The closed bars of one interval, oldest first, and the one that still runs.
#[derive(Debug, Clone)]
pub struct Series {
    pub interval: Interval,
    pub offset_ms: i64,
    capacity: usize,
    closed: VecDeque<Kline>,
    running: Option<Kline>,
}

impl Series {
    pub fn new(interval: Interval, offset_ms: i64, capacity: usize) -> Self {
        Self {
            interval,
            offset_ms,
            capacity,
            closed: VecDeque::new(),
            running: None,
        }
    }

    /// Adds a trade; the caller has closed what ended before it.
    pub fn record(&mut self, trade: &PublicTrade) {
        match &mut self.running {
            Some(running) if trade.at < running.ends_at => {
                let span = (running.opened_at, running.ends_at);
                running.merge(&Kline::of(trade, span));
            }
            _ => {
                self.close_until(trade.at);
                self.running = Some(Kline::of(
                    trade,
                    self.interval.span(trade.at, self.offset_ms),
                ));
            }
        }
    }

    /// Closes the running bar if it ended at or before `at`, and hands it back.
    pub fn close_until(&mut self, at: i64) -> Option<Kline> {
        let ended = self.running.take_if(|running| running.ends_at <= at)?;
        if self.closed.len() == self.capacity {
            self.closed.pop_front();
        }
        self.closed.push_back(ended);
        Some(ended)
    }

    pub fn running(&self) -> Option<&Kline> {
        self.running.as_ref()
    }

    /// The bars that open within `from..=to`, oldest first, the running one included.
    pub fn between(&self, from: i64, to: i64) -> impl DoubleEndedIterator<Item = &Kline> {
        let start = self.closed.partition_point(|kline| kline.opened_at < from);
        let end = self.closed.partition_point(|kline| kline.opened_at <= to);
        let running = self.running.iter();
        self.closed
            .range(start..end.max(start))
            .chain(running.filter(move |kline| (from..=to).contains(&kline.opened_at)))
    }

    /// The last bar that opened before `at`.
    pub fn before(&self, at: i64) -> Option<&Kline> {
        self.running
            .as_ref()
            .filter(|kline| kline.opened_at < at)
            .or_else(|| {
                let end = self.closed.partition_point(|kline| kline.opened_at < at);
                self.closed.get(end.checked_sub(1)?)
            })
    }
}

/// Bars of `interval` that begin `offset_ms` east of UTC, out of finer bars, oldest first.
pub fn roll<'a>(
    fine: impl Iterator<Item = &'a Kline>,
    interval: Interval,
    offset_ms: i64,
) -> Vec<Kline> {
    let mut bars: Vec<Kline> = Vec::new();
    for kline in fine {
        match bars.last_mut() {
            Some(bar) if kline.opened_at < bar.ends_at => bar.merge(kline),
            _ => {
                let (opened_at, ends_at) = interval.span(kline.opened_at, offset_ms);
                bars.push(Kline {
                    opened_at,
                    ends_at,
                    ..*kline
                });
            }
        }
    }
    bars
}
