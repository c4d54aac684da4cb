//! Volume by price over a ring of bars, on a grid from the lowest low to the highest high.
//!
//! Volumes are summed as integers (units of 2^-49 of the largest volume, rounded to a power of 2),
//! so that adding and removing is exact: while the span stays the same, a bar is added to and
//! removed from a table of differences between neighbouring bins.

use super::state::{State, StateError};
use super::study::Bar64;

/// Largest share of one bar: 5,000 of them fit an i64.
const LARGEST: f64 = (1_u64 << 49) as f64;

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    low: f64,
    high: f64,
    volume: f64,
    first: usize,
    last: usize,
    share: i64,
}

#[derive(Clone, Debug)]
pub struct Histogram {
    cells: Box<[Cell]>,
    next: usize,
    filled: usize,
    grid: Grid,
    /// `steps[b]` = volume of bin b less that of bin b - 1; one cell more than there are bins.
    steps: Box<[i64]>,
    bins: Box<[i64]>,
}

impl Histogram {
    pub fn new(bars: usize, bins: usize) -> Self {
        Self {
            cells: vec![Cell::default(); bars].into_boxed_slice(),
            next: 0,
            filled: 0,
            grid: Grid {
                low: f64::NAN,
                high: f64::NAN,
                volume: 0.0,
            },
            steps: vec![0; bins + 1].into_boxed_slice(),
            bins: vec![0; bins].into_boxed_slice(),
        }
    }

    pub fn bars(&self) -> usize {
        self.cells.len()
    }

    /// Takes the next bar; false until the ring is full.
    #[inline]
    pub fn push(&mut self, bar: &Bar64) -> bool {
        let mut cell = Cell {
            low: bar.low,
            high: bar.high,
            volume: bar.volume,
            ..Cell::default()
        };
        // The grid is NaN, so it holds nothing, until the ring is full.
        let fits = self.grid.holds(&cell);
        if fits {
            let (scale, unit) = (self.grid.scale(self.bins.len()), self.grid.unit());
            place(&mut cell, self.grid.low, scale, unit, self.bins.len());
        }
        let old = self.store(cell);
        if self.filled < self.cells.len() {
            return false;
        }
        let span = if fits && self.grid.outlives(&old) {
            self.grid
        } else {
            self.span()
        };
        // A bar that fits cannot widen the span.
        let is_same = span.low <= self.grid.low && span.high >= self.grid.high;
        if fits && is_same {
            add(&mut self.steps, &old, -old.share);
            add(&mut self.steps, &cell, cell.share);
        } else {
            self.grid = span;
            self.rebuild();
        }
        true
    }

    /// Puts the bar into the ring; answers the one it replaces.
    #[inline]
    fn store(&mut self, cell: Cell) -> Cell {
        let slot = self.cells.get_mut(self.next);
        let old = slot
            .map(|slot| std::mem::replace(slot, cell))
            .unwrap_or_default();
        self.next = if self.next + 1 == self.cells.len() {
            0
        } else {
            self.next + 1
        };
        self.filled = (self.filled + 1).min(self.cells.len());
        old
    }

    /// Lowest low, highest high and largest volume of the ring.
    fn span(&self) -> Grid {
        let mut grid = Grid {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            volume: 0.0,
        };
        for cell in &self.cells {
            grid.low = if cell.low < grid.low {
                cell.low
            } else {
                grid.low
            };
            grid.high = if cell.high > grid.high {
                cell.high
            } else {
                grid.high
            };
            grid.volume = if cell.volume > grid.volume {
                cell.volume
            } else {
                grid.volume
            };
        }
        grid
    }

    fn rebuild(&mut self) {
        self.steps.fill(0);
        let scale = self.grid.scale(self.bins.len());
        let unit = self.grid.unit();
        for cell in &mut self.cells {
            place(cell, self.grid.low, scale, unit, self.bins.len());
            add(&mut self.steps, cell, cell.share);
        }
    }

    /// Fills the bins from the table of differences; answers the volume and the fullest bin (the
    /// lowest of equals).
    #[inline]
    pub fn count(&mut self) -> (i64, usize) {
        let (mut volume, mut total) = (0, 0);
        let (mut fullest, mut most) = (0, -1);
        for (index, (bin, step)) in self.bins.iter_mut().zip(&self.steps).enumerate() {
            volume += step;
            *bin = volume;
            total += volume;
            if volume > most {
                (fullest, most) = (index, volume);
            }
        }
        (total, fullest)
    }

    /// The price `bins` bins above the lowest low.
    pub fn edge(&self, bins: f64) -> f64 {
        self.grid.low + bins * ((self.grid.high - self.grid.low) / self.bins.len() as f64)
    }

    /// First and last bin of the area around `poc` that holds `wanted` of the counted volume.
    #[inline]
    pub fn value_area(&self, poc: usize, wanted: f64) -> (usize, usize) {
        let at = |bin: usize| self.bins.get(bin).copied().unwrap_or(-1);
        let (mut bottom, mut top, mut held) = (poc, poc, at(poc));
        while (held as f64) < wanted {
            // Below bin 0 the index wraps to one that does not exist.
            let (below, above) = (at(bottom.wrapping_sub(1)), at(top + 1));
            if below < 0 && above < 0 {
                break;
            }
            let is_up = above > below;
            top += usize::from(is_up);
            bottom -= usize::from(!is_up);
            held += if is_up { above } else { below };
        }
        (bottom, top)
    }

    pub fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        state.count(&mut self.next, self.cells.len() - 1)?;
        state.count(&mut self.filled, self.cells.len())?;
        state.f64(&mut self.grid.low)?;
        state.f64(&mut self.grid.high)?;
        state.f64(&mut self.grid.volume)?;
        for cell in &mut self.cells {
            state.f64(&mut cell.low)?;
            state.f64(&mut cell.high)?;
            state.f64(&mut cell.volume)?;
        }
        // The table follows from the bars and the grid: it is rebuilt, not stored.
        if self.filled == self.cells.len() {
            self.rebuild();
        }
        Ok(())
    }
}

/// What the bins were cut from; `volume` sets the unit of the integers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grid {
    low: f64,
    high: f64,
    volume: f64,
}

impl Grid {
    #[inline]
    fn scale(&self, bins: usize) -> f64 {
        bins as f64 / (self.high - self.low)
    }

    /// The power of two that brings `volume` near `LARGEST` without passing it.
    #[inline]
    fn unit(&self) -> f64 {
        const EXPONENT: u64 = 0x7ff << 52;
        let floor = f64::from_bits(self.volume.to_bits() & EXPONENT);
        if floor > 0.0 {
            (LARGEST / (2.0 * floor)).min(f64::MAX)
        } else {
            1.0
        }
    }

    #[inline]
    fn holds(&self, cell: &Cell) -> bool {
        self.low <= cell.low && cell.high <= self.high && cell.volume <= self.volume
    }

    /// Does the span stay as it is when `cell` leaves?
    #[inline]
    fn outlives(&self, cell: &Cell) -> bool {
        self.low < cell.low && cell.high < self.high
    }
}

#[inline]
fn add(steps: &mut [i64], cell: &Cell, share: i64) {
    if let Some(step) = steps.get_mut(cell.first) {
        *step += share;
    }
    if let Some(step) = steps.get_mut(cell.last + 1) {
        *step -= share;
    }
}

/// Finds the bins a bar covers and its share in each.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 2^49 by the choice of the unit"
)]
#[inline]
fn place(cell: &mut Cell, low: f64, scale: f64, unit: f64, bins: usize) {
    cell.first = bin_of(cell.low - low, scale, bins);
    cell.last = bin_of(cell.high - low, scale, bins).max(cell.first);
    let covered = (cell.last + 1 - cell.first) as f64;
    cell.share = (cell.volume / covered * unit) as i64;
}

/// `as` turns the NaN of a span without height into bin 0; i32 converts in one instruction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the bins"
)]
#[inline]
fn bin_of(height: f64, scale: f64, bins: usize) -> usize {
    (((height * scale) as i32).max(0) as usize).min(bins - 1)
}
