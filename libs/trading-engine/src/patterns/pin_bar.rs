//! Pin bar: a long wick to one side rejects a price. +1 when the lower wick is at least `wick` of
//! the bar's range and the upper one at most `nose`; -1 mirrored. The range must be at least
//! `least` x the mean range of the `average` bars before, so that a calm bar's noise is no pin.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use crate::indicators::base::window::RollingSum;

#[derive(Clone, Debug)]
pub struct PinBar {
    wick: f64,
    nose: f64,
    least: f64,
    ranges: RollingSum,
}

impl PinBar {
    fn shape(&self, bar: &Bar64) -> f64 {
        let range = bar.range();
        let upper = bar.high - bar.open.max(bar.close);
        let lower = bar.open.min(bar.close) - bar.low;
        let is_pin =
            |long: f64, short: f64| long >= self.wick * range && short <= self.nose * range;
        if is_pin(lower, upper) {
            1.0
        } else if is_pin(upper, lower) {
            -1.0
        } else {
            0.0
        }
    }
}

impl Study for PinBar {
    const NAME: &'static str = "pin_bar";
    const SUMMARY: &'static str = "Long lower wick (+1) or long upper wick (-1)";
    const PARAMS: &'static [Param] = &[
        Param::real("wick", 0.6, 0.5, 1.0),
        Param::real("nose", 0.2, 0.0, 0.5),
        Param::real("least", 0.5, 0.0, 100.0),
        Param::bars("average", 14.0, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[Output::new("pin_bar", Scale::State)];
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let (wick, nose) = (params.real("wick"), params.real("nose"));
        params.require(nose < wick, "nose", "less than wick")?;
        let ranges = RollingSum::new(params.bars("average"));
        Ok(Self {
            wick,
            nose,
            least: params.real("least"),
            ranges,
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.ranges.len() + 1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let is_warm = self.ranges.is_full();
        let mean = self.ranges.mean();
        let range = bar.range();
        self.ranges.push(range);
        if !is_warm {
            return [f64::NAN];
        }
        [if range > 0.0 && range >= self.least * mean {
            self.shape(bar)
        } else {
            0.0
        }]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.ranges.persist(state)
    }
}
