//! Money flow index (TA-Lib MFI): typical price times volume, split by the sign of the change of
//! the typical price, over a window. A window that moved less than 1 unit of money gives 0 (also a
//! window without volume), and a change within the rounding error of the typical price is none:
//! both are TA-Lib 0.8's rules, the latter found by bisection against it.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};
use super::base::window::RollingSum;

const LEAST_FLOW: f64 = 1.0;
const ROUNDING: f64 = 1e-14;

#[derive(Clone, Debug)]
pub struct Mfi {
    has_previous: bool,
    previous: f64,
    rising: RollingSum,
    falling: RollingSum,
}

impl Study for Mfi {
    const NAME: &'static str = "mfi";
    const SUMMARY: &'static str = "Money flow index, 0 to 100";
    const PARAMS: &'static [Param] = &[Param::bars("period", 14.0, 2.0)];
    const OUTPUTS: &'static [Output] = &[Output::new("mfi", Scale::Percent)];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let period = params.bars("period");
        Ok(Self {
            has_previous: false,
            previous: 0.0,
            rising: RollingSum::new(period),
            falling: RollingSum::new(period),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.rising.len() + 1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let price = bar.typical_price();
        let change = price - self.previous;
        let noise = ROUNDING * (price.abs() + self.previous.abs());
        self.previous = price;
        if !self.has_previous {
            self.has_previous = true;
            return [f64::NAN];
        }
        let flow = price * bar.volume;
        self.rising.push(if change > noise { flow } else { 0.0 });
        self.falling.push(if change < -noise { flow } else { 0.0 });
        if !self.rising.is_full() {
            return [f64::NAN];
        }
        let rising = self.rising.sum();
        let both = rising + self.falling.sum();
        [if both < LEAST_FLOW {
            0.0
        } else {
            100.0 * (rising / both)
        }]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.flag(&mut self.has_previous)?;
        state.f64(&mut self.previous)?;
        self.rising.persist(state)?;
        self.falling.persist(state)
    }
}
