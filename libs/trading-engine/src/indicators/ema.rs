//! Exponential moving average of the close, seeded with the simple average (TA-Lib EMA).

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};

/// The recursion alone, for other studies: value += (x - value) * 2 / (period + 1).
#[derive(Clone, Debug)]
pub struct EmaCore {
    period: usize,
    weight: f64,
    seen: usize,
    value: f64,
}

impl EmaCore {
    pub fn new(period: usize) -> Self {
        Self {
            period,
            weight: 2.0 / (period as f64 + 1.0),
            seen: 0,
            value: 0.0,
        }
    }

    #[inline]
    pub fn next(&mut self, x: f64) -> Option<f64> {
        if self.seen == self.period {
            self.value += (x - self.value) * self.weight;
            return Some(self.value);
        }
        self.value += x;
        self.seen += 1;
        if self.seen < self.period {
            return None;
        }
        self.value /= self.period as f64;
        Some(self.value)
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.count(&mut self.seen, self.period)?;
        state.f64(&mut self.value)
    }
}

#[derive(Clone, Debug)]
pub struct Ema {
    core: EmaCore,
}

impl Study for Ema {
    const NAME: &'static str = "ema";
    const SUMMARY: &'static str = "Exponential moving average of the close";
    const PARAMS: &'static [Param] = &[Param::bars("period", 20.0, 2.0)];
    const OUTPUTS: &'static [Output] = &[Output::new("ema", Scale::Price)];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            core: EmaCore::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.core.period]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        [self.core.next(bar.close).unwrap_or(f64::NAN)]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.core.persist(state)
    }
}
