//! An amount of the base asset. Never negative.

use std::str::FromStr;

use super::{Money, scaled_text};
use crate::error::DomainError;
use crate::fixed::{self, Rounding, SCALE_MAX};

const OVERFLOW: DomainError = DomainError::Overflow {
    operation: "quantity arithmetic",
};

/// A non-negative i64 mantissa at a scale of at most 8.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    mantissa: i64,
    scale: u8,
}

scaled_text!(Quantity);

impl Quantity {
    /// `mantissa / 10^scale`; not negative, the scale must not exceed 8.
    pub fn new(mantissa: i64, scale: u8) -> Result<Self, DomainError> {
        if scale > SCALE_MAX {
            return Err(DomainError::out_of_range("quantity scale", scale, "0 to 8"));
        }
        if mantissa < 0 {
            return Err(DomainError::out_of_range(
                "quantity mantissa",
                mantissa,
                "0 or more",
            ));
        }
        Ok(Self { mantissa, scale })
    }

    /// No quantity at a scale (clamped to 8).
    pub fn zero(scale: u8) -> Self {
        Self {
            mantissa: 0,
            scale: scale.min(SCALE_MAX),
        }
    }

    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    pub fn scale(self) -> u8 {
        self.scale
    }

    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    fn at_scale_max(self) -> i128 {
        let factor = fixed::pow10(u32::from(SCALE_MAX.saturating_sub(self.scale))).unwrap_or(1);
        i128::from(self.mantissa) * factor
    }

    /// The same quantity at another scale; an error if decimals would be lost.
    pub fn to_scale(self, scale: u8) -> Result<Self, DomainError> {
        let mantissa = fixed::rescale(
            i128::from(self.mantissa),
            self.scale,
            scale,
            Rounding::Floor,
        )
        .and_then(|m| i64::try_from(m).ok())
        .ok_or(OVERFLOW)?;
        let moved = Self::new(mantissa, scale)?;
        if moved == self {
            return Ok(moved);
        }
        Err(DomainError::out_of_range(
            "quantity",
            self,
            "a quantity at the instrument's scale",
        ))
    }

    /// The sum, at the larger scale.
    pub fn checked_add(self, other: Self) -> Result<Self, DomainError> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (
            self.to_scale(scale)?.mantissa,
            other.to_scale(scale)?.mantissa,
        );
        Self::new(left.checked_add(right).ok_or(OVERFLOW)?, scale)
    }

    /// The difference, at the larger scale; an error if it would be negative.
    pub fn checked_sub(self, other: Self) -> Result<Self, DomainError> {
        let scale = self.scale.max(other.scale);
        let (left, right) = (
            self.to_scale(scale)?.mantissa,
            other.to_scale(scale)?.mantissa,
        );
        Self::new(left.checked_sub(right).ok_or(OVERFLOW)?, scale)
    }

    /// Rounded down to a multiple of `step`, at the scale of `step`.
    pub fn floor_to_step(self, step: Self) -> Result<Self, DomainError> {
        Money::from(self).floor_to_step(step)
    }

    /// Whether this is a multiple of `step`.
    pub fn is_on_step(self, step: Self) -> bool {
        step.mantissa > 0 && self.at_scale_max() % step.at_scale_max() == 0
    }
}

impl From<Quantity> for Money {
    fn from(quantity: Quantity) -> Self {
        Self::from_mantissa(quantity.at_scale_max())
    }
}

impl FromStr for Quantity {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("quantity", text, SCALE_MAX)?;
        let mantissa = i64::try_from(mantissa).map_err(|_| OVERFLOW)?;
        Self::new(mantissa, scale)
    }
}
