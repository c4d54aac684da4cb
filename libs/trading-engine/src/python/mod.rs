//! The Python module `trading_engine`.

mod backtest;
mod convert;
mod drawdown;
mod position;
mod studies;

use pyo3::prelude::*;

#[pymodule]
fn trading_engine(m: &Bound<'_, PyModule>) -> PyResult<()> {
    studies::register(m)?;
    position::register(m)?;
    drawdown::register(m)?;
    backtest::register(m)?;
    Ok(())
}
