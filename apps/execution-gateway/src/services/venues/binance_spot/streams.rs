//! User stream (`userDataStream.subscribe.signature`) and kline stream.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use rust_common::UnixMillis;

use super::BinanceSpot;
use super::parse;
use super::rules;
use super::sign::websocket_signature;
use crate::failpoints::reached;
use crate::models::venue::StreamEvent;
use crate::services::venues::{BarQuery, MarketEvent};

/// A connection without any frame for this long is dead; we ping three times as often.
const SILENCE: Duration = Duration::from_mins(1);
const PING: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(10);
const SUBSCRIBE_ID: &str = "user-stream";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(url: &str) -> Result<Socket, String> {
    let connecting = crate::tls::connect_socket(url);
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(Ok(socket)) => Ok(socket),
        Ok(Err(error)) => Err(format!("connect: {error}")),
        Err(_) => Err("connect: timeout".to_owned()),
    }
}

/// The next text frame; pings keep the silence in check.
async fn next_text(socket: &mut Socket) -> Result<String, String> {
    let mut silent = Duration::ZERO;
    loop {
        let Ok(frame) = tokio::time::timeout(PING, socket.next()).await else {
            silent += PING;
            if silent >= SILENCE {
                return Err("silent for 60 s".to_owned());
            }
            let ping = socket.send(Message::Ping(Vec::new().into())).await;
            ping.map_err(|error| format!("ping: {error}"))?;
            continue;
        };
        silent = Duration::ZERO;
        match frame {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(_))) | None => return Err("closed by the venue".to_owned()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(format!("read: {error}")),
        }
    }
}

impl BinanceSpot {
    pub(super) async fn run_user_stream(
        &self,
        sink: &mpsc::Sender<StreamEvent>,
    ) -> Result<(), String> {
        let mut socket = open(&self.ws_api_url).await?;
        reached("stream.before_subscribe");
        let request = self.subscribe_request();
        let sent = socket.send(Message::text(request.to_string())).await;
        sent.map_err(|error| format!("subscribe: {error}"))?;
        self.confirm_subscription(&mut socket).await?;
        reached("stream.after_subscribe");
        deliver(sink, StreamEvent::Up).await?;
        loop {
            let text = next_text(&mut socket).await?;
            let message: Value =
                serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))?;
            if let Some(event) = message.get("event") {
                reached("stream.before_event");
                self.user_event(event, sink).await?;
            }
        }
    }

    fn subscribe_request(&self) -> Value {
        let credentials = &self.rest.credentials;
        let params = vec![
            ("apiKey", credentials.api_key.reveal().to_owned()),
            ("timestamp", self.rest.timestamp().to_string()),
        ];
        let signature = websocket_signature(&params, &credentials.api_secret);
        let mut fields = serde_json::Map::new();
        for (name, value) in params {
            let value = match value.parse::<i64>() {
                Ok(number) if name == "timestamp" => json!(number),
                _ => json!(value),
            };
            fields.insert(name.to_owned(), value);
        }
        fields.insert("signature".to_owned(), json!(signature));
        json!({
            "id": SUBSCRIBE_ID,
            "method": "userDataStream.subscribe.signature",
            "params": fields,
        })
    }

    async fn confirm_subscription(&self, socket: &mut Socket) -> Result<(), String> {
        loop {
            let waiting = tokio::time::timeout(CONNECT, next_text(socket)).await;
            let text = waiting.map_err(|_| "subscribe: no answer".to_owned())??;
            let reply: Value = serde_json::from_str(&text).unwrap_or_default();
            if reply.get("id").and_then(Value::as_str) != Some(SUBSCRIBE_ID) {
                continue;
            }
            if reply.get("status").and_then(Value::as_i64) == Some(200) {
                return Ok(());
            }
            let error = reply.get("error").cloned().unwrap_or_default();
            if error.get("code").and_then(Value::as_i64) == Some(-1021) {
                let synced = self.rest.sync_clock().await;
                synced.map_err(|failure| format!("clock: {failure}"))?;
            }
            return Err(format!("subscribe: {error}"));
        }
    }

    async fn user_event(
        &self,
        event: &Value,
        sink: &mpsc::Sender<StreamEvent>,
    ) -> Result<(), String> {
        let kind = event.get("e").and_then(Value::as_str).unwrap_or("");
        let parsed = match kind {
            "executionReport" => {
                let symbol = event.get("s").and_then(Value::as_str).unwrap_or("");
                match self.find_symbol(symbol) {
                    Some(instrument) => parse::execution_report(event, &instrument)
                        .map(|report| StreamEvent::Report(Box::new(report))),
                    // A symbol that is not ours still counts in the execution ids.
                    None => match event.get("I").and_then(Value::as_u64) {
                        Some(id) => Ok(StreamEvent::Execution(id)),
                        None => return Ok(()),
                    },
                }
            }
            "outboundAccountPosition" => parse::account_position(event),
            "eventStreamTerminated" | "serverShutdown" => {
                return Err(format!("the venue ends the stream: {kind}"));
            }
            _ => return Ok(()),
        };
        match parsed {
            Ok(event) => deliver(sink, event).await,
            // What cannot be read must not be lost: a reconnect reconciles by query.
            Err(error) => Err(format!("{kind} cannot be read: {error}")),
        }
    }

    pub(super) async fn run_market_stream(
        &self,
        sink: &mpsc::Sender<MarketEvent>,
    ) -> Result<(), String> {
        let instruments = self.instruments();
        if instruments.is_empty() {
            return Err("the trading rules are not loaded yet".to_owned());
        }
        let code = self.timeframe.code();
        let streams: Vec<String> = instruments
            .iter()
            .map(|instrument| format!("{}@kline_{code}", instrument.symbol.as_str().to_lowercase()))
            .collect();
        let url = format!("{}/stream?streams={}", self.stream_url, streams.join("/"));
        let mut socket = open(&url).await?;
        self.backfill(sink).await?;
        deliver(sink, MarketEvent::Link { is_connected: true }).await?;
        loop {
            let text = next_text(&mut socket).await?;
            let message: Value =
                serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))?;
            let Some(data) = message.get("data") else {
                continue;
            };
            match data.get("e").and_then(Value::as_str) {
                Some("kline") => self.kline(data, sink).await?,
                Some("serverShutdown") => return Err("the venue shuts down".to_owned()),
                _ => {}
            }
        }
    }

    /// Closed bars missed since the last one, before the stream's own bars are read.
    async fn backfill(&self, sink: &mpsc::Sender<MarketEvent>) -> Result<(), String> {
        for instrument in self.instruments() {
            let last = self.last_closed(&instrument.instrument_id);
            let start_at = last.and_then(|opened_at| opened_at.checked_add_millis(1).ok());
            // Without a last bar only the newest is wanted: it sets the reference price.
            let mut query = BarQuery {
                instrument_id: instrument.instrument_id.clone(),
                timeframe: self.timeframe,
                start_at,
                end_at: None,
                limit: if last.is_some() { 1_000 } else { 1 },
            };
            loop {
                let bars = self
                    .closed_bars(&query)
                    .await
                    .map_err(|error| error.to_string())?;
                let is_last = bars.len() < 1_000;
                query.start_at = bars
                    .last()
                    .and_then(|bar| bar.opened_at.checked_add_millis(1).ok());
                for bar in bars {
                    if self.advance(&bar.instrument_id, bar.opened_at) {
                        deliver(sink, MarketEvent::Bar(bar)).await?;
                    }
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn kline(&self, data: &Value, sink: &mpsc::Sender<MarketEvent>) -> Result<(), String> {
        let Some(k) = data.get("k") else {
            return Ok(());
        };
        let symbol = k.get("s").and_then(Value::as_str).unwrap_or("");
        let Some(instrument) = self.find_symbol(symbol) else {
            return Ok(());
        };
        let bar = rules::kline_event(k, self.timeframe, &instrument)
            .map_err(|error| format!("kline cannot be read: {error}"))?;
        if !bar.is_closed || self.advance(&bar.instrument_id, bar.opened_at) {
            deliver(sink, MarketEvent::Bar(bar)).await?;
        }
        Ok(())
    }

    /// Notes a closed bar; false when it, or a later one, was seen before.
    fn advance(&self, id: &rust_common::InstrumentId, opened_at: UnixMillis) -> bool {
        let mut last = self
            .last_bars
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_new = last.get(id).is_none_or(|known| *known < opened_at);
        if is_new {
            last.insert(id.clone(), opened_at);
        }
        is_new
    }

    fn last_closed(&self, id: &rust_common::InstrumentId) -> Option<UnixMillis> {
        let last = self
            .last_bars
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        last.get(id).copied()
    }
}

async fn deliver<T>(sink: &mpsc::Sender<T>, event: T) -> Result<(), String> {
    sink.send(event)
        .await
        .map_err(|_| "the gateway is stopping".to_owned())
}
