//! Mirrors the public market data of a live venue: depth snapshot over REST, depth differences,
//! trades and best prices over WebSocket, with the book rules of web-socket-streams.md.
//!
//! What arrives is handed on as `FeedEvent`s with the ids and times of the source; the venue logs
//! each whole, because it cannot be had again. Without a network, or behind a refusal, the mirror
//! says so and tries again after 1, 2, 4 ... 30 s; it never invents a market.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::FeedMarket;
use super::order_book::Follower;
use super::recording;
use crate::models::feed::FeedEvent;
use crate::models::orders::Input;
use crate::services::engine::Engine;

/// A source that says nothing for this long is taken for dead.
const SILENCE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const SNAPSHOT_LEVELS: u32 = 1_000;

/// Where the market comes from.
#[derive(Debug, Clone)]
pub struct Mirror {
    pub rest_url: String,
    pub stream_url: String,
    pub markets: Vec<FeedMarket>,
}

impl Mirror {
    /// # Errors
    /// Which address is missing or cannot be used, and what to set instead.
    pub fn new(
        rest_url: Option<&str>,
        stream_url: Option<&str>,
        markets: Vec<FeedMarket>,
    ) -> Result<Self, String> {
        let address = |key: &str, given: Option<&str>, schemes: [&str; 2], example: &str| {
            let given =
                given.ok_or_else(|| format!("feed.{key} is missing, e.g. \"{example}\""))?;
            let is_known = schemes.iter().any(|scheme| given.starts_with(scheme));
            if !is_known {
                let [plain, _] = schemes;
                return Err(format!(
                    "feed.{key} = \"{given}\": allowed are addresses that begin with {plain} \
                     (this build mirrors without TLS: for a live exchange name a local proxy that \
                     adds it)"
                ));
            }
            Ok(given.trim_end_matches('/').to_owned())
        };
        Ok(Self {
            rest_url: address(
                "rest_url",
                rest_url,
                ["http://", "http://"],
                "http://127.0.0.1:8080",
            )?,
            stream_url: address(
                "stream_url",
                stream_url,
                ["ws://", "ws://"],
                "ws://127.0.0.1:8081",
            )?,
            markets,
        })
    }

    /// Hands events on until `stop` turns true or nobody takes them. Breaks are bridged by a new
    /// connection and a new snapshot.
    pub async fn run(self, events: mpsc::Sender<FeedEvent>, mut stop: watch::Receiver<bool>) {
        let mut pause = Duration::from_secs(1);
        loop {
            let mut heard = false;
            let reason = tokio::select! {
                reason = self.follow(&events, &mut heard) => reason,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if events.is_closed() {
                return;
            }
            if heard {
                pause = Duration::from_secs(1);
            }
            tracing::error!(
                reason,
                stream_url = self.stream_url,
                pause_s = pause.as_secs(),
                "the mirrored market cannot be heard; the market stands still until it can"
            );
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the streams once and closes them: is the source there?
    ///
    /// # Errors
    /// The address and why it cannot be heard.
    pub async fn connect_once(&self) -> Result<(), String> {
        let mut socket = self.connect().await?;
        socket.close(None).await.map_err(|e| e.to_string())
    }

    async fn connect(&self) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, String> {
        let names: Vec<String> = self
            .markets
            .iter()
            .map(|market| market.symbol().to_lowercase())
            .flat_map(|symbol| {
                ["depth@100ms", "trade", "bookTicker"].map(|kind| format!("{symbol}@{kind}"))
            })
            .collect();
        let url = format!("{}/stream?streams={}", self.stream_url, names.join("/"));
        let connected = connect_async(&url).await;
        connected
            .map(|(socket, _)| socket)
            .map_err(|e| format!("{url}: {e}. Is there a network, and does the address answer?"))
    }

    /// One connection, from its opening to its end; hands back why it ended.
    async fn follow(&self, events: &mpsc::Sender<FeedEvent>, heard: &mut bool) -> String {
        match self.connection(events, heard).await {
            Ok(()) => "the source closed the connection".to_owned(),
            Err(reason) => reason,
        }
    }

    async fn connection(
        &self,
        events: &mpsc::Sender<FeedEvent>,
        heard: &mut bool,
    ) -> Result<(), String> {
        let url = &self.stream_url;
        let mut socket = self.connect().await?;
        let mut followers: Vec<Follower> = self
            .markets
            .iter()
            .enumerate()
            .map(|(index, market)| Follower::new(index, market.clone()))
            .collect();
        let mut due = VecDeque::new();
        loop {
            let message = tokio::time::timeout(SILENCE, socket.next())
                .await
                .map_err(|_| format!("{url}: silent for {} s", SILENCE.as_secs()))?;
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => continue,
                Some(Err(e)) => return Err(format!("{url}: {e}")),
            };
            *heard = true;
            let Some((Some(symbol), body)) = recording::payload(&text)? else {
                continue;
            };
            let Some(follower) = followers.iter_mut().find(|f| f.symbol() == symbol) else {
                continue;
            };
            follower.take(body, &mut due)?;
            if follower.wants_snapshot() {
                let body = self.snapshot(&symbol).await?;
                follower.take(body, &mut due)?;
            }
            for event in due.drain(..) {
                if events.send(event).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn snapshot(&self, symbol: &str) -> Result<recording::Body, String> {
        let url = format!(
            "{}/api/v3/depth?symbol={symbol}&limit={SNAPSHOT_LEVELS}",
            self.rest_url
        );
        let wrong = |e: reqwest::Error| format!("{url}: {e}");
        let response = reqwest::get(&url).await.map_err(wrong)?;
        let status = response.status();
        let text = response.text().await.map_err(wrong)?;
        if !status.is_success() {
            return Err(format!("{url}: HTTP {status}: {text}"));
        }
        recording::payload(&text)?
            .map(|(_, body)| body)
            .ok_or_else(|| format!("{url}: no depth snapshot"))
    }
}

/// Applies what the mirror hears to the venue, until `stop` turns true or the engine ends.
pub async fn play(mirror: Mirror, engine: Engine, stop: watch::Receiver<bool>) {
    let (sender, mut events) = mpsc::channel(1_024);
    let listening = tokio::spawn(mirror.run(sender, stop));
    while let Some(happened) = events.recv().await {
        let input = Input::Mirror { happened };
        let applied = engine.call(move |shell| shell.apply(&input, None).map(|_| ()));
        if let Ok(Err(e)) | Err(e) = applied.await {
            tracing::error!(error = %e, "the mirrored market could not be applied");
            break;
        }
    }
    listening.abort();
}
