//! Breakout: the close leaves a resistance (+1) or a support (-1) that was touched at least
//! `touches` times by more than `margin` x ATR (rules: `levels`). Each level breaks once.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

use super::swings::levels::{ATR, CLUSTER, LevelTracker, MARGIN, MAX_AGE, SWING};

#[derive(Clone, Debug)]
pub struct Breakout {
    touches: f64,
    tracker: LevelTracker,
}

impl Study for Breakout {
    const NAME: &'static str = "breakout";
    const SUMMARY: &'static str = "Close beyond a resistance (+1) or a support (-1)";
    const PARAMS: &'static [Param] = &[
        SWING,
        ATR,
        CLUSTER,
        MARGIN,
        MAX_AGE,
        Param::bars("touches", 2.0, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[Output::new("breakout", Scale::State)];
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            touches: params.real("touches"),
            tracker: LevelTracker::new(params),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.tracker.warmup()]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let Some(breaks) = self.tracker.next(bar) else {
            return [f64::NAN];
        };
        let is_up = breaks.up >= self.touches;
        let is_down = breaks.down >= self.touches;
        [f64::from(i8::from(is_up) - i8::from(is_down))]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.tracker.persist(state)
    }
}
