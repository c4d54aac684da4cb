//! Statistics of a window of time.

use super::klines::Kline;

/// What traded in a window. Prices and volumes are mantissas at the instrument's scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    pub opened_at: i64,
    pub closed_at: i64,
    /// The trades as one bar; `None` if there were none.
    pub bar: Option<Kline>,
    /// The last price before the window.
    pub previous_close: Option<i64>,
}

impl Summary {
    pub fn new(opened_at: i64, closed_at: i64) -> Self {
        Self {
            opened_at,
            closed_at,
            bar: None,
            previous_close: None,
        }
    }

    /// Adds a bar that follows the ones added before.
    pub fn add(&mut self, kline: &Kline) {
        match &mut self.bar {
            Some(bar) => bar.merge(kline),
            None => self.bar = Some(*kline),
        }
    }

    /// Quote amount by volume, at scale 8, rounded half up; `None` without trades.
    pub fn average(&self, quantity_scale: u8) -> Option<i128> {
        let bar = self.bar.filter(|bar| bar.volume > 0)?;
        let unit = 10_i128.pow(u32::from(quantity_scale));
        let quote = bar.quote_volume.checked_mul(unit)?;
        Some((quote + bar.volume / 2) / bar.volume)
    }

    /// How far the close lies above the open.
    pub fn change(&self) -> i64 {
        self.bar.map_or(0, |bar| bar.close - bar.open)
    }

    /// The change in thousandths of a percent of the open, rounded half away from zero.
    pub fn change_percent_milli(&self) -> i128 {
        let Some(bar) = self.bar.filter(|bar| bar.open > 0) else {
            return 0;
        };
        let (change, open) = (i128::from(bar.close - bar.open), i128::from(bar.open));
        let half = if change < 0 { -open / 2 } else { open / 2 };
        (change * 100_000 + half) / open
    }
}

#[cfg(test)]
mod tests {
    use crate::models::orders::Side;
    use crate::services::core::tape::Tape;
    use crate::services::core::tape::interval::{HOUR_MS, MINUTE_MS};
    use crate::services::core::tape::trades::Print;
    use proptest::prelude::*;

    proptest! {
        /// Windows built of seconds, minutes and hours equal a sum over all trades.
        #[test]
        fn windows_equal_a_sum_over_the_trades(
            trades in prop::collection::vec((0_i64..2_000_000, 1_i64..1_000, 1_i64..50), 1..200),
            wait in 0_i64..100_000_000,
        ) {
            let mut tape = Tape::new(2, 5);
            let mut told = Vec::new();
            let mut at = 1_723_161_600_000;
            for (index, (pause, price, quantity)) in trades.iter().enumerate() {
                at += pause;
                let print = Print {
                    trade_id: index as u64 + 1, price: *price, quantity: *quantity,
                    taker: Side::Buy, taker_order: None, at,
                };
                tape.record(&print);
                told.push(print);
            }
            let now = at + wait;
            tape.advance_to(now);
            let day = now - 24 * HOUR_MS;
            let windows = [
                (day.div_euclid(1_000) * 1_000, tape.day()),
                ((now - HOUR_MS).div_euclid(MINUTE_MS) * MINUTE_MS, tape.rolling(HOUR_MS)),
                ((now - 4 * HOUR_MS).div_euclid(MINUTE_MS) * MINUTE_MS, tape.rolling(4 * HOUR_MS)),
            ];
            for (from, summary) in windows {
                let inside: Vec<&Print> = told.iter().filter(|print| print.at >= from).collect();
                let before = told.iter().rev().find(|print| print.at < from);
                prop_assert_eq!(summary.opened_at, from);
                prop_assert_eq!(summary.bar.map_or(0, |bar| bar.trades), inside.len() as u64);
                if let (Some(bar), Some(first)) = (summary.bar, inside.first()) {
                    let volume: i64 = inside.iter().map(|print| print.quantity).sum();
                    prop_assert_eq!(bar.volume, i128::from(volume));
                    prop_assert_eq!(bar.open, first.price);
                    prop_assert_eq!(Some(bar.high), inside.iter().map(|print| print.price).max());
                    prop_assert_eq!(Some(bar.low), inside.iter().map(|print| print.price).min());
                }
                // Closed bars that reach back further than the kept seconds round to minutes.
                if let (Some(found), Some(before)) = (summary.previous_close, before) {
                    prop_assert_eq!(found, before.price);
                }
            }
        }
    }
}
