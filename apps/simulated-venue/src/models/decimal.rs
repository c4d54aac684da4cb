//! Decimal text at the edge. Inside, values are mantissas at the instrument's scale.

/// Decimals the venue prints and the most it accepts.
pub const WIRE_SCALE: u8 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// Not plain decimal digits with at most one point.
    Illegal,
    /// More than [`WIRE_SCALE`] decimals.
    TooPrecise,
    /// Does not fit.
    Overflow,
}

/// Plain non-negative decimal text as a mantissa at [`WIRE_SCALE`].
pub fn parse(text: &str) -> Result<i128, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    if !has_digits
        || !whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit())
    {
        return Err(DecimalError::Illegal);
    }
    if whole.len() > 20 || fraction.len() > 20 {
        return Err(DecimalError::Illegal);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > usize::from(WIRE_SCALE) {
        return Err(DecimalError::TooPrecise);
    }
    format!("{whole}{fraction:0<8}")
        .parse()
        .map_err(|_| DecimalError::Overflow)
}

/// A [`WIRE_SCALE`] mantissa at `scale`; `None` if it would lose digits or not fit.
pub fn rescale(wire: i128, scale: u8) -> Option<i64> {
    let factor = 10_i128.pow(u32::from(WIRE_SCALE.checked_sub(scale)?));
    (wire % factor == 0).then(|| i64::try_from(wire / factor).ok())?
}

/// A mantissa at `scale` (at most 8) as text with eight decimals.
pub fn format8(mantissa: i128, scale: u8) -> String {
    let factor = 10_i128.pow(u32::from(WIRE_SCALE.saturating_sub(scale)));
    let wire = mantissa.saturating_mul(factor);
    let unit = 10_u128.pow(u32::from(WIRE_SCALE));
    let sign = if wire < 0 { "-" } else { "" };
    let size = wire.unsigned_abs();
    format!("{sign}{}.{:08}", size / unit, size % unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges() {
        assert_eq!(parse("0.1"), Ok(10_000_000));
        assert_eq!(parse("1.000000000"), Ok(100_000_000));
        assert_eq!(parse("0.000000001"), Err(DecimalError::TooPrecise));
        for text in ["", ".", "-1", "1e3", "1.2.3", "+1", " 1", "0x1"] {
            assert_eq!(parse(text), Err(DecimalError::Illegal), "{text}");
        }
        assert_eq!(rescale(10_000_000, 2), Some(10));
        assert_eq!(rescale(100_000, 2), None);
        assert_eq!(format8(-5, 2), "-0.05000000");
    }

    proptest! {
        #[test]
        fn text_round_trips(mantissa in 0_i64..=9_000_000_000_000_000, scale in 0_u8..=8) {
            let wire = parse(&format8(i128::from(mantissa), scale)).unwrap();
            prop_assert_eq!(rescale(wire, scale), Some(mantissa));
        }
    }
}
