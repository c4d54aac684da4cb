//! Fixed-point values. No floats; all arithmetic is checked.
//!
//! | operation | result |
//! |---|---|
//! | `Price ± Price` | `Price` at the larger scale |
//! | `Price x Quantity` | `Money` (exact when the scales add up to at most 8, else half-even) |
//! | `Money / Quantity` | `Price` at a tick, half-even |
//! | `Money x Ratio` | `Money`, rounding named by the caller |
//! | `Quantity as Money` | the same amount at scale 8, exact |
//!
//! Values of one type compare by value: `1.0 == 1.00`.

mod amount;
mod price;
mod quantity;

pub use amount::{Decimal, Figure, Money, Ratio};
pub use price::Price;
pub use quantity::Quantity;

/// Implements text, serde and value comparison for a type with `mantissa` and `scale` fields.
macro_rules! scaled_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::fixed::print(f, i128::from(self.mantissa), self.scale)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                if self.scale == other.scale {
                    return self.mantissa.cmp(&other.mantissa);
                }
                self.at_scale_max().cmp(&other.at_scale_max())
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other) == std::cmp::Ordering::Equal
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.at_scale_max().hash(state);
            }
        }

        $crate::money::string_serde!($name);
    };
}

/// Implements serde as the type's decimal text.
macro_rules! string_serde {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

use {scaled_text, string_serde};

/// Field checks of incoming messages.
pub(crate) mod checked {
    use serde::{Deserialize, Deserializer, de::Error};

    use super::{Price, Quantity};
    use crate::error::DomainError;

    /// A price above zero.
    pub(crate) fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Price, D::Error> {
        let price = Price::deserialize(deserializer)?;
        if price.mantissa() > 0 {
            return Ok(price);
        }
        Err(D::Error::custom(DomainError::out_of_range(
            "price", price, "above 0",
        )))
    }

    /// A quantity above zero.
    pub(crate) fn quantity<'de, D: Deserializer<'de>>(d: D) -> Result<Quantity, D::Error> {
        let quantity = Quantity::deserialize(d)?;
        if quantity.mantissa() > 0 {
            return Ok(quantity);
        }
        Err(D::Error::custom(DomainError::out_of_range(
            "quantity", quantity, "above 0",
        )))
    }
}

#[cfg(test)]
mod tests;
