//! What an indicator or a pattern is: one state machine with one `update`.
//!
//! Batch is the same `update` in a loop, so batch equals streaming to the bit. Nothing allocates
//! after construction, and nothing reads a later bar.

use thiserror::Error;

pub use super::params::{Naming, Param, Params};
use super::state::{State, StateError};

/// One closed bar as analysis sees it: times in Unix milliseconds (UTC), figures as `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar64 {
    pub opened_at: i64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
}

impl Bar64 {
    /// (high + low + close) / 3, in the order of summation that TA-Lib uses.
    #[inline]
    pub fn typical_price(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }

    #[inline]
    pub fn range(&self) -> f64 {
        self.high - self.low
    }

    pub fn is_finite(&self) -> bool {
        // One test instead of five: a NaN or an infinity survives both sums.
        (self.open + self.high + self.low + self.close + self.volume).is_finite()
    }
}

/// Bars as columns of equal length.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    pub opened_at: &'a [i64],
    pub open: &'a [f64],
    pub high: &'a [f64],
    pub low: &'a [f64],
    pub close: &'a [f64],
    pub volume: &'a [f64],
}

impl<'a> Columns<'a> {
    pub fn len(&self) -> usize {
        self.opened_at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.opened_at.is_empty()
    }

    #[inline]
    pub fn bars(&self) -> impl Iterator<Item = Bar64> + use<'a> {
        let prices = self
            .open
            .iter()
            .zip(self.high)
            .zip(self.low.iter().zip(self.close));
        self.opened_at.iter().zip(prices).zip(self.volume).map(
            |((&opened_at, ((&open, &high), (&low, &close))), &volume)| Bar64 {
                opened_at,
                open,
                high,
                low,
                close,
                volume,
            },
        )
    }
}

/// What the figures of an output are measured in; tolerances and charts depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Price,
    Percent,
    Volume,
    Ratio,
    State,
}

impl Scale {
    pub fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Percent => "percent",
            Self::Volume => "volume",
            Self::Ratio => "ratio",
            Self::State => "state",
        }
    }
}

/// One output: its stem, its scale, and whether the stem always carries the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub stem: &'static str,
    pub scale: Scale,
}

impl Output {
    pub const fn new(stem: &'static str, scale: Scale) -> Self {
        Self { stem, scale }
    }
}

#[derive(Clone, Debug, Error, PartialEq)]
pub enum StudyError {
    #[error("unknown {kind} {name:?}; known: {known}")]
    UnknownStudy {
        kind: &'static str,
        name: String,
        known: String,
    },
    #[error("{study} has no parameter {param:?}; it has: {known}")]
    UnknownParam {
        study: &'static str,
        param: String,
        known: String,
    },
    #[error("{study}: {param}={value} is out of range; allowed: {allowed}")]
    ParamRange {
        study: &'static str,
        param: String,
        value: f64,
        allowed: String,
    },
    #[error("output {0:?} is asked for twice; give each study once per set of parameters")]
    DuplicateOutput(String),
    #[error(
        "bar {index} (opened_at {opened_at}) holds a value that is not a finite number; \
             repair or drop it before analysis"
    )]
    NotFinite { index: usize, opened_at: i64 },
    #[error(
        "bar {index} (opened_at {opened_at}) is impossible: high below low or volume below 0; \
             repair or drop it before analysis"
    )]
    Impossible { index: usize, opened_at: i64 },
    #[error(
        "bar {index} opened_at {opened_at} is not after {previous}; \
             feed each closed bar once, in order"
    )]
    Disorder {
        index: usize,
        opened_at: i64,
        previous: i64,
    },
    #[error("columns differ in length: {0}")]
    ColumnLengths(String),
    #[error(transparent)]
    State(#[from] StateError),
}

/// A causal state machine over closed bars. One file, one macro line.
pub trait Study: Clone + Send + Sync + Sized + 'static {
    const NAME: &'static str;
    const SUMMARY: &'static str;
    const PARAMS: &'static [Param];
    const OUTPUTS: &'static [Output];
    const NAMING: Naming = Naming::WhenChanged;
    /// `[f64; number of outputs]`.
    type Values: AsRef<[f64]>;

    fn new(params: &Params) -> Result<Self, StudyError>;

    /// Bars that must be seen until each output has its first value.
    fn warmups(&self) -> Vec<usize>;

    /// Takes the next closed bar; an output is NaN while it is cold.
    fn update(&mut self, bar: &Bar64) -> Self::Values;

    /// Saves or loads every field that `update` changes, in a fixed order.
    fn persist(&mut self, state: &mut State<'_>) -> Result<(), StateError>;
}

/// `Study` without its types, so that a set can hold different ones.
pub trait DynStudy: Send + Sync {
    fn update_into(&mut self, bar: &Bar64, out: &mut [f64]);
    /// `out` holds one row of `columns.len()` values per output.
    fn batch_into(&mut self, columns: &Columns<'_>, out: &mut [f64]);
    fn warmup_bars(&self) -> Vec<usize>;
    fn persist_state(&mut self, state: &mut State<'_>) -> Result<(), StateError>;
    fn boxed_clone(&self) -> Box<dyn DynStudy>;
}

impl<T: Study> DynStudy for T {
    fn update_into(&mut self, bar: &Bar64, out: &mut [f64]) {
        for (slot, value) in out.iter_mut().zip(self.update(bar).as_ref()) {
            *slot = *value;
        }
    }

    fn batch_into(&mut self, columns: &Columns<'_>, out: &mut [f64]) {
        let rows = columns.len();
        // A local copy may live in registers for the whole loop; `self` may not.
        let mut state = self.clone();
        for (index, bar) in columns.bars().enumerate() {
            let mut at = index;
            for value in state.update(&bar).as_ref() {
                if let Some(slot) = out.get_mut(at) {
                    *slot = *value;
                }
                at += rows;
            }
        }
        *self = state;
    }

    fn warmup_bars(&self) -> Vec<usize> {
        self.warmups()
    }

    fn persist_state(&mut self, state: &mut State<'_>) -> Result<(), StateError> {
        self.persist(state)
    }

    fn boxed_clone(&self) -> Box<dyn DynStudy> {
        Box::new(self.clone())
    }
}

/// A built study with the names of its outputs.
pub struct Built {
    pub outputs: Vec<String>,
    pub params: Params,
    pub study: Box<dyn DynStudy>,
}

type Build = fn(&[(String, f64)]) -> Result<Built, StudyError>;

/// One row of a catalogue.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub summary: &'static str,
    pub params: &'static [Param],
    pub outputs: &'static [Output],
    build: Build,
}

impl Entry {
    pub const fn of<T: Study>() -> Self {
        Self {
            name: T::NAME,
            summary: T::SUMMARY,
            params: T::PARAMS,
            outputs: T::OUTPUTS,
            build: build::<T>,
        }
    }

    pub fn build(&self, given: &[(String, f64)]) -> Result<Built, StudyError> {
        (self.build)(given)
    }
}

fn build<T: Study>(given: &[(String, f64)]) -> Result<Built, StudyError> {
    let params = Params::resolve(T::NAME, T::PARAMS, given)?;
    let study = T::new(&params)?;
    let suffix = params.suffix(T::NAMING);
    let outputs = T::OUTPUTS
        .iter()
        .map(|o| format!("{}{suffix}", o.stem))
        .collect();
    Ok(Built {
        outputs,
        params,
        study: Box::new(study),
    })
}
