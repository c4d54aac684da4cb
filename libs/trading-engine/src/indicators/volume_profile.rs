//! Volume profile of the last `bars` bars: their span from lowest low to highest high is cut into
//! equal bins `[edge, next edge)` (the top edge belongs to the last bin), and each bar's volume is
//! spread evenly over the bins from its low to its high: bin = floor((price - low) * (bins / span)).
//!
//! `vp_poc` is the middle of the fullest bin (the lowest of equals). The value area starts there and
//! takes the fuller neighbour (the lower of equals) until it holds `area` of the volume. While the
//! window has no volume the last values are held.

use super::base::histogram::Histogram;
use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};

#[derive(Clone, Debug)]
pub struct VolumeProfile {
    area: f64,
    histogram: Histogram,
    values: [f64; 3],
}

impl Study for VolumeProfile {
    const NAME: &'static str = "volume_profile";
    const SUMMARY: &'static str = "Price of the most volume and value area of the latest bars";
    const PARAMS: &'static [Param] = &[
        Param::bars("bars", 96.0, 2.0),
        Param {
            name: "bins",
            default: 24.0,
            min: 2.0,
            max: 500.0,
            whole: true,
        },
        Param::real("area", 0.7, 0.01, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output::new("vp_poc", Scale::Price),
        Output::new("vp_value_high", Scale::Price),
        Output::new("vp_value_low", Scale::Price),
    ];
    type Values = [f64; 3];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let histogram = Histogram::new(params.bars("bars"), params.bars("bins"));
        Ok(Self {
            area: params.real("area"),
            histogram,
            values: [f64::NAN; 3],
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.histogram.bars(); 3]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 3] {
        if !self.histogram.push(bar) {
            return self.values;
        }
        let (total, poc) = self.histogram.count();
        if total > 0 {
            let (bottom, top) = self.histogram.value_area(poc, self.area * total as f64);
            let edge = |bins: f64| self.histogram.edge(bins);
            self.values = [
                edge(poc as f64 + 0.5),
                edge(top as f64 + 1.0),
                edge(bottom as f64),
            ];
        }
        self.values
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.f64s(&mut self.values)?;
        self.histogram.persist(state)
    }
}
