//! `/v1/market`: market data for local subscribers (K31).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use futures_util::SinkExt;
use serde::Deserialize;
use tokio::time::timeout;

use rust_common::{InstrumentId, UnixMillis};

use super::Shared;
use super::orders::url_query;
use super::websockets::{AWAY, PING_EVERY, SEND_TIMEOUT, TRY_AGAIN, UrlResult, close};
use crate::models::problem::Problem;
use crate::services::streams::events::{Channel, MarketSource};
use crate::services::streams::resume;
use crate::services::streams::subscription::{Selection, Subscription};
use crate::services::streams::times::StreamTimes;

/// Query of `/v1/market`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketQuery {
    /// `bars,trades,best,book`; bars when absent.
    channels: Option<String>,
    /// Instrument ids; all when absent.
    instruments: Option<String>,
    /// Closing time of the last bar the subscriber has: every later one is sent.
    from: Option<String>,
}

pub async fn market(
    State(app): State<Shared>,
    query: UrlResult<MarketQuery>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let source = Arc::clone(&app.venue).market();
    let Some(source) = source else {
        let detail = "this venue has no market data".to_owned();
        return Problem::new(404, "no-market-data", "Not found", detail).into_response();
    };
    let wish = url_query(query).and_then(|query| wish(&query, &*source));
    let (selection, from) = match wish {
        Ok(wish) => wish,
        Err(problem) => return problem.into_response(),
    };
    upgrade
        .on_upgrade(move |socket| serve(app, source, socket, selection, from))
        .into_response()
}

type Wish = (Selection, Option<UnixMillis>);

fn wish(query: &MarketQuery, source: &dyn MarketSource) -> Result<Wish, Box<Problem>> {
    let mut selection = Selection::default();
    if let Some(text) = &query.channels {
        selection.channels = text.split(',').map(channel).collect::<Result<_, _>>()?;
    }
    if let Some(text) = &query.instruments {
        let known: BTreeSet<InstrumentId> = source
            .instruments()
            .iter()
            .map(|instrument| instrument.instrument_id.clone())
            .collect();
        if known.is_empty() {
            let detail = "the venue's trading rules are not loaded yet".to_owned();
            let problem = Problem::new(503, "not-ready", "The instruments are unknown", detail);
            return Err(Box::new(problem.next_step("ask again in a second")));
        }
        let wanted = text.split(',').map(|text| instrument(text, &known));
        selection.instruments = Some(wanted.collect::<Result<_, _>>()?);
    }
    let from = query.from.as_ref().map(|text| {
        text.parse::<UnixMillis>().map_err(|error| {
            let allowed = "RFC 3339 UTC with milliseconds";
            Box::new(Problem::malformed("from", error.to_string(), allowed))
        })
    });
    Ok((selection, from.transpose()?))
}

fn channel(name: &str) -> Result<Channel, Box<Problem>> {
    Channel::find(name).ok_or_else(|| {
        let known = Channel::ALL.map(Channel::name).join(" ");
        let detail = format!("channels has {name:?}");
        Box::new(Problem::malformed("channels", detail, &known))
    })
}

fn instrument(text: &str, known: &BTreeSet<InstrumentId>) -> Result<InstrumentId, Box<Problem>> {
    let found = known.iter().find(|id| id.as_str() == text);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(InstrumentId::as_str).collect();
        let detail = format!("instruments has {text:?}");
        Box::new(Problem::malformed("instruments", detail, &names.join(" ")))
    })
}

/// Instruments whose bars are resumed.
fn resumed(source: &dyn MarketSource, selection: &Selection) -> Vec<InstrumentId> {
    if !selection.channels.contains(&Channel::Bars) {
        return Vec::new();
    }
    let ids = source.instruments();
    let ids = ids.iter().map(|instrument| &instrument.instrument_id);
    ids.filter(|id| selection.has_instrument(id))
        .cloned()
        .collect()
}

async fn serve(
    app: Shared,
    source: Arc<dyn MarketSource>,
    mut socket: WebSocket,
    selection: Selection,
    from: Option<UnixMillis>,
) {
    let mut subscription = app.hub.subscribe(selection.clone(), from.is_some());
    if let Some(from) = from {
        let pause = StreamTimes::of(true).repair;
        let ids = resumed(&*source, &selection);
        if ids.is_empty() && selection.channels.contains(&Channel::Bars) {
            return close(&mut socket, TRY_AGAIN, "the instruments are not known yet").await;
        }
        for id in ids {
            match resume::history(&*source, &app.hub, &id, from, pause).await {
                Ok(frames) => subscription.begin_with(frames),
                Err(reason) => {
                    tracing::info!(instrument = %id, reason, "a subscriber could not resume");
                    return close(&mut socket, TRY_AGAIN, "history is not complete yet").await;
                }
            }
        }
    }
    let mut shutdown = app.shutdown.clone();
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.reset();
    loop {
        tokio::select! {
            texts = subscription.next() => {
                let Ok(texts) = texts else { return cut(&mut socket).await };
                match send_all(&mut socket, texts, &subscription).await {
                    Sent::All => {}
                    Sent::Cut => return cut(&mut socket).await,
                    Sent::Gone => return,
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => {
                let ping = socket.send(Message::Ping(Vec::new().into()));
                if !matches!(timeout(SEND_TIMEOUT, ping).await, Ok(Ok(()))) {
                    return;
                }
            }
            () = shutdown.requested() => {
                return close(&mut socket, AWAY, "the gateway is stopping").await;
            }
        }
    }
}

/// The subscriber must start afresh and read what it missed; it is told so.
async fn cut(socket: &mut WebSocket) {
    let reason = "too slow: messages that must arrive no longer fit; reconnect with from";
    close(socket, TRY_AGAIN, reason).await;
}

enum Sent {
    All,
    Cut,
    Gone,
}

/// Hands over everything, then flushes once.
async fn send_all(
    socket: &mut WebSocket,
    texts: Vec<Utf8Bytes>,
    subscription: &Subscription,
) -> Sent {
    let sending = async {
        for text in texts {
            socket.feed(Message::Text(text)).await?;
        }
        socket.flush().await
    };
    tokio::select! {
        biased;
        sent = timeout(SEND_TIMEOUT, sending) => {
            if matches!(sent, Ok(Ok(()))) { Sent::All } else { Sent::Gone }
        }
        () = subscription.cut_off() => Sent::Cut,
    }
}
