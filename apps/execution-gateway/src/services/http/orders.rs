//! `/v1/orders`.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, Query as UrlQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use rust_common::{ApprovedOrder, ClientOrderId, DomainError};

use super::Shared;
use super::auth::one_header;
use crate::failpoints::reached;
use crate::models::input::{Input, Query, Reply};
use crate::models::problem::Problem;

/// Longest wait of a caller for a settled order.
const WAIT_MAX_MS: i64 = 30_000;

/// Query of submit and cancel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    wait_ms: Option<i64>,
}

/// Query of the order list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    status: Option<String>,
}

type UrlResult<T> = Result<UrlQuery<T>, axum::extract::rejection::QueryRejection>;

/// A query string that says what is wrong with it.
pub fn url_query<T>(query: UrlResult<T>) -> Result<T, Box<Problem>> {
    query.map(|UrlQuery(value)| value).map_err(|rejection| {
        let allowed = "the parameters of docs/concepts/interfaces.md section 3";
        Box::new(Problem::malformed("query", rejection.body_text(), allowed))
    })
}

fn wait_of(query: UrlResult<Wait>) -> Result<i64, Box<Problem>> {
    let wait_ms = url_query(query)?.wait_ms.unwrap_or(0);
    if (0..=WAIT_MAX_MS).contains(&wait_ms) {
        return Ok(wait_ms);
    }
    let allowed = format!("0 to {WAIT_MAX_MS}");
    Err(Box::new(Problem::malformed(
        "wait_ms",
        format!("wait_ms is {wait_ms}"),
        &allowed,
    )))
}

pub async fn submit(
    State(app): State<Shared>,
    headers: HeaderMap,
    query: UrlResult<Wait>,
    body: Bytes,
) -> Response {
    let clock = Instant::now();
    let order = match wait_of(query).and_then(|wait| Ok((approved(&app, &headers, &body)?, wait))) {
        Ok(order) => order,
        Err(problem) => return problem.into_response(),
    };
    let (order, wait_ms) = order;
    let seconds = |stage: &str, clock: Instant| {
        let histogram = app.metrics.order_accept_seconds.with_label_values(&[stage]);
        histogram.observe(clock.elapsed().as_secs_f64());
    };
    seconds("validate", clock);
    let ask = move |request| Input::Submit {
        request,
        order: Box::new(order),
        wait_ms,
    };
    reached("submit.before");
    let reply = app.engine.ask(ask).await;
    reached("submit.after");
    seconds(if wait_ms == 0 { "journal" } else { "ack" }, clock);
    reply.into_response()
}

/// Signature first, then every field.
fn approved(app: &Shared, headers: &HeaderMap, body: &[u8]) -> Result<ApprovedOrder, Box<Problem>> {
    let signature = header(headers, "X-ATS-Signature")?;
    if app.approval_key.verify(body, signature).is_err() {
        let detail = "the signature does not fit the body".to_owned();
        let problem = Problem::new(401, "approval", "The order is not approved", detail);
        return Err(Box::new(
            problem
                .field("X-ATS-Signature")
                .allowed("HMAC-SHA256 of the canonical JSON body"),
        ));
    }
    let order = ApprovedOrder::from_canonical(body).map_err(|error| Box::new(field_of(&error)))?;
    let key = header(headers, "Idempotency-Key")?;
    if key != order.idempotency_key() {
        let allowed = order.idempotency_key();
        let detail = format!("the key is {key}");
        return Err(Box::new(Problem::malformed(
            "Idempotency-Key",
            detail,
            &allowed,
        )));
    }
    if *order.account() != app.account {
        let detail = format!("account is {}", order.account());
        return Err(Box::new(Problem::malformed(
            "account",
            detail,
            app.account.as_str(),
        )));
    }
    Ok(order)
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Box<Problem>> {
    one_header(headers, name).map_err(|detail| {
        let allowed = "see docs/concepts/interfaces.md section 2";
        Box::new(Problem::malformed(name, detail.to_owned(), allowed))
    })
}

fn field_of(error: &DomainError) -> Problem {
    let detail = error.to_string();
    let (field, allowed) = match error {
        DomainError::OutOfRange { field, allowed, .. } => (*field, *allowed),
        DomainError::InvalidId { kind, allowed, .. } => (*kind, *allowed),
        DomainError::InvalidDecimal { kind, .. } => (*kind, "a plain decimal string"),
        DomainError::InvalidTime { .. } => ("time", "RFC 3339 UTC with milliseconds"),
        _ => ("body", "the canonical JSON of an ApprovedOrder"),
    };
    // The parser names the place of an unknown or missing field in its own words: `field`.
    let quoted = detail
        .split('`')
        .nth(1)
        .filter(|name| !name.is_empty() && name.len() < 40);
    let field = if field == "body" {
        quoted.unwrap_or(field)
    } else {
        field
    };
    Problem::malformed(field, detail.clone(), allowed)
}

fn order_id(text: String) -> Result<ClientOrderId, Box<Problem>> {
    ClientOrderId::new(text).map_err(|error| {
        let allowed = "[a-zA-Z0-9-_]{1,36}";
        Box::new(Problem::malformed(
            "client_order_id",
            error.to_string(),
            allowed,
        ))
    })
}

pub async fn cancel(
    State(app): State<Shared>,
    Path(id): Path<String>,
    query: UrlResult<Wait>,
) -> Response {
    let asked = wait_of(query).and_then(|wait_ms| Ok((order_id(id)?, wait_ms)));
    match asked {
        Ok((client_order_id, wait_ms)) => {
            let ask = move |request| Input::Cancel {
                request,
                client_order_id,
                wait_ms,
            };
            app.engine.ask(ask).await.into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

pub async fn one(State(app): State<Shared>, Path(id): Path<String>) -> Response {
    match order_id(id) {
        Ok(id) => read(&app, Query::Order(id)).await.into_response(),
        Err(problem) => problem.into_response(),
    }
}

pub async fn list(State(app): State<Shared>, query: UrlResult<ListQuery>) -> Response {
    let query = match url_query(query) {
        Ok(query) => query,
        Err(problem) => return problem.into_response(),
    };
    match query.status.as_deref() {
        None | Some("open") => read(&app, Query::Orders { open_only: true })
            .await
            .into_response(),
        Some("all") => read(&app, Query::Orders { open_only: false })
            .await
            .into_response(),
        Some(other) => {
            let detail = format!("status is {other}");
            Problem::malformed("status", detail, "open or all").into_response()
        }
    }
}

/// A read-only question to the engine.
pub async fn read(app: &Shared, query: Query) -> Reply {
    app.engine
        .ask(move |request| Input::Read { request, query })
        .await
}
