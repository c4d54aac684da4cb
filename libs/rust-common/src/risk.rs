//! Verdicts of the risk engine and the orders it approved.

mod approved_order;

pub use approved_order::{ApprovalKey, ApprovedOrder, Intent};

use serde::{Deserialize, Serialize};

use crate::ids::DecisionId;
use crate::money::{Figure, Quantity};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    Shrink,
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Approved,
    Refused,
}

/// What one rule said, with its limit and what it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskVerdict {
    pub rule: String,
    pub verdict: Verdict,
    pub limit: Option<String>,
    pub observed: Option<String>,
}

/// What all rules together said of one signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskDecision {
    pub schema: u32,
    pub decision_id: DecisionId,
    pub outcome: Outcome,
    pub refused_by: Option<String>,
    pub quantity: Option<Quantity>,
    pub risk_pct: Option<Figure>,
    pub verdicts: Vec<RiskVerdict>,
    /// SHA-256 hex of the decision; the approved order carries it on.
    pub digest: String,
}
