//! Times in microseconds for those who ask: header `X-MBX-TIME-UNIT`, query `timeUnit`.

use serde_json::{Value, json};

use crate::error::VenueError;

pub use crate::services::streams::frames::TimeUnit;

/// Names of times in replies (rest-api.md, web-socket-api.md).
const REPLY_TIMES: [&str; 13] = [
    "time",
    "updateTime",
    "transactTime",
    "transactionTime",
    "workingTime",
    "trailingTime",
    "serverTime",
    "openTime",
    "closeTime",
    "authorizedSince",
    "connectedSince",
    "timestamp",
    "T",
];

impl TimeUnit {
    /// Reads the word that clients send, in any case.
    ///
    /// # Errors
    /// `-1194` for any other word.
    pub fn parse(word: &str) -> Result<Self, VenueError> {
        match word.to_ascii_uppercase().as_str() {
            "MILLISECOND" => Ok(Self::Millisecond),
            "MICROSECOND" => Ok(Self::Microsecond),
            _ => Err(VenueError::bad_request(
                -1194,
                "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
            )),
        }
    }

    /// The time unit that a query string asks for.
    ///
    /// # Errors
    /// `-1194` for a word that is none.
    pub fn of_query(query: &str) -> Result<Self, VenueError> {
        let word = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("timeUnit="));
        word.map_or(Ok(Self::default()), Self::parse)
    }

    /// A reply in this unit. Rows of bars carry their times by position.
    pub fn show(self, mut reply: Value, has_bars: bool) -> Value {
        if self == Self::Microsecond {
            if has_bars {
                scale_bars(&mut reply);
            } else {
                scale_fields(&mut reply, &REPLY_TIMES);
            }
        }
        reply
    }

    /// A user event in this unit.
    pub fn show_event(self, event: &Value) -> Value {
        let mut event = event.clone();
        if self == Self::Microsecond {
            let names: &[&str] = match event.get("e").and_then(Value::as_str) {
                Some("executionReport") => &["E", "T", "O", "W", "D"],
                Some("outboundAccountPosition") => &["E", "u"],
                _ => &["E", "T"],
            };
            if let Some(fields) = event.as_object_mut() {
                for name in names {
                    fields.entry(*name).and_modify(scale);
                }
            }
        }
        event
    }
}

fn scale(value: &mut Value) {
    if let Some(ms) = value.as_i64().filter(|ms| *ms > 0) {
        *value = json!(TimeUnit::Microsecond.of(ms));
    }
}

fn scale_fields(value: &mut Value, names: &[&str]) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(|row| scale_fields(row, names)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if names.contains(&name.as_str()) {
                    scale(field);
                } else {
                    scale_fields(field, names);
                }
            }
        }
        _ => {}
    }
}

/// Open and close times are the first and the seventh element (rest-api.md, "Kline data").
fn scale_bars(value: &mut Value) {
    for row in value.as_array_mut().into_iter().flatten() {
        for (index, field) in row.as_array_mut().into_iter().flatten().enumerate() {
            if index == 0 || index == 6 {
                scale(field);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_scaled_where_they_are_times() {
        let unit = TimeUnit::parse("microsecond").unwrap();
        let reply = json!([{"time": 5, "workingTime": -1, "orderId": 7, "fills": [{"time": 2}]}]);
        let shown = json!([{"time": 5_000, "workingTime": -1, "orderId": 7,
                            "fills": [{"time": 2_000}]}]);
        assert_eq!(unit.show(reply.clone(), false), shown);
        assert_eq!(TimeUnit::Millisecond.show(reply.clone(), false), reply);
        let bars = json!([[1, "2", "3", "4", "5", "6", 7, "8", 9, "0", "0", "0"]]);
        assert_eq!(unit.show(bars, true)[0][6], 7_000);
        let event = json!({"e": "executionReport", "E": 1, "T": 2, "O": 3, "u": 4, "i": 5});
        let shown = json!({"e": "executionReport", "E": 1_000, "T": 2_000, "O": 3_000, "u": 4,
                           "i": 5});
        assert_eq!(unit.show_event(&event), shown);
        assert_eq!(
            TimeUnit::of_query("a=b&timeUnit=x").unwrap_err().code,
            -1194
        );
    }
}
