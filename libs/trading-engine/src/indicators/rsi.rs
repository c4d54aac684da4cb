//! Relative strength index with Wilder smoothing (TA-Lib RSI).

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};

/// The recursion alone, for other studies.
#[derive(Clone, Debug)]
pub struct RsiCore {
    period: usize,
    weight: f64,
    seen: usize,
    previous: f64,
    gain: f64,
    loss: f64,
}

impl RsiCore {
    pub fn new(period: usize) -> Self {
        Self {
            period,
            weight: 1.0 / period as f64,
            seen: 0,
            previous: 0.0,
            gain: 0.0,
            loss: 0.0,
        }
    }

    pub fn warmup(&self) -> usize {
        self.period + 1
    }

    #[inline]
    pub fn next(&mut self, close: f64) -> Option<f64> {
        let change = close - self.previous;
        self.previous = close;
        let gain = if change > 0.0 { change } else { 0.0 };
        let loss = if change < 0.0 { -change } else { 0.0 };
        if self.seen > self.period {
            self.gain += (gain - self.gain) * self.weight;
            self.loss += (loss - self.loss) * self.weight;
            return Some(self.value());
        }
        self.seen += 1;
        if self.seen == 1 {
            return None;
        }
        self.gain += gain;
        self.loss += loss;
        if self.seen <= self.period {
            return None;
        }
        self.gain *= self.weight;
        self.loss *= self.weight;
        Some(self.value())
    }

    #[inline]
    fn value(&self) -> f64 {
        let both = self.gain + self.loss;
        if both > 0.0 {
            100.0 * (self.gain / both)
        } else {
            0.0
        }
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.count(&mut self.seen, self.period + 1)?;
        state.f64(&mut self.previous)?;
        state.f64(&mut self.gain)?;
        state.f64(&mut self.loss)
    }
}

#[derive(Clone, Debug)]
pub struct Rsi {
    core: RsiCore,
}

impl Study for Rsi {
    const NAME: &'static str = "rsi";
    const SUMMARY: &'static str = "Relative strength index, Wilder smoothing, 0 to 100";
    const PARAMS: &'static [Param] = &[Param::bars("period", 14.0, 2.0)];
    const OUTPUTS: &'static [Output] = &[Output::new("rsi", Scale::Percent)];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            core: RsiCore::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.core.warmup()]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        [self.core.next(bar.close).unwrap_or(f64::NAN)]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.core.persist(state)
    }
}
