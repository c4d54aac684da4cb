//! Volume-weighted average of the typical price since 00:00 UTC of the bar's day.
//!
//! Until a day has its first volume the value of the day before is held (NaN before any volume).

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

const DAY_MS: i64 = 86_400_000;

#[derive(Clone, Debug)]
pub struct Vwap {
    day: i64,
    money: f64,
    volume: f64,
    value: f64,
}

impl Study for Vwap {
    const NAME: &'static str = "vwap";
    const SUMMARY: &'static str = "Volume-weighted average price, restarting at 00:00 UTC";
    const PARAMS: &'static [Param] = &[];
    const OUTPUTS: &'static [Output] = &[Output::new("vwap", Scale::Price)];
    type Values = [f64; 1];

    fn new(_: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            day: i64::MIN,
            money: 0.0,
            volume: 0.0,
            value: f64::NAN,
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let day = bar.opened_at.div_euclid(DAY_MS);
        if day != self.day {
            self.day = day;
            self.money = 0.0;
            self.volume = 0.0;
        }
        self.money += bar.typical_price() * bar.volume;
        self.volume += bar.volume;
        if self.volume > 0.0 {
            self.value = self.money / self.volume;
        }
        [self.value]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.i64(&mut self.day)?;
        state.f64(&mut self.money)?;
        state.f64(&mut self.volume)?;
        state.f64(&mut self.value)
    }
}
