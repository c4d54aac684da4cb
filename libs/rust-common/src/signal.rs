//! Opinions and the signal they are merged into.

use serde::{Deserialize, Serialize};

use crate::ids::{DecisionId, InstrumentId};
use crate::money::{Figure, Price};
use crate::time::UnixMillis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Long,
    Short,
    Flat,
}

/// One additive part of a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    pub factor: String,
    pub raw: Figure,
    pub weight: Figure,
    pub contribution: Figure,
}

/// One analyst's view. It names no price, quantity or symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opinion {
    pub analyst: String,
    pub source: String,
    pub direction: Direction,
    pub p_up: Figure,
    pub confidence: Figure,
    pub weight: Figure,
    pub reasons: Vec<String>,
}

/// The merged intent for one instrument at one bar close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    pub schema: u32,
    pub decision_id: DecisionId,
    pub instrument_id: InstrumentId,
    pub closed_at: UnixMillis,
    pub direction: Direction,
    /// 0 to 100; `base` plus the contributions.
    pub score: Figure,
    pub base: Figure,
    pub contributions: Vec<Contribution>,
    pub opinions: Vec<Opinion>,
    pub stop_offset: Option<Price>,
    pub target_offset: Option<Price>,
}
