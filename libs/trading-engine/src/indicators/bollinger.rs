//! Bollinger bands (TA-Lib BBANDS): simple average and population standard deviation.
//!
//! The deviation is taken around the mean in a second pass over the window: the sum of squares
//! minus the square of the sum would lose half of the digits on a calm market.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use super::base::window::RollingSum;

#[derive(Clone, Debug)]
pub struct Bollinger {
    width: f64,
    closes: RollingSum,
}

impl Study for Bollinger {
    const NAME: &'static str = "bollinger";
    const SUMMARY: &'static str = "Bollinger bands around the simple average of the close";
    const PARAMS: &'static [Param] = &[
        Param::bars("period", 20.0, 2.0),
        Param::real("width", 2.0, 0.1, 10.0),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output::new("bb_upper", Scale::Price),
        Output::new("bb_middle", Scale::Price),
        Output::new("bb_lower", Scale::Price),
    ];
    type Values = [f64; 3];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            width: params.real("width"),
            closes: RollingSum::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.closes.len(); 3]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 3] {
        self.closes.push(bar.close);
        if !self.closes.is_full() {
            return [f64::NAN; 3];
        }
        let middle = self.closes.mean();
        let cells = self.closes.cells();
        let squares = cells
            .iter()
            .fold(0.0, |sum, c| sum + (c - middle) * (c - middle));
        let reach = self.width * (squares / cells.len() as f64).sqrt();
        [middle + reach, middle, middle - reach]
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.closes.persist(state)
    }
}
