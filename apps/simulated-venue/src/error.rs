//! What the venue answers when it refuses, and why it would not start.

use std::path::PathBuf;

use serde_json::{Value, json};

/// A refusal in the venue's words: HTTP status, numeric code and message as Binance documents them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct VenueError {
    pub status: u16,
    pub code: i32,
    pub message: String,
    /// Seconds a client has to wait; sent as `Retry-After`.
    pub retry_after_s: Option<u64>,
    /// `data` of the error body: the halves of a cancelReplace, or when to try again.
    pub data: Option<Box<Value>>,
}

impl VenueError {
    pub fn new(status: u16, code: i32, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_s: None,
            data: None,
        }
    }

    /// Asks the caller to wait `ms` milliseconds from `now`. REST says it in whole seconds, the
    /// WebSocket API as a time.
    #[must_use]
    pub fn retry_after(mut self, now: i64, ms: i64) -> Self {
        self.retry_after_s = Some(u64::try_from(ms.max(0)).unwrap_or(0).div_ceil(1_000));
        self.data = Some(Box::new(json!({
            "serverTime": now, "retryAfter": now.saturating_add(ms.max(0)),
        })));
        self
    }

    /// A refusal with HTTP 400, the status of everything that never reached the engine.
    pub fn bad_request(code: i32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub fn missing(name: &str) -> Self {
        Self::bad_request(
            -1102,
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
        )
    }

    /// Neither of two parameters was sent, one is needed.
    pub fn missing_both(first: &str, second: &str) -> Self {
        let text = format!("Param '{first}' or '{second}' must be sent, but both were empty/null!");
        Self::bad_request(-1102, text)
    }

    pub fn illegal(name: &str, legal: &str) -> Self {
        Self::bad_request(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '{legal}'."),
        )
    }

    pub fn not_required(name: &str) -> Self {
        Self::bad_request(-1106, format!("Parameter '{name}' sent when not required."))
    }

    pub fn empty(name: &str) -> Self {
        Self::bad_request(-1105, format!("Parameter '{name}' was empty."))
    }

    pub fn overflow(name: &str) -> Self {
        Self::bad_request(-1108, format!("Parameter '{name}' overflowed."))
    }

    pub fn too_precise(name: &str) -> Self {
        Self::bad_request(-1111, format!("Parameter '{name}' has too much precision."))
    }

    pub fn time_in_force_not_required() -> Self {
        Self::bad_request(-1114, "TimeInForce parameter sent when not required.")
    }

    pub fn bad_combination() -> Self {
        Self::bad_request(-1128, "Combination of optional parameters invalid.")
    }

    pub fn invalid_data(name: &str) -> Self {
        Self::bad_request(
            -1130,
            format!("Data sent for parameter '{name}' is not valid."),
        )
    }

    /// `-2015` with HTTP 401: unknown key, or a key without this right.
    pub fn rejected_key() -> Self {
        let text = "Invalid API-key, IP, or permissions for action.";
        Self::new(401, -2015, text)
    }

    pub fn filter(name: &str) -> Self {
        Self::bad_request(-1013, format!("Filter failure: {name}"))
    }

    /// `-2010`: the engine refused a new order.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::bad_request(-2010, message)
    }

    pub fn unknown_order() -> Self {
        Self::bad_request(-2011, "Unknown order sent.")
    }

    pub fn no_such_order() -> Self {
        Self::bad_request(-2013, "Order does not exist.")
    }

    pub fn invalid_symbol() -> Self {
        Self::bad_request(-1121, "Invalid symbol.")
    }

    pub fn stale_timestamp() -> Self {
        Self::bad_request(
            -1021,
            "Timestamp for this request is outside of the recvWindow.",
        )
    }

    pub fn unsupported() -> Self {
        Self::bad_request(-1020, "This operation is not supported.")
    }

    /// `-1000` under a 5xx: the caller must treat the outcome as unknown.
    pub fn internal() -> Self {
        Self::new(
            500,
            -1000,
            "An unknown error occurred while processing the request.",
        )
    }

    /// The body of a REST answer.
    pub fn body(&self) -> Value {
        let mut body = json!({"code": self.code, "msg": self.message});
        // When to try again travels in a header.
        let shown = self.data.as_ref().filter(|_| self.retry_after_s.is_none());
        if let (Some(data), Some(fields)) = (shown, body.as_object_mut()) {
            fields.insert("data".into(), (**data).clone());
        }
        body
    }

    /// The `error` of a WebSocket API answer.
    pub fn websocket_body(&self) -> Value {
        let mut body = json!({"code": self.code, "msg": self.message});
        if let (Some(data), Some(fields)) = (&self.data, body.as_object_mut()) {
            fields.insert("data".into(), (**data).clone());
        }
        body
    }
}

/// Why the venue refuses to start. Every message names the file, the value and the next step.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{path}: {source}. Check that the file exists and can be read.")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: {message}")]
    Config { path: PathBuf, message: String },
    #[error("{path}: {message}")]
    Columns { path: PathBuf, message: String },
    #[error("{path}: {message}")]
    State { path: PathBuf, message: String },
    #[error("cannot listen on {address}: {source}. Choose another port or stop its owner.")]
    Listen {
        address: String,
        source: std::io::Error,
    },
    #[error("the engine stopped: {0}")]
    Engine(String),
}

impl StartError {
    pub fn config(path: &std::path::Path, message: impl Into<String>) -> Self {
        Self::Config {
            path: path.to_owned(),
            message: message.into(),
        }
    }

    pub fn columns(path: &std::path::Path, message: impl Into<String>) -> Self {
        Self::Columns {
            path: path.to_owned(),
            message: message.into(),
        }
    }

    pub fn state(path: &std::path::Path, message: impl Into<String>) -> Self {
        Self::State {
            path: path.to_owned(),
            message: message.into(),
        }
    }
}
