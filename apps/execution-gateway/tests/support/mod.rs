//! The real gateway and the real simulated venue as processes, with a signing client.
#![allow(dead_code, reason = "every test file uses its own part of the support")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "fixtures must hold"
)]

mod fixtures;
pub(crate) mod orders;
pub(crate) mod proxy;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub(crate) const APPROVAL_KEY: &str =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const SERVICE_SECRET: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
const READER_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const CONTROL_TOKEN: &str = "0123456789abcdef-control";
const DEADLINE: Duration = Duration::from_secs(20);

use fixtures::{write_columns, write_secrets, write_venue_config};
#[allow(
    unused_imports,
    reason = "every test file uses its own part of the support"
)]
pub(crate) use orders::{Approved, approved, bracket, market};

/// Open, high, low, close in cents.
pub(crate) type Bar = [i64; 4];

/// Flat at 100.00, with a dip at bar 6 and a rise at bar 9 (counted from 0).
pub(crate) fn path() -> Vec<Bar> {
    (0..40)
        .map(|index| match index {
            6 => [10_000, 10_050, 9_400, 10_000],
            9 => [10_000, 10_700, 9_950, 10_000],
            _ => [10_000, 10_050, 9_950, 10_000],
        })
        .collect()
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Gateway, venue and their folder.
pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) venue: Option<Child>,
    pub(crate) gateway: Option<Child>,
    pub(crate) venue_port: u16,
    control_port: u16,
    pub(crate) gateway_port: u16,
    http: reqwest::Client,
    nonce: AtomicU64,
}

impl Drop for Rig {
    fn drop(&mut self) {
        for child in [&mut self.gateway, &mut self.venue].into_iter().flatten() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Rig {
    /// Venue and gateway up and ready.
    pub(crate) async fn start(bars: &[Bar]) -> Self {
        let mut rig = Self::venue_only(bars).await;
        rig.configure(rig.venue_port);
        rig.spawn_gateway().await;
        rig.until_ready().await;
        rig
    }

    pub(crate) async fn venue_only(bars: &[Bar]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_columns(&dir.path().join("columns"), bars);
        write_secrets(dir.path());
        let mut rig = Self {
            dir,
            venue: None,
            gateway: None,
            venue_port: 0,
            control_port: 0,
            gateway_port: 0,
            http: reqwest::Client::new(),
            nonce: AtomicU64::new(1),
        };
        rig.spawn_venue().await;
        rig
    }

    pub(crate) async fn spawn_venue(&mut self) {
        write_venue_config(self.dir.path(), self.venue_port, self.control_port);
        let port_file = self.dir.path().join("venue.port");
        std::fs::remove_file(&port_file).ok();
        self.venue = Some(spawn(&venue_binary(), &self.dir.path().join("venue.toml")));
        let text = until("venue port", || {
            let text = std::fs::read_to_string(&port_file).ok()?;
            (text.lines().count() == 2).then_some(text)
        })
        .await;
        let ports: Vec<u16> = text.lines().map(|line| line.parse().unwrap()).collect();
        (self.venue_port, self.control_port) = (ports[0], ports[1]);
    }

    /// Writes gateway.toml; REST goes to `rest_port` (the venue's own, or a fault proxy's).
    pub(crate) fn configure(&self, rest_port: u16) {
        let port = self.venue_port;
        let text = format!(
            r#"
listen = "127.0.0.1:0"
port_file = "gateway.port"
journal_dir = "journal"
keys_file = "keys.json"
account = "paper-1"
[venue]
kind = "binance_spot"
rest_url = "http://127.0.0.1:{rest_port}"
stream_url = "ws://127.0.0.1:{port}"
ws_api_url = "ws://127.0.0.1:{port}/ws-api/v3"
credentials_file = "venue-credentials.json"
venue_name = "SIM"
symbols = ["BTCUSD"]
timeframe = "15m"
recv_window_ms = 300
engine_timeout_ms = 300
margin_ms = 200
[limits]
max_order_notional = "5000"
max_instrument_notional = "8000"
max_orders_per_minute = 600
"#
        );
        std::fs::write(self.dir.path().join("gateway.toml"), text).unwrap();
    }

    pub(crate) async fn spawn_gateway(&mut self) {
        let port_file = self.dir.path().join("gateway.port");
        std::fs::remove_file(&port_file).ok();
        let binary = Path::new(env!("CARGO_BIN_EXE_execution-gateway"));
        self.gateway = Some(spawn(binary, &self.dir.path().join("gateway.toml")));
        let read = || {
            std::fs::read_to_string(&port_file)
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        self.gateway_port = until("gateway port", read).await;
    }

    /// SIGKILL.
    pub(crate) fn kill_gateway(&mut self) {
        let mut child = self.gateway.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn kill_venue(&mut self) {
        let mut child = self.venue.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) async fn until_ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.gateway_port);
        let started = Instant::now();
        loop {
            let answer = self.http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            assert!(
                started.elapsed() < DEADLINE,
                "the gateway never became ready"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn step(&self, number: u64) -> Value {
        let url = format!("http://127.0.0.1:{}/sim/v1/step", self.control_port);
        let answer = self
            .http
            .post(url)
            .bearer_auth(CONTROL_TOKEN)
            .json(&json!({ "step": number }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// One lock-step: the venue moves, the gateway has journaled everything of it.
    pub(crate) async fn step_and_sync(&self, number: u64) -> Value {
        let step = self.step(number).await;
        let through = step["last_execution_id"].as_u64().unwrap();
        self.until_bar(step["market_time"].as_str().unwrap()).await;
        self.sync(through).await
    }

    /// The bar reaches the gateway on another connection than the step's reply.
    async fn until_bar(&self, closed_at: &str) {
        let (mut socket, started) = (self.socket("/v1/market").await, Instant::now());
        loop {
            assert!(started.elapsed() < DEADLINE, "no bar {closed_at}");
            let frame = next_json(&mut socket).await;
            if frame["bar"]["closed_at"] == closed_at {
                return;
            }
        }
    }

    pub(crate) async fn sync(&self, through: u64) -> Value {
        let body = json!({ "through_execution_id": through });
        let (status, reply) = self
            .call("POST", "/v1/sync", Some(body.to_string()), &[])
            .await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    pub(crate) async fn get(&self, target: &str) -> Value {
        let (status, reply) = self.call("GET", target, None, &[]).await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    pub(crate) async fn submit(&self, order: &Approved, wait_ms: u32) -> (u16, Value) {
        let target = format!("/v1/orders?wait_ms={wait_ms}");
        let headers = [
            ("Idempotency-Key", order.key.clone()),
            ("X-ATS-Signature", sign(APPROVAL_KEY, &order.body)),
        ];
        self.call("POST", &target, Some(order.body.clone()), &headers)
            .await
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        body: Option<String>,
        extra: &[(&str, String)],
    ) -> (u16, Value) {
        let (id, secret) = ("orchestrator", SERVICE_SECRET);
        let mut headers = self.auth(id, secret, method, target, body.as_deref().unwrap_or(""));
        headers.extend(
            extra
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        self.raw(method, target, body, &headers).await
    }

    pub(crate) async fn call_as_reader(&self, method: &str, target: &str) -> (u16, Value) {
        let headers = self.auth("reader", READER_SECRET, method, target, "");
        self.raw(method, target, None, &headers).await
    }

    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        body: Option<String>,
        headers: &[(String, String)],
    ) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}{target}", self.gateway_port);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.body(body.unwrap_or_default()).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) fn auth(
        &self,
        id: &str,
        secret: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Vec<(String, String)> {
        let count = self.nonce.fetch_add(1, Ordering::Relaxed);
        let nonce = format!(
            "{:032x}",
            (u128::from(count) << 64) | u128::from(now_ms().unsigned_abs())
        );
        let timestamp = now_ms().to_string();
        let digest = hex::encode(Sha256::digest(body));
        let message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n{digest}");
        vec![
            ("X-ATS-Key".to_owned(), id.to_owned()),
            ("X-ATS-Timestamp".to_owned(), timestamp),
            ("X-ATS-Nonce".to_owned(), nonce),
            ("X-ATS-Auth".to_owned(), sign(secret, &message)),
        ]
    }

    pub(crate) async fn socket(&self, target: &str) -> Socket {
        let url = format!("ws://127.0.0.1:{}{target}", self.gateway_port);
        let mut request = url.into_client_request().unwrap();
        for (name, value) in self.auth("orchestrator", SERVICE_SECRET, "GET", target, "") {
            let name: reqwest::header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        tokio_tungstenite::connect_async(request).await.unwrap().0
    }

    /// Events `from..=through`.
    pub(crate) async fn events(&self, from: u64, through: u64) -> Vec<Value> {
        let mut socket = self.socket(&format!("/v1/events?from={from}")).await;
        let mut events = Vec::new();
        for seq in from..=through {
            let event = next_json(&mut socket).await;
            assert_eq!(event["gateway_seq"], seq);
            events.push(event);
        }
        events
    }

    /// Executions at the venue, by the venue's own words.
    pub(crate) async fn venue_trades(&self) -> Vec<Value> {
        let secret = "venue-secret";
        let query = format!(
            "symbol=BTCUSD&limit=1000&recvWindow=5000&timestamp={}",
            now_ms()
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(query.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let port = self.venue_port;
        let url = format!("http://127.0.0.1:{port}/api/v3/myTrades?{query}&signature={signature}");
        let answer = self
            .http
            .get(url)
            .header("X-MBX-APIKEY", "venue-key")
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    }
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn next_json(socket: &mut Socket) -> Value {
    loop {
        let frame = tokio::time::timeout(DEADLINE, socket.next())
            .await
            .expect("a frame in time");
        if let tokio_tungstenite::tungstenite::Message::Text(text) = frame.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

pub(crate) fn sign(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&hex::decode(key).unwrap()).unwrap();
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Looks again and again until something is there.
pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn spawn(binary: &Path, config: &Path) -> Child {
    let log = config.with_extension("log");
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    Command::new(binary)
        .arg("--config")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// The venue's binary beside ours; built when it is not there yet.
fn venue_binary() -> PathBuf {
    static BUILD: Once = Once::new();
    BUILD.call_once(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "-p", "simulated-venue"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "simulated-venue does not build");
    });
    Path::new(env!("CARGO_BIN_EXE_execution-gateway")).with_file_name("simulated-venue")
}
