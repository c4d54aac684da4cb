//! Fixed-length rings of the latest values, and what studies ask of them.

use super::state::{State, StateError};

#[derive(Clone, Debug)]
pub struct Window {
    values: Box<[f64]>,
    next: usize,
    filled: usize,
}

impl Window {
    pub fn new(length: usize) -> Self {
        Self {
            values: vec![0.0; length.max(1)].into_boxed_slice(),
            next: 0,
            filled: 0,
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// Values held so far, at most the length.
    #[inline]
    pub fn filled(&self) -> usize {
        self.filled
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.filled == self.values.len()
    }

    /// Stores `value`; answers the value that fell out once the ring is full.
    #[inline]
    pub fn push(&mut self, value: f64) -> Option<f64> {
        let was_full = self.is_full();
        let old = match self.values.get_mut(self.next) {
            Some(slot) => std::mem::replace(slot, value),
            None => value,
        };
        self.next += 1;
        if self.next == self.values.len() {
            self.next = 0;
        }
        if was_full {
            return Some(old);
        }
        self.filled += 1;
        None
    }

    /// The value pushed `back` pushes before the latest one (0 = the latest).
    #[inline]
    pub fn back(&self, back: usize) -> Option<f64> {
        if back >= self.filled {
            return None;
        }
        let length = self.values.len();
        let at = self.next + length - 1 - back;
        self.values
            .get(if at >= length { at - length } else { at })
            .copied()
    }

    /// The oldest value of a full ring.
    #[inline]
    pub fn oldest(&self) -> Option<f64> {
        if self.is_full() {
            self.values.get(self.next).copied()
        } else {
            None
        }
    }

    /// The ring in storage order; cells not yet filled hold 0.
    #[inline]
    pub fn cells(&self) -> &[f64] {
        &self.values
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        let length = self.values.len();
        state.count(&mut self.next, length - 1)?;
        state.count(&mut self.filled, length)?;
        state.f64s(&mut self.values)
    }
}

/// Sum of a ring that neither drifts nor is taken anew at every bar: each addition's rounding error
/// is computed exactly (Knuth's two-sum) and carried along, so what remains is of second order.
#[derive(Clone, Debug)]
pub struct RollingSum {
    window: Window,
    sum: f64,
    carry: f64,
}

impl RollingSum {
    pub fn new(length: usize) -> Self {
        Self {
            window: Window::new(length),
            sum: 0.0,
            carry: 0.0,
        }
    }

    #[inline]
    pub fn push(&mut self, value: f64) {
        let old = self.window.push(value).unwrap_or(0.0);
        self.add(value);
        self.add(-old);
    }

    #[inline]
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        let part = sum - self.sum;
        self.carry += (self.sum - (sum - part)) + (value - part);
        self.sum = sum;
    }

    #[inline]
    pub fn sum(&self) -> f64 {
        self.sum + self.carry
    }

    /// Mean of a full ring.
    #[inline]
    pub fn mean(&self) -> f64 {
        self.sum() / self.window.len() as f64
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.window.len()
    }

    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.window.is_full()
    }

    #[inline]
    pub fn cells(&self) -> &[f64] {
        self.window.cells()
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.window.persist(state)?;
        state.f64(&mut self.sum)?;
        state.f64(&mut self.carry)
    }
}

/// Highest value of a ring; the ring is searched only when the highest falls out of it.
#[derive(Clone, Debug)]
pub struct RollingMax {
    window: Window,
    best: f64,
    age: usize,
}

impl RollingMax {
    pub fn new(length: usize) -> Self {
        Self {
            window: Window::new(length),
            best: f64::NEG_INFINITY,
            age: 0,
        }
    }

    #[inline]
    pub fn push(&mut self, value: f64) {
        self.window.push(value);
        self.age += 1;
        if value >= self.best {
            self.best = value;
            self.age = 0;
        } else if self.age == self.window.len() {
            self.search();
        }
    }

    fn search(&mut self) {
        let cells = self.window.cells();
        let larger = |best: f64, value: &f64| if *value > best { *value } else { best };
        let best = cells.iter().fold(f64::NEG_INFINITY, larger);
        let at = cells.iter().position(|value| *value >= best).unwrap_or(0);
        // From the storage order to ages: the newest cell lies just before `next`.
        let age = self.window.next + cells.len() - 1 - at;
        self.age = if age >= cells.len() {
            age - cells.len()
        } else {
            age
        };
        self.best = best;
    }

    #[inline]
    pub fn max(&self) -> f64 {
        self.best
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.window.len()
    }

    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.window.is_full()
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.window.persist(state)?;
        state.f64(&mut self.best)?;
        state.count(&mut self.age, self.window.len() - 1)
    }
}
