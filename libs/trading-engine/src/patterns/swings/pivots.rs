//! Swing pivots: a bar whose high is above the highs of the `side` bars before it and not below
//! those of the `side` bars after it (lows mirrored). It is known `side` bars later, never earlier.

use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::Bar64;
use crate::indicators::base::window::Window;

#[derive(Clone, Debug)]
pub struct Pivots {
    side: usize,
    highs: Window,
    lows: Window,
}

/// The pivot prices confirmed by the latest bar; they belong to the bar `side` bars before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confirmed {
    pub high: Option<f64>,
    pub low: Option<f64>,
}

impl Pivots {
    pub fn new(side: usize) -> Self {
        let length = 2 * side + 1;
        Self {
            side,
            highs: Window::new(length),
            lows: Window::new(length),
        }
    }

    /// Bars until the first pivot can be known.
    pub fn warmup(&self) -> usize {
        self.highs.len()
    }

    pub fn side(&self) -> usize {
        self.side
    }

    #[inline]
    pub fn next(&mut self, bar: &Bar64) -> Confirmed {
        self.highs.push(bar.high);
        // Lows are mirrored, so that one rule finds both.
        self.lows.push(-bar.low);
        if !self.highs.is_full() {
            return Confirmed::default();
        }
        Confirmed {
            high: self.peak(&self.highs),
            low: self.peak(&self.lows).map(|low| -low),
        }
    }

    #[inline]
    fn peak(&self, values: &Window) -> Option<f64> {
        let middle = values.back(self.side)?;
        let is_peak = (1..=self.side).all(|distance| {
            let newer = values.back(self.side - distance);
            let older = values.back(self.side + distance);
            newer.is_some_and(|v| middle >= v) && older.is_some_and(|v| middle > v)
        });
        is_peak.then_some(middle)
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.highs.persist(state)?;
        self.lows.persist(state)
    }
}
