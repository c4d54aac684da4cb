//! `/sim/v1/faults` on the control port, behind its token.

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use serde_json::{Value, json};

use super::board::Faults;

/// The routes; the caller puts them behind its guard.
pub fn router<S: Clone + Send + Sync + 'static>(faults: Faults) -> Router<S> {
    Router::new()
        .route("/sim/v1/faults", get(list).post(post).delete(clear))
        .route("/sim/v1/faults/{id}", delete(remove))
        .with_state(faults)
}

pub(super) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
    });
    let kind = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}

async fn list(State(faults): State<Faults>) -> Response {
    Json(faults.list()).into_response()
}

async fn post(State(faults): State<Faults>, body: Result<Json<Value>, JsonRejection>) -> Response {
    let posted = match body {
        Ok(Json(body)) => faults.post(&body),
        Err(e) => Err(format!("expected a JSON array of rules: {}", e.body_text())),
    };
    match posted {
        Ok(ids) => Json(json!({"ids": ids})).into_response(),
        Err(detail) => problem(StatusCode::BAD_REQUEST, &detail),
    }
}

async fn clear(State(faults): State<Faults>) -> Response {
    faults.remove(None);
    Json(json!([])).into_response()
}

async fn remove(State(faults): State<Faults>, Path(id): Path<String>) -> Response {
    if faults.remove(Some(&id)) {
        return Json(faults.list()).into_response();
    }
    let detail = format!("no rule has the id \"{id}\"; GET /sim/v1/faults lists them");
    problem(StatusCode::NOT_FOUND, &detail)
}
