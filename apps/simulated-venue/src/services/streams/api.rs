//! `/ws-api/v3`: the REST requests by method name, and the user data stream.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::extract::ws::WebSocket;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::connection::{Answers, serve};
use super::hub::{Interest, QUEUE};
use crate::error::VenueError;
use crate::services::api::dispatch::{Presented, Reply, Request, authenticate, handle};
use crate::services::api::endpoints::Endpoint;
use crate::services::api::params::Params;
use crate::services::engine::Engine;
use crate::services::http::App;
use crate::services::shell::Shell;
use crate::services::signing;

/// Opening a connection costs this much request weight.
const CONNECT_WEIGHT: u32 = 2;
const SUBSCRIBE_WEIGHT: u32 = 2;

struct ApiConnection {
    engine: Engine,
    number: u64,
    address: IpAddr,
    returns_limits: bool,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: BTreeMap<String, Box<RawValue>>,
}

/// Serves one WebSocket API connection.
pub async fn run(app: App, socket: WebSocket, address: IpAddr, returns_limits: bool) {
    let (sender, frames) = mpsc::channel(QUEUE);
    let joined = app.engine.call(move |shell| {
        let now = shell.clock.now_ms();
        shell.limits.charge(address, CONNECT_WEIGHT, now)?;
        let interest = Interest::User {
            subscription_id: None,
        };
        Ok::<u64, VenueError>(shell.hub.join(sender, interest))
    });
    let Ok(Ok(number)) = joined.await else { return };
    let engine = app.engine.clone();
    let mut connection = ApiConnection {
        engine,
        number,
        address,
        returns_limits,
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

impl Answers for ApiConnection {
    async fn answer(&mut self, text: &str) -> Option<String> {
        let call: Call = match serde_json::from_str(text) {
            Ok(call) => call,
            Err(e) => {
                let error = VenueError::bad_request(-1135, format!("Invalid JSON Request: {e}"));
                return Some(failure(&Value::Null, &error).to_string());
            }
        };
        let id = call.id.clone();
        let params = plain(&call.params);
        let wants_limits = params.get("returnRateLimits");
        let wants_limits = wants_limits.map_or(self.returns_limits, |text| text == "true");
        let (number, address) = (self.number, self.address);
        let answered = self
            .engine
            .call(move |shell| {
                let reply = execute(shell, number, address, &call.method, params);
                let limits = wants_limits.then(|| rate_limits(shell, &reply));
                (reply.result, limits)
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

fn failure(id: &Value, error: &VenueError) -> Value {
    json!({"id": id, "status": error.status, "error": error.body()})
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
    number: u64,
    address: IpAddr,
    method: &str,
    params: BTreeMap<String, String>,
) -> Reply {
    let credentials = Presented {
        api_key: params.get("apiKey").cloned(),
        payload: Some(signing::websocket_payload(&params)),
    };
    // Signed like every other parameter, and then of no interest to the request itself.
    let params = Params::from_map(params).without("returnRateLimits");
    if let Some(endpoint) = Endpoint::for_websocket(method) {
        return handle(
            shell,
            Request {
                endpoint,
                params,
                address,
                credentials,
            },
        );
    }
    let now = shell.clock.now_ms();
    let charged = shell.limits.charge(address, SUBSCRIBE_WEIGHT, now);
    let result = charged.and_then(|()| user_stream(shell, number, method, params, &credentials));
    Reply {
        result,
        used_weight: shell.limits.used_weight(address),
        order_counts: None,
    }
}

fn user_stream(
    shell: &mut Shell,
    number: u64,
    method: &str,
    mut params: Params,
    credentials: &Presented,
) -> Result<Value, VenueError> {
    match method {
        "userDataStream.subscribe.signature" => {
            let now = shell.clock.now_ms();
            authenticate(shell, &mut params, credentials, now)?;
            params.finish()?;
            let subscription = subscription(shell, number)?;
            if subscription.is_some() {
                let text = "Subscription already active on this connection.";
                return Err(VenueError::bad_request(-2035, text));
            }
            *subscription = Some(0);
            Ok(json!({"subscriptionId": 0}))
        }
        "userDataStream.unsubscribe" => {
            let wanted = params
                .integer("subscriptionId")?
                .and_then(|id| u64::try_from(id).ok());
            params.finish()?;
            let subscription = subscription(shell, number)?;
            if subscription.is_none() || (wanted.is_some() && wanted != *subscription) {
                let text = "Subscription does not exist on this connection.";
                return Err(VenueError::bad_request(-2036, text));
            }
            *subscription = None;
            Ok(json!({}))
        }
        "session.subscriptions" => {
            params.finish()?;
            let active = subscription(shell, number)?.map(|id| json!({"subscriptionId": id}));
            Ok(active.into_iter().collect())
        }
        "session.logon" | "session.status" | "session.logout" | "userDataStream.subscribe" => {
            Err(VenueError::bad_request(
                -4056,
                "HMAC_SHA256 API key is not supported; use userDataStream.subscribe.signature.",
            ))
        }
        _ => Err(VenueError::unsupported()),
    }
}

fn subscription(shell: &mut Shell, number: u64) -> Result<&mut Option<u64>, VenueError> {
    match shell.hub.interest(number) {
        Some(Interest::User { subscription_id }) => Ok(subscription_id),
        _ => Err(VenueError::internal()),
    }
}

/// The limits a reply reports, with the current counts.
fn rate_limits(shell: &Shell, reply: &Reply) -> Value {
    let mut rows = shell.limits.ceilings().describe();
    let rows = rows.as_array_mut().map(std::mem::take).unwrap_or_default();
    let (ten_seconds, day) = reply.order_counts.unwrap_or_default();
    let counts = [reply.used_weight, ten_seconds, day];
    let shown = if reply.order_counts.is_some() { 3 } else { 1 };
    rows.into_iter()
        .zip(counts)
        .take(shown)
        .map(|(mut row, count)| {
            if let Some(fields) = row.as_object_mut() {
                fields.insert("count".into(), json!(count));
            }
            row
        })
        .collect()
}
