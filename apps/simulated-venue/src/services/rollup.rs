//! Higher intervals out of closed base bars, by the engine's own aggregation.

use trading_engine::services::aggregation::{BarAggregator, BaseBar, HigherBar};

use crate::services::core::market::Market;
use crate::services::replay::Row;
use crate::settings::timeframe_ms;

const MINUTE_MS: i64 = 60_000;
/// `opened_at` of every bar the venue serves lies below this; wider ranges are cut to it.
const FAR_FUTURE_MS: i64 = 253_402_300_799_999;

/// A closed bar of a higher interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RolledBar {
    pub row: Row,
    pub length_ms: i64,
}

/// Closed bars of `interval` that open within `from..=to`; `None` if the interval is unknown or no
/// multiple of the recorded one.
pub fn closed_bars(
    market: &Market,
    interval: &str,
    (from, to): (i64, i64),
) -> Option<Vec<RolledBar>> {
    let length_ms = timeframe_ms(interval)?;
    let mut aggregator =
        BarAggregator::new(market.interval_ms / MINUTE_MS, length_ms / MINUTE_MS).ok()?;
    let first = from.max(0) - from.max(0).rem_euclid(length_ms);
    let last = to.min(FAR_FUTURE_MS) + 2 * length_ms;
    let mut bars = Vec::new();
    for row in market
        .closed_between(first, last)
        .filter_map(|index| market.bar(index))
    {
        let base = BaseBar {
            opened_at: row.opened_at,
            open: row.open,
            high: row.high,
            low: row.low,
            close: row.close,
            volume: row.volume,
        };
        let closed = aggregator.update(&base).ok()?;
        bars.extend(
            closed
                .into_iter()
                .flatten()
                .map(|bar| rolled(&bar, length_ms)),
        );
    }
    bars.retain(|bar| (from..=to).contains(&bar.row.opened_at));
    Some(bars)
}

fn rolled(bar: &HigherBar, length_ms: i64) -> RolledBar {
    let row = Row {
        opened_at: bar.opened_at,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        volume: bar.volume,
    };
    RolledBar { row, length_ms }
}
