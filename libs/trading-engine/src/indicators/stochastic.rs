//! Slow stochastic oscillator with simple averages (TA-Lib STOCH).

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use super::base::window::{RollingMax, RollingSum};

#[derive(Clone, Debug)]
pub struct Stochastic {
    highs: RollingMax,
    /// Negated, so that the highest is the lowest.
    lows: RollingMax,
    fast: RollingSum,
    slow: RollingSum,
}

impl Study for Stochastic {
    const NAME: &'static str = "stochastic";
    const SUMMARY: &'static str = "Slow stochastic %K and %D, 0 to 100";
    const PARAMS: &'static [Param] = &[
        Param::bars("k", 14.0, 1.0),
        Param::bars("slowing", 3.0, 1.0),
        Param::bars("d", 3.0, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output::new("stoch_k", Scale::Percent),
        Output::new("stoch_d", Scale::Percent),
    ];
    type Values = [f64; 2];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            highs: RollingMax::new(params.bars("k")),
            lows: RollingMax::new(params.bars("k")),
            fast: RollingSum::new(params.bars("slowing")),
            slow: RollingSum::new(params.bars("d")),
        })
    }

    /// Both outputs start together, as in TA-Lib.
    fn warmups(&self) -> Vec<usize> {
        vec![self.highs.len() + self.fast.len() + self.slow.len() - 2; 2]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 2] {
        self.highs.push(bar.high);
        self.lows.push(-bar.low);
        if !self.highs.is_full() {
            return [f64::NAN; 2];
        }
        let lowest = -self.lows.max();
        let span = self.highs.max() - lowest;
        // A window without movement has no position: TA-Lib answers 0.
        self.fast.push(if span > 0.0 {
            (bar.close - lowest) / (span / 100.0)
        } else {
            0.0
        });
        if !self.fast.is_full() {
            return [f64::NAN; 2];
        }
        let k = self.fast.mean();
        self.slow.push(k);
        if self.slow.is_full() {
            [k, self.slow.mean()]
        } else {
            [f64::NAN; 2]
        }
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.highs.persist(state)?;
        self.lows.persist(state)?;
        self.fast.persist(state)?;
        self.slow.persist(state)
    }
}
