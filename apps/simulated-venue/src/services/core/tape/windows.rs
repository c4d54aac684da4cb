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
