//! `DrawdownGuard` for Python.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rust_common::UnixMillis;

use super::convert::refused;
use crate::services::drawdown::DrawdownGuard;

#[pyclass(module = "trading_engine", name = "DrawdownGuard")]
struct PyDrawdownGuard(DrawdownGuard);

#[pymethods]
impl PyDrawdownGuard {
    #[new]
    fn new(params: &str) -> PyResult<Self> {
        let params = serde_json::from_str(params).map_err(refused)?;
        DrawdownGuard::new(params).map(Self).map_err(refused)
    }

    fn update(&mut self, closed_at: i64, equity: i128) -> PyResult<()> {
        self.0
            .update(UnixMillis::new(closed_at).map_err(refused)?, equity);
        Ok(())
    }

    #[getter]
    fn safe_mode(&self) -> bool {
        self.0.safe_mode()
    }

    #[getter]
    fn safe_mode_reason(&self) -> Option<&'static str> {
        self.0.latch().map(|(reason, _)| reason.as_str())
    }

    #[getter]
    fn safe_mode_until(&self) -> Option<i64> {
        self.0.safe_mode_until()
    }

    #[getter]
    fn daily_drawdown_pct(&self) -> f64 {
        self.0.daily_drawdown_pct()
    }

    #[getter]
    fn monthly_drawdown_pct(&self) -> f64 {
        self.0.monthly_drawdown_pct()
    }

    #[getter]
    fn peak_equity(&self) -> i128 {
        self.0.peak_equity()
    }

    #[getter]
    fn max_drawdown_pct(&self) -> f64 {
        self.0.max_drawdown_pct()
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.snapshot().map_err(refused)?))
    }

    fn restore(&mut self, data: &[u8]) -> PyResult<()> {
        self.0.restore(data).map_err(refused)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyDrawdownGuard>()
}
