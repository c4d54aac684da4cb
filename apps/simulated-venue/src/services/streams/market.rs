//! `/ws` and `/stream`: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY
//! (web-socket-streams.md, "Live Subscribing/Unsubscribing to streams").

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::ws::WebSocket;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::connection::{Answers, serve};
use super::frames::TimeUnit;
use super::hub::{Interest, QUEUE, Wanted};
use super::names::{self, Stream};
use crate::clock::Clock;
use crate::error::VenueError;
use crate::services::engine::Engine;
use crate::services::http::App;
use crate::services::shell::Shell;

const METHODS: &str =
    "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
const LONGEST_ID: usize = 36;

struct MarketConnection {
    engine: Engine,
    clock: Clock,
    number: u64,
    most_streams: usize,
    is_combined: bool,
    unit: TimeUnit,
}

/// Checks what an address asks for before the connection is opened.
///
/// `path` holds the stream names divided by `/`, percent-decoded.
pub async fn prepare(
    app: &App,
    path: &str,
    query: &str,
    (is_combined, peer): (bool, IpAddr),
) -> Result<Wanted, VenueError> {
    let unit = time_unit(query)?;
    let most = app.timing.max_streams;
    let asked: Vec<String> = path
        .split('/')
        .filter(|name| !name.is_empty())
        // A plus sign that was not encoded has become a space on its way; names have no spaces.
        .map(|name| name.replace(' ', "+"))
        .collect();
    if asked.len() > most {
        let text = format!(
            "at most {most} streams on one connection; {} asked",
            asked.len()
        );
        return Err(VenueError::bad_request(-1130, text));
    }
    let found = app.engine.call(move |shell| {
        if !shell.hub.admit(peer, shell.clock.now_ms()) {
            let text = "Too many connection attempts; current limit is 300 per 5 MINUTE.";
            return Err(VenueError::new(429, -1003, text));
        }
        streams(shell, asked).map_err(|text| VenueError::bad_request(-1130, text))
    });
    Ok(Wanted {
        names: found.await??,
        is_combined,
        unit,
    })
}

/// The `timeUnit` of a connection's address.
fn time_unit(query: &str) -> Result<TimeUnit, VenueError> {
    let asked = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("timeUnit="));
    match asked.map(str::to_ascii_uppercase).as_deref() {
        None | Some("MILLISECOND") => Ok(TimeUnit::Millisecond),
        Some("MICROSECOND") => Ok(TimeUnit::Microsecond),
        Some(_) => {
            let text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
            Err(VenueError::bad_request(-1194, text))
        }
    }
}

fn streams(shell: &Shell, asked: Vec<String>) -> Result<BTreeMap<String, Stream>, String> {
    asked
        .into_iter()
        .map(|name| Ok((name.clone(), names::parse(&shell.state, shell.mode, &name)?)))
        .collect()
}

/// Serves one market stream connection.
pub async fn run(app: App, socket: WebSocket, wanted: Wanted) {
    let (sender, frames) = mpsc::channel(QUEUE);
    let (is_combined, unit) = (wanted.is_combined, wanted.unit);
    let joined = app.engine.call(move |shell| {
        let number = shell.hub.join(sender, Interest::Streams(wanted));
        (number, shell.clock.clone())
    });
    let Ok((number, clock)) = joined.await else {
        return;
    };
    let mut connection = MarketConnection {
        engine: app.engine.clone(),
        clock,
        number,
        most_streams: app.timing.max_streams,
        is_combined,
        unit,
    };
    serve(
        socket,
        frames,
        app.stop.clone(),
        app.timing,
        &mut connection,
    )
    .await;
    // The engine may have stopped before; then there is no list to leave.
    let _ = app.engine.call(move |shell| shell.hub.leave(number)).await;
}

impl Answers for MarketConnection {
    async fn answer(&mut self, text: &str) -> Option<String> {
        let body = match Command::read(text) {
            Ok(command) => self.execute(command).await,
            Err((code, message)) => json!({"code": code, "msg": message}),
        };
        Some(body.to_string())
    }

    fn is_metered(&self) -> bool {
        true
    }

    fn farewell(&mut self) -> Option<String> {
        let at = self.unit.of(self.clock.now_ms());
        let event = json!({"e": "serverShutdown", "E": at});
        let body = if self.is_combined {
            json!({"stream": "!serverShutdown", "data": event})
        } else {
            event
        };
        Some(body.to_string())
    }
}

impl MarketConnection {
    async fn execute(&mut self, command: Command) -> Value {
        let (number, most, id) = (self.number, self.most_streams, command.id.clone());
        let outcome = self
            .engine
            .call(move |shell| {
                let result = execute(shell, number, most, &command);
                (
                    result,
                    shell.hub.wanted(number).is_some_and(|w| w.is_combined),
                )
            })
            .await;
        match outcome {
            Ok((result, is_combined)) => {
                self.is_combined = is_combined;
                match result {
                    Ok(result) => json!({"result": result, "id": id}),
                    Err((code, msg)) => json!({"code": code, "msg": msg, "id": id}),
                }
            }
            Err(e) => json!({"code": e.code, "msg": e.message, "id": id}),
        }
    }
}

type Refusal = (i32, String);

fn invalid(what: impl std::fmt::Display) -> Refusal {
    (2, format!("Invalid request: {what}"))
}

#[derive(Debug)]
struct Command {
    method: String,
    params: Vec<Value>,
    id: Value,
}

impl Command {
    fn read(text: &str) -> Result<Self, Refusal> {
        let mut body: Value =
            serde_json::from_str(text).map_err(|e| (3, format!("Invalid JSON: {e}")))?;
        let fields = body
            .as_object_mut()
            .ok_or_else(|| invalid("expected a JSON object"))?;
        let id = fields.remove("id").unwrap_or(Value::Null);
        if !is_id(&id) {
            return Err(invalid(
                "request ID must be a 64-bit integer, a string of at most 36 letters and digits, \
                 or null",
            ));
        }
        let method = match fields.remove("method") {
            Some(Value::String(method)) => method,
            Some(_) => return Err(invalid("method must be a string")),
            None => return Err(invalid("missing field `method`")),
        };
        let params = match fields.remove("params") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(params)) => params,
            Some(_) => return Err(invalid("params must be an array")),
        };
        match fields.keys().next() {
            Some(_) => Err(invalid("too many parameters")),
            None => Ok(Self { method, params, id }),
        }
    }

    fn names(&self) -> Result<Vec<String>, Refusal> {
        let wrong = || invalid("params must be an array of stream names");
        self.params
            .iter()
            .map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect()
    }
}

/// A request id: a signed 64-bit integer, at most 36 letters and digits (UUIDs with their hyphens
/// are accepted too), or null.
fn is_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64(),
        Value::String(text) => {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            text.len() <= LONGEST_ID && text.bytes().all(legal)
        }
        _ => false,
    }
}

fn execute(
    shell: &mut Shell,
    number: u64,
    most: usize,
    command: &Command,
) -> Result<Value, Refusal> {
    match command.method.as_str() {
        "SUBSCRIBE" => {
            let found = streams(shell, command.names()?).map_err(invalid)?;
            let wanted = wanted(shell, number)?;
            let fresh = found
                .keys()
                .filter(|name| !wanted.names.contains_key(*name));
            if wanted.names.len() + fresh.count() > most {
                return Err(invalid(format!("at most {most} streams on one connection")));
            }
            shell.hub.subscribe(number, found);
            Ok(Value::Null)
        }
        "UNSUBSCRIBE" => {
            let unwanted = command.names()?;
            wanted(shell, number)?;
            shell.hub.unsubscribe(number, &unwanted);
            Ok(Value::Null)
        }
        "LIST_SUBSCRIPTIONS" => {
            let names = &wanted(shell, number)?.names;
            let real = names
                .iter()
                .filter(|(_, stream)| **stream != Stream::Label)
                .map(|(name, _)| name);
            Ok(json!(real.collect::<Vec<_>>()))
        }
        "SET_PROPERTY" => match command.params.as_slice() {
            [Value::String(property), Value::Bool(value)] if property == "combined" => {
                wanted(shell, number)?.is_combined = *value;
                Ok(Value::Null)
            }
            [Value::String(property), _] if property == "combined" => {
                Err((1, "Invalid value type: expected Boolean".to_owned()))
            }
            params => property_problem(params, 2),
        },
        "GET_PROPERTY" => match command.params.as_slice() {
            [Value::String(property)] if property == "combined" => {
                Ok(json!(wanted(shell, number)?.is_combined))
            }
            params => property_problem(params, 1),
        },
        other => Err(invalid(format!(
            "unknown variant `{other}`, expected one of {METHODS}"
        ))),
    }
}

fn property_problem(params: &[Value], expected: usize) -> Result<Value, Refusal> {
    match params.first() {
        Some(Value::String(_)) if params.len() <= expected => {
            Err((0, "Unknown property".to_owned()))
        }
        Some(Value::String(_)) => Err(invalid("too many parameters")),
        _ => Err(invalid("property name must be a string")),
    }
}

fn wanted(shell: &mut Shell, number: u64) -> Result<&mut Wanted, Refusal> {
    let closing = || invalid("this connection is closing");
    shell.hub.wanted(number).ok_or_else(closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_as_documented() {
        for (id, legal) in [
            (json!(null), true),
            (json!(1), true),
            (json!(-5), true),
            (json!(9_223_372_036_854_775_807_i64), true),
            (json!(9_223_372_036_854_775_808_u64), false),
            (json!(1.5), false),
            (json!("e2a85d9f-07a5-4f94-8d5f-789dc3deb097"), true),
            (json!("x".repeat(37)), false),
            (json!("a b"), false),
            (json!([1]), false),
            (json!(true), false),
        ] {
            assert_eq!(is_id(&id), legal, "{id}");
        }
    }

    #[test]
    fn malformed_requests_are_named() {
        for (text, code, expected) in [
            ("{", 3, "Invalid JSON"),
            ("[]", 2, "JSON object"),
            (r#"{"id":1}"#, 2, "missing field `method`"),
            (r#"{"method":1}"#, 2, "must be a string"),
            (
                r#"{"method":"SUBSCRIBE","params":{}}"#,
                2,
                "must be an array",
            ),
            (r#"{"method":"SUBSCRIBE","x":1}"#, 2, "too many parameters"),
            (r#"{"method":"SUBSCRIBE","id":1.5}"#, 2, "request ID"),
        ] {
            let (found, message) = Command::read(text).unwrap_err();
            assert!(
                found == code && message.contains(expected),
                "{text}: {message}"
            );
        }
        let command = Command::read(r#"{"method":"SUBSCRIBE","params":[1],"id":null}"#).unwrap();
        assert!(command.names().is_err());
    }
}
