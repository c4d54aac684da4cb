//! Commodity channel index (TA-Lib CCI): distance of the typical price from its average in units
//! of 0.015 mean deviations.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};
use super::base::window::Window;

#[derive(Clone, Debug)]
pub struct Cci {
    prices: Window,
}

impl Study for Cci {
    const NAME: &'static str = "cci";
    const SUMMARY: &'static str = "Commodity channel index of the typical price";
    const PARAMS: &'static [Param] = &[Param::bars("period", 20.0, 2.0)];
    const OUTPUTS: &'static [Output] = &[Output::new("cci", Scale::Ratio)];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 1];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            prices: Window::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.prices.len()]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 1] {
        let price = bar.typical_price();
        self.prices.push(price);
        if !self.prices.is_full() {
            return [f64::NAN];
        }
        // One cell after the other, as TA-Lib sums: on a calm window rounding shows in the quotient.
        let cells = self.prices.cells();
        let period = cells.len() as f64;
        let mean = cells.iter().fold(0.0, |sum, cell| sum + cell) / period;
        let deviation = cells
            .iter()
            .fold(0.0, |sum, cell| sum + (cell - mean).abs());
        let distance = price - mean;
        // A flat window has no distance, only rounding errors (TA-Lib 0.8 draws the line here too).
        let noise = 1e-14 * mean.abs();
        if distance.abs() <= noise || deviation / period <= noise {
            return [0.0];
        }
        [distance / (0.015 * (deviation / period))]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.prices.persist(state)
    }
}
