//! The one layer around all REST routes.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;

use super::Door;
use super::plan::{self, Answer, Plan};
use super::wire::{Carries, Peer};
use crate::error::VenueError;
use crate::services::faults::board::Firing;
use crate::services::faults::calls::Call;
use crate::services::faults::catalogue::Layer;
use crate::services::faults::engine;

const LARGEST_BODY: usize = 2 * 1_024 * 1_024;
const WEIGHT_HEADERS: [&str; 2] = ["x-mbx-used-weight", "x-mbx-used-weight-1m"];
const ORDER_HEADERS: [&str; 2] = ["x-mbx-order-count-10s", "x-mbx-order-count-1d"];

/// Applies the rules to one request.
pub async fn around(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    request.extensions_mut().insert(ConnectInfo(peer.address));
    if door.faults.is_armed()
        && let Some(seconds) = door.faults.banned_for()
    {
        return answer(&Answer::error(&plan::banned(seconds)));
    }
    if request.headers().contains_key(header::UPGRADE) {
        return upgrade(&peer, request, next).await;
    }
    if !door.faults.is_armed() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        let text = "Too much data in the request body.";
        return answer(&Answer::error(&VenueError::new(413, -1_100, text)));
    };
    let endpoint = format!("{} {}", parts.method, parts.uri.path());
    let text = String::from_utf8_lossy(&body);
    let mut call = Call::rest(endpoint, parts.uri.query().unwrap_or_default(), &text);
    call.account = api_key(&parts.headers).and_then(|key| door.faults.account_of(key));
    let request = Request::from_parts(parts, Body::from(body));
    match door.faults.on_call(&call, Layer::Request) {
        Some(firing) => perform(&door, &peer, (&call, &firing), request, next).await,
        None => next.run(request).await,
    }
}

fn api_key(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("x-mbx-apikey")
        .and_then(|key| key.to_str().ok())
}

/// Lets an upgrade pass; from the answer on the connection carries frames.
async fn upgrade(peer: &Peer, request: Request, next: Next) -> Response<Body> {
    let is_api = request.uri().path().starts_with("/ws-");
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        peer.wire.upgrade(if is_api {
            Carries::Api
        } else {
            Carries::Streams
        });
    }
    response
}

async fn perform(
    door: &Door,
    peer: &Peer,
    (call, firing): (&Call, &Firing),
    request: Request,
    next: Next,
) -> Response<Body> {
    match plan::plan(firing.fault()) {
        Plan::Drop { before, how } => {
            if !before {
                next.run(request).await;
            }
            peer.wire.close(how);
            Response::new(Body::empty())
        }
        Plan::Delay { before: true, by } => {
            // On its way to the venue a request outlives a caller that gave up waiting.
            let late = tokio::spawn(async move {
                tokio::time::sleep(by).await;
                next.run(request).await
            });
            late.await
                .unwrap_or_else(|_| answer(&Answer::error(&VenueError::internal())))
        }
        Plan::Delay { before: false, by } => {
            let response = next.run(request).await;
            tokio::time::sleep(by).await;
            response
        }
        Plan::AwaitEvents { events, limit } => {
            let before = door.faults.sent_about(&call.client_order_ids);
            let response = next.run(request).await;
            await_events(door, call, (before + events, limit), response).await
        }
        Plan::HoldEvents { after } => {
            hold_events(door, peer, (call, false), after, next.run(request)).await
        }
        Plan::Answer {
            answer: made_up,
            executed,
        } => {
            if executed {
                next.run(request).await;
            }
            answer(&made_up)
        }
        Plan::CutReply { byte, how } => {
            let response = next.run(request).await;
            peer.wire.cut_after(byte, how);
            response
        }
        Plan::TruncateReply { byte } => truncated(next.run(request).await, byte).await,
        Plan::Offsets { weight, orders } => {
            let mut response = next.run(request).await;
            shift(response.headers_mut(), &WEIGHT_HEADERS, weight);
            shift(response.headers_mut(), &ORDER_HEADERS, orders);
            response
        }
        Plan::Inputs => with_inputs(door, peer, (call, firing), next.run(request)).await,
    }
}

/// Inputs of the venue around the request.
async fn with_inputs(
    door: &Door,
    peer: &Peer,
    (call, firing): (&Call, &Firing),
    reply: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    if let Some(after) = engine::tells_late(firing.fault()) {
        let reply = async {
            engine::before(door, call, firing, Some(peer.address.ip())).await;
            reply.await
        };
        return hold_events(door, peer, (call, true), after, reply).await;
    }
    engine::before(door, call, firing, Some(peer.address.ip())).await;
    let response = reply.await;
    engine::after(door, call, firing).await;
    response
}

async fn hold_events(
    door: &Door,
    peer: &Peer,
    (call, only_trades): (&Call, bool),
    after: Duration,
    reply: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let ids = engine::ids_of_order(door, call).await;
    let hold = door.faults.hold(ids, only_trades);
    let response = reply.await;
    peer.wire.release_after_reply(hold, after);
    response
}

async fn await_events(
    door: &Door,
    call: &Call,
    (wanted, limit): (usize, Duration),
    response: Response<Body>,
) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut ids = call.client_order_ids.clone();
    if ids.is_empty() {
        ids = plan::ids_of(&body);
    }
    if parts.status.is_success() && !ids.is_empty() {
        door.faults.wait_for_events(&ids, wanted, limit).await;
    }
    Response::from_parts(parts, Body::from(body))
}

async fn truncated(response: Response<Body>, byte: usize) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    let kept = body.slice(..byte.min(body.len()));
    Response::from_parts(parts, Body::from(kept))
}

fn shift(headers: &mut HeaderMap, names: &[&'static str], offset: i64) {
    for name in names {
        let name = HeaderName::from_static(name);
        let count = headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.parse::<i64>().ok());
        if let Some(count) = count {
            headers.insert(name, HeaderValue::from(plan::shifted(count, offset)));
        }
    }
}

fn answer(made_up: &Answer) -> Response<Body> {
    let (kind, body) = match &made_up.body {
        plan::Body::Json(value) => ("application/json;charset=UTF-8", value.to_string()),
        plan::Body::Html(text) => ("text/html", (*text).to_owned()),
        plan::Body::Raw(text) => ("application/json;charset=UTF-8", text.clone()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(made_up.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(seconds) = made_up.retry_after_s {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
