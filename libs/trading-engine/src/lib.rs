//! The engine shared by backtest, simulated venue and live analysis: bar aggregation, indicators,
//! patterns, order matching, account and backtest loop.
//!
//! Pure: no I/O, no clock, no randomness. The same code runs in every mode, so backtest, paper and
//! live cannot drift apart.

pub mod indicators;
pub mod models;
pub mod patterns;
#[cfg(feature = "python")]
pub mod python;
pub mod services;
