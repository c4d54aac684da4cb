//! Decimal text and integer rounding, the ground under every fixed-point type.

use std::fmt;

use crate::error::DomainError;

/// The largest number of decimals a price or a quantity may carry.
pub const SCALE_MAX: u8 = 8;

/// What happens to the part of a quotient that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards negative infinity.
    Floor,
    /// Towards positive infinity.
    Ceil,
    /// To the nearest; ties to the even neighbour.
    HalfEven,
}

/// `numerator / denominator`, rounded; `None` on overflow or when `denominator <= 0`.
#[must_use]
pub fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> Option<i128> {
    if denominator <= 0 {
        return None;
    }
    let (floor, rest) = quotient(numerator, denominator);
    if rest == 0 {
        return Some(floor);
    }
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::Ceil => true,
        Rounding::HalfEven => {
            let other = denominator.checked_sub(rest)?;
            rest > other || (rest == other && floor.rem_euclid(2) == 1)
        }
    };
    if up {
        floor.checked_add(1)
    } else {
        Some(floor)
    }
}

/// Floor and rest. Most values fit 64 bits, where the machine divides several times faster.
fn quotient(numerator: i128, denominator: i128) -> (i128, i128) {
    if let (Ok(n), Ok(d)) = (i64::try_from(numerator), i64::try_from(denominator)) {
        return (i128::from(n.div_euclid(d)), i128::from(n.rem_euclid(d)));
    }
    (
        numerator.div_euclid(denominator),
        numerator.rem_euclid(denominator),
    )
}

/// `10^exponent` for the exponents that fit.
#[must_use]
pub fn pow10(exponent: u32) -> Option<i128> {
    10_i128.checked_pow(exponent)
}

/// Moves a mantissa from one scale to another, rounding when decimals are dropped.
#[must_use]
pub fn rescale(mantissa: i128, from: u8, to: u8, rounding: Rounding) -> Option<i128> {
    if to >= from {
        mantissa.checked_mul(pow10(u32::from(to - from))?)
    } else {
        divide(mantissa, pow10(u32::from(from - to))?, rounding)
    }
}

/// Parses `-?digits(.digits)?`; returns mantissa and number of decimals.
pub fn parse(kind: &'static str, text: &str, scale_max: u8) -> Result<(i128, u8), DomainError> {
    let fail = |reason| DomainError::InvalidDecimal {
        kind,
        value: text.to_owned(),
        reason,
    };
    let (negative, body) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    if whole.is_empty() || (body.contains('.') && fraction.is_empty()) {
        return Err(fail("digits are missing"));
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err(fail("it has a leading zero"));
    }
    let scale = u8::try_from(fraction.len()).map_err(|_| fail("it has too many decimals"))?;
    if scale > scale_max {
        return Err(fail("it has too many decimals"));
    }
    let mut mantissa: i128 = 0;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return Err(fail("it has a character that is not a digit"));
        }
        mantissa = mantissa
            .checked_mul(10)
            .and_then(|m| m.checked_add(i128::from(byte - b'0')))
            .ok_or_else(|| fail("it is too large"))?;
    }
    Ok((if negative { -mantissa } else { mantissa }, scale))
}

/// Prints a mantissa at its scale as a plain decimal.
pub fn print(f: &mut fmt::Formatter<'_>, mantissa: i128, scale: u8) -> fmt::Result {
    let sign = if mantissa < 0 { "-" } else { "" };
    let magnitude = mantissa.unsigned_abs();
    if scale == 0 {
        return write!(f, "{sign}{magnitude}");
    }
    let unit = 10_u128.checked_pow(u32::from(scale)).ok_or(fmt::Error)?;
    let width = usize::from(scale);
    write!(f, "{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_even_goes_to_the_even_neighbour_on_both_sides_of_zero() {
        for (numerator, expected) in [
            (5, 0),
            (15, 2),
            (25, 2),
            (-5, 0),
            (-15, -2),
            (-25, -2),
            (26, 3),
        ] {
            assert_eq!(
                divide(numerator, 10, Rounding::HalfEven),
                Some(expected),
                "{numerator}"
            );
        }
        assert_eq!(divide(-1, 10, Rounding::Floor), Some(-1));
        assert_eq!(divide(-1, 10, Rounding::Ceil), Some(0));
        assert_eq!(divide(1, 0, Rounding::Floor), None);
    }

    #[test]
    fn only_plain_decimals_parse() {
        assert_eq!(parse("price", "43557.48", 8).ok(), Some((4_355_748, 2)));
        assert_eq!(parse("price", "-0.50", 8).ok(), Some((-50, 2)));
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "01",
            "1e3",
            "+1",
            " 1",
            "1,0",
            "--1",
            "0.123456789",
        ] {
            assert!(parse("price", bad, 8).is_err(), "{bad}");
        }
    }
}
