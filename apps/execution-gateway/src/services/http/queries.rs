//! Read-only routes.

use axum::Json;
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use rust_common::{InstrumentId, Timeframe, UnixMillis};

use super::Shared;
use super::orders::{read, url_query};
use crate::models::input::{Query, Reply};
use crate::models::problem::Problem;
use crate::services::venues::BarQuery;

const BARS_MAX: u32 = 1_000;

pub async fn positions(State(app): State<Shared>) -> Reply {
    read(&app, Query::Positions).await
}

pub async fn balances(State(app): State<Shared>) -> Reply {
    read(&app, Query::Balances).await
}

pub async fn instruments(State(app): State<Shared>) -> Reply {
    read(&app, Query::Instruments).await
}

pub async fn status(State(app): State<Shared>) -> Reply {
    let reply = read(&app, Query::Status).await;
    match reply {
        Reply::Body { status, mut body } => {
            let journal = *app.journal.borrow();
            if let Some(fields) = body.as_object_mut() {
                let size = json!({ "segments": journal.segment, "bytes": journal.bytes });
                fields.insert("journal".to_owned(), size);
            }
            Reply::Body { status, body }
        }
        problem @ Reply::Problem(_) => problem,
    }
}

/// Query of `/v1/klines`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KlinesQuery {
    instrument_id: String,
    timeframe: String,
    start_at: Option<String>,
    end_at: Option<String>,
    limit: Option<u32>,
}

type UrlResult<T> = Result<UrlQuery<T>, axum::extract::rejection::QueryRejection>;

pub async fn klines(State(app): State<Shared>, query: UrlResult<KlinesQuery>) -> Response {
    let query = match url_query(query).and_then(|query| bar_query(&query)) {
        Ok(query) => query,
        Err(problem) => return problem.into_response(),
    };
    match app.venue.bars(query).await {
        Ok(bars) => Json(json!({ "bars": bars })).into_response(),
        Err(error) => Problem::new(
            503,
            "venue-unavailable",
            "The venue did not answer",
            error.detail,
        )
        .next_step("ask again; GET /v1/status tells the state of the link")
        .into_response(),
    }
}

fn bar_query(query: &KlinesQuery) -> Result<BarQuery, Box<Problem>> {
    let bad = |field: &str, error: &dyn std::fmt::Display, allowed: &str| {
        Box::new(Problem::malformed(field, error.to_string(), allowed))
    };
    let time = |field: &str, text: &Option<String>| {
        let parsed = text
            .as_ref()
            .map(|text| text.parse::<UnixMillis>())
            .transpose();
        parsed.map_err(|error| bad(field, &error, "RFC 3339 UTC with milliseconds"))
    };
    let limit = query.limit.unwrap_or(500);
    if !(1..=BARS_MAX).contains(&limit) {
        return Err(bad("limit", &format!("limit is {limit}"), "1 to 1000"));
    }
    Ok(BarQuery {
        instrument_id: InstrumentId::new(query.instrument_id.clone())
            .map_err(|error| bad("instrument_id", &error, "BASE-QUOTE.VENUE"))?,
        timeframe: query
            .timeframe
            .parse::<Timeframe>()
            .map_err(|error| bad("timeframe", &error, "1m 5m 15m 30m 1h 4h 1d"))?,
        start_at: time("start_at", &query.start_at)?,
        end_at: time("end_at", &query.end_at)?,
        limit,
    })
}
