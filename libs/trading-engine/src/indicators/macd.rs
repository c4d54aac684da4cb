//! Moving average convergence/divergence (TA-Lib MACD): the fast EMA is seeded so that both
//! averages start at the same bar, and all three outputs start with the signal.

use super::base::state::{State, StateError};
use super::base::study::{Bar64, Output, Param, Params, Scale, Study, StudyError};
use super::ema::EmaCore;

#[derive(Clone, Debug)]
pub struct Macd {
    /// Bars the fast average waits so that its seed ends where the slow one's does.
    delay: usize,
    waited: usize,
    warmup: usize,
    fast: EmaCore,
    slow: EmaCore,
    signal: EmaCore,
}

impl Study for Macd {
    const NAME: &'static str = "macd";
    const SUMMARY: &'static str = "MACD line, signal and histogram of the close";
    const PARAMS: &'static [Param] = &[
        Param::bars("fast", 12.0, 2.0),
        Param::bars("slow", 26.0, 3.0),
        Param::bars("signal", 9.0, 1.0),
    ];
    const OUTPUTS: &'static [Output] = &[
        Output::new("macd_line", Scale::Price),
        Output::new("macd_signal", Scale::Price),
        Output::new("macd_histogram", Scale::Price),
    ];
    type Values = [f64; 3];

    fn new(params: &Params) -> Result<Self, StudyError> {
        let (fast, slow) = (params.bars("fast"), params.bars("slow"));
        params.require(fast < slow, "fast", "less than slow")?;
        let signal = params.bars("signal");
        Ok(Self {
            delay: slow - fast,
            waited: 0,
            warmup: slow + signal - 1,
            fast: EmaCore::new(fast),
            slow: EmaCore::new(slow),
            signal: EmaCore::new(signal),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        vec![self.warmup; 3]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 3] {
        let slow = self.slow.next(bar.close);
        if self.waited < self.delay {
            self.waited += 1;
            return [f64::NAN; 3];
        }
        let (Some(fast), Some(slow)) = (self.fast.next(bar.close), slow) else {
            return [f64::NAN; 3];
        };
        let line = fast - slow;
        match self.signal.next(line) {
            Some(signal) => [line, signal, line - signal],
            None => [f64::NAN; 3],
        }
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.count(&mut self.waited, self.delay)?;
        self.fast.persist(state)?;
        self.slow.persist(state)?;
        self.signal.persist(state)
    }
}
