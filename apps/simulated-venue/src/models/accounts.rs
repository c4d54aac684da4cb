//! Who trades: the accounts of the venue.

use serde::{Deserialize, Serialize};

/// An account's place in the configuration. Bar modes know only the first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct AccountId(pub u16);

impl AccountId {
    pub const FIRST: Self = Self(0);

    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Logs of the bar modes leave the account out.
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(crate) fn is_first(&self) -> bool {
        *self == Self::FIRST
    }
}

/// What an account begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountConfig {
    pub name: String,
    /// Amounts at scale 8 by asset.
    pub balances: Vec<(String, i128)>,
    /// In 1e-8.
    pub maker_fee_rate: i64,
    /// In 1e-8.
    pub taker_fee_rate: i64,
    /// Accounts of one group do not trade with each other (faqs/stp_faq.md, "tradeGroupId").
    #[serde(default)]
    pub trade_group: Option<i64>,
}

/// One asset of one account, at scale 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Balance {
    pub free: i128,
    pub locked: i128,
}

impl Balance {
    pub fn total(self) -> i128 {
        self.free + self.locked
    }
}
