//! Rules of the proxy: what happens to connections and to the pieces of bytes on them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::services::faults::params::How;

const LONGEST_MS: u64 = 600_000;
const MOST_FIRINGS: u64 = 1_000_000;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    ToTarget,
    ToClient,
}

/// A fault with its parameters. A piece is what one read returns: for small requests and replies
/// one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    content = "params",
    rename_all = "snake_case",
    deny_unknown_fields
)]
pub enum LinkFault {
    /// F1, F36: a new connection ends at once.
    Refuse {
        #[serde(default)]
        how: How,
    },
    /// F1, F3: the piece is not passed on and the connection ends.
    Drop {
        direction: Direction,
        #[serde(default)]
        how: How,
    },
    /// F11: `byte` bytes of the piece and of what follows pass, then the connection ends.
    Cut {
        direction: Direction,
        byte: u64,
        #[serde(default)]
        how: How,
    },
    /// F10: from the piece on nothing passes for `ms` (0: until the rule is deleted).
    Stall {
        direction: Direction,
        #[serde(default)]
        ms: u64,
    },
    /// F4: the piece is late by `ms` and up to `jitter_ms` more; the order stays.
    Delay {
        direction: Direction,
        ms: u64,
        #[serde(default)]
        jitter_ms: u64,
    },
    /// The connection ends with a chance of one in `one_in` per piece.
    Flaky {
        one_in: u64,
        #[serde(default)]
        how: How,
    },
    /// F36: while the rule is listed nothing passes, or only in one direction. New connections are
    /// accepted and lead nowhere.
    Partition {
        #[serde(default)]
        direction: Option<Direction>,
    },
}

impl LinkFault {
    pub const NAMES: [&str; 7] = [
        "refuse",
        "drop",
        "cut",
        "stall",
        "delay",
        "flaky",
        "partition",
    ];

    fn check(&self) -> Result<(), String> {
        match self {
            Self::Stall { ms, .. }
            | Self::Delay {
                ms, jitter_ms: 0, ..
            } if *ms > LONGEST_MS => Err(format!("ms = {ms}: allowed 0 to {LONGEST_MS}")),
            Self::Delay { ms, jitter_ms, .. } if ms.saturating_add(*jitter_ms) > LONGEST_MS => {
                Err(format!("ms + jitter_ms: allowed 0 to {LONGEST_MS}"))
            }
            Self::Flaky { one_in: 0, .. } => Err("one_in = 0: allowed 1 and more".to_owned()),
            _ => Ok(()),
        }
    }

    pub(super) fn is_on_piece(&self, direction: Direction) -> bool {
        match self {
            Self::Drop {
                direction: wanted, ..
            }
            | Self::Cut {
                direction: wanted, ..
            }
            | Self::Stall {
                direction: wanted, ..
            }
            | Self::Delay {
                direction: wanted, ..
            } => *wanted == direction,
            Self::Flaky { .. } => true,
            Self::Refuse { .. } | Self::Partition { .. } => false,
        }
    }
}

/// A posted rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkRule {
    pub id: String,
    #[serde(flatten)]
    pub fault: LinkFault,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    pub skip: u64,
    pub count: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Posted {
    id: String,
    fault: String,
    link: Option<String>,
    #[serde(default)]
    skip: u64,
    #[serde(default = "one")]
    count: u64,
    #[serde(default)]
    params: Option<Value>,
}

fn one() -> u64 {
    1
}

/// Reads one rule. `links` are the names that exist.
pub(super) fn read(row: &Value, links: &[String]) -> Result<LinkRule, String> {
    let posted: Posted = serde_json::from_value(row.clone()).map_err(|e| format!(": {e}"))?;
    let name = &posted.fault;
    if !LinkFault::NAMES.contains(&name.as_str()) {
        let allowed = LinkFault::NAMES.join(", ");
        return Err(format!(".fault: \"{name}\": allowed {allowed}"));
    }
    let params = posted.params.unwrap_or_else(|| json!({}));
    let fault: LinkFault = serde_json::from_value(json!({"fault": name, "params": params}))
        .map_err(|e| format!(".params of {name}: {e}"))?;
    fault
        .check()
        .map_err(|e| format!(".params of {name}: {e}"))?;
    if posted.id.is_empty() || posted.id.len() > 64 {
        return Err(".id: allowed 1 to 64 characters".to_owned());
    }
    if let Some(link) = &posted.link
        && !links.contains(link)
    {
        return Err(format!(".link: \"{link}\": allowed {}", links.join(", ")));
    }
    if !(1..=MOST_FIRINGS).contains(&posted.count) {
        return Err(format!(
            ".count = {}: allowed 1 to {MOST_FIRINGS}",
            posted.count
        ));
    }
    Ok(LinkRule {
        id: posted.id,
        fault,
        link: posted.link,
        skip: posted.skip,
        count: posted.count,
    })
}
