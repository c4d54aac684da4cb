//! Request parameters: percent-decoded, read once each, nothing left over.

use std::collections::BTreeMap;

use crate::error::VenueError;
use crate::models::decimal::{self, DecimalError};

const DECIMAL_RANGE: &str = "^([0-9]{1,20})(\\.[0-9]{1,20})?$";
const ID_RANGE: &str = "^[a-zA-Z0-9-_]{1,36}$";
const SYMBOL_RANGE: &str = "^[\\w\\-._&&[^a-z]]{1,50}$";

/// The parameters of one request. Every `take` removes; [`Params::finish`] refuses leftovers.
#[derive(Debug, Clone, Default)]
pub struct Params {
    values: BTreeMap<String, String>,
    sent: usize,
}

impl Params {
    /// Parses query string and form body; where both carry a name the query wins.
    ///
    /// # Errors
    /// `-1101` for a name repeated inside one part, `-1100` for bytes that do not decode.
    pub fn from_parts(query: &str, body: &str) -> Result<Self, VenueError> {
        let mut values = decode_part(body)?;
        values.append(&mut decode_part(query)?);
        Ok(Self::from_map(values))
    }

    pub fn from_map(values: BTreeMap<String, String>) -> Self {
        let sent = values.len();
        Self { values, sent }
    }

    /// The parameters as if `name` had not been sent.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.values.remove(name);
        self.sent = self.values.len();
        self
    }

    /// The value of `name`; a name sent with an empty value is refused with `-1105`.
    pub fn take(&mut self, name: &str) -> Result<Option<String>, VenueError> {
        match self.values.remove(name) {
            Some(value) if value.is_empty() => Err(VenueError::empty(name)),
            other => Ok(other),
        }
    }

    pub fn required(&mut self, name: &str) -> Result<String, VenueError> {
        match self.values.remove(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(VenueError::missing(name)),
        }
    }

    pub fn integer(&mut self, name: &str) -> Result<Option<i64>, VenueError> {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(VenueError::illegal(name, "^[0-9]{1,20}$"));
        }
        text.parse()
            .map(Some)
            .map_err(|_| VenueError::overflow(name))
    }

    /// An id that the venue gave: the numbers it counts up to.
    pub fn id(&mut self, name: &str) -> Result<Option<u64>, VenueError> {
        let number = self.integer(name)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }

    /// One of a closed set of words.
    pub fn word(
        &mut self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, VenueError> {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        let word = words.iter().find(|word| **word == text);
        word.map(|word| Some(*word))
            .ok_or_else(|| VenueError::invalid_data(name))
    }

    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, VenueError> {
        match self.take(name)?.as_deref() {
            None => Ok(None),
            Some("true" | "TRUE") => Ok(Some(true)),
            Some("false" | "FALSE") => Ok(Some(false)),
            Some(_) => Err(VenueError::illegal(name, "true|false")),
        }
    }

    /// A plain decimal as a mantissa at scale 8.
    pub fn decimal(&mut self, name: &str) -> Result<Option<i128>, VenueError> {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        decimal::parse(&text).map(Some).map_err(|e| match e {
            DecimalError::Illegal => VenueError::illegal(name, DECIMAL_RANGE),
            DecimalError::TooPrecise => VenueError::too_precise(name),
            DecimalError::Overflow => VenueError::overflow(name),
        })
    }

    /// A client order id of the venue's alphabet.
    pub fn client_id(&mut self, name: &str) -> Result<Option<String>, VenueError> {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if text.len() > 36 || !text.bytes().all(legal) {
            return Err(VenueError::illegal(name, ID_RANGE));
        }
        Ok(Some(text))
    }

    pub fn symbol(&mut self) -> Result<Option<String>, VenueError> {
        let Some(text) = self.take("symbol")? else {
            return Ok(None);
        };
        let legal = |c: char| !c.is_lowercase() && (c.is_alphanumeric() || "-._".contains(c));
        if text.chars().count() > 50 || !text.chars().all(legal) {
            return Err(VenueError::illegal("symbol", SYMBOL_RANGE));
        }
        Ok(Some(text))
    }

    pub fn into_map(self) -> BTreeMap<String, String> {
        self.values
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// True if `name` was sent as true; reads nothing.
    pub fn is_true(&self, name: &str) -> bool {
        let value = self.values.get(name).map(String::as_str);
        matches!(value, Some("true" | "TRUE"))
    }

    /// The number sent as `name`, if it is one; reads nothing.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name).and_then(|text| text.parse().ok())
    }

    /// How many entries the JSON array `name` seems to hold; reads nothing.
    pub fn listed(&self, name: &str) -> u32 {
        let commas = |text: &String| u32::try_from(text.matches(',').count()).unwrap_or(u32::MAX);
        self.values
            .get(name)
            .map_or(0, |text| commas(text).saturating_add(1))
    }

    /// Gives parameters other names, one after the other.
    pub fn rename(&mut self, pairs: &[(&str, &str)]) {
        for (from, to) in pairs {
            if let Some(value) = self.values.remove(*from) {
                self.values.insert((*to).to_owned(), value);
            }
        }
    }

    /// Drops what authentication has already read.
    pub fn forget(&mut self, names: &[&str]) {
        for name in names {
            self.values.remove(*name);
        }
    }

    /// Refuses parameters that no reader asked for.
    pub fn finish(&self) -> Result<(), VenueError> {
        if self.values.is_empty() {
            return Ok(());
        }
        let read = self.sent - self.values.len();
        Err(VenueError::bad_request(
            -1104,
            format!(
                "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{}'.",
                self.sent
            ),
        ))
    }
}

fn decode_part(part: &str) -> Result<BTreeMap<String, String>, VenueError> {
    let mut values = BTreeMap::new();
    for pair in part.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let illegal = || VenueError::bad_request(-1100, "Illegal characters found in a parameter.");
        let name = percent_decode(name).ok_or_else(illegal)?;
        let value = percent_decode(value).ok_or_else(illegal)?;
        if values.insert(name, value).is_some() {
            return Err(VenueError::bad_request(
                -1101,
                "Duplicate values for a parameter detected.",
            ));
        }
    }
    Ok(values)
}

/// `application/x-www-form-urlencoded` text to UTF-8; `None` if it is malformed.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_wins_and_leftovers_are_refused() {
        let mut params = Params::from_parts("symbol=A&limit=5", "limit=7&side=BUY").unwrap();
        assert_eq!(params.integer("limit").unwrap(), Some(5));
        assert_eq!(params.symbol().unwrap().as_deref(), Some("A"));
        let refusal = params.finish().unwrap_err();
        assert_eq!(refusal.code, -1104);
        assert!(
            refusal
                .message
                .contains("read '2' parameter(s) but was sent '3'")
        );
    }

    #[test]
    fn malformed_values_get_the_venues_codes() {
        let code = |query: &str, read: fn(&mut Params) -> Result<(), VenueError>| {
            Params::from_parts(query, "")
                .and_then(|mut params| read(&mut params))
                .unwrap_err()
                .code
        };
        assert_eq!(code("a=1&a=2", |_| Ok(())), -1101);
        assert_eq!(code("a=%ZZ", |_| Ok(())), -1100);
        assert_eq!(code("q=1e3", |p| p.decimal("q").map(drop)), -1100);
        assert_eq!(code("q=0.123456789", |p| p.decimal("q").map(drop)), -1111);
        assert_eq!(code("q=", |p| p.decimal("q").map(drop)), -1105);
        assert_eq!(code("q=", |p| p.required("q").map(drop)), -1102);
        assert_eq!(
            code("n=99999999999999999999", |p| p.integer("n").map(drop)),
            -1108
        );
        assert_eq!(code("c=a%20b", |p| p.client_id("c").map(drop)), -1100);
        assert_eq!(code("symbol=btcusd", |p| p.symbol().map(drop)), -1100);
        let long = format!("c={}", "x".repeat(37));
        assert_eq!(code(&long, |p| p.client_id("c").map(drop)), -1100);
    }
}
