//! Nearest unbroken support and resistance with their touches (rules: `levels`).
//!
//! `support` is never above the close and `resistance` never below it; NaN = there is none.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

use super::swings::levels::{ATR, CLUSTER, Level, LevelTracker, MARGIN, MAX_AGE, SWING};

#[derive(Clone, Debug)]
pub struct SupportResistance {
    tracker: LevelTracker,
}

impl Study for SupportResistance {
    const NAME: &'static str = "support_resistance";
    const SUMMARY: &'static str = "Nearest support and resistance from clustered swing pivots";
    const PARAMS: &'static [Param] = &[SWING, ATR, CLUSTER, MARGIN, MAX_AGE];
    const OUTPUTS: &'static [Output] = &[
        Output::new("support", Scale::Price),
        Output::new("resistance", Scale::Price),
        Output::new("support_touches", Scale::State),
        Output::new("resistance_touches", Scale::State),
    ];
    type Values = [f64; 4];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            tracker: LevelTracker::new(params),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.tracker.warmup(); 4]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 4] {
        if self.tracker.next(bar).is_none() {
            return [f64::NAN; 4];
        }
        let price = |level: Option<Level>| level.map_or(f64::NAN, |level| level.price);
        let touches = |level: Option<Level>| level.map_or(0.0, |level| level.touches);
        let support = self.tracker.support(bar.close);
        let resistance = self.tracker.resistance(bar.close);
        [
            price(support),
            price(resistance),
            touches(support),
            touches(resistance),
        ]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.tracker.persist(state)
    }
}
