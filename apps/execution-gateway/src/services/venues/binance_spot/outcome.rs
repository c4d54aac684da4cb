//! Outcome classes of HTTP answers (sheet A8). The HTTP status decides before the code.

use serde_json::Value;

use crate::models::venue::Outcome;

/// Why a request has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    NotSent(String),
    Refused {
        status: u16,
        code: i64,
        detail: String,
    },
    Ambiguous {
        code: i64,
        detail: String,
    },
    Missing,
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(detail) => Self::NotSent { detail },
            Failure::Refused { code, detail, .. } => Self::Refused { code, detail },
            Failure::Ambiguous { code, detail } => Self::Ambiguous { code, detail },
            Failure::Missing => Self::Missing,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(detail) => write!(f, "not sent: {detail}"),
            Self::Refused {
                status,
                code,
                detail,
            } => write!(f, "HTTP {status}, {code} {detail}"),
            Self::Ambiguous { code, detail } => write!(f, "no clear answer: {code} {detail}"),
            Self::Missing => f.write_str("the order does not exist"),
        }
    }
}

/// Codes that leave open whether the request took effect, under any status.
const AMBIGUOUS: [i64; 4] = [-1000, -1001, -1006, -1007];
const NO_SUCH_ORDER: [i64; 3] = [-2011, -2013, -2026];
const DUPLICATE: &str = "Duplicate order sent";

/// Reads an HTTP answer.
///
/// # Errors
/// The class of the failure.
pub(super) fn classify(status: u16, body: &[u8]) -> Result<Value, Failure> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    if (200..300).contains(&status) {
        return parsed.ok_or_else(|| Failure::Ambiguous {
            code: 0,
            detail: format!("HTTP {status} with {} bytes that are not JSON", body.len()),
        });
    }
    let code = parsed
        .as_ref()
        .and_then(|v| v.get("code"))
        .and_then(Value::as_i64)
        .unwrap_or(0);
    let text = parsed
        .as_ref()
        .and_then(|v| v.get("msg"))
        .and_then(Value::as_str);
    let detail = text.map_or_else(|| format!("HTTP {status}"), str::to_owned);
    let is_clear = (400..500).contains(&status) && status != 408 && !AMBIGUOUS.contains(&code);
    // "Duplicate" proves that an order with our id is open: the truth is found by asking for it.
    if !is_clear || detail.starts_with(DUPLICATE) {
        return Err(Failure::Ambiguous { code, detail });
    }
    if NO_SUCH_ORDER.contains(&code) {
        return Err(Failure::Missing);
    }
    Err(Failure::Refused {
        status,
        code,
        detail,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, body: &str) -> &'static str {
        match classify(status, body.as_bytes()) {
            Ok(_) => "ok",
            Err(failure) => Outcome::from(failure).class(),
        }
    }

    #[test]
    fn the_table_of_outcome_classes() {
        let code = |code: i64| format!(r#"{{"code":{code},"msg":"x"}}"#);
        for refused in [
            -1013, -1015, -1020, -1021, -1022, -1102, -2010, -2014, -2015, -1008,
        ] {
            assert_eq!(class(400, &code(refused)), "D", "{refused}");
        }
        for ambiguous in [-1000, -1001, -1006, -1007] {
            assert_eq!(class(400, &code(ambiguous)), "A", "{ambiguous}");
        }
        for under_5xx in [-1013, -1008, -2010, 0] {
            assert_eq!(class(503, &code(under_5xx)), "A", "{under_5xx}");
        }
        assert_eq!(class(400, &code(-2013)), "Q");
        assert_eq!(class(400, &code(-2011)), "Q");
        assert_eq!(class(403, "<html>blocked</html>"), "D");
        assert_eq!(class(418, &code(-1003)), "D");
        assert_eq!(class(408, ""), "A");
        assert_eq!(class(502, "bad gateway"), "A");
        assert_eq!(class(200, r#"{"orderId":1"#), "A");
        assert_eq!(class(200, "{}"), "ok");
        let duplicate = r#"{"code":-2010,"msg":"Duplicate order sent."}"#;
        assert_eq!(class(400, duplicate), "A");
    }
}
