//! Amounts with a fixed scale, and decimals that keep the scale they came with.

use std::fmt;
use std::str::FromStr;

use super::{Quantity, string_serde};
use crate::error::DomainError;
use crate::fixed::{self, Rounding, SCALE_MAX};

const OVERFLOW: DomainError = DomainError::Overflow {
    operation: "money arithmetic",
};

/// An amount of any asset: i128 at scale 8. Prints all 8 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

impl Money {
    pub const ZERO: Self = Self(0);

    /// An amount from its count of 1e-8.
    pub const fn from_mantissa(mantissa: i128) -> Self {
        Self(mantissa)
    }

    pub const fn mantissa(self) -> i128 {
        self.0
    }

    pub fn checked_add(self, other: Self) -> Result<Self, DomainError> {
        self.0.checked_add(other.0).map(Self).ok_or(OVERFLOW)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, DomainError> {
        self.0.checked_sub(other.0).map(Self).ok_or(OVERFLOW)
    }

    /// `self x ratio`, rounded to 8 decimals.
    pub fn checked_mul(self, ratio: Ratio, rounding: Rounding) -> Result<Self, DomainError> {
        self.0
            .checked_mul(i128::from(ratio.0))
            .and_then(|product| fixed::divide(product, i128::from(Ratio::ONE.0), rounding))
            .map(Self)
            .ok_or(OVERFLOW)
    }

    /// This amount as a quantity, rounded down to a multiple of `step`.
    pub fn floor_to_step(self, step: Quantity) -> Result<Quantity, DomainError> {
        fixed::divide(self.0, Self::from(step).0, Rounding::Floor)
            .and_then(|count| count.checked_mul(i128::from(step.mantissa())))
            .and_then(|mantissa| i64::try_from(mantissa).ok())
            .ok_or(OVERFLOW)
            .and_then(|mantissa| Quantity::new(mantissa, step.scale()))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fixed::print(f, self.0, SCALE_MAX)
    }
}

impl FromStr for Money {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("money", text, SCALE_MAX)?;
        let mantissa = fixed::rescale(mantissa, scale, SCALE_MAX, Rounding::Floor);
        mantissa.map(Self).ok_or(OVERFLOW)
    }
}

string_serde!(Money);

/// A dimensionless factor, i64 in 1e-8: a fee rate, a slippage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ratio(i64);

impl Ratio {
    pub const ZERO: Self = Self(0);
    pub const ONE: Self = Self(100_000_000);

    pub const fn from_mantissa(mantissa: i64) -> Self {
        Self(mantissa)
    }

    pub const fn mantissa(self) -> i64 {
        self.0
    }

    /// A ratio from basis points as text: `"2"` is 0.0002. Up to 4 decimals of a basis point.
    pub fn from_bps(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("basis points", text, 4)?;
        let mantissa = fixed::rescale(mantissa, scale, 4, Rounding::Floor);
        mantissa
            .and_then(|m| i64::try_from(m).ok())
            .map(Self)
            .ok_or(OVERFLOW)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fixed::print(f, i128::from(self.0), SCALE_MAX)
    }
}

impl FromStr for Ratio {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let mantissa = text.parse::<Money>()?.0;
        i64::try_from(mantissa).map(Self).map_err(|_| OVERFLOW)
    }
}

string_serde!(Ratio);

const FIGURE_SCALE: u8 = 6;

/// A figure of analysis (score, weight, probability): i64 at scale 6. Prints all 6 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Figure(i64);

impl Figure {
    pub const fn from_mantissa(mantissa: i64) -> Self {
        Self(mantissa)
    }

    pub const fn mantissa(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fixed::print(f, i128::from(self.0), FIGURE_SCALE)
    }
}

impl FromStr for Figure {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("figure", text, FIGURE_SCALE)?;
        let mantissa = fixed::rescale(mantissa, scale, FIGURE_SCALE, Rounding::Floor);
        mantissa
            .and_then(|m| i64::try_from(m).ok())
            .map(Self)
            .ok_or(OVERFLOW)
    }
}

string_serde!(Figure);

/// A decimal that prints with the decimals it was read with: volumes, observed values of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

impl Decimal {
    /// Up to 18 decimals.
    pub const SCALE_MAX: u8 = 18;

    pub fn new(mantissa: i128, scale: u8) -> Result<Self, DomainError> {
        if scale > Self::SCALE_MAX {
            return Err(DomainError::out_of_range("decimal scale", scale, "0 to 18"));
        }
        Ok(Self { mantissa, scale })
    }

    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    pub fn scale(self) -> u8 {
        self.scale
    }

    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fixed::print(f, self.mantissa, self.scale)
    }
}

impl FromStr for Decimal {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("decimal", text, Self::SCALE_MAX)?;
        Self::new(mantissa, scale)
    }
}

string_serde!(Decimal);
