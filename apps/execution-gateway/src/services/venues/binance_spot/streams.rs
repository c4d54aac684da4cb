//! User stream (`userDataStream.subscribe.signature`).

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::BinanceSpot;
use super::parse;
use super::sign::websocket_signature;
use crate::failpoints::reached;
use crate::models::venue::StreamEvent;
use crate::services::streams::socket::Connection;

const SUBSCRIBE_ID: &str = "user-stream";

impl BinanceSpot {
    pub(super) async fn run_user_stream(
        &self,
        sink: &mpsc::Sender<StreamEvent>,
    ) -> Result<(), String> {
        let mut socket = Connection::open(&self.ws_api_url, self.times).await?;
        reached("stream.before_subscribe");
        socket.send(self.subscribe_request().to_string()).await?;
        self.confirm_subscription(&mut socket).await?;
        reached("stream.after_subscribe");
        deliver(sink, StreamEvent::Up).await?;
        loop {
            let text = socket.next().await?;
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

    async fn confirm_subscription(&self, socket: &mut Connection) -> Result<(), String> {
        loop {
            let waiting = tokio::time::timeout(self.times.connect, socket.next()).await;
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
}

async fn deliver<T>(sink: &mpsc::Sender<T>, event: T) -> Result<(), String> {
    sink.send(event)
        .await
        .map_err(|_| "the gateway is stopping".to_owned())
}
