//! `PositionManager` for Python.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::convert::refused;
use crate::services::position_manager::{PositionAction, PositionManager};

#[pyclass(module = "trading_engine", name = "PositionManager")]
struct PyPositionManager(PositionManager);

/// ("move_stop", mantissa) or ("close", "time_stop").
#[derive(IntoPyObject)]
enum Detail {
    Stop(i64),
    Reason(&'static str),
}

#[pymethods]
impl PyPositionManager {
    #[new]
    fn new(params: &str) -> PyResult<Self> {
        let params = serde_json::from_str(params).map_err(refused)?;
        PositionManager::new(params).map(Self).map_err(refused)
    }

    /// `opened_at` is part of the call so that logs of both sides can be compared; bars, not
    /// times, are counted.
    fn open(&mut self, entry: i64, stop: i64, target: i64, opened_at: i64) -> PyResult<()> {
        rust_common::UnixMillis::new(opened_at).map_err(refused)?;
        self.0.open(entry, stop, target).map_err(refused)
    }

    fn on_bar(
        &mut self,
        closed_at: i64,
        high: i64,
        low: i64,
        close: i64,
        atr: f64,
    ) -> PyResult<Option<(&'static str, Detail)>> {
        rust_common::UnixMillis::new(closed_at).map_err(refused)?;
        if low > close || close > high {
            return Err(refused(format!(
                "close {close} is outside low {low} to high {high}"
            )));
        }
        Ok(self.0.on_bar(close, atr).map(|action| match action {
            PositionAction::MoveStop(stop) => ("move_stop", Detail::Stop(stop)),
            PositionAction::TimeStop => ("close", Detail::Reason("time_stop")),
        }))
    }

    fn stop_moved(&mut self, stop: i64) -> PyResult<()> {
        self.0.stop_moved(stop).map_err(refused)
    }

    fn close(&mut self) {
        self.0.close();
    }

    #[getter]
    fn is_open(&self) -> bool {
        self.0.is_open()
    }

    #[getter]
    fn stop(&self) -> Option<i64> {
        self.0.stop()
    }

    #[getter]
    fn target(&self) -> Option<i64> {
        self.0.target()
    }

    #[getter]
    fn bars_held(&self) -> u32 {
        self.0.bars_held()
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.snapshot().map_err(refused)?))
    }

    fn restore(&mut self, data: &[u8]) -> PyResult<()> {
        self.0.restore(data).map_err(refused)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyPositionManager>()
}
