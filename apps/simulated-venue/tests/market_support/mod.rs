//! A venue in market mode in a temporary folder, and its WebSocket clients.
#![allow(dead_code, reason = "every test file uses its own part of the support")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken fixture must stop the test, and a missing recording is told"
)]

pub(crate) mod book;

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Client;
use serde_json::{Value, json};
use simulated_venue::clock::Clock;
use simulated_venue::services::server::{Running, start};
use simulated_venue::settings::Settings;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

pub(crate) const TOKEN: &str = "0123456789abcdef-control";
pub(crate) const WAIT: Duration = Duration::from_secs(20);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) const BTCUSDT: &str = r#"
[[instrument]]
instrument_id = "BTC-USDT.SIM"
symbol = "BTCUSDT"
base_currency = "BTC"
quote_currency = "USDT"
price_scale = 2
quantity_scale = 8
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "5"
"#;

pub(crate) const ETHUSDT: &str = r#"
[[instrument]]
instrument_id = "ETH-USDT.SIM"
symbol = "ETHUSDT"
base_currency = "ETH"
quote_currency = "USDT"
price_scale = 2
quantity_scale = 8
tick_size = "0.01"
step_size = "0.0001"
min_quantity = "0.0001"
min_notional = "5"
"#;

pub(crate) struct MarketVenue {
    pub(crate) dir: TempDir,
    pub(crate) running: Running,
    pub(crate) client: Client,
}

/// The recordings of these names, or a visible skip.
pub(crate) fn recordings(names: &[&str]) -> Option<Vec<PathBuf>> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/order_book");
    let paths: Vec<PathBuf> = names.iter().map(|name| dir.join(name)).collect();
    if paths.iter().all(|path| path.is_file()) {
        return Some(paths);
    }
    println!("skipped: {} is not there", dir.display());
    None
}

pub(crate) fn order_book_feed(paths: &[PathBuf]) -> String {
    format!("[feed]\nkind = \"order_book\"\npaths = {paths:?}\nspeed = 0.0\n")
}

/// More requests per second than any test sends.
pub(crate) const UNMETERED: &str = "[timing]\ncontrol_messages_per_second = 100000\n";

pub(crate) const GENERATOR: &str =
    "[feed]\nkind = \"generator\"\nseed = 5\nevents_per_second = 41\nspeed = 0.0\n";

impl MarketVenue {
    /// `feed` and `extra` are tables of venue.toml, `instruments` its `[[instrument]]` tables.
    pub(crate) async fn start(feed: &str, extra: &str, instruments: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), feed, extra, instruments);
        Self::open(dir).await
    }

    pub(crate) async fn open(dir: TempDir) -> Self {
        let settings = Settings::load(&dir.path().join("venue.toml")).unwrap();
        let running = start(settings, Clock::Wall).await.unwrap();
        Self {
            dir,
            running,
            client: Client::new(),
        }
    }

    pub(crate) async fn restart(self) -> Self {
        self.running.stop().await;
        Self::open(self.dir).await
    }

    pub(crate) async fn advance(&self, events: u64) -> Value {
        let url = format!("http://{}/sim/v1/advance", self.running.control_address);
        let request = self
            .client
            .post(url)
            .bearer_auth(TOKEN)
            .json(&json!({"events": events}));
        let response = request.send().await.unwrap();
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert!(status.is_success(), "{body}");
        body
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Value {
        let (status, body) = self.ask(path_and_query).await;
        assert_eq!(status, 200, "{path_and_query}: {body}");
        body
    }

    pub(crate) async fn ask(&self, path_and_query: &str) -> (u16, Value) {
        let url = format!("http://{}{path_and_query}", self.running.address);
        let response = self.client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn socket(&self, path: &str) -> Socket {
        let url = format!("ws://{}{path}", self.running.address);
        connect_async(url).await.unwrap().0
    }
}

fn write_config(dir: &Path, feed: &str, extra: &str, instruments: &str) {
    std::fs::write(dir.join("token"), TOKEN).unwrap();
    let text = format!(
        r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
{feed}
{extra}
[[account]]
name = "one"
api_key = "test-key"
api_secret = "test-secret"
balances = {{ USDT = "100000", BTC = "10" }}
{instruments}
"#
    );
    std::fs::write(dir.join("venue.toml"), text).unwrap();
}

/// What a socket brings next, pings and pongs left out.
pub(crate) async fn received(socket: &mut Socket) -> Message {
    loop {
        let next = tokio::time::timeout(WAIT, socket.next()).await;
        match next.expect("a frame in time") {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return message,
            _ => return Message::Close(None),
        }
    }
}

pub(crate) async fn next(socket: &mut Socket) -> Value {
    match received(socket).await {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Messages until a reply to a request of this socket arrives; the reply itself is left out.
pub(crate) async fn until_reply(socket: &mut Socket, id: &str) -> Vec<Value> {
    let request = json!({"method": "LIST_SUBSCRIPTIONS", "id": id}).to_string();
    socket.send(Message::Text(request.into())).await.unwrap();
    let mut before = Vec::new();
    loop {
        let message = next(socket).await;
        if message["id"] == id {
            return before;
        }
        before.push(message);
    }
}

pub(crate) async fn request(socket: &mut Socket, body: Value) -> Value {
    socket
        .send(Message::Text(body.to_string().into()))
        .await
        .unwrap();
    next(socket).await
}
