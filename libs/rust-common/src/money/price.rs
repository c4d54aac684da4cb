//! A price of one base unit in quote units.

use std::str::FromStr;

use super::{Money, Quantity, Ratio, scaled_text};
use crate::error::DomainError;
use crate::fixed::{self, Rounding, SCALE_MAX};

const OVERFLOW: DomainError = DomainError::Overflow {
    operation: "price arithmetic",
};

/// An i64 mantissa at a scale of at most 8. May be negative (a difference of prices).
#[derive(Debug, Clone, Copy)]
pub struct Price {
    pub(super) mantissa: i64,
    pub(super) scale: u8,
}

scaled_text!(Price);

impl Price {
    /// `mantissa / 10^scale`; the scale must not exceed 8.
    pub fn new(mantissa: i64, scale: u8) -> Result<Self, DomainError> {
        if scale > SCALE_MAX {
            return Err(DomainError::out_of_range("price scale", scale, "0 to 8"));
        }
        Ok(Self { mantissa, scale })
    }

    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    pub fn scale(self) -> u8 {
        self.scale
    }

    pub(super) fn at_scale_max(self) -> i128 {
        let factor = fixed::pow10(u32::from(SCALE_MAX.saturating_sub(self.scale))).unwrap_or(1);
        i128::from(self.mantissa) * factor
    }

    /// The same price at another scale; an error if decimals would be lost.
    pub fn to_scale(self, scale: u8) -> Result<Self, DomainError> {
        if scale == self.scale {
            return Ok(self);
        }
        let floor = self.rescaled(scale, Rounding::Floor)?;
        if floor == self {
            return Ok(floor);
        }
        Err(DomainError::out_of_range(
            "price",
            self,
            "a price at the scale of the instrument",
        ))
    }

    fn rescaled(self, scale: u8, rounding: Rounding) -> Result<Self, DomainError> {
        let mantissa = fixed::rescale(i128::from(self.mantissa), self.scale, scale, rounding);
        let mantissa = mantissa
            .and_then(|m| i64::try_from(m).ok())
            .ok_or(OVERFLOW)?;
        Self::new(mantissa, scale)
    }

    pub fn checked_add(self, other: Self) -> Result<Self, DomainError> {
        let scale = self.scale.max(other.scale);
        let left = self.rescaled(scale, Rounding::Floor)?.mantissa;
        let right = other.rescaled(scale, Rounding::Floor)?.mantissa;
        Self::new(left.checked_add(right).ok_or(OVERFLOW)?, scale)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, DomainError> {
        let negated = other.mantissa.checked_neg().ok_or(OVERFLOW)?;
        self.checked_add(Self {
            mantissa: negated,
            scale: other.scale,
        })
    }

    /// Rounded to a multiple of `tick`, at the scale of `tick`.
    pub fn round_to_tick(self, tick: Self, rounding: Rounding) -> Result<Self, DomainError> {
        let scale = self.scale.max(tick.scale);
        let value = self.rescaled(scale, Rounding::Floor)?;
        let unit = tick.rescaled(scale, Rounding::Floor)?;
        let steps = fixed::divide(
            i128::from(value.mantissa),
            i128::from(unit.mantissa),
            rounding,
        );
        let mantissa = steps
            .and_then(|count| count.checked_mul(i128::from(tick.mantissa)))
            .and_then(|m| i64::try_from(m).ok())
            .ok_or(OVERFLOW)?;
        Self::new(mantissa, tick.scale)
    }

    /// Whether this is a multiple of `tick`.
    pub fn is_on_tick(self, tick: Self) -> bool {
        tick.mantissa > 0 && self.at_scale_max() % tick.at_scale_max() == 0
    }

    /// `price x (1 ± ratio)`, rounded to a tick. `up` adds the ratio.
    pub fn moved(
        self,
        ratio: Ratio,
        up: bool,
        tick: Self,
        rounding: Rounding,
    ) -> Result<Self, DomainError> {
        let one = i128::from(Ratio::ONE.mantissa());
        let part = i128::from(ratio.mantissa());
        let factor = if up { one + part } else { one - part };
        // price x factor is at scale 16; a tick at that scale keeps the division exact.
        let scaled = self.at_scale_max().checked_mul(factor).ok_or(OVERFLOW)?;
        let unit = tick.at_scale_max().checked_mul(one).ok_or(OVERFLOW)?;
        let mantissa = fixed::divide(scaled, unit, rounding)
            .and_then(|count| count.checked_mul(i128::from(tick.mantissa)))
            .and_then(|m| i64::try_from(m).ok())
            .ok_or(OVERFLOW)?;
        Self::new(mantissa, tick.scale)
    }

    /// `price x quantity`: exact while the scales add up to at most 8, else half-even to 8.
    pub fn notional(self, quantity: Quantity) -> Result<Money, DomainError> {
        let product = i128::from(self.mantissa)
            .checked_mul(i128::from(quantity.mantissa()))
            .ok_or(OVERFLOW)?;
        fixed::rescale(
            product,
            self.scale + quantity.scale(),
            SCALE_MAX,
            Rounding::HalfEven,
        )
        .map(Money::from_mantissa)
        .ok_or(OVERFLOW)
    }

    /// `quote / quantity`, half-even to a multiple of `tick`.
    pub fn average(quote: Money, quantity: Quantity, tick: Self) -> Result<Self, DomainError> {
        // quote at scale 8, quantity at its own, tick at its own: bring all to integers first.
        let numerator = fixed::pow10(u32::from(quantity.scale() + tick.scale))
            .and_then(|factor| quote.mantissa().checked_mul(factor));
        let denominator = fixed::pow10(u32::from(SCALE_MAX))
            .and_then(|factor| factor.checked_mul(i128::from(quantity.mantissa())))
            .and_then(|product| product.checked_mul(i128::from(tick.mantissa)));
        let mantissa = numerator
            .zip(denominator)
            .and_then(|(n, d)| fixed::divide(n, d, Rounding::HalfEven))
            .and_then(|count| count.checked_mul(i128::from(tick.mantissa)))
            .and_then(|m| i64::try_from(m).ok())
            .ok_or(OVERFLOW)?;
        Self::new(mantissa, tick.scale)
    }
}

impl FromStr for Price {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let (mantissa, scale) = fixed::parse("price", text, SCALE_MAX)?;
        let mantissa = i64::try_from(mantissa).map_err(|_| OVERFLOW)?;
        Self::new(mantissa, scale)
    }
}
