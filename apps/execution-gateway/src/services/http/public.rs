//! Routes without a signature: liveness, readiness, metrics.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Shared;
use crate::models::input::{Query, Reply};
use crate::models::problem::Problem;
use crate::services::http::orders::read;

/// Alive means: the engine answers.
pub async fn healthz(State(app): State<Shared>) -> Response {
    let answer = tokio::time::timeout(std::time::Duration::from_secs(2), read(&app, Query::Status));
    match answer.await {
        Ok(Reply::Body { .. }) => Json(json!({ "status": "ok" })).into_response(),
        Ok(Reply::Problem(problem)) => problem.into_response(),
        Err(_) => {
            let detail = "no answer within 2 s (the journal's disk may hang)".to_owned();
            Problem::new(503, "engine-stuck", "The engine does not answer", detail).into_response()
        }
    }
}

/// Ready means: synchronised, recovered, entries may be accepted.
pub async fn readyz(State(app): State<Shared>) -> Response {
    if app.ready.borrow().is_ready && !app.shutdown.is_requested() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    let detail = "entries are closed".to_owned();
    Problem::new(
        503,
        "not-ready",
        "The gateway does not take entries now",
        detail,
    )
    .next_step("GET /v1/status says why")
    .into_response()
}

pub async fn metrics(State(app): State<Shared>) -> Response {
    match app.metrics.text() {
        Ok(text) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => Problem::new(
            500,
            "metrics",
            "Metrics cannot be written",
            error.to_string(),
        )
        .into_response(),
    }
}
