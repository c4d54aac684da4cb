//! `/ws` and `/stream`: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY.

use std::collections::BTreeSet;

use axum::extract::ws::WebSocket;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::connection::{Answers, serve};
use super::hub::{Interest, QUEUE};
use super::names;
use crate::services::engine::Engine;
use crate::services::http::App;
use crate::services::shell::Shell;

const MOST_STREAMS: usize = 1_024;

struct MarketConnection {
    engine: Engine,
    number: u64,
}

#[derive(Deserialize)]
struct Command {
    method: String,
    #[serde(default)]
    params: Vec<Value>,
    #[serde(default)]
    id: Value,
}

/// Serves one market stream connection that starts with `names`.
pub async fn run(app: App, socket: WebSocket, names: BTreeSet<String>, is_combined: bool) {
    let (sender, frames) = mpsc::channel(QUEUE);
    let interest = Interest::Streams { names, is_combined };
    let Ok(number) = app
        .engine
        .call(move |shell| shell.hub.join(sender, interest))
        .await
    else {
        return;
    };
    let mut connection = MarketConnection {
        engine: app.engine.clone(),
        number,
    };
    serve(socket, frames, app.stop.clone(), &mut connection).await;
    // The engine may have stopped before; then there is no list to leave.
    let _ = app.engine.call(move |shell| shell.hub.leave(number)).await;
}

impl Answers for MarketConnection {
    async fn answer(&mut self, text: &str) -> Option<String> {
        let command: Command = match serde_json::from_str(text) {
            Ok(command) => command,
            Err(e) => {
                return Some(json!({"code": 3, "msg": format!("Invalid JSON: {e}")}).to_string());
            }
        };
        let is_id = match &command.id {
            Value::Null | Value::Number(_) => true,
            Value::String(id) => id.len() <= 36,
            _ => false,
        };
        if !is_id {
            let text = "Invalid request: id must be an integer, a string or null";
            return Some(json!({"code": 2, "msg": text}).to_string());
        }
        let (number, id) = (self.number, command.id.clone());
        let outcome = self
            .engine
            .call(move |shell| execute(shell, number, &command))
            .await;
        let body = match outcome {
            Ok(Ok(result)) => json!({"result": result, "id": id}),
            Ok(Err((code, msg))) => json!({"code": code, "msg": msg, "id": id}),
            Err(e) => json!({"code": e.code, "msg": e.message, "id": id}),
        };
        Some(body.to_string())
    }
}

type Refusal = (i32, String);

fn execute(shell: &mut Shell, number: u64, command: &Command) -> Result<Value, Refusal> {
    match command.method.as_str() {
        "SUBSCRIBE" => {
            let wanted = texts(&command.params)?;
            if let Some(text) = wanted
                .iter()
                .find_map(|name| names::problem(&shell.state, name))
            {
                return Err((2, format!("Invalid request: {text}")));
            }
            let (names, _) = interest(shell, number)?;
            if names.len() + wanted.len() > MOST_STREAMS {
                return Err((
                    2,
                    format!("Invalid request: at most {MOST_STREAMS} streams"),
                ));
            }
            names.extend(wanted);
            Ok(Value::Null)
        }
        "UNSUBSCRIBE" => {
            let unwanted = texts(&command.params)?;
            let (names, _) = interest(shell, number)?;
            names.retain(|name| !unwanted.contains(name));
            Ok(Value::Null)
        }
        "LIST_SUBSCRIPTIONS" => {
            let (names, _) = interest(shell, number)?;
            Ok(json!(
                names
                    .iter()
                    .filter(|name| name.contains('@'))
                    .collect::<Vec<_>>()
            ))
        }
        "SET_PROPERTY" => match command.params.as_slice() {
            [Value::String(property), Value::Bool(value)] if property == "combined" => {
                *interest(shell, number)?.1 = *value;
                Ok(Value::Null)
            }
            [Value::String(property), _] if property == "combined" => {
                Err((1, "Invalid value type: expected Boolean".to_owned()))
            }
            _ => Err((0, "Unknown property".to_owned())),
        },
        "GET_PROPERTY" => match command.params.as_slice() {
            [Value::String(property)] if property == "combined" => {
                Ok(json!(*interest(shell, number)?.1))
            }
            _ => Err((0, "Unknown property".to_owned())),
        },
        other => Err((2, format!("Invalid request: unknown method '{other}'"))),
    }
}

fn interest(shell: &mut Shell, number: u64) -> Result<(&mut BTreeSet<String>, &mut bool), Refusal> {
    match shell.hub.interest(number) {
        Some(Interest::Streams { names, is_combined }) => Ok((names, is_combined)),
        _ => Err((2, "Invalid request: this connection is closing".to_owned())),
    }
}

fn texts(params: &[Value]) -> Result<Vec<String>, Refusal> {
    let wrong = || {
        (
            2,
            "Invalid request: params must be an array of stream names".to_owned(),
        )
    };
    params
        .iter()
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(wrong))
        .collect()
}
