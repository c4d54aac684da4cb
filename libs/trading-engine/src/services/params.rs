//! Numbers of a configuration: decimal text, or a JSON number.

use rust_common::Ratio;
use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Float(f64),
}

impl Number {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Float(value) => value.to_string(),
        }
    }
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Number::deserialize(deserializer)?.text())
}

pub(super) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    text(deserializer)?.parse().map_err(D::Error::custom)
}

pub(super) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ratio, D::Error> {
    text(deserializer)?.parse().map_err(D::Error::custom)
}

pub(super) fn optional_ratio<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Ratio>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    number
        .map(|number| number.text().parse())
        .transpose()
        .map_err(D::Error::custom)
}
