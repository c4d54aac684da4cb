//! What a fired rule means for one request, spelled once for REST and the WebSocket API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::error::VenueError;
use crate::services::faults::catalogue::Fault;
use crate::services::faults::params::{ErrorBody, How, LimitKind, Phase};

const HTML_403: &str = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n\
    <center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n";
const HTML_5XX: &str = "<html>\r\n<head><title>Error</title></head>\r\n<body>\r\n\
    <center><h1>The server had an error</h1></center>\r\n</body>\r\n</html>\r\n";

/// The body of a made-up answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Json(Value),
    Html(&'static str),
    /// Sent as it is, called JSON.
    Raw(String),
}

/// A made-up answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Body,
    pub retry_after_s: Option<u64>,
}

impl Answer {
    pub fn error(error: &VenueError) -> Self {
        Self {
            status: error.status,
            body: Body::Json(error.body()),
            retry_after_s: error.retry_after_s,
        }
    }
}

/// What is done with a request or its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    Drop {
        before: bool,
        how: How,
    },
    Delay {
        before: bool,
        by: Duration,
    },
    /// The reply waits for this many more user events about the order.
    AwaitEvents {
        events: usize,
        limit: Duration,
    },
    /// User events about the order wait for the reply.
    HoldEvents {
        after: Duration,
    },
    Answer {
        answer: Answer,
        executed: bool,
    },
    CutReply {
        byte: u64,
        how: How,
    },
    TruncateReply {
        byte: usize,
    },
    Offsets {
        weight: i64,
        orders: i64,
    },
    /// Inputs of the venue before or after the request; the reply is the venue's own.
    Inputs,
}

/// Too much weight, or banned for it.
pub fn banned(seconds: u64) -> VenueError {
    let mut error = VenueError::new(
        418,
        -1003,
        "Way too much request weight used; IP banned. Please use WebSocket Streams for live \
         updates to avoid bans.",
    );
    error.retry_after_s = Some(seconds);
    error
}

fn refusal(status: u16, code: i32, text: &str) -> Answer {
    Answer::error(&VenueError::new(status, code, text))
}

/// The plan of a fault of the request layer.
pub fn plan(fault: &Fault) -> Plan {
    let milliseconds = Duration::from_millis;
    match fault {
        Fault::DropBeforeSend(params) => Plan::Drop {
            before: true,
            how: params.how,
        },
        Fault::DropAfter(params) => Plan::Drop {
            before: false,
            how: params.how,
        },
        Fault::DelayReply(params) => Plan::Delay {
            before: params.at == Phase::Before,
            by: milliseconds(params.ms),
        },
        Fault::ReplyAfterEvent(params) => Plan::AwaitEvents {
            events: params.events as usize,
            limit: milliseconds(params.at_most_ms),
        },
        Fault::EventBeforeReply(params) => Plan::AwaitEvents {
            events: 1,
            limit: milliseconds(params.at_most_ms),
        },
        Fault::EventAfterReply(params) => Plan::HoldEvents {
            after: milliseconds(params.ms),
        },
        Fault::CutReply(params) => Plan::CutReply {
            byte: params.byte,
            how: params.how,
        },
        Fault::TruncatedReply(params) => Plan::TruncateReply { byte: params.byte },
        Fault::LimitHeaders(params) => Plan::Offsets {
            weight: params.weight,
            orders: params.orders,
        },
        other => made_up(other).map_or(Plan::Inputs, |(answer, executed)| Plan::Answer {
            answer,
            executed,
        }),
    }
}

const UNKNOWN: &str = "An unknown error occurred while processing the request.";
const WEIGHT: &str = "Too much request weight used; current limit is 6000 request weight per 1 \
    MINUTE. Please use WebSocket Streams for live updates to avoid polling the API.";
const ORDERS: &str = "Too many new orders; current limit is 100 orders per 10 SECOND.";
const TIMEOUT: &str = "Timeout waiting for response from backend server. Send status unknown; \
    execution status unknown.";
const UNEXPECTED: &str = "An unexpected response was received from the message bus. Execution \
    status unknown.";
const OVERLOADED: &str = "Server is currently overloaded with other requests. Please try again in \
    a few minutes.";

fn with_body(status: u16, body: Body) -> Answer {
    Answer {
        status,
        body,
        retry_after_s: None,
    }
}

/// The answer that a fault puts in place of the venue's, and whether the venue acts all the same.
fn made_up(fault: &Fault) -> Option<(Answer, bool)> {
    Some(match fault {
        Fault::TooManyRequests(params) => {
            let mut answer = match params.limit {
                LimitKind::Weight => refusal(429, -1003, WEIGHT),
                LimitKind::Orders => refusal(429, -1015, ORDERS),
            };
            answer.retry_after_s = Some(params.retry_after_s);
            (answer, false)
        }
        Fault::Ban(params) => (Answer::error(&banned(params.retry_after_s)), false),
        Fault::Waf(params) => (with_body(403, Body::Html(HTML_403)), params.executed),
        Fault::ServerError(params) => {
            let answer = match params.body {
                ErrorBody::Json => refusal(params.status, params.code, UNKNOWN),
                ErrorBody::Html => with_body(params.status, Body::Html(HTML_5XX)),
                ErrorBody::Empty => with_body(params.status, Body::Raw(String::new())),
            };
            (answer, params.executed)
        }
        Fault::EngineTimeout(params) => {
            let text = if params.code == -1_007 {
                TIMEOUT
            } else {
                UNEXPECTED
            };
            (refusal(params.status, params.code, text), params.executed)
        }
        Fault::Overload(params) => (refusal(params.status, -1_008, OVERLOADED), false),
        Fault::QueryError(params) => (refusal(params.status, params.code, UNKNOWN), false),
        Fault::GarbageReply(params) => (
            with_body(200, Body::Raw(params.body.clone())),
            params.executed,
        ),
        _ => return None,
    })
}

/// The ids a reply names its order by: what a request without an id is known by.
pub fn ids_of(reply: &[u8]) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<Value>(reply) else {
        return Vec::new();
    };
    let body = body.get("result").unwrap_or(&body);
    ["origClientOrderId", "clientOrderId", "listClientOrderId"]
        .iter()
        .filter_map(|key| body.get(*key).and_then(Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// A count with an offset, never below 0.
pub fn shifted(count: i64, offset: i64) -> i64 {
    count.saturating_add(offset).max(0)
}

/// The frame that stands for an answer on the WebSocket API, which has no HTML and no headers:
/// `retryAfter` is a time, an HTML body becomes an error without a code of its own.
pub fn websocket_text(id: &Value, answer: &Answer, now_ms: i64) -> String {
    match &answer.body {
        Body::Raw(text) => text.clone(),
        Body::Html(_) => {
            let error = json!({"code": -1000, "msg": "The request was not answered by the API."});
            json!({"id": id, "status": answer.status, "error": error}).to_string()
        }
        Body::Json(error) => {
            let mut error = error.clone();
            if let (Some(seconds), Some(fields)) = (answer.retry_after_s, error.as_object_mut()) {
                let at = now_ms + i64::try_from(seconds).unwrap_or(0) * 1_000;
                fields.insert(
                    "data".into(),
                    json!({"serverTime": now_ms, "retryAfter": at}),
                );
            }
            json!({"id": id, "status": answer.status, "error": error}).to_string()
        }
    }
}
