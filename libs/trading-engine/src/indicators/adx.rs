//! Directional movement (TA-Lib ADX, PLUS_DI, MINUS_DI): Wilder sums, the first of `period - 1`
//! movements, the average of `period` directional indices as the seed of the ADX.

use super::atr::true_range;
use super::base::state::{State, StateError};
use super::base::study::{Bar64, Naming, Output, Param, Params, Scale, Study, StudyError};

/// The recursion alone, for other studies; `seen` counts bars up to one more than the warm-up.
#[derive(Clone, Debug)]
pub struct AdxCore {
    period: usize,
    weight: f64,
    seen: usize,
    /// High, low and close of the bar before.
    previous: [f64; 3],
    plus: f64,
    minus: f64,
    range: f64,
    adx: f64,
}

impl AdxCore {
    pub fn new(period: usize) -> Self {
        Self {
            period,
            weight: 1.0 / period as f64,
            seen: 0,
            previous: [0.0; 3],
            plus: 0.0,
            minus: 0.0,
            range: 0.0,
            adx: 0.0,
        }
    }

    /// ADX, +DI, -DI; NaN while cold. The latter two start `period - 1` bars before the ADX.
    #[inline]
    pub fn next(&mut self, bar: &Bar64) -> [f64; 3] {
        let [high, low, close] = self.previous;
        self.previous = [bar.high, bar.low, bar.close];
        let (up, down) = (bar.high - high, low - bar.low);
        let range = true_range(bar, close);
        if self.seen == 0 {
            self.seen = 1;
            return [f64::NAN; 3];
        }
        let decay = if self.seen < self.period {
            0.0
        } else {
            self.weight
        };
        // Selections, not branches: the market takes turns that no processor foresees.
        let is_up = up > down.max(0.0);
        let is_down = down > up.max(0.0);
        self.plus += (if is_up { up } else { 0.0 }) - self.plus * decay;
        self.minus += (if is_down { down } else { 0.0 }) - self.minus * decay;
        self.range += range - self.range * decay;
        if self.seen <= 2 * self.period {
            self.seen += 1;
        }
        if self.seen <= self.period {
            [f64::NAN; 3]
        } else {
            self.warm()
        }
    }

    #[inline]
    fn warm(&mut self) -> [f64; 3] {
        let (mut plus, mut minus) = (0.0, 0.0);
        let mut index = None;
        if self.range > 0.0 {
            plus = 100.0 * (self.plus / self.range);
            minus = 100.0 * (self.minus / self.range);
            let both = plus + minus;
            index = (both > 0.0).then(|| 100.0 * ((plus - minus).abs() / both));
        }
        // A bar without direction adds nothing to the seed and leaves the ADX as it was.
        if self.seen <= 2 * self.period {
            self.adx += index.unwrap_or(0.0) * self.weight;
        } else if let Some(index) = index {
            self.adx += (index - self.adx) * self.weight;
        }
        let is_warm = self.seen >= 2 * self.period;
        [if is_warm { self.adx } else { f64::NAN }, plus, minus]
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.f64s(&mut self.previous)?;
        state.count(&mut self.seen, 2 * self.period + 1)?;
        state.f64(&mut self.plus)?;
        state.f64(&mut self.minus)?;
        state.f64(&mut self.range)?;
        state.f64(&mut self.adx)
    }
}

#[derive(Clone, Debug)]
pub struct Adx {
    core: AdxCore,
}

impl Study for Adx {
    const NAME: &'static str = "adx";
    const SUMMARY: &'static str = "Average directional index with +DI and -DI, 0 to 100";
    const PARAMS: &'static [Param] = &[Param::bars("period", 14.0, 2.0)];
    const OUTPUTS: &'static [Output] = &[
        Output::new("adx", Scale::Percent),
        Output::new("plus_di", Scale::Percent),
        Output::new("minus_di", Scale::Percent),
    ];
    const NAMING: Naming = Naming::Always;
    type Values = [f64; 3];

    fn new(params: &Params) -> Result<Self, StudyError> {
        Ok(Self {
            core: AdxCore::new(params.bars("period")),
        })
    }

    fn warmups(&self) -> Vec<usize> {
        let period = self.core.period;
        vec![2 * period, period + 1, period + 1]
    }

    #[inline]
    fn update(&mut self, bar: &Bar64) -> [f64; 3] {
        self.core.next(bar)
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.core.persist(state)
    }
}
