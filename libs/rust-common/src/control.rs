//! The four stops and the state they lead to.

use serde::{Deserialize, Serialize};

/// Whether new risk may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TradingState {
    Active,
    Reducing,
    Halted,
}

/// How hard trading is stopped; each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopLevel {
    NoEntries,
    ReduceOnly,
    CancelAll,
    Flatten,
}

impl StopLevel {
    /// The state this level leads to once it has been carried out.
    pub fn trading_state(self) -> TradingState {
        match self {
            Self::NoEntries | Self::ReduceOnly => TradingState::Reducing,
            Self::CancelAll | Self::Flatten => TradingState::Halted,
        }
    }
}
