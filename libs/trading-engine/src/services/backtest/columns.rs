//! Bars as columns, borrowed from the caller.

use rust_common::{DomainError, UnixMillis};

use crate::models::Bar;

/// Equally long columns: times in milliseconds, prices as mantissas, ATR in price units (NaN
/// while cold).
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    pub opened_at: &'a [i64],
    pub open: &'a [i64],
    pub high: &'a [i64],
    pub low: &'a [i64],
    pub close: &'a [i64],
    pub closed_at: &'a [i64],
    pub atr: &'a [f64],
}

impl Columns<'_> {
    pub fn len(&self) -> usize {
        self.open.len()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The bar of a row; volume plays no part in matching and is 0.
    pub(super) fn row(&self, index: usize) -> Option<(Bar, f64)> {
        let bar = Bar {
            opened_at: UnixMillis::new(*self.opened_at.get(index)?).ok()?,
            closed_at: UnixMillis::new(*self.closed_at.get(index)?).ok()?,
            open: *self.open.get(index)?,
            high: *self.high.get(index)?,
            low: *self.low.get(index)?,
            close: *self.close.get(index)?,
            volume: 0.0,
        };
        Some((bar, *self.atr.get(index)?))
    }

    /// Equal lengths, ascending times, consistent prices; names the first bad row.
    pub fn check(&self) -> Result<(), DomainError> {
        let lengths = [
            ("opened_at", self.opened_at.len()),
            ("high", self.high.len()),
            ("low", self.low.len()),
            ("close", self.close.len()),
            ("closed_at", self.closed_at.len()),
            ("atr", self.atr.len()),
        ];
        for (name, length) in lengths {
            if length != self.len() {
                let message = format!("column {name} has {length} rows, open has {}", self.len());
                return Err(DomainError::Inconsistent { message });
            }
        }
        let mut closed_before = i64::MIN;
        for index in 0..self.len() {
            let refuse = |what: &str| {
                let message = format!("row {index}: {what}");
                Err(DomainError::Inconsistent { message })
            };
            let Some((bar, _)) = self.row(index) else {
                return refuse("a time is outside 1970 to 9999");
            };
            if bar.opened_at.as_millis() < closed_before || bar.closed_at <= bar.opened_at {
                return refuse("times must ascend and bars must not overlap");
            }
            let (top, bottom) = (bar.open.max(bar.close), bar.open.min(bar.close));
            if bar.low <= 0 || bar.low > bottom || bar.high < top {
                return refuse("prices must keep 0 < low <= open, close <= high");
            }
            closed_before = bar.closed_at.as_millis();
        }
        Ok(())
    }
}
