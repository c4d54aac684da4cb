//! The ledger of fills (contract K23): one canonical JSON line per fill in engine order, and the
//! SHA-256 of the lines, each ended by a line feed. An empty ledger hashes no bytes.

use rust_common::{
    Currency, DomainError, InstrumentId, LiquiditySide, Money, OrderSide, Price, Quantity,
    UnixMillis, canonical_json,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why an order was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillReason {
    Entry,
    Stop,
    Target,
    TimeStop,
    SignalExit,
    /// Protection was refused, so the position was closed at the same open.
    Unprotected,
    Kill,
}

impl FillReason {
    pub const ALL: [Self; 7] = [
        Self::Entry,
        Self::Stop,
        Self::Target,
        Self::TimeStop,
        Self::SignalExit,
        Self::Unprotected,
        Self::Kill,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Stop => "stop",
            Self::Target => "target",
            Self::TimeStop => "time_stop",
            Self::SignalExit => "signal_exit",
            Self::Unprotected => "unprotected",
            Self::Kill => "kill",
        }
    }

    /// The reason of this name.
    pub fn parse(name: &str) -> Result<Self, DomainError> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| {
                DomainError::out_of_range(
                    "reason",
                    name,
                    "entry stop target time_stop signal_exit unprotected kill",
                )
            })
    }
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerFill {
    pub market_time: UnixMillis,
    pub instrument_id: InstrumentId,
    pub order_side: OrderSide,
    pub quantity: Quantity,
    pub price: Price,
    pub fee: Money,
    pub fee_asset: Currency,
    pub liquidity_side: LiquiditySide,
    pub reason: FillReason,
}

/// Fills in engine order with their running hash.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    fills: Vec<LedgerFill>,
    hash: Sha256,
}

impl Ledger {
    pub fn push(&mut self, fill: LedgerFill) -> Result<(), DomainError> {
        self.hash.update(canonical_json(&fill)?);
        self.hash.update(b"\n");
        self.fills.push(fill);
        Ok(())
    }

    pub fn fills(&self) -> &[LedgerFill] {
        &self.fills
    }

    /// SHA-256 of the lines, hex.
    pub fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill() -> LedgerFill {
        LedgerFill {
            market_time: "2021-09-27T14:00:00.000Z".parse().unwrap(),
            instrument_id: "BTC-USD.SIM".parse().unwrap(),
            order_side: OrderSide::Buy,
            quantity: "0.01000".parse().unwrap(),
            price: "43557.48".parse().unwrap(),
            fee: "0.00001".parse().unwrap(),
            fee_asset: "BTC".parse().unwrap(),
            liquidity_side: LiquiditySide::Taker,
            reason: FillReason::Entry,
        }
    }

    #[test]
    fn the_hash_covers_canonical_lines_with_a_trailing_line_feed() {
        let mut ledger = Ledger::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(ledger.sha256(), empty);
        ledger.push(fill()).unwrap();
        ledger
            .push(LedgerFill {
                reason: FillReason::TimeStop,
                ..fill()
            })
            .unwrap();
        let line = |reason| {
            format!(
                "{{\"fee\":\"0.00001000\",\"fee_asset\":\"BTC\",\
                 \"instrument_id\":\"BTC-USD.SIM\",\"liquidity_side\":\"TAKER\",\
                 \"market_time\":\"2021-09-27T14:00:00.000Z\",\"order_side\":\"BUY\",\
                 \"price\":\"43557.48\",\"quantity\":\"0.01000\",\"reason\":\"{reason}\"}}\n"
            )
        };
        let text = line("entry") + &line("time_stop");
        assert_eq!(ledger.sha256(), hex::encode(Sha256::digest(text)));
    }

    #[test]
    fn reasons_parse_by_name() {
        for reason in FillReason::ALL {
            assert_eq!(FillReason::parse(reason.as_str()), Ok(reason));
        }
        assert!(FillReason::parse("because").is_err());
    }
}
