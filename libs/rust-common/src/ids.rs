//! Names of things. Each is a checked newtype, so one kind of id cannot stand for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::DomainError;

fn all(text: &str, length_max: usize, allowed: fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= length_max && text.bytes().all(allowed)
}

fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn is_instrument(text: &str) -> bool {
    let Some((name, venue)) = text.split_once('.') else {
        return false;
    };
    name.contains('-')
        && text.len() <= 48
        && name.split('-').all(|part| all(part, 16, is_upper))
        && all(venue, 16, is_upper)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it over.
            pub fn new(text: impl Into<String>) -> Result<Self, DomainError> {
                let text = text.into();
                let check: fn(&str) -> bool = $check;
                if check(&text) {
                    Ok(Self(text))
                } else {
                    Err(DomainError::InvalidId { kind: $kind, value: text, allowed: $allowed })
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = DomainError;

            fn try_from(text: String) -> Result<Self, DomainError> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = DomainError;

            fn from_str(text: &str) -> Result<Self, DomainError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Our name of an account at a venue.
    AccountId, "account", "[a-z0-9-]{1,32}", |t| all(t, 32, is_lower));
id!(
    /// Our name of a strategy.
    StrategyId, "strategy", "[a-z0-9-]{1,32}", |t| all(t, 32, is_lower));
id!(
    /// SHA-256 hex of what a decision was made for; see [`crate::client_order_id::decision_id`].
    DecisionId, "decision_id", "64 lower-case hex characters",
    |t| t.len() == 64 && all(t, 64, is_lower_hex));
id!(
    /// Which order of a decision: `entry`, `entry.stop`, `exit`, `protect.target` ...
    Leg, "leg", "[a-z0-9.-]{1,24}", |t| all(t, 24, |b| is_lower(b) || b == b'.'));
id!(
    /// The id a venue knows our order by; derived, never random.
    ClientOrderId, "client_order_id", "[a-zA-Z0-9-_]{1,36}",
    |t| all(t, 36, |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
id!(
    /// `BASE-QUOTE.VENUE`, for example `BTC-USD.SIM`.
    InstrumentId, "instrument_id", "BASE-QUOTE.VENUE in [A-Z0-9]", is_instrument);
id!(
    /// A venue's own name of an instrument, for example `BTCUSD`.
    Symbol, "symbol", "[A-Z0-9]{1,20}", |t| all(t, 20, is_upper));
id!(
    /// An asset that a balance is held in, for example `USD`.
    Currency, "currency", "[A-Z0-9]{1,16}", |t| all(t, 16, is_upper));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_to_their_alphabets() {
        assert!(InstrumentId::new("BTC-USD.SIM").is_ok());
        assert!(InstrumentId::new("BTC-USDT-PERP.BINANCE").is_ok());
        for bad in [
            "BTCUSD.SIM",
            "btc-usd.SIM",
            "BTC-USD",
            "BTC-.SIM",
            "BTC-USD.",
            "BTC-USD.S.M",
        ] {
            assert!(InstrumentId::new(bad).is_err(), "{bad}");
        }
        assert!(AccountId::new("paper-1").is_ok());
        assert!(AccountId::new("Paper").is_err());
        assert!(Leg::new("entry.stop").is_ok());
        assert!(Leg::new("").is_err());
        assert!(DecisionId::new("a".repeat(64)).is_ok());
        assert!(DecisionId::new("A".repeat(64)).is_err());
        assert!(ClientOrderId::new("x".repeat(37)).is_err());
        let error = Currency::new("usd").unwrap_err().to_string();
        assert_eq!(
            error,
            "currency \"usd\" is not valid; allowed: [A-Z0-9]{1,16}"
        );
    }
}
