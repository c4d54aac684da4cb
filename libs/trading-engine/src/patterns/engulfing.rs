//! Engulfing (TA-Lib CDLENGULFING): a body of the other colour that covers the previous body, equal
//! on one end at most. Unlike TA-Lib, a previous bar without a body cannot be engulfed.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

#[derive(Clone, Debug)]
pub struct Engulfing {
    is_warm: bool,
    open: f64,
    close: f64,
}

impl Engulfing {
    /// Does `[bottom, top]` cover the previous body, with at most one end in common?
    fn covers(&self, bottom: f64, top: f64) -> bool {
        let (low, high) = (self.open.min(self.close), self.open.max(self.close));
        bottom <= low && top >= high && (bottom < low || top > high)
    }
}

impl Study for Engulfing {
    const NAME: &'static str = "engulfing";
    const SUMMARY: &'static str = "Body covers the previous one, rising (+1) or falling (-1)";
    const PARAMS: &'static [Param] = &[];
    const OUTPUTS: &'static [Output] = &[Output::new("engulfing", Scale::State)];
    type Values = [f64; 1];

    fn new(_: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            is_warm: false,
            open: 0.0,
            close: 0.0,
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![2]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let mut value = if self.is_warm { 0.0 } else { f64::NAN };
        if self.is_warm && bar.close > bar.open && self.close < self.open {
            value = f64::from(u8::from(self.covers(bar.open, bar.close)));
        } else if self.is_warm && bar.close < bar.open && self.close > self.open {
            value = -f64::from(u8::from(self.covers(bar.close, bar.open)));
        }
        self.is_warm = true;
        self.open = bar.open;
        self.close = bar.close;
        [value]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.flag(&mut self.is_warm)?;
        state.f64(&mut self.open)?;
        state.f64(&mut self.close)
    }
}
