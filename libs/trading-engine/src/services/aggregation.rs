//! Higher timeframes out of base bars (K18, K19).
//!
//! A higher bar covers `[opened_at, closed_at)` on the UTC epoch grid. It closes with the base bar
//! that reaches its boundary, or, when that one is missing, as soon as a later base bar arrives; it
//! then says how many base bars are missing. A span without any base bar gives no bar.

use thiserror::Error;

const MINUTE_MS: i64 = 60_000;

#[derive(Clone, Debug, Error, PartialEq)]
pub enum AggregationError {
    #[error(
        "cannot build {target} min bars out of {base} min bars; \
             the target must be a multiple of the base, both from 1 to 1440 minutes"
    )]
    Timeframes { base: i64, target: i64 },
    #[error(
        "base bar {index} opened_at {opened_at} is not after {previous}; \
             feed each closed bar once, in order"
    )]
    Disorder {
        index: usize,
        opened_at: i64,
        previous: i64,
    },
    #[error(
        "base bar {index} opened_at {opened_at} is off the grid of {base} minutes (UTC epoch); \
             drop it at import"
    )]
    OffGrid {
        index: usize,
        opened_at: i64,
        base: i64,
    },
    #[error("base bar {index} (opened_at {opened_at}): volume {volume} must be a number >= 0")]
    Volume {
        index: usize,
        opened_at: i64,
        volume: f64,
    },
}

/// A closed base bar; prices are mantissas at the instrument's price scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaseBar {
    pub opened_at: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: f64,
}

/// A closed higher bar; `missing` counts the base bars of its span that were never seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HigherBar {
    pub opened_at: i64,
    pub closed_at: i64,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: f64,
    pub missing: i64,
}

#[derive(Clone, Copy, Debug)]
struct Forming {
    bar: BaseBar,
    seen: i64,
}

/// At most two bars close with one base bar: the one a gap had left open, and its own.
pub type Closed = [Option<HigherBar>; 2];

#[derive(Clone, Copy, Debug)]
pub struct BarAggregator {
    base_ms: i64,
    target_ms: i64,
    last_opened_at: Option<i64>,
    forming: Option<Forming>,
}

impl BarAggregator {
    pub fn new(base_minutes: i64, target_minutes: i64) -> Result<Self, AggregationError> {
        let range = 1..=1440;
        let is_in_range = range.contains(&base_minutes) && range.contains(&target_minutes);
        if !is_in_range || target_minutes % base_minutes != 0 {
            return Err(AggregationError::Timeframes {
                base: base_minutes,
                target: target_minutes,
            });
        }
        Ok(Self {
            base_ms: base_minutes * MINUTE_MS,
            target_ms: target_minutes * MINUTE_MS,
            last_opened_at: None,
            forming: None,
        })
    }

    /// Takes the next closed base bar; answers the higher bars it closes, oldest first.
    pub fn update(&mut self, bar: &BaseBar) -> Result<Closed, AggregationError> {
        self.update_at(0, bar)
    }

    /// Takes base bars in order and hands each closed higher bar to `sink` with the index of the
    /// base bar at which it became known. Refused bars change nothing.
    pub fn batch(
        &mut self,
        bars: impl Iterator<Item = BaseBar>,
        mut sink: impl FnMut(usize, HigherBar),
    ) -> Result<(), AggregationError> {
        let mut copy = *self;
        for (index, bar) in bars.enumerate() {
            let closed = copy.update_at(index, &bar)?;
            closed
                .into_iter()
                .flatten()
                .for_each(|higher| sink(index, higher));
        }
        *self = copy;
        Ok(())
    }

    fn update_at(&mut self, index: usize, bar: &BaseBar) -> Result<Closed, AggregationError> {
        self.check(index, bar)?;
        self.last_opened_at = Some(bar.opened_at);
        let start = self.start_of(bar.opened_at);
        let is_other = |f: &Forming| f.bar.opened_at != start;
        let late = self
            .forming
            .take_if(|f| is_other(f))
            .map(|f| self.close(&f));
        let forming = match self.forming {
            Some(forming) => forming.extend(bar),
            None => Forming {
                bar: BaseBar {
                    opened_at: start,
                    ..*bar
                },
                seen: 1,
            },
        };
        let is_boundary = bar.opened_at - start + self.base_ms == self.target_ms;
        self.forming = (!is_boundary).then_some(forming);
        Ok([late, is_boundary.then(|| self.close(&forming))])
    }

    fn start_of(&self, opened_at: i64) -> i64 {
        opened_at - opened_at.rem_euclid(self.target_ms)
    }

    fn close(&self, forming: &Forming) -> HigherBar {
        let bar = forming.bar;
        HigherBar {
            opened_at: bar.opened_at,
            closed_at: bar.opened_at + self.target_ms,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            volume: bar.volume,
            missing: self.target_ms / self.base_ms - forming.seen,
        }
    }

    fn check(&self, index: usize, bar: &BaseBar) -> Result<(), AggregationError> {
        let BaseBar {
            opened_at, volume, ..
        } = *bar;
        if let Some(previous) = self.last_opened_at.filter(|last| opened_at <= *last) {
            return Err(AggregationError::Disorder {
                index,
                opened_at,
                previous,
            });
        }
        // The second test keeps the closing time of the farthest bar inside i64.
        if opened_at.rem_euclid(self.base_ms) != 0 || opened_at.unsigned_abs() > 1 << 60 {
            let base = self.base_ms / MINUTE_MS;
            return Err(AggregationError::OffGrid {
                index,
                opened_at,
                base,
            });
        }
        if !volume.is_finite() || volume < 0.0 {
            return Err(AggregationError::Volume {
                index,
                opened_at,
                volume,
            });
        }
        Ok(())
    }
}

impl Forming {
    fn extend(self, bar: &BaseBar) -> Self {
        let merged = BaseBar {
            high: self.bar.high.max(bar.high),
            low: self.bar.low.min(bar.low),
            close: bar.close,
            volume: self.bar.volume + bar.volume,
            ..self.bar
        };
        Self {
            bar: merged,
            seen: self.seen + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(minute: i64, price: i64) -> BaseBar {
        let (high, low) = (price + 2, price - 3);
        let opened_at = minute * MINUTE_MS;
        BaseBar {
            opened_at,
            open: price,
            high,
            low,
            close: price + 1,
            volume: 1.5,
        }
    }

    fn feed(aggregator: &mut BarAggregator, minutes: &[i64]) -> Vec<(usize, HigherBar)> {
        let mut out = Vec::new();
        let bars = minutes.iter().map(|m| bar(*m, 100 + m));
        aggregator.batch(bars, |i, b| out.push((i, b))).unwrap();
        out
    }

    #[test]
    fn closes_at_the_boundary() {
        let mut aggregator = BarAggregator::new(15, 60).unwrap();
        let out = feed(&mut aggregator, &[0, 15, 30, 45, 60]);
        let expected = HigherBar {
            opened_at: 0,
            closed_at: 60 * MINUTE_MS,
            open: 100,
            high: 147,
            low: 97,
            close: 146,
            volume: 6.0,
            missing: 0,
        };
        assert_eq!(out, vec![(3, expected)]);
    }

    #[test]
    fn a_gap_over_the_boundary_closes_with_the_next_bar() {
        let mut aggregator = BarAggregator::new(15, 60).unwrap();
        let out = feed(&mut aggregator, &[0, 15, 180, 225, 240]);
        let short: Vec<_> = out
            .iter()
            .map(|(i, b)| (*i, b.opened_at, b.missing))
            .collect();
        assert_eq!(short, vec![(2, 0, 2), (3, 180 * MINUTE_MS, 2)]);
    }

    #[test]
    fn one_base_bar_can_close_two() {
        let mut aggregator = BarAggregator::new(15, 60).unwrap();
        let out = feed(&mut aggregator, &[0, 105]);
        let short: Vec<_> = out
            .iter()
            .map(|(i, b)| (*i, b.opened_at, b.missing))
            .collect();
        assert_eq!(short, vec![(1, 0, 3), (1, 60 * MINUTE_MS, 3)]);
    }

    #[test]
    fn refused_bars_change_nothing() {
        let mut aggregator = BarAggregator::new(15, 60).unwrap();
        feed(&mut aggregator, &[0, 15]);
        let again = [bar(30, 130), bar(30, 130)];
        assert!(aggregator.batch(again.into_iter(), |_, _| {}).is_err());
        assert!(aggregator.update(&bar(15, 1)).is_err());
        assert!(
            aggregator
                .update(&BaseBar {
                    opened_at: 1,
                    ..bar(31, 1)
                })
                .is_err()
        );
        assert!(
            aggregator
                .update(&BaseBar {
                    volume: f64::NAN,
                    ..bar(30, 1)
                })
                .is_err()
        );
        assert_eq!(feed(&mut aggregator, &[30, 45]).len(), 1);
        assert!(BarAggregator::new(15, 50).is_err());
        assert!(BarAggregator::new(0, 50).is_err());
    }
}
