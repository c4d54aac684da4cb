//! The one error tree of the vocabulary.
//!
//! ```text
//! DomainError
//!   InvalidId       an id breaks its alphabet or length
//!   InvalidDecimal  text is not a plain decimal of the allowed scale
//!   InvalidTime     text is not RFC 3339 UTC with milliseconds
//!   OutOfRange      a number breaks its allowed range
//!   Inconsistent    fields contradict one another
//!   Overflow        checked arithmetic left its range
//!   Signature       the HMAC does not fit the body
//!   Json            the text is not the JSON of the message
//! ```

use thiserror::Error;

/// Why a value could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DomainError {
    #[error("{kind} {value:?} is not valid; allowed: {allowed}")]
    InvalidId {
        kind: &'static str,
        value: String,
        allowed: &'static str,
    },
    #[error("{kind} {value:?} is not valid: {reason}; write a plain decimal such as \"12.50\"")]
    InvalidDecimal {
        kind: &'static str,
        value: String,
        reason: &'static str,
    },
    #[error("time {value:?} is not valid; allowed: RFC 3339 UTC, \"2021-09-27T13:45:00.000Z\"")]
    InvalidTime { value: String },
    #[error("{field} is {value}; allowed: {allowed}")]
    OutOfRange {
        field: &'static str,
        value: String,
        allowed: &'static str,
    },
    #[error("{message}")]
    Inconsistent { message: String },
    #[error("{operation} overflows the fixed-point range")]
    Overflow { operation: &'static str },
    #[error(
        "approval signature does not fit the body; sign the canonical JSON with the key in use"
    )]
    Signature,
    #[error("not the JSON of {what}: {detail}")]
    Json { what: &'static str, detail: String },
}

impl DomainError {
    /// An [`DomainError::OutOfRange`] from anything that prints.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass what they have at hand"
    )]
    pub fn out_of_range(field: &'static str, value: impl ToString, allowed: &'static str) -> Self {
        Self::OutOfRange {
            field,
            value: value.to_string(),
            allowed,
        }
    }
}
