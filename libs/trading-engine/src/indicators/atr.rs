//! Average true range with Wilder smoothing (TA-Lib ATR): seeded with the average of the first
//! `period` true ranges, which begin at the second bar.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};

/// Largest of the bar's range and its distances to the previous close.
#[inline]
pub(super) fn true_range(bar: &Bar64, previous_close: f64) -> f64 {
    let up = (bar.high - previous_close).abs();
    let down = (bar.low - previous_close).abs();
    let mut widest = bar.range();
    if up > widest {
        widest = up;
    }
    if down > widest {
        widest = down;
    }
    widest
}

/// The recursion alone, for other studies.
#[derive(Clone, Debug)]
pub struct AtrCore {
    period: usize,
    weight: f64,
    seen: usize,
    previous_close: f64,
    value: f64,
}

impl AtrCore {
    pub fn new(period: usize) -> Self {
        Self {
            period,
            weight: 1.0 / period as f64,
            seen: 0,
            previous_close: 0.0,
            value: 0.0,
        }
    }

    pub fn warmup(&self) -> usize {
        self.period + 1
    }

    #[inline]
    pub fn next(&mut self, bar: &Bar64) -> Option<f64> {
        let range = true_range(bar, self.previous_close);
        self.previous_close = bar.close;
        if self.seen > self.period {
            self.value += (range - self.value) * self.weight;
            return Some(self.value);
        }
        self.seen += 1;
        if self.seen == 1 {
            return None;
        }
        self.value += range;
        if self.seen <= self.period {
            return None;
        }
        self.value *= self.weight;
        Some(self.value)
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.count(&mut self.seen, self.period + 1)?;
        state.f64(&mut self.previous_close)?;
        state.f64(&mut self.value)
    }
}

#[derive(Clone, Debug)]
pub struct Atr {
    core: AtrCore,
}

impl Study for Atr {
    const NAME: &'static str = "atr";
    const SUMMARY: &'static str = "Average true range, Wilder smoothing";
    const PARAMS: &'static [Param] = &[Param::bars("period", 14.0, 1.0)];
    const OUTPUTS: &'static [Output] = &[Output::new("atr", Scale::Price)];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            core: AtrCore::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.core.warmup()]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        [self.core.next(bar).unwrap_or(f64::NAN)]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.core.persist(state)
    }
}
