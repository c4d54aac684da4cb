//! A venue that plays a script: REST on one port, streams on another, with faults on demand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "fixtures must hold"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use execution_gateway::clock::SystemClock;
use execution_gateway::secrets::load_credentials;
use execution_gateway::services::metrics::Metrics;
use execution_gateway::services::streams::events::{Channel, MarketSource};
use execution_gateway::services::streams::hub::MarketHub;
use execution_gateway::services::streams::market::{MarketParts, Prices, follow};
use execution_gateway::services::streams::subscription::{Selection, Subscription};
use execution_gateway::services::streams::times::StreamTimes;
use execution_gateway::services::venues::binance_spot::BinanceSpot;
use execution_gateway::services::venues::{Pending, Venue as _};
use execution_gateway::settings::VenueSettings;
use execution_gateway::shutdown::{self, Trigger};
use rust_common::Bar;

pub(crate) const FIRST: i64 = 1_632_700_800_000;
pub(crate) const STEP: i64 = 60_000;
const DEADLINE: Duration = Duration::from_secs(20);

/// What a connection is told to do.
#[derive(Debug, Clone)]
pub(crate) enum Order {
    Text(String),
    /// Half a frame, then the line is cut.
    Half,
    /// Stops reading and writing; the TCP connection stays.
    Mute,
    Close,
}

#[derive(Default)]
struct Script {
    /// Bars the queries know.
    bars: i64,
    trades: u64,
    /// Update id and quantity at the best bid of the snapshot that queries give.
    book: (u64, u64),
    refuses_trades: bool,
    connections: Vec<mpsc::UnboundedSender<Order>>,
    opened: usize,
    /// Names in the address of each connection, in order of arrival.
    addresses: Vec<String>,
    controls: Vec<(Instant, Value)>,
    klines_asked: Vec<i64>,
}

type Shared = Arc<Mutex<Script>>;

/// The running venue.
pub(crate) struct Venue {
    script: Shared,
    rest_port: u16,
    stream_port: u16,
}

fn kline(number: i64) -> Value {
    let opened = FIRST + STEP * number;
    json!([
        opened,
        "100.00",
        "101.00",
        "99.00",
        "100.50",
        "3.00000",
        opened + STEP - 1,
        "0",
        1,
        "0",
        "0",
        "0"
    ])
}

pub(crate) fn kline_event(number: i64, is_closed: bool) -> String {
    let opened = FIRST + STEP * number;
    let at = opened + STEP;
    json!({"stream": "btcusd@kline_1m", "data": {"e": "kline", "E": at, "s": "BTCUSD", "k": {
        "t": opened, "T": opened + STEP - 1, "s": "BTCUSD", "i": "1m", "o": "100.00",
        "h": "101.00", "l": "99.00", "c": "100.50", "v": "3.00000", "x": is_closed}}})
    .to_string()
}

pub(crate) fn trade_event(number: u64) -> String {
    json!({"stream": "btcusd@trade", "data": {"e": "trade", "E": FIRST, "s": "BTCUSD",
        "t": number, "p": "100.00", "q": "0.10000", "T": FIRST, "m": true, "M": true}})
    .to_string()
}

/// Update `number` sets the quantity at the best bid to `number`.
pub(crate) fn depth_event(number: u64) -> String {
    let quantity = format!("{number}.00000");
    json!({"stream": "btcusd@depth@100ms", "data": {"e": "depthUpdate", "E": FIRST,
        "s": "BTCUSD", "U": number, "u": number, "b": [["99.00", quantity]], "a": []}})
    .to_string()
}

fn number(query: &[(String, String)], name: &str) -> Option<i64> {
    let found = query.iter().find(|(key, _)| key == name)?;
    found.1.parse().ok()
}

type Asked = Query<Vec<(String, String)>>;

async fn klines(State(script): State<Shared>, Query(query): Asked) -> Json<Value> {
    let mut script = script.lock().unwrap();
    let limit = number(&query, "limit").unwrap();
    let start = number(&query, "startTime");
    script.klines_asked.push(start.unwrap_or(-1));
    let first = match start {
        Some(start) => (start - FIRST + STEP - 1).max(0) / STEP,
        None => (script.bars - limit).max(0),
    };
    let rows = (first..script.bars.min(first + limit)).map(kline);
    Json(rows.collect())
}

async fn trades(
    State(script): State<Shared>,
    Query(query): Asked,
) -> Result<Json<Value>, axum::http::StatusCode> {
    let script = script.lock().unwrap();
    if script.refuses_trades {
        return Err(axum::http::StatusCode::SERVICE_UNAVAILABLE);
    }
    let from = number(&query, "fromId").unwrap().unsigned_abs();
    let rows = (from..=script.trades.min(from + 999)).map(|id| {
        json!({"id": id, "price": "100.00", "qty": "0.10000", "time": FIRST,
            "isBuyerMaker": true})
    });
    Ok(Json(rows.collect()))
}

async fn depth(State(script): State<Shared>) -> Json<Value> {
    let (last, quantity) = script.lock().unwrap().book;
    Json(
        json!({"lastUpdateId": last, "bids": [["99.00", format!("{quantity}.00000")]],
        "asks": [["101.00", "5.00000"]]}),
    )
}

async fn exchange_info() -> Json<Value> {
    Json(
        json!({"rateLimits": [], "symbols": [{"symbol": "BTCUSD", "baseAsset": "BTC",
        "quoteAsset": "USD", "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "stepSize": "0.00001", "minQty": "0.00001"}]}]}),
    )
}

impl Venue {
    pub(crate) async fn start() -> Self {
        let script = Shared::default();
        let rest = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rest_port = rest.local_addr().unwrap().port();
        let now = || async { Json(json!({ "serverTime": 1_700_000_000_000_i64 })) };
        let app = Router::new()
            .route("/api/v3/time", get(now))
            .route("/api/v3/exchangeInfo", get(exchange_info))
            .route("/api/v3/klines", get(klines))
            .route("/api/v3/historicalTrades", get(trades))
            .route("/api/v3/depth", get(depth))
            .with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(rest, app).await.unwrap() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream_port = listener.local_addr().unwrap().port();
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        Self {
            script,
            rest_port,
            stream_port,
        }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    /// The queries know this many bars, trades, and this book.
    pub(crate) fn knows_bars(&self, bars: i64) {
        self.with(|script| script.bars = bars);
    }

    pub(crate) fn knows_trades(&self, trades: u64) {
        self.with(|script| script.trades = trades);
    }

    pub(crate) fn knows_book(&self, update: u64) {
        self.with(|script| script.book = (update, update));
    }

    pub(crate) fn refuse_trades(&self) {
        self.with(|script| script.refuses_trades = true);
    }

    /// Sends to every connection that is open.
    pub(crate) fn all(&self, order: &Order) {
        self.with(|script| {
            script.connections.retain(|c| !c.is_closed());
            for connection in &script.connections {
                connection.send(order.clone()).ok();
            }
        });
    }

    pub(crate) fn say(&self, text: String) {
        self.all(&Order::Text(text));
    }

    /// Sends to the connection that has been open longest.
    pub(crate) fn oldest(&self, order: Order) {
        self.with(|script| {
            script.connections.retain(|c| !c.is_closed());
            script.connections.first().unwrap().send(order).unwrap();
        });
    }

    pub(crate) fn opened(&self) -> usize {
        self.with(|script| script.opened)
    }

    pub(crate) fn open_now(&self) -> usize {
        self.with(|script| {
            script.connections.retain(|c| !c.is_closed());
            script.connections.len()
        })
    }

    pub(crate) fn controls(&self) -> Vec<(Instant, Value)> {
        self.with(|script| script.controls.clone())
    }

    pub(crate) fn klines_asked(&self) -> Vec<i64> {
        self.with(|script| script.klines_asked.clone())
    }

    pub(crate) async fn until_opened(&self, count: usize) {
        until("connections", || self.opened() >= count).await;
    }
}

async fn connection(stream: TcpStream, script: Shared) {
    let mut address = String::new();
    #[expect(
        clippy::result_large_err,
        reason = "the signature of the callback is given"
    )]
    let note = |request: &Request, response: Response| {
        address = request.uri().to_string();
        Ok(response)
    };
    let accepted = tokio_tungstenite::accept_hdr_async(stream, note).await;
    let Ok(mut socket) = accepted else { return };
    let (sender, mut orders) = mpsc::unbounded_channel();
    {
        let mut script = script.lock().unwrap();
        script.connections.push(sender);
        script.addresses.push(address);
        script.opened += 1;
    }
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() { return }
                }
                Some(Order::Half) => {
                    // A text frame that promises 100 bytes and brings 9.
                    let half = b"\x81\x64{\"stream\"";
                    socket.get_mut().write_all(half).await.ok();
                    return;
                }
                Some(Order::Mute) => std::future::pending().await,
                Some(Order::Close) => {
                    socket.close(None).await.ok();
                    return;
                }
                None => return,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let control: Value = serde_json::from_str(&text).unwrap();
                    let reply = json!({ "result": null, "id": control["id"] });
                    script.lock().unwrap().controls.push((Instant::now(), control));
                    if socket.send(Message::text(reply.to_string())).await.is_err() { return }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

/// Looks again and again until it holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Nobody;

impl Prices for Nobody {
    fn tell<'a>(&'a self, _: &'a Bar) -> Pending<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The gateway's market side, following a scripted venue.
pub(crate) struct Gateway {
    pub(crate) hub: Arc<MarketHub>,
    pub(crate) source: Arc<dyn MarketSource>,
    _stop: Trigger,
    _dir: tempfile::TempDir,
}

pub(crate) fn times() -> StreamTimes {
    StreamTimes {
        silence: Duration::from_secs(15),
        ping_after: Duration::from_secs(5),
        retry_first: Duration::from_millis(5),
        retry_cap: Duration::from_millis(40),
        control_gap: Duration::from_millis(20),
        repair: Duration::from_millis(5),
        ..StreamTimes::of(true)
    }
}

impl Gateway {
    pub(crate) async fn start(venue: &Venue, times: StreamTimes) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("venue-credentials.json");
        write_secret(&secret, r#"{"api_key":"k","api_secret":"s"}"#);
        let (rest, stream) = (venue.rest_port, venue.stream_port);
        let settings: VenueSettings = toml::from_str(&format!(
            r#"
kind = "binance_spot"
rest_url = "http://127.0.0.1:{rest}"
stream_url = "ws://127.0.0.1:{stream}"
ws_api_url = "ws://127.0.0.1:{stream}/ws-api/v3"
credentials_file = "unused"
venue_name = "SIM"
symbols = ["BTCUSD"]
timeframe = "1m"
recv_window_ms = 300
engine_timeout_ms = 300
margin_ms = 200
"#
        ))
        .unwrap();
        let adapter = BinanceSpot::new(
            &settings,
            load_credentials(&secret).unwrap(),
            Arc::new(SystemClock),
            Arc::new(Metrics::new().unwrap()),
        );
        let adapter = Arc::new(adapter.unwrap());
        adapter.load().await.unwrap();
        let source = adapter.market().unwrap();
        let hub = Arc::new(MarketHub::new());
        let (stop, shutdown) = shutdown::channel();
        tokio::spawn(follow(MarketParts {
            source: Arc::clone(&source),
            hub: Arc::clone(&hub),
            prices: Arc::new(Nobody),
            clock: Arc::new(SystemClock),
            times,
            shutdown,
        }));
        Self {
            hub,
            source,
            _stop: stop,
            _dir: dir,
        }
    }

    pub(crate) fn subscribe(&self, channels: &[Channel]) -> Reader {
        let selection = Selection {
            channels: channels.iter().copied().collect(),
            instruments: None,
        };
        Reader {
            subscription: self.hub.subscribe(selection, false),
            waiting: std::collections::VecDeque::new(),
        }
    }
}

fn write_secret(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A subscriber that reads one message after the other.
pub(crate) struct Reader {
    pub(crate) subscription: Subscription,
    waiting: std::collections::VecDeque<Value>,
}

impl Reader {
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return message;
            }
            let next = tokio::time::timeout(DEADLINE, self.subscription.next());
            let texts = next.await.expect("a message in time").unwrap();
            let parsed = texts.iter().map(|text| serde_json::from_str(text).unwrap());
            self.waiting.extend(parsed);
        }
    }

    /// The next message of a kind; others are dropped.
    pub(crate) async fn kind(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Numbers of the next `count` closed bars.
    pub(crate) async fn bars(&mut self, count: usize) -> Vec<i64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let message = self.kind("bar").await;
            if message["bar"]["is_closed"] == true {
                let text = message["bar"]["opened_at"].as_str().unwrap();
                let opened: rust_common::UnixMillis = text.parse().unwrap();
                numbers.push((opened.as_millis() - FIRST) / STEP);
            }
        }
        numbers
    }

    pub(crate) async fn linked(&mut self, is_connected: bool) {
        while self.kind("link").await["connected"] != is_connected {}
    }
}
