//! A net holding of one instrument.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, InstrumentId};
use crate::money::{Money, Price, Quantity};
use crate::time::UnixMillis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PositionSide {
    Long,
    Short,
    Flat,
}

/// The holding as it stands, with what protects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub account: AccountId,
    pub instrument_id: InstrumentId,
    pub position_side: PositionSide,
    pub quantity: Quantity,
    pub average_entry_price: Option<Price>,
    pub mark_price: Option<Price>,
    pub opened_at: Option<UnixMillis>,
    pub stop_price: Option<Price>,
    pub target_price: Option<Price>,
    pub realized_pnl: Money,
    pub unrealized_pnl: Money,
}
