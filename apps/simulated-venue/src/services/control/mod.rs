//! `/sim/v1/*` on its own port: where the venue stands, and what moves it from outside.

mod market;

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::VenueError;
use crate::models::orders::{Input, StepReply};
use crate::services::core::Outcome;
use crate::services::engine::Engine;
use crate::services::faults::{self, Faults};
use crate::services::shell::Shell;
use crate::settings::Mode;

/// The control port's routes. `/healthz` needs no token.
pub fn router(engine: Engine, faults: Faults, token: &str) -> Router {
    let expected: [u8; 32] = Sha256::digest(format!("Bearer {token}")).into();
    let guard = middleware::from_fn(move |request: Request, next: Next| async move {
        let given = request.headers().get(header::AUTHORIZATION);
        // Hashing first makes the comparison independent of how much of the token was right.
        let given: [u8; 32] =
            Sha256::digest(given.map_or(&b""[..], |value| value.as_bytes())).into();
        if given == expected {
            next.run(request).await
        } else {
            problem(401, "the control token is missing or wrong")
        }
    });
    Router::new()
        .route("/sim/v1/state", get(state))
        .route("/sim/v1/step", post(step))
        .merge(faults::control::router(faults))
        .merge(market::routes())
        .layer(guard)
        .route("/healthz", get(health))
        .with_state(engine)
}

fn problem(status: u16, detail: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = code.canonical_reason().unwrap_or("Error");
    let body = json!({"type": "about:blank", "title": title, "status": status, "detail": detail});
    (
        code,
        [(header::CONTENT_TYPE, "application/problem+json")],
        body.to_string(),
    )
        .into_response()
}

fn describe(shell: &Shell) -> Value {
    if shell.state.is_market_mode() {
        return json!({
            "position": shell.state.feed_position(),
            "market_time": wire_time(shell.state.market_time()),
            "inputs": shell.state.inputs(),
            "done": shell.state.is_done(),
            "mode": shell.mode.name(),
        });
    }
    json!({
        "step": shell.state.step(),
        "steps": shell.state.steps(),
        "market_time": wire_time(shell.state.market_time()),
        "last_execution_id": shell.state.last_execution_id(),
        "done": shell.state.is_done(),
        "mode": shell.mode.name(),
    })
}

fn wire_time(ms: i64) -> String {
    rust_common::UnixMillis::new(ms)
        .map(|at| at.to_string())
        .unwrap_or_default()
}

async fn state(State(engine): State<Engine>) -> Response {
    match engine.call(|shell| describe(shell)).await {
        Ok(body) => Json(body).into_response(),
        Err(e) => problem(500, &e.message),
    }
}

async fn health(State(engine): State<Engine>) -> Response {
    let asked = engine.call(|shell| (describe(shell), shell.state.chain_hash()));
    match tokio::time::timeout(std::time::Duration::from_secs(2), asked).await {
        Ok(Ok((mut body, hash))) => {
            if let Some(fields) = body.as_object_mut() {
                fields.insert("status".into(), json!("ok"));
                fields.insert("state_hash".into(), json!(hash));
                fields.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
            }
            Json(body).into_response()
        }
        Ok(Err(_)) => problem(503, "the engine has stopped; see the log"),
        Err(_) => problem(503, "the engine did not answer within 2 s"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StepRequest {
    step: u64,
}

async fn step(
    State(engine): State<Engine>,
    body: Result<Json<StepRequest>, JsonRejection>,
) -> Response {
    let step = match body {
        Ok(Json(request)) => request.step,
        Err(e) => return problem(400, &format!("expected {{\"step\":n}}: {}", e.body_text())),
    };
    match engine.call(move |shell| take_step(shell, step)).await {
        Ok(Ok(reply)) => Json(json!({
            "step": reply.step,
            "market_time": wire_time(reply.market_time),
            "last_execution_id": reply.last_execution_id,
            "done": reply.done,
            "bars": reply.bars,
        }))
        .into_response(),
        Ok(Err(e)) | Err(e) => problem(e.status, &e.message),
    }
}

/// Takes the next step, or repeats the answer to the last one.
pub fn take_step(shell: &mut Shell, step: u64) -> Result<StepReply, VenueError> {
    let refusal = match shell.mode {
        Mode::Lockstep => None,
        Mode::Free => Some("mode is free: the venue advances by itself"),
        Mode::Market => Some("mode is market: POST /sim/v1/advance moves the feed"),
    };
    if let Some(text) = refusal {
        return Err(VenueError::new(409, -1020, text));
    }
    if let Some(reply) = shell.state.stored_reply(step) {
        return Ok(reply.clone());
    }
    advance(shell, step)
}

/// Applies one step whatever the mode.
pub fn advance(shell: &mut Shell, step: u64) -> Result<StepReply, VenueError> {
    match shell.apply(&Input::Step { step }, None)? {
        Outcome::Step(reply) => Ok(reply),
        _ => Err(VenueError::internal()),
    }
}
