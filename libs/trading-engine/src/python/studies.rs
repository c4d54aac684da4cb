//! `IndicatorSet`, `PatternSet`, `BarAggregator` and the two catalogues for Python.

use std::collections::BTreeMap;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};

use crate::indicators::base::set::{Spec, StudySet};
use crate::indicators::base::study::{Bar64, Columns, Entry, StudyError};
use crate::services::aggregation::{BarAggregator, BaseBar, HigherBar};
use crate::{indicators, patterns};

type PySpecs = Option<Vec<(String, BTreeMap<String, f64>)>>;
type Floats<'py> = PyReadonlyArray1<'py, f64>;
type Ints<'py> = PyReadonlyArray1<'py, i64>;
/// opened_at, closed_at, open, high, low, close, volume, missing
type HigherTuple = (i64, i64, i64, i64, i64, i64, f64, i64);

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` wants")]
fn refused(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn slice<'a, T: numpy::Element>(
    name: &str,
    column: &'a PyReadonlyArray1<'_, T>,
) -> PyResult<&'a [T]> {
    column.as_slice().map_err(|_| {
        refused(format!(
            "column {name} is not contiguous; pass numpy.ascontiguousarray({name})"
        ))
    })
}

fn to_specs(specs: PySpecs, default: fn() -> Vec<Spec>) -> Vec<Spec> {
    let Some(specs) = specs else { return default() };
    specs
        .into_iter()
        .map(|(name, params)| (name, params.into_iter().collect()))
        .collect()
}

/// Declares one Python class over a `StudySet`.
macro_rules! study_set {
    ($class:ident, $name:literal, $kind:literal, $shelf:ident) => {
        #[pyclass(module = "trading_engine", name = $name)]
        struct $class {
            set: StudySet,
            row: Vec<f64>,
        }

        #[pymethods]
        impl $class {
            #[new]
            #[pyo3(signature = (specs = None))]
            fn new(specs: PySpecs) -> PyResult<Self> {
                let specs = to_specs(specs, $shelf::default_specs);
                let set = StudySet::new($kind, $shelf::CATALOG, &specs).map_err(refused)?;
                let row = vec![f64::NAN; set.outputs().len()];
                Ok(Self { set, row })
            }

            #[getter]
            fn outputs(&self) -> Vec<String> {
                self.set.outputs().to_vec()
            }

            #[getter]
            fn warmup(&self) -> usize {
                self.set.warmup()
            }

            #[getter]
            fn warmups(&self) -> Vec<usize> {
                self.set.warmups().to_vec()
            }

            #[expect(
                clippy::too_many_arguments,
                reason = "one bar, one call, no tuple to build"
            )]
            fn update<'py>(
                &mut self,
                py: Python<'py>,
                opened_at: i64,
                open: f64,
                high: f64,
                low: f64,
                close: f64,
                volume: f64,
            ) -> PyResult<Bound<'py, PyArray1<f64>>> {
                let bar = Bar64 {
                    opened_at,
                    open,
                    high,
                    low,
                    close,
                    volume,
                };
                self.set.update(&bar, &mut self.row).map_err(refused)?;
                Ok(PyArray1::from_slice(py, &self.row))
            }

            #[expect(clippy::too_many_arguments, reason = "the columns of a bar")]
            fn batch<'py>(
                &mut self,
                py: Python<'py>,
                opened_at: Ints<'py>,
                open: Floats<'py>,
                high: Floats<'py>,
                low: Floats<'py>,
                close: Floats<'py>,
                volume: Floats<'py>,
            ) -> PyResult<Bound<'py, PyArray2<f64>>> {
                let columns = Columns {
                    opened_at: slice("opened_at", &opened_at)?,
                    open: slice("open", &open)?,
                    high: slice("high", &high)?,
                    low: slice("low", &low)?,
                    close: slice("close", &close)?,
                    volume: slice("volume", &volume)?,
                };
                batch(py, &mut self.set, &columns)
            }

            fn snapshot<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
                let bytes = self.set.snapshot().map_err(refused)?;
                Ok(PyBytes::new(py, &bytes))
            }

            fn restore(&mut self, data: &[u8]) -> PyResult<()> {
                self.set.restore(data).map_err(refused)
            }
        }
    };
}

study_set!(PyIndicatorSet, "IndicatorSet", "indicator", indicators);
study_set!(PyPatternSet, "PatternSet", "pattern", patterns);

fn batch<'py>(
    py: Python<'py>,
    set: &mut StudySet,
    columns: &Columns<'_>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let out = PyArray2::zeros(py, [set.outputs().len(), columns.len()], false);
    let mut cells = out.readwrite();
    let cells = cells.as_slice_mut().map_err(refused)?;
    py.detach(|| set.batch(columns, cells)).map_err(refused)?;
    Ok(out)
}

/// Every indicator: name, outputs, params (defaults), ranges, warmup, scale.
#[pyfunction]
fn indicator_catalog(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    catalog(py, indicators::CATALOG)
}

/// Every pattern, in the form of `indicator_catalog`.
#[pyfunction]
fn pattern_catalog(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    catalog(py, patterns::CATALOG)
}

fn catalog<'py>(py: Python<'py>, entries: &[Entry]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for entry in entries {
        list.append(describe(py, entry)?)?;
    }
    Ok(list)
}

fn describe<'py>(py: Python<'py>, entry: &Entry) -> PyResult<Bound<'py, PyDict>> {
    let built = entry
        .build(&[])
        .map_err(|error: StudyError| refused(error))?;
    let params: BTreeMap<_, _> = built.params.pairs().collect();
    let ranges: BTreeMap<_, _> = entry
        .params
        .iter()
        .map(|p| (p.name, (p.min, p.max)))
        .collect();
    let scales: Vec<_> = entry
        .outputs
        .iter()
        .map(|output| output.scale.name())
        .collect();
    let warmups = built.study.warmup_bars();
    let row = PyDict::new(py);
    row.set_item("name", entry.name)?;
    row.set_item("summary", entry.summary)?;
    row.set_item("outputs", built.outputs)?;
    row.set_item("params", params)?;
    row.set_item("ranges", ranges)?;
    row.set_item("warmup", warmups.iter().copied().max().unwrap_or(0))?;
    row.set_item("warmups", warmups)?;
    row.set_item("scale", scales.first().copied())?;
    row.set_item("scales", scales)?;
    Ok(row)
}

#[pyclass(module = "trading_engine", name = "BarAggregator")]
struct PyBarAggregator {
    inner: BarAggregator,
}

#[pymethods]
impl PyBarAggregator {
    #[new]
    fn new(base_minutes: i64, target_minutes: i64) -> PyResult<Self> {
        let inner = BarAggregator::new(base_minutes, target_minutes).map_err(refused)?;
        Ok(Self { inner })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one bar, one call, no tuple to build"
    )]
    fn update(
        &mut self,
        opened_at: i64,
        open: i64,
        high: i64,
        low: i64,
        close: i64,
        volume: f64,
    ) -> PyResult<Vec<HigherTuple>> {
        let bar = BaseBar {
            opened_at,
            open,
            high,
            low,
            close,
            volume,
        };
        let closed = self.inner.update(&bar).map_err(refused)?;
        Ok(closed.into_iter().flatten().map(to_tuple).collect())
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of a bar")]
    #[expect(clippy::needless_pass_by_value, reason = "what PyO3 hands over")]
    fn batch<'py>(
        &mut self,
        py: Python<'py>,
        opened_at: Ints<'py>,
        open: Ints<'py>,
        high: Ints<'py>,
        low: Ints<'py>,
        close: Ints<'py>,
        volume: Floats<'py>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let opened_at = slice("opened_at", &opened_at)?;
        let prices = [
            slice("open", &open)?,
            slice("high", &high)?,
            slice("low", &low)?,
            slice("close", &close)?,
        ];
        let volume = slice("volume", &volume)?;
        let rows = opened_at.len();
        if prices.iter().any(|column| column.len() != rows) || volume.len() != rows {
            return Err(refused(format!(
                "columns differ in length; opened_at has {rows} rows"
            )));
        }
        let closed = py.detach(|| collect(&mut self.inner, opened_at, prices, volume))?;
        to_columns(py, &closed)
    }
}

fn collect(
    aggregator: &mut BarAggregator,
    opened_at: &[i64],
    [open, high, low, close]: [&[i64]; 4],
    volume: &[f64],
) -> PyResult<Vec<(i64, HigherBar)>> {
    let prices = open.iter().zip(high).zip(low.iter().zip(close));
    let bars = opened_at.iter().zip(prices).zip(volume).map(
        |((&opened_at, ((&open, &high), (&low, &close))), &volume)| BaseBar {
            opened_at,
            open,
            high,
            low,
            close,
            volume,
        },
    );
    let mut closed = Vec::new();
    let keep = |index: usize, bar| closed.push((i64::try_from(index).unwrap_or(i64::MAX), bar));
    aggregator.batch(bars, keep).map_err(refused)?;
    Ok(closed)
}

fn to_tuple(bar: HigherBar) -> HigherTuple {
    let HigherBar {
        opened_at,
        closed_at,
        open,
        high,
        low,
        close,
        volume,
        missing,
    } = bar;
    (
        opened_at, closed_at, open, high, low, close, volume, missing,
    )
}

fn to_columns<'py>(py: Python<'py>, closed: &[(i64, HigherBar)]) -> PyResult<Bound<'py, PyDict>> {
    type Field = (&'static str, fn(&(i64, HigherBar)) -> i64);
    const FIELDS: [Field; 8] = [
        ("opened_at", |(_, bar)| bar.opened_at),
        ("closed_at", |(_, bar)| bar.closed_at),
        ("open", |(_, bar)| bar.open),
        ("high", |(_, bar)| bar.high),
        ("low", |(_, bar)| bar.low),
        ("close", |(_, bar)| bar.close),
        ("missing", |(_, bar)| bar.missing),
        ("known_index", |(index, _)| *index),
    ];
    let columns = PyDict::new(py);
    for (name, field) in FIELDS {
        columns.set_item(name, PyArray1::from_iter(py, closed.iter().map(field)))?;
    }
    let volumes = closed.iter().map(|(_, bar)| bar.volume);
    columns.set_item("volume", PyArray1::from_iter(py, volumes))?;
    Ok(columns)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(indicator_catalog, m)?)?;
    m.add_function(wrap_pyfunction!(pattern_catalog, m)?)?;
    m.add_class::<PyIndicatorSet>()?;
    m.add_class::<PyPatternSet>()?;
    m.add_class::<PyBarAggregator>()
}
