//! The exchange and the backtest loop that drives it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is a panic")]

mod backtest;
mod properties;
mod rules;
mod support;
