//! Everything that acts: aggregation, the exchange, position management, the backtest loop.

pub mod aggregation;
pub mod backtest;
pub mod drawdown;
pub mod exchange;
pub mod ledger;
mod params;
pub mod position_manager;
