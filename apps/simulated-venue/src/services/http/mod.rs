//! The REST door and the WebSocket upgrades, on one port.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{ConnectInfo, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, any, on};
use serde_json::Value;
use tokio::sync::watch;

use crate::error::VenueError;
use crate::services::api::dispatch::{Presented, Request, handle};
use crate::services::api::endpoints::{Endpoint, ROUTES};
use crate::services::api::params::{Params, percent_decode};
use crate::services::api::units::TimeUnit;
use crate::services::engine::Engine;
use crate::services::sessions::Style;
use crate::services::signing;
use crate::services::streams::{api, market};
use crate::settings::Timing;

/// What every handler needs.
#[derive(Debug, Clone)]
pub struct App {
    pub engine: Engine,
    /// Turns true when the venue stops.
    pub stop: watch::Receiver<bool>,
    pub timing: Timing,
}

/// All routes of the venue's public port.
pub fn router(app: App) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let method = match route.method {
            "POST" => MethodFilter::POST,
            "PUT" => MethodFilter::PUT,
            "DELETE" => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let endpoint = route.endpoint;
        let handler = move |State(app): State<App>,
                            ConnectInfo(peer): ConnectInfo<SocketAddr>,
                            headers: HeaderMap,
                            RawQuery(query): RawQuery,
                            body: Bytes| async move {
            let body = if method == MethodFilter::GET {
                Bytes::new()
            } else {
                body
            };
            rest(
                &app,
                endpoint,
                peer,
                &headers,
                (query.unwrap_or_default(), body),
            )
            .await
        };
        router = router.route(route.path, on(method, handler));
    }
    router
        .route("/api/v3/userDataStream", any(listen_key))
        .route("/ws", any(open_stream))
        .route("/ws/{*names}", any(open_named_stream))
        .route("/stream", any(open_combined_stream))
        .route("/ws-api/v3", any(open_api))
        .fallback(|| async { unsupported(404) })
        .method_not_allowed_fallback(|| async { unsupported(405) })
        .with_state(app)
}

async fn rest(
    app: &App,
    endpoint: Endpoint,
    peer: SocketAddr,
    headers: &HeaderMap,
    (query, body): (String, Bytes),
) -> Response<Body> {
    let request = match read(endpoint, peer, headers, &query, &body) {
        Ok(request) => request,
        Err(e) => return respond(&Err(e), None),
    };
    match app.engine.call(move |shell| handle(shell, request)).await {
        Ok(reply) => {
            let counters = Some((reply.used_weight, reply.order_counts));
            respond(&reply.result, counters)
        }
        Err(e) => respond(&Err(e), None),
    }
}

fn read(
    endpoint: Endpoint,
    peer: SocketAddr,
    headers: &HeaderMap,
    query: &str,
    body: &Bytes,
) -> Result<Request, VenueError> {
    let unit = match headers.get("x-mbx-time-unit").map(HeaderValue::to_str) {
        None => TimeUnit::default(),
        Some(word) => TimeUnit::parse(word.unwrap_or_default())?,
    };
    let illegal = |_| VenueError::bad_request(-1100, "Illegal characters found in a parameter.");
    let body = std::str::from_utf8(body).map_err(illegal)?;
    let api_key = headers
        .get("x-mbx-apikey")
        .and_then(|key| key.to_str().ok())
        .map(str::to_owned);
    let credentials = Presented {
        api_key,
        payload: signing::rest_payload(query, body),
        session_key: None,
    };
    Ok(Request {
        endpoint,
        params: Params::from_parts(query, body)?,
        address: peer.ip(),
        credentials,
        unit,
    })
}

type Counters = Option<(u32, Option<(u32, u32)>)>;

fn respond(result: &Result<Value, VenueError>, counters: Counters) -> Response<Body> {
    let (status, body, retry_after) = match result {
        Ok(value) => (200, value.to_string(), None),
        Err(e) => (e.status, e.body().to_string(), e.retry_after_s),
    };
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, "application/json;charset=UTF-8");
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    if let Some((weight, orders)) = counters {
        response = response
            .header("x-mbx-used-weight", weight)
            .header("x-mbx-used-weight-1m", weight);
        if let (Some((ten_seconds, day)), true) = (orders, result.is_ok()) {
            response = response
                .header("x-mbx-order-count-10s", ten_seconds)
                .header("x-mbx-order-count-1d", day);
        }
    }
    let fallback = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response
        .body(Body::from(body))
        .unwrap_or_else(|_| fallback())
}

async fn listen_key() -> Response<Body> {
    let text = "This operation is not supported. listenKey user streams no longer exist; \
                use userDataStream.subscribe.signature on /ws-api/v3.";
    respond(&Err(VenueError::new(410, -1020, text)), None)
}

fn unsupported(status: u16) -> Response<Body> {
    let mut error = VenueError::unsupported();
    error.status = status;
    respond(&Err(error), None)
}

async fn open_stream(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    open(app, "", &query, upgrade, (false, peer.ip())).await
}

async fn open_named_stream(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    open(app, &path, &query, upgrade, (false, peer.ip())).await
}

async fn open_combined_stream(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    let wanted = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("streams="));
    let decoded = percent_decode(wanted.unwrap_or_default()).unwrap_or_default();
    open(app, &decoded, &query, upgrade, (true, peer.ip())).await
}

/// Starts a stream connection with the names of its address; a name nobody serves is refused.
async fn open(
    app: App,
    path: &str,
    query: &str,
    upgrade: WebSocketUpgrade,
    kind: (bool, IpAddr),
) -> Response<Body> {
    match market::prepare(&app, path, query, kind).await {
        Ok(wanted) => upgrade.on_upgrade(move |socket| market::run(app, socket, wanted)),
        Err(e) => respond(&Err(e), None),
    }
}

async fn open_api(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    let style = match TimeUnit::of_query(&query) {
        Ok(unit) => Style {
            returns_limits: !query.contains("returnRateLimits=false"),
            unit,
        },
        Err(e) => return respond(&Err(e), None),
    };
    let joined = api::join(&app, peer.ip(), style).await;
    match joined {
        Ok(joined) => upgrade.on_upgrade(move |socket| api::run(app, socket, joined)),
        Err(e) => respond(&Err(e), None),
    }
}
