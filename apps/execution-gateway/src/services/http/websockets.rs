//! `/v1/events`, and what every WebSocket of ours does.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query as UrlQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::orders::url_query;
use crate::models::problem::Problem;
use crate::services::journal::events::EventText;

/// A subscriber that takes no frame for this long is cut off.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const PING_EVERY: Duration = Duration::from_secs(20);
pub(super) const TRY_AGAIN: u16 = 1013;
pub(super) const AWAY: u16 = 1001;
pub(super) const INTERNAL: u16 = 1011;

/// Query of `/v1/events`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    from: Option<u64>,
}

pub(super) type UrlResult<T> = Result<UrlQuery<T>, axum::extract::rejection::QueryRejection>;

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

pub(super) async fn send(socket: &mut WebSocket, message: Message) -> bool {
    matches!(
        tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await,
        Ok(Ok(()))
    )
}

pub(super) async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
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
