//! The public record of one market: trades, aggregates, klines of every interval, rolling windows.
//!
//! The core tells it every print and every move of market time; it tells what became due. Memory
//! is bounded: the oldest trades and klines are forgotten.

pub mod following;
pub mod interval;
pub mod klines;
pub mod trades;
pub mod windows;

use interval::{HOUR_MS, Interval, MINUTE_MS};
use klines::{Kline, Series};
use rust_common::Rounding;
use rust_common::fixed::{SCALE_MAX, rescale};
use trades::{AggregateTrade, Print, PublicTrade, TradeLog};
use windows::Summary;

use crate::models::orders::Side;

/// Trades and aggregates that can still be asked for.
const KEPT_TRADES: usize = 200_000;
/// One-second klines: a little more than the longest window that begins on a second.
const KEPT_SECONDS: usize = 90_000;
/// One-minute klines: a year.
const KEPT_MINUTES: usize = 527_040;
const SECOND_MS: i64 = 1_000;
/// The one time zone with streams of its own.
pub const STREAM_OFFSET_MS: i64 = 8 * HOUR_MS;

/// Something that became due on the tape.
#[derive(Debug, Clone, PartialEq)]
pub enum TapeEvent {
    Aggregate(AggregateTrade),
    /// A bar ended; `offset_ms` tells whose days it follows.
    Closed {
        interval: Interval,
        offset_ms: i64,
        kline: Kline,
    },
    /// A second of market time passed in which something traded.
    Pulse(Box<Pulse>),
}

/// What the slow streams show at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    pub at: i64,
    /// An even second passed: klines other than 1s are due.
    pub is_even: bool,
    /// The running bars, with interval and offset.
    pub running: Vec<(Interval, i64, Kline)>,
    pub last: PublicTrade,
    pub day: Summary,
    /// Windows of 1 h, 4 h and 1 d, in this order.
    pub rolling: [Summary; 3],
    pub average: i128,
}

/// The tape of one market.
#[derive(Debug, Clone)]
pub struct Tape {
    price_scale: u8,
    quantity_scale: u8,
    log: TradeLog,
    /// Every interval in UTC, then those that another offset moves.
    series: Vec<Series>,
    now: i64,
    has_traded: bool,
    due: Vec<TapeEvent>,
}

impl Tape {
    pub fn new(price_scale: u8, quantity_scale: u8) -> Self {
        let kept = |interval| match interval {
            Interval::Second1 => KEPT_SECONDS,
            _ => KEPT_MINUTES,
        };
        let utc = Interval::ALL.map(|interval| Series::new(interval, 0, kept(interval)));
        let moved = Interval::ALL
            .into_iter()
            .filter(|interval| interval.is_moved_by(STREAM_OFFSET_MS))
            .map(|interval| Series::new(interval, STREAM_OFFSET_MS, 1));
        Self {
            price_scale,
            quantity_scale,
            log: TradeLog::new(KEPT_TRADES),
            series: utc.into_iter().chain(moved).collect(),
            now: 0,
            has_traded: false,
            due: Vec::new(),
        }
    }

    /// Moves market time: bars that ended close, and the second that passed is told.
    pub fn advance_to(&mut self, at: i64) {
        if at <= self.now {
            return;
        }
        if let Some(aggregate) = self.log.seal_before(at) {
            self.due.push(TapeEvent::Aggregate(aggregate));
        }
        let (before, after) = (self.now.div_euclid(SECOND_MS), at.div_euclid(SECOND_MS));
        if before == after {
            self.now = at;
            return;
        }
        if self.has_traded {
            self.now = self.now.max(after * SECOND_MS - 1);
            let is_even = before.div_euclid(2) != after.div_euclid(2);
            let pulse = self.pulse(after * SECOND_MS, is_even);
            self.due
                .extend(pulse.map(|pulse| TapeEvent::Pulse(Box::new(pulse))));
            self.has_traded = false;
        }
        self.now = at;
        for series in &mut self.series {
            if let Some(kline) = series.close_until(at) {
                self.due.push(TapeEvent::Closed {
                    interval: series.interval,
                    offset_ms: series.offset_ms,
                    kline,
                });
            }
        }
    }

    /// Adds a trade. Market time moves to it if it lies ahead.
    pub fn record(&mut self, print: &Print) {
        self.advance_to(print.at);
        // A trade that is told late belongs to the present: what has closed stays closed.
        let at = print.at.max(self.now);
        let scale = self.price_scale + self.quantity_scale;
        let exact = i128::from(print.price) * i128::from(print.quantity);
        let trade = PublicTrade {
            trade_id: print.trade_id,
            price: print.price,
            quantity: print.quantity,
            quote: rescale(exact, scale, SCALE_MAX, Rounding::HalfEven).unwrap_or(i128::MAX),
            is_buyer_maker: print.taker == Side::Sell,
            at,
        };
        let ended = self.log.record(trade, print.taker_order);
        self.due.extend(ended.map(TapeEvent::Aggregate));
        for series in &mut self.series {
            series.record(&trade);
        }
        self.has_traded = true;
    }

    /// Ends the open aggregate: an order's fills never span two inputs of the core.
    pub fn seal(&mut self) {
        let ended = self.log.seal();
        self.due.extend(ended.map(TapeEvent::Aggregate));
    }

    /// What became due since the last call, in order.
    pub fn drain(&mut self) -> Vec<TapeEvent> {
        std::mem::take(&mut self.due)
    }

    pub fn log(&self) -> &TradeLog {
        &self.log
    }

    pub fn now(&self) -> i64 {
        self.now
    }

    /// What the slow streams show at `at`; `None` before the first trade.
    pub fn pulse(&self, at: i64, is_even: bool) -> Option<Pulse> {
        let last = *self.log.last()?;
        let running = self.series.iter().filter_map(|series| {
            let kline = *series.running()?;
            Some((series.interval, series.offset_ms, kline))
        });
        Some(Pulse {
            at,
            is_even,
            running: running.collect(),
            last,
            day: self.day(),
            rolling: [HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS].map(|length| self.rolling(length)),
            average: self.average_price().unwrap_or_default(),
        })
    }

    /// Klines of `interval` that open within `from..=to`: the oldest `limit` of them if
    /// `from_start`, else the newest.
    ///
    /// An offset that moves the bars is served out of one-minute klines, hence up to a year back.
    pub fn klines(
        &self,
        (interval, offset_ms): (Interval, i64),
        (from, to): (i64, i64),
        (from_start, limit): (bool, usize),
    ) -> Vec<Kline> {
        let pick = |bars: &mut dyn DoubleEndedIterator<Item = Kline>| -> Vec<Kline> {
            if from_start {
                return bars.take(limit).collect();
            }
            let mut newest: Vec<Kline> = bars.rev().take(limit).collect();
            newest.reverse();
            newest
        };
        if !interval.is_moved_by(offset_ms) {
            let series = self.utc(interval);
            return series.map_or_else(Vec::new, |series| {
                pick(&mut series.between(from, to).copied())
            });
        }
        let Some(minutes) = self.utc(Interval::Minute1) else {
            return Vec::new();
        };
        // Bars may begin before `from` and reach beyond `to`; whole ones are rolled, then cut.
        let reach = interval.span(from.max(0), offset_ms).0;
        let last = to.min(self.now);
        let until = interval.span(last, offset_ms).1;
        let bars = klines::roll(minutes.between(reach, until), interval, offset_ms);
        pick(
            &mut bars
                .into_iter()
                .filter(|bar| (from..=to).contains(&bar.opened_at)),
        )
    }

    fn utc(&self, interval: Interval) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.interval == interval && series.offset_ms == 0)
    }

    /// The last 24 hours, to the second.
    pub fn day(&self) -> Summary {
        let opened_at = self.now - 24 * HOUR_MS;
        self.summary(opened_at.div_euclid(SECOND_MS) * SECOND_MS)
    }

    /// A window of `length_ms` that begins on a minute, hence up to 59 999 ms wider
    /// (rest-api.md, "Rolling window price change statistics").
    pub fn rolling(&self, length_ms: i64) -> Summary {
        let opened_at = self.now - length_ms;
        self.summary(opened_at.div_euclid(MINUTE_MS) * MINUTE_MS)
    }

    /// Everything that traded from `from` (a whole second) until now.
    pub fn summary(&self, from: i64) -> Summary {
        let minute = from.div_euclid(MINUTE_MS) * MINUTE_MS;
        let minute = if minute == from {
            from
        } else {
            minute + MINUTE_MS
        };
        let hour = minute.div_euclid(HOUR_MS) * HOUR_MS;
        let hour = if hour == minute {
            minute
        } else {
            hour + HOUR_MS
        };
        let mut summary = Summary::new(from, self.now);
        let parts = [
            (Interval::Second1, from, minute - 1),
            (Interval::Minute1, minute, hour - 1),
            (Interval::Hour1, hour, i64::MAX),
        ];
        for (interval, from, to) in parts {
            let Some(series) = self.utc(interval) else {
                continue;
            };
            for kline in series.between(from, to) {
                summary.add(kline);
            }
        }
        summary.previous_close = self.close_before(from);
        summary
    }

    /// The price of the last trade before `at`.
    fn close_before(&self, at: i64) -> Option<i64> {
        [Interval::Second1, Interval::Minute1, Interval::Hour1]
            .into_iter()
            .find_map(|interval| {
                let series = self.utc(interval)?;
                let earlier = series.before(at).filter(|kline| kline.ends_at <= at);
                earlier.map(|kline| kline.close)
            })
    }

    /// The volume-weighted price of the last five minutes at scale 8, or the last price; `None`
    /// before the first trade.
    pub fn average_price(&self) -> Option<i128> {
        let from = (self.now - 5 * MINUTE_MS).div_euclid(SECOND_MS) * SECOND_MS;
        self.summary(from).average(self.quantity_scale).or_else(|| {
            let last = i128::from(self.log.last()?.price);
            rescale(last, self.price_scale, SCALE_MAX, Rounding::HalfEven)
        })
    }
}
