//! `Backtest` for Python. The columns stay where NumPy keeps them; the loop runs without the GIL.

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rust_common::Instrument;

use super::convert::{refused, to_python};
use crate::services::backtest::{Backtest, BacktestConfig, Columns};
use crate::services::ledger::FillReason;

type Ints<'py> = Bound<'py, PyArray1<i64>>;

struct Arrays {
    /// opened_at, open, high, low, close, closed_at
    ints: [Py<PyArray1<i64>>; 6],
    atr: Py<PyArray1<f64>>,
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

impl Arrays {
    /// Calls `act` with the columns as slices.
    fn with<R>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Columns<'_>) -> PyResult<R>,
    ) -> PyResult<R> {
        let read = |array: &Py<PyArray1<i64>>| array.bind(py).try_readonly().map_err(refused);
        let [opened_at, open, high, low, close, closed_at] = &self.ints;
        let (opened_at, closed_at) = (read(opened_at)?, read(closed_at)?);
        let (open, high, low, close) = (read(open)?, read(high)?, read(low)?, read(close)?);
        let atr = self.atr.bind(py).try_readonly().map_err(refused)?;
        act(&Columns {
            opened_at: slice("opened_at", &opened_at)?,
            open: slice("open", &open)?,
            high: slice("high", &high)?,
            low: slice("low", &low)?,
            close: slice("close", &close)?,
            closed_at: slice("closed_at", &closed_at)?,
            atr: slice("atr", &atr)?,
        })
    }
}

#[pyclass(module = "trading_engine", name = "Backtest")]
struct PyBacktest {
    backtest: Backtest,
    arrays: Arrays,
}

#[pymethods]
impl PyBacktest {
    #[new]
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per column, as the others take"
    )]
    fn new(
        py: Python<'_>,
        config: &str,
        instrument: &str,
        opened_at: Ints<'_>,
        open: Ints<'_>,
        high: Ints<'_>,
        low: Ints<'_>,
        close: Ints<'_>,
        closed_at: Ints<'_>,
        atr: Bound<'_, PyArray1<f64>>,
    ) -> PyResult<Self> {
        let config = BacktestConfig::from_json(config).map_err(refused)?;
        let instrument: Instrument = serde_json::from_str(instrument).map_err(refused)?;
        let ints = [opened_at, open, high, low, close, closed_at].map(Bound::unbind);
        let arrays = Arrays {
            ints,
            atr: atr.unbind(),
        };
        let rows = arrays.with(py, |columns| {
            py.detach(|| columns.check()).map_err(refused)?;
            Ok(columns.len())
        })?;
        let backtest = Backtest::new(&config, instrument, rows).map_err(refused)?;
        Ok(Self { backtest, arrays })
    }

    fn run_to(&mut self, py: Python<'_>, index: usize) -> PyResult<()> {
        let backtest = &mut self.backtest;
        self.arrays.with(py, |columns| {
            py.detach(|| backtest.run_to(columns, index))
                .map_err(refused)
        })
    }

    fn account<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.backtest.account().map_err(refused)?)
    }

    fn enter(&mut self, quantity: &str, stop_offset: &str, target_offset: &str) -> PyResult<()> {
        let quantity = quantity.parse().map_err(refused)?;
        let stop_offset = stop_offset.parse().map_err(refused)?;
        let target_offset = target_offset.parse().map_err(refused)?;
        self.backtest
            .enter(quantity, stop_offset, target_offset)
            .map_err(refused)
    }

    fn exit(&mut self, reason: &str) -> PyResult<()> {
        self.backtest
            .exit(FillReason::parse(reason).map_err(refused)?)
            .map_err(refused)
    }

    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let result = self.backtest.result();
        let dict = PyDict::new(py);
        dict.set_item("fills", to_python(py, result.ledger.fills())?)?;
        dict.set_item("equity", result.equity.to_pyarray(py))?;
        dict.set_item("trades", to_python(py, result.trades)?)?;
        dict.set_item("refused", to_python(py, result.refused)?)?;
        dict.set_item("ledger_sha256", result.ledger.sha256())?;
        Ok(dict)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyBacktest>()
}
