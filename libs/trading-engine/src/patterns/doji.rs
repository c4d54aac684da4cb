//! Doji (TA-Lib CDLDOJI): the body is at most `body` x the mean range of the `average` bars before.
//! Unlike TA-Lib, a bar without any range is no doji: nobody traded a decision there.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use crate::indicators::base::window::RollingSum;

#[derive(Clone, Debug)]
pub struct Doji {
    body: f64,
    ranges: RollingSum,
}

impl Study for Doji {
    const NAME: &'static str = "doji";
    const SUMMARY: &'static str = "Open and close nearly equal (1)";
    const PARAMS: &'static [Param] = &[
        Param::real("body", 0.1, 0.0, 1.0),
        Param::bars("average", 10.0, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[Output::new("doji", Scale::State)];
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            body: params.real("body"),
            ranges: RollingSum::new(params.bars("average")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.ranges.len() + 1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let is_warm = self.ranges.is_full();
        let most = self.body * self.ranges.mean();
        self.ranges.push(bar.range());
        if !is_warm {
            return [f64::NAN];
        }
        let body = (bar.close - bar.open).abs();
        [f64::from(u8::from(bar.range() > 0.0 && body <= most))]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.ranges.persist(state)
    }
}
