//! Where an order stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `Denied` is our gateway's word, `Rejected` the venue's. `Unknown` is a state of its own:
/// no timeout ends it, only an answer of the venue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    Initialized,
    Denied,
    Submitted,
    Unknown,
    Accepted,
    Triggered,
    PartiallyFilled,
    Filled,
    Canceled,
    Expired,
    Rejected,
    NotSent,
}

impl OrderStatus {
    pub const ALL: [Self; 12] = [
        Self::Initialized,
        Self::Denied,
        Self::Submitted,
        Self::Unknown,
        Self::Accepted,
        Self::Triggered,
        Self::PartiallyFilled,
        Self::Filled,
        Self::Canceled,
        Self::Expired,
        Self::Rejected,
        Self::NotSent,
    ];

    /// Nothing can happen to the order any more.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Denied
                | Self::Filled
                | Self::Canceled
                | Self::Expired
                | Self::Rejected
                | Self::NotSent
        )
    }

    /// The venue holds the order and may fill it.
    pub fn is_working(self) -> bool {
        matches!(
            self,
            Self::Accepted | Self::Triggered | Self::PartiallyFilled
        )
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialized => "INITIALIZED",
            Self::Denied => "DENIED",
            Self::Submitted => "SUBMITTED",
            Self::Unknown => "UNKNOWN",
            Self::Accepted => "ACCEPTED",
            Self::Triggered => "TRIGGERED",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
            Self::Rejected => "REJECTED",
            Self::NotSent => "NOT_SENT",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
