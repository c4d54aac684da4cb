//! One value of `venue.toml` at a time: its range, and the message when it is outside.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::models::decimal;

/// The most whole units an amount may have.
pub(super) const MOST_UNITS: i128 = 1_000_000_000_000;

pub(super) fn address(key: &str, text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{key} = \"{text}\": expected IP:PORT, e.g. 127.0.0.1:0"))
}

/// A fee rate in 1e-8.
pub(super) fn rate(key: &str, text: &str) -> Result<i64, String> {
    let value = decimal::parse(text)
        .ok()
        .filter(|value| *value <= 10_000_000);
    value
        .and_then(|value| i64::try_from(value).ok())
        .ok_or_else(|| format!("{key} = \"{text}\": allowed 0 to 0.1, at most 8 decimals"))
}

/// An amount at scale 8, 0 to `most` whole units.
pub(super) fn amount(key: &str, text: &str, most: i128) -> Result<i128, String> {
    decimal::parse(text)
        .ok()
        .filter(|value| *value <= most * 100_000_000)
        .ok_or_else(|| format!("{key} = \"{text}\": allowed 0 to {most}, at most 8 decimals"))
}

/// Amounts at scale 8 by currency.
pub(super) fn amounts(
    key: &str,
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, i128>, String> {
    texts
        .iter()
        .map(|(currency, text)| {
            let name = format!("{key}.{currency}");
            Ok((currency.clone(), amount(&name, text, MOST_UNITS)?))
        })
        .collect()
}

/// A whole number within `range`.
pub(super) fn within<T: PartialOrd + Copy + std::fmt::Display>(
    key: &str,
    value: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (range.start(), range.end());
    Err(format!("{key} = {value}: allowed {least} to {most}"))
}
