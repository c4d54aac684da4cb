//! On-balance volume (TA-Lib OBV): starts with the first bar's volume.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

#[derive(Clone, Debug)]
pub struct Obv {
    has_previous: bool,
    previous_close: f64,
    value: f64,
}

impl Study for Obv {
    const NAME: &'static str = "obv";
    const SUMMARY: &'static str = "On-balance volume since the first bar";
    const PARAMS: &'static [Param] = &[];
    const OUTPUTS: &'static [Output] = &[Output::new("obv", Scale::Volume)];
    type Values = [f64; 1];

    fn new(_: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            has_previous: false,
            previous_close: 0.0,
            value: 0.0,
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        if !self.has_previous || bar.close > self.previous_close {
            self.value += bar.volume;
        } else if bar.close < self.previous_close {
            self.value -= bar.volume;
        }
        self.has_previous = true;
        self.previous_close = bar.close;
        [self.value]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.flag(&mut self.has_previous)?;
        state.f64(&mut self.previous_close)?;
        state.f64(&mut self.value)
    }
}
