//! The proxy's control port: rules as on the venue's, and the links.

use std::net::SocketAddr;

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Link, Proxy, counted};
use crate::services::faults::control::problem;

/// All routes; `/healthz` needs no token.
pub(super) fn router(proxy: Proxy, token: &str) -> Router {
    let expected: [u8; 32] = Sha256::digest(format!("Bearer {token}")).into();
    let guard = middleware::from_fn(move |request: Request, next: Next| async move {
        let given = request.headers().get(header::AUTHORIZATION);
        // Hashing first makes the comparison independent of how much of the token was right.
        let given: [u8; 32] =
            Sha256::digest(given.map_or(&b""[..], |value| value.as_bytes())).into();
        if given == expected {
            next.run(request).await
        } else {
            problem(
                StatusCode::UNAUTHORIZED,
                "the control token is missing or wrong",
            )
        }
    });
    Router::new()
        .route("/sim/v1/faults", get(list).post(post).delete(clear))
        .route("/sim/v1/faults/{id}", delete(remove))
        .route("/sim/v1/links", get(links))
        .route("/sim/v1/links/{name}", put(point))
        .layer(guard)
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .with_state(proxy)
}

async fn list(State(proxy): State<Proxy>) -> Response {
    Json(proxy.board.list()).into_response()
}

async fn post(State(proxy): State<Proxy>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let posted = match body {
        Ok(Json(body)) => proxy.board.post(&body),
        Err(e) => Err(format!("expected a JSON array of rules: {}", e.body_text())),
    };
    match posted {
        Ok(ids) => Json(json!({"ids": ids})).into_response(),
        Err(detail) => problem(StatusCode::BAD_REQUEST, &detail),
    }
}

async fn clear(State(proxy): State<Proxy>) -> Response {
    proxy.board.remove(None);
    Json(json!([])).into_response()
}

async fn remove(State(proxy): State<Proxy>, Path(id): Path<String>) -> Response {
    if proxy.board.remove(Some(&id)) {
        return Json(proxy.board.list()).into_response();
    }
    let detail = format!("no rule has the id \"{id}\"; GET /sim/v1/faults lists them");
    problem(StatusCode::NOT_FOUND, &detail)
}

fn describe(link: &Link) -> Value {
    json!({
        "name": link.name, "address": link.address.to_string(),
        "target": link.target().to_string(), "connections": counted(&link.connections),
        "bytes_to_target": counted(&link.to_target), "bytes_to_client": counted(&link.to_client),
    })
}

async fn links(State(proxy): State<Proxy>) -> Response {
    let rows: Vec<Value> = proxy.links.iter().map(|link| describe(link)).collect();
    Json(rows).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    target: SocketAddr,
}

/// Leads the link's new connections somewhere else.
async fn point(
    State(proxy): State<Proxy>,
    Path(name): Path<String>,
    body: Result<Json<Target>, JsonRejection>,
) -> Response {
    let Some(link) = proxy.links.iter().find(|link| link.name == name) else {
        let detail = format!("no link has the name \"{name}\"; GET /sim/v1/links lists them");
        return problem(StatusCode::NOT_FOUND, &detail);
    };
    match body {
        Ok(Json(body)) => {
            link.set_target(body.target);
            Json(describe(link)).into_response()
        }
        Err(e) => {
            let detail = format!("expected {{\"target\":\"IP:PORT\"}}: {}", e.body_text());
            problem(StatusCode::BAD_REQUEST, &detail)
        }
    }
}
