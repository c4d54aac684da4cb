//! `/v1/events` and `/v1/market`.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use super::orders::url_query;
use crate::models::problem::Problem;
use crate::services::journal::events::EventText;

/// A subscriber that takes no frame for this long is cut off.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(20);
const TRY_AGAIN: u16 = 1013;
const AWAY: u16 = 1001;
const INTERNAL: u16 = 1011;

/// Query of `/v1/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    from: Option<u64>,
}

type UrlResult<T> = Result<UrlQuery<T>, axum::extract::rejection::QueryRejection>;

pub async fn events(
    State(app): State<Shared>,
    query: UrlResult<EventsQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let from = match url_query(query) {
        Ok(query) => query.from.unwrap_or(1),
        Err(problem) => return problem.into_response(),
    };
    let next = app.events.last_seq() + 1;
    if from == 0 || from > next {
        let detail = format!("from is {from}");
        let allowed = format!("1 to {next}");
        return Problem::malformed("from", detail, &allowed).into_response();
    }
    upgrade
        .on_upgrade(move |socket| serve_events(app, socket, from))
        .into_response()
}

pub async fn market(State(app): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .on_upgrade(move |socket| serve_market(app, socket))
        .into_response()
}

async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(
        tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await,
        Ok(Ok(()))
    )
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    };
    send(socket, Message::Close(Some(frame))).await;
}

async fn page(app: &Shared, cursor: u64) -> Option<Vec<EventText>> {
    if let Some(page) = app.events.recent(cursor) {
        return Some(page);
    }
    let reader = std::sync::Arc::clone(app);
    let read = tokio::task::spawn_blocking(move || reader.events.from_journal(cursor));
    read.await.ok()?.ok()
}

/// What ends the wait for something new.
enum Wake {
    News,
    Ping,
    Gone,
    Stopping,
}

/// Replays from `from`, then follows; every event is sent once and in order.
async fn serve_events(app: Shared, mut socket: WebSocket, from: u64) {
    let mut cursor = from;
    let mut newest = app.events.watch();
    let mut shutdown = app.shutdown.clone();
    loop {
        newest.mark_unchanged();
        let Some(page) = page(&app, cursor).await else {
            return close(&mut socket, INTERNAL, "the journal cannot be read").await;
        };
        let is_empty = page.is_empty();
        for (seq, text) in page {
            if seq != cursor {
                return close(&mut socket, INTERNAL, "an event is missing in the journal").await;
            }
            if !send(&mut socket, Message::text(&*text)).await {
                return;
            }
            cursor += 1;
        }
        if !is_empty {
            continue;
        }
        let wake = tokio::select! {
            changed = newest.changed() => if changed.is_ok() { Wake::News } else { Wake::Stopping },
            () = tokio::time::sleep(PING_EVERY) => Wake::Ping,
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => Wake::Gone,
                Some(Ok(_)) => Wake::News,
            },
            () = shutdown.requested() => Wake::Stopping,
        };
        match wake {
            Wake::News => {}
            Wake::Ping => {
                if !send(&mut socket, Message::Ping(Vec::new().into())).await {
                    return;
                }
            }
            Wake::Gone => return,
            Wake::Stopping => return close(&mut socket, AWAY, "the gateway is stopping").await,
        }
    }
}

async fn serve_market(app: Shared, mut socket: WebSocket) {
    let (first, mut frames) = app.hub.subscribe();
    let mut shutdown = app.shutdown.clone();
    for frame in first {
        if !send(&mut socket, Message::text(&*frame.text)).await {
            return;
        }
    }
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(frame) => {
                    if !send(&mut socket, Message::text(&*frame.text)).await {
                        return;
                    }
                }
                // Closed bars must arrive: a reader that fell behind has to start afresh.
                Err(RecvError::Lagged(_)) => {
                    return close(&mut socket, TRY_AGAIN, "too slow; reconnect and backfill").await;
                }
                Err(RecvError::Closed) => return,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = tokio::time::sleep(PING_EVERY) => {
                if !send(&mut socket, Message::Ping(Vec::new().into())).await {
                    return;
                }
            }
            () = shutdown.requested() => {
                return close(&mut socket, AWAY, "the gateway is stopping").await;
            }
        }
    }
}
