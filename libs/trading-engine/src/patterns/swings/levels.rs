//! Support and resistance levels out of confirmed swing pivots.
//!
//! A pivot within `cluster` x ATR of a level is another touch of it (the level moves to the mean of
//! its touches); any other pivot opens a level. A level is broken, and forgotten, when a bar closes
//! beyond it by more than `margin` x the ATR of the bar before; it is also forgotten `max_age` bars
//! after its last touch.

use crate::indicators::atr::AtrCore;
use crate::indicators::base::state::{State, StateError};
use crate::indicators::base::study::{Bar64, Param, Params};

use super::pivots::Pivots;

/// Levels kept per side; the one untouched for longest makes room.
const MOST_LEVELS: usize = 24;

/// Parameters shared by the patterns that use levels.
pub const SWING: Param = Param::bars("swing", 5.0, 1.0);
pub const ATR: Param = Param::bars("atr", 14.0, 1.0);
pub const CLUSTER: Param = Param::real("cluster", 0.5, 0.0, 10.0);
pub const MARGIN: Param = Param::real("margin", 0.25, 0.0, 10.0);
pub const MAX_AGE: Param = Param::bars("max_age", 500.0, 1.0);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    pub price: f64,
    pub touches: f64,
    touched_at: u64,
}

/// One side's levels; prices are negated for supports, so that one rule serves both.
#[derive(Clone, Debug)]
struct Book {
    levels: Vec<Level>,
}

impl Book {
    fn new() -> Self {
        Self {
            levels: Vec::with_capacity(MOST_LEVELS),
        }
    }

    fn touch(&mut self, price: f64, reach: f64, now: u64) {
        let distance = |level: &Level| (level.price - price).abs();
        let near = self
            .levels
            .iter_mut()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)));
        if let Some(level) = near.filter(|level| distance(level) <= reach) {
            level.price = (level.price * level.touches + price) / (level.touches + 1.0);
            level.touches += 1.0;
            level.touched_at = now;
            return;
        }
        if self.levels.len() == MOST_LEVELS {
            let oldest = self
                .levels
                .iter()
                .map(|level| level.touched_at)
                .min()
                .unwrap_or(0);
            self.levels.retain(|level| level.touched_at != oldest);
        }
        self.levels.push(Level {
            price,
            touches: 1.0,
            touched_at: now,
        });
    }

    /// Forgets levels that `close` broke; answers the most touches among them, 0 for none.
    fn break_out(&mut self, close: f64, margin: f64) -> f64 {
        let mut most = 0.0;
        if !self.levels.iter().any(|level| close > level.price + margin) {
            return most;
        }
        self.levels.retain(|level| {
            let is_broken = close > level.price + margin;
            if is_broken && level.touches > most {
                most = level.touches;
            }
            !is_broken
        });
        most
    }

    fn expire(&mut self, now: u64, max_age: u64) {
        if self
            .levels
            .iter()
            .any(|level| now - level.touched_at > max_age)
        {
            self.levels
                .retain(|level| now - level.touched_at <= max_age);
        }
    }

    /// The nearest level not below `close`.
    #[inline]
    fn nearest(&self, close: f64) -> Option<Level> {
        let ahead = self.levels.iter().filter(|level| level.price >= close);
        ahead.min_by(|a, b| a.price.total_cmp(&b.price)).copied()
    }

    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        let mut count = self.levels.len();
        state.count(&mut count, MOST_LEVELS)?;
        self.levels.resize(count, Level::default());
        self.levels.iter_mut().try_for_each(|level| {
            state.f64(&mut level.price)?;
            state.f64(&mut level.touches)?;
            state.u64(&mut level.touched_at)
        })
    }
}

/// What one bar did to the levels: the most touches of a level it broke upwards and downwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaks {
    pub up: f64,
    pub down: f64,
}

#[derive(Clone, Debug)]
pub struct LevelTracker {
    cluster: f64,
    margin: f64,
    max_age: u64,
    now: u64,
    range: Option<f64>,
    atr: AtrCore,
    pivots: Pivots,
    resistances: Book,
    supports: Book,
}

impl LevelTracker {
    pub fn new(params: &Params) -> Self {
        Self {
            cluster: params.real("cluster"),
            margin: params.real("margin"),
            max_age: params.bars("max_age") as u64,
            now: 0,
            range: None,
            atr: AtrCore::new(params.bars("atr")),
            pivots: Pivots::new(params.bars("swing")),
            resistances: Book::new(),
            supports: Book::new(),
        }
    }

    pub fn warmup(&self) -> usize {
        self.pivots.warmup().max(self.atr.warmup())
    }

    /// Takes the next bar; `None` while the ATR or the pivots are cold.
    pub fn next(&mut self, bar: &Bar64) -> Option<Breaks> {
        self.now += 1;
        let margin = self.range.map(|range| self.margin * range);
        self.range = self.atr.next(bar);
        let confirmed = self.pivots.next(bar);
        let mut breaks = Breaks::default();
        if let Some(margin) = margin {
            breaks.up = self.resistances.break_out(bar.close, margin);
            breaks.down = self.supports.break_out(-bar.close, margin);
        }
        self.resistances.expire(self.now, self.max_age);
        self.supports.expire(self.now, self.max_age);
        let reach = self.cluster * self.range?;
        if let Some(high) = confirmed.high {
            self.resistances.touch(high, reach, self.now);
        }
        if let Some(low) = confirmed.low {
            self.supports.touch(-low, reach, self.now);
        }
        (self.now >= self.warmup() as u64).then_some(breaks)
    }

    /// The highest support not above `close`.
    pub fn support(&self, close: f64) -> Option<Level> {
        let level = self.supports.nearest(-close)?;
        Some(Level {
            price: -level.price,
            ..level
        })
    }

    /// The lowest resistance not below `close`.
    pub fn resistance(&self, close: f64) -> Option<Level> {
        self.resistances.nearest(close)
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        let mut has_range = self.range.is_some();
        let mut range = self.range.unwrap_or(0.0);
        state.u64(&mut self.now)?;
        state.flag(&mut has_range)?;
        state.f64(&mut range)?;
        self.range = has_range.then_some(range);
        self.atr.persist(state)?;
        self.pivots.persist(state)?;
        self.resistances.persist(state)?;
        self.supports.persist(state)
    }
}
