//! Synchronising, stopping, resuming.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use rust_common::StopLevel;

use super::Shared;
use crate::failpoints::reached;
use crate::models::input::Input;
use crate::models::problem::Problem;

const REASON_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncBody {
    through_execution_id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    level: StopLevel,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResumeBody {
    reason: String,
}

fn parse<T: DeserializeOwned>(body: &[u8], allowed: &str) -> Result<T, Box<Problem>> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = error.to_string();
        let field = detail.split('`').nth(1).unwrap_or("body").to_owned();
        Box::new(Problem::malformed(&field, detail, allowed))
    })
}

fn reason(text: String) -> Result<String, Box<Problem>> {
    if (1..=REASON_MAX).contains(&text.len()) {
        return Ok(text);
    }
    let detail = format!("the reason has {} bytes", text.len());
    Err(Box::new(Problem::malformed(
        "reason",
        detail,
        "1 to 500 bytes",
    )))
}

pub async fn sync(State(app): State<Shared>, body: Bytes) -> Response {
    match parse::<SyncBody>(&body, r#"{"through_execution_id": n}, n >= 0"#) {
        Ok(SyncBody {
            through_execution_id,
        }) => {
            let ask = move |request| Input::Sync {
                request,
                through_execution_id,
            };
            app.engine.ask(ask).await.into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

pub async fn kill(State(app): State<Shared>, body: Bytes) -> Response {
    let allowed = r#"{"level": "no_entries|reduce_only|cancel_all|flatten", "reason": "..."}"#;
    let parsed =
        parse::<KillBody>(&body, allowed).and_then(|body| Ok((body.level, reason(body.reason)?)));
    match parsed {
        Ok((level, reason)) => {
            let ask = move |request| Input::Kill {
                request,
                level,
                reason,
            };
            reached("kill.before");
            let reply = app.engine.ask(ask).await;
            reached("kill.after");
            reply.into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

pub async fn resume(State(app): State<Shared>, body: Bytes) -> Response {
    let parsed =
        parse::<ResumeBody>(&body, r#"{"reason": "..."}"#).and_then(|body| reason(body.reason));
    match parsed {
        Ok(reason) => app
            .engine
            .ask(move |request| Input::Resume { request, reason })
            .await
            .into_response(),
        Err(problem) => problem.into_response(),
    }
}
