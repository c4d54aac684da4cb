//! `/ws-api/v3`: the REST requests by method name, sessions, and the user data stream.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::ws::WebSocket;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::connection::{Answers, serve};
use super::frames::Frame;
use crate::clock::Clock;
use crate::error::VenueError;
use crate::services::api::dispatch::{Presented, Reply, Request, authenticate, handle};
use crate::services::api::endpoints::Endpoint;
use crate::services::api::params::Params;
use crate::services::engine::Engine;
use crate::services::http::App;
use crate::services::sessions::{Origin, QUEUE, Session, Style};
use crate::services::shell::Shell;
use crate::services::signing;

/// Opening a connection costs this much request weight.
const CONNECT_WEIGHT: u32 = 2;
const SESSION_WEIGHT: u32 = 2;
const LONGEST_ID: usize = 36;

/// A place among the sessions, taken before the connection is upgraded.
#[derive(Debug)]
pub struct Joined {
    number: u64,
    frames: mpsc::Receiver<Frame>,
    address: IpAddr,
    style: Style,
}

/// Charges for the connection and opens its session.
///
/// # Errors
/// `-1003` with 429 or 418 if the address has used up its weight.
pub async fn join(app: &App, address: IpAddr, style: Style) -> Result<Joined, VenueError> {
    let (sender, frames) = mpsc::channel(QUEUE);
    let number = app
        .engine
        .call(move |shell| {
            let now = shell.clock.now_ms();
            shell.limits.charge(address, CONNECT_WEIGHT, now)?;
            Ok::<u64, VenueError>(shell.sessions.open(sender, style, now))
        })
        .await??;
    Ok(Joined {
        number,
        frames,
        address,
        style,
    })
}

/// Serves one WebSocket API connection.
pub async fn run(app: App, socket: WebSocket, joined: Joined) {
    let number = joined.number;
    let mut connection = ApiConnection {
        engine: app.engine.clone(),
        number,
        address: joined.address,
        style: joined.style,
    };
    serve(
        socket,
        joined.frames,
        app.stop.clone(),
        app.timing,
        &mut connection,
    )
    .await;
    // The engine may have stopped before; then there is no list to leave.
    let _ = app
        .engine
        .call(move |shell| shell.sessions.close(number))
        .await;
}

struct ApiConnection {
    engine: Engine,
    number: u64,
    address: IpAddr,
    style: Style,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: BTreeMap<String, Box<RawValue>>,
}

impl Answers for ApiConnection {
    fn farewell(&mut self) -> Option<String> {
        let event = json!({"e": "serverShutdown", "E": Clock::Wall.now_ms()});
        let event = self.style.unit.show_event(&event);
        Some(json!({"event": event}).to_string())
    }

    async fn answer(&mut self, text: &str) -> Option<String> {
        let call = match read(text) {
            Ok(call) => call,
            Err((id, error)) => return Some(failure(&id, &error).to_string()),
        };
        let id = call.id.clone();
        let params = plain(&call.params);
        let wants_limits = params.get("returnRateLimits");
        let wants_limits = wants_limits.map_or(self.style.returns_limits, |text| text == "true");
        let (number, address, style) = (self.number, self.address, self.style);
        let answered = self
            .engine
            .call(move |shell| {
                let reply = execute(shell, (number, address, style), &call.method, params);
                let affected = shell.limits.affected(reply.used_weight, reply.order_counts);
                (reply.result, wants_limits.then_some(affected))
            })
            .await;
        let (result, limits) = match answered {
            Ok(answered) => answered,
            Err(e) => (Err(e), None),
        };
        let mut body = match result {
            Ok(result) => json!({"id": id, "status": 200, "result": result}),
            Err(e) => failure(&id, &e),
        };
        if let (Some(limits), Some(fields)) = (limits, body.as_object_mut()) {
            fields.insert("rateLimits".into(), limits);
        }
        Some(body.to_string())
    }
}

/// The call in a frame; a refusal still names the id if there is one.
fn read(text: &str) -> Result<Call, (Value, VenueError)> {
    let call: Call = serde_json::from_str(text).map_err(|e| {
        let id = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|frame| frame.get("id").cloned())
            .filter(is_id);
        let error = VenueError::bad_request(-1135, format!("Invalid JSON Request: {e}"));
        (id.unwrap_or_default(), error)
    })?;
    if is_id(&call.id) {
        return Ok(call);
    }
    let legal = "^[a-zA-Z0-9-_]{1,36}$";
    Err((Value::Null, VenueError::illegal("id", legal)))
}

/// An integer, a short string, or null (web-socket-api.md, "Request format").
fn is_id(id: &Value) -> bool {
    match id {
        Value::Null => true,
        Value::Number(number) => number.is_i64(),
        Value::String(text) => {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(legal)
        }
        _ => false,
    }
}

fn failure(id: &Value, error: &VenueError) -> Value {
    json!({"id": id, "status": error.status, "error": error.websocket_body()})
}

/// Parameters as the text that is signed: strings without quotes, numbers as they were written.
fn plain(params: &BTreeMap<String, Box<RawValue>>) -> BTreeMap<String, String> {
    let text = |raw: &RawValue| {
        serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
    };
    params
        .iter()
        .filter(|(_, raw)| raw.get() != "null")
        .map(|(name, raw)| (name.clone(), text(raw)))
        .collect()
}

fn execute(
    shell: &mut Shell,
    (number, address, style): (u64, IpAddr, Style),
    method: &str,
    params: BTreeMap<String, String>,
) -> Reply {
    let logon = shell.sessions.get(number).and_then(|session| {
        let logon = session.logon()?;
        Some(logon.api_key.clone())
    });
    let credentials = Presented {
        api_key: params.get("apiKey").cloned(),
        payload: Some(signing::websocket_payload(&params)),
        session_key: logon,
    };
    let by_session = credentials.api_key.is_none() && credentials.session_key.is_some();
    // Signed like every other parameter, and then of no interest to the request itself.
    let params = Params::from_map(params).without("returnRateLimits");
    let reply = if let Some(endpoint) = Endpoint::for_websocket(method) {
        let request = Request {
            endpoint,
            params,
            address,
            credentials,
            unit: style.unit,
        };
        handle(shell, request)
    } else {
        let now = shell.clock.now_ms();
        let charged = shell.limits.charge(address, SESSION_WEIGHT, now);
        let result = charged.and_then(|()| session(shell, number, method, params, &credentials));
        Reply {
            result: result.map(|value| style.unit.show(value, false)),
            used_weight: shell.limits.used_weight(address),
            order_counts: None,
        }
    };
    let is_revoked = matches!(&reply.result, Err(e) if e.code == -2015);
    if let (true, true, Some(session)) = (is_revoked, by_session, shell.sessions.get(number)) {
        revoke(session, shell.clock.now_ms());
    }
    reply
}

/// A key that is no longer good ends the session that was logged on with it.
fn revoke(session: &mut Session, now: i64) {
    session.log_out(now);
    let error = VenueError::rejected_key();
    session.tell(&failure(&Value::Null, &error));
}

fn session(
    shell: &mut Shell,
    number: u64,
    method: &str,
    mut params: Params,
    credentials: &Presented,
) -> Result<Value, VenueError> {
    let now = shell.clock.now_ms();
    match method {
        // No key that could log on: whatever was sent, this is what is wrong with it.
        "session.logon" if !shell.accounts.has_ed25519() => Err(needs_ed25519()),
        "session.logon" => {
            let caller = authenticate(shell, &mut params, credentials, now)?;
            params.finish()?;
            if !caller.is_ed25519 {
                return Err(needs_ed25519());
            }
            let session = open(shell, number)?;
            session.log_on(credentials.api_key.as_deref().unwrap_or_default(), now);
            Ok(session.describe(now))
        }
        "session.status" => {
            params.finish()?;
            Ok(open(shell, number)?.describe(now))
        }
        "session.logout" => {
            params.finish()?;
            let session = open(shell, number)?;
            session.log_out(now);
            Ok(session.describe(now))
        }
        "session.subscriptions" => {
            params.finish()?;
            Ok(open(shell, number)?.subscriptions())
        }
        "userDataStream.subscribe" => {
            params.finish()?;
            let logon = open(shell, number)?.logon().cloned();
            let known = logon.and_then(|logon| shell.accounts.key(&logon.api_key));
            let account = known.ok_or_else(needs_logon)?.account;
            subscribed(open(shell, number)?.subscribe(account, Origin::Session))
        }
        "userDataStream.subscribe.signature" => {
            let caller = authenticate(shell, &mut params, credentials, now)?;
            params.finish()?;
            subscribed(open(shell, number)?.subscribe(caller.account, Origin::Signature))
        }
        "userDataStream.unsubscribe" => {
            let wanted = params.id("subscriptionId")?;
            params.finish()?;
            open(shell, number)?.unsubscribe(wanted, now)?;
            Ok(json!({}))
        }
        "userDataStream.start" | "userDataStream.ping" | "userDataStream.stop" => {
            let text = "This operation is not supported. listenKey user streams no longer exist; \
                        use userDataStream.subscribe.signature.";
            Err(VenueError::new(410, -1020, text))
        }
        _ => Err(VenueError::unsupported()),
    }
}

fn subscribed(number: Result<u64, VenueError>) -> Result<Value, VenueError> {
    number.map(|number| json!({"subscriptionId": number}))
}

fn open(shell: &mut Shell, number: u64) -> Result<&mut Session, VenueError> {
    shell.sessions.get(number).ok_or_else(VenueError::internal)
}

fn needs_ed25519() -> VenueError {
    let text = "HMAC_SHA256 and RSA API keys are not supported; log on with an Ed25519 key, or use \
                userDataStream.subscribe.signature.";
    VenueError::bad_request(-4056, text)
}

fn needs_logon() -> VenueError {
    let text = "This request needs a session; call session.logon with an Ed25519 key first.";
    VenueError::new(401, -1002, text)
}
