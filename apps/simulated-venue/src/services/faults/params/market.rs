//! Parameters of the faults that are inputs of the venue.

use serde::{Deserialize, Serialize};

use super::{Check, LONGEST_MS, Phase, amount, needed, within};

/// What must be pending when the parts of a fill arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum While {
    /// Right after the order was placed.
    #[default]
    Placed,
    /// When a cancel of the order arrives, before the engine sees it.
    Cancel,
    /// When an amend of the order arrives, before the engine sees it.
    Amend,
}

params!(PartialFill {
    /// Trades that the filled quantity comes in.
    parts: u32 = 2,
    /// How much of the remaining quantity is filled.
    percent: u32 = 100,
    during: While = While::Placed,
});
impl Check for PartialFill {
    fn check(&self) -> Result<(), String> {
        within("parts", self.parts, 1, 100)?;
        within("percent", self.percent, 1, 100)
    }
}

params!(LateFill {
    /// How much of the remaining quantity is filled before the cancel.
    percent: u32 = 50,
    /// How long after the reply the trade is told.
    ms: u64 = 0,
});
impl Check for LateFill {
    fn check(&self) -> Result<(), String> {
        within("percent", self.percent, 1, 99)?;
        within("ms", self.ms, 0, LONGEST_MS)
    }
}

/// One half of a cancelReplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Half {
    #[default]
    Ok,
    Failed,
}

params!(CancelReplace {
    cancel: Half = Half::Ok,
    new: Half = Half::Failed
});
impl Check for CancelReplace {}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OutsiderSide {
    #[default]
    Buy,
    Sell,
}

params!(OutsiderOrder {
    symbol: String = String::new(),
    side: OutsiderSide = OutsiderSide::Buy,
    /// Absent or null: a MARKET order.
    price: Option<String> = None,
    quantity: String = String::new(),
    /// Absent or null: the client order id of the request that set the fault off.
    client_order_id: Option<String> = None,
    at: Phase = Phase::After,
});
impl Check for OutsiderOrder {
    fn check(&self) -> Result<(), String> {
        needed("symbol", &self.symbol)?;
        amount("quantity", &self.quantity)?;
        self.price
            .as_ref()
            .map_or(Ok(()), |price| amount("price", price))
    }
}

params!(Transfer {
    asset: String = String::new(),
    amount: String = String::new()
});
impl Check for Transfer {
    fn check(&self) -> Result<(), String> {
        needed("asset", &self.asset)?;
        amount("amount", &self.amount)
    }
}

/// The symbol states that enums.md lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trading {
    Trading,
    EndOfDay,
    #[default]
    Halt,
    Break,
    CancelOnly,
}

params!(SymbolChange {
    symbol: String = String::new(),
    status: Trading = Trading::Halt,
    at: Phase = Phase::After,
});
impl Check for SymbolChange {
    fn check(&self) -> Result<(), String> {
        needed("symbol", &self.symbol)
    }
}

params!(FilterChange {
    symbol: String = String::new(),
    tick_size: Option<String> = None,
    step_size: Option<String> = None,
    min_quantity: Option<String> = None,
    min_notional: Option<String> = None,
    at: Phase = Phase::After,
});
impl Check for FilterChange {
    fn check(&self) -> Result<(), String> {
        needed("symbol", &self.symbol)?;
        let given = [
            ("tick_size", &self.tick_size),
            ("step_size", &self.step_size),
            ("min_quantity", &self.min_quantity),
            ("min_notional", &self.min_notional),
        ];
        if given.iter().all(|(_, value)| value.is_none()) {
            return Err(
                "at least one of tick_size, step_size, min_quantity, min_notional is needed"
                    .to_owned(),
            );
        }
        given
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| amount(name, value)))
            .collect()
    }
}
