//! Requests of the WebSocket API on their way in, and what is to become of their replies.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::frames::Frame;
use super::plan;
use super::queue::Item;
use crate::services::faults::board::Firing;
use crate::services::faults::calls::Call;
use crate::services::faults::params::How;

/// A request as far as rules need it.
#[derive(Debug)]
pub struct Incoming {
    pub id: Value,
    pub call: Call,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default, borrow)]
    params: BTreeMap<String, &'a RawValue>,
}

/// Reads a request; `None` for what the venue will refuse anyway.
pub fn read(frame: &Frame) -> Option<Incoming> {
    let payload = frame.payload();
    let raw: Raw<'_> = serde_json::from_slice(&payload).ok()?;
    let plain = |value: &RawValue| {
        serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
    };
    let params = raw
        .params
        .iter()
        .map(|(name, value)| (name.clone(), plain(value)))
        .collect();
    Some(Incoming {
        id: raw.id,
        call: Call::websocket(&raw.method, params),
    })
}

/// What happens to the reply of a request that was passed on.
#[derive(Debug)]
pub enum Expected {
    Drop(How),
    Delay(Duration),
    AwaitEvents {
        ids: Vec<String>,
        wanted: usize,
        limit: Duration,
    },
    Release {
        hold: u64,
        after: Duration,
    },
    Replace(String),
    Cut {
        byte: u64,
        how: How,
    },
    Truncate(usize),
    Offsets {
        weight: i64,
        orders: i64,
    },
    Inputs(Box<(Call, Firing)>),
}

/// The first `byte` bytes of a frame, after which the connection ends.
pub fn cut(mut raw: Vec<u8>, byte: u64, how: How) -> Item {
    raw.truncate(usize::try_from(byte).unwrap_or(usize::MAX));
    Item::last(raw, how)
}

/// A reply whose counts are off.
pub fn shifted(frame: &Frame, weight: i64, orders: i64) -> Vec<u8> {
    let Ok(mut body) = serde_json::from_slice::<Value>(&frame.payload()) else {
        return frame.raw.clone();
    };
    let rows = body.get_mut("rateLimits").and_then(Value::as_array_mut);
    for row in rows.into_iter().flatten() {
        let offset = match row.get("rateLimitType").and_then(Value::as_str) {
            Some("REQUEST_WEIGHT") => weight,
            Some("ORDERS") => orders,
            _ => 0,
        };
        let count = row.get("count").and_then(Value::as_i64);
        if let (Some(count), Some(fields)) = (count, row.as_object_mut()) {
            fields.insert("count".into(), json!(plan::shifted(count, offset)));
        }
    }
    super::frames::text(&body.to_string())
}
