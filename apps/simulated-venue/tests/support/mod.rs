//! A venue in a temporary folder, its recording, and a signing client.
#![allow(dead_code, reason = "every test file uses its own part of the support")]
#![allow(clippy::unwrap_used, reason = "a broken fixture must stop the test")]

pub(crate) mod market;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use simulated_venue::clock::Clock;
use simulated_venue::services::server::{Running, start};
use simulated_venue::services::signing::sign;
use simulated_venue::settings::Settings;
use tempfile::TempDir;

pub(crate) const API_KEY: &str = "test-key";
pub(crate) const SECRET: &str = "test-secret";
pub(crate) const TOKEN: &str = "0123456789abcdef-control";
pub(crate) const FIRST_OPEN: i64 = 1_632_700_800_000;
pub(crate) const BAR_MS: i64 = 900_000;

/// Open, high, low, close in dollars.
pub(crate) type Prices = (f64, f64, f64, f64);

/// A quiet path with one drop (bar 4) and one rise (bar 8).
pub(crate) fn quiet_path() -> Vec<Prices> {
    let mut bars = Vec::new();
    for index in 0..12 {
        let (low, high) = match index {
            4 => (96.0, 100.5),
            8 => (99.5, 104.5),
            _ => (99.5, 100.5),
        };
        bars.push((100.0, high, low, 100.0));
    }
    bars
}

fn npy<const N: usize>(path: &Path, descr: &str, values: &[[u8; N]]) {
    let mut header = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},), }}",
        values.len()
    );
    while (11 + header.len()) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values.concat());
    std::fs::write(path, file).unwrap();
}

fn cents(dollars: f64) -> [u8; 8] {
    #[expect(clippy::cast_possible_truncation, reason = "fixture prices are small")]
    let mantissa = (dollars * 100.0).round() as i64;
    mantissa.to_le_bytes()
}

pub(crate) fn write_columns(dir: &Path, bars: &[Prices]) {
    std::fs::create_dir_all(dir).unwrap();
    let opened: Vec<[u8; 8]> = (0..bars.len())
        .map(|index| (FIRST_OPEN + BAR_MS * i64::try_from(index).unwrap()).to_le_bytes())
        .collect();
    npy(&dir.join("opened_at.npy"), "<i8", &opened);
    let column =
        |pick: fn(&Prices) -> f64| bars.iter().map(|bar| cents(pick(bar))).collect::<Vec<_>>();
    npy(&dir.join("open.npy"), "<i8", &column(|bar| bar.0));
    npy(&dir.join("high.npy"), "<i8", &column(|bar| bar.1));
    npy(&dir.join("low.npy"), "<i8", &column(|bar| bar.2));
    npy(&dir.join("close.npy"), "<i8", &column(|bar| bar.3));
    let volume: Vec<[u8; 8]> = bars.iter().map(|_| 1.5_f64.to_le_bytes()).collect();
    npy(&dir.join("volume.npy"), "<f8", &volume);
    npy(&dir.join("flags.npy"), "|u1", &vec![[0_u8]; bars.len()]);
}

/// Writes configuration, secrets and columns; `extra` goes before the instrument table.
pub(crate) fn write_config(dir: &Path, bars: &[Prices], mode: &str, extra: &str) {
    write_columns(&dir.join("columns"), bars);
    std::fs::write(dir.join("token"), TOKEN).unwrap();
    let keys = json!({"api_key": API_KEY, "api_secret": SECRET});
    std::fs::write(dir.join("keys.json"), keys.to_string()).unwrap();
    let text = format!(
        r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
credentials_file = "keys.json"
mode = "{mode}"
balances = {{ USD = "10000" }}
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
slippage_bps = "2"
{extra}
[[instrument]]
instrument_id = "BTC-USD.SIM"
symbol = "BTCUSD"
base_currency = "BTC"
quote_currency = "USD"
price_scale = 2
quantity_scale = 5
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "10"
timeframe = "15m"
columns_dir = "columns"
"#
    );
    std::fs::write(dir.join("venue.toml"), text).unwrap();
}

pub(crate) struct Venue {
    pub(crate) dir: TempDir,
    pub(crate) running: Running,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
}

impl Venue {
    pub(crate) async fn start(bars: &[Prices]) -> Self {
        Self::start_with(bars, "lockstep", "").await
    }

    pub(crate) async fn start_with(bars: &[Prices], mode: &str, extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_config(dir.path(), bars, mode, extra);
        Self::open(dir).await
    }

    pub(crate) async fn open(dir: TempDir) -> Self {
        let settings = Settings::load(&dir.path().join("venue.toml")).unwrap();
        let running = start(settings, Clock::Wall).await.unwrap();
        Self {
            dir,
            running,
            client: Client::new(),
            clock: Clock::Wall,
        }
    }

    /// Stops the venue and starts it again on what it left behind.
    pub(crate) async fn restart(self) -> Self {
        self.running.stop().await;
        Self::open(self.dir).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address)
    }

    pub(crate) async fn get(&self, path_and_query: &str) -> Value {
        let response = self
            .client
            .get(self.url(path_and_query))
            .send()
            .await
            .unwrap();
        response.json().await.unwrap()
    }

    /// A signed request with all parameters in the query.
    pub(crate) async fn signed(
        &self,
        method: &str,
        path: &str,
        params: &[(&str, &str)],
    ) -> (u16, Value) {
        let query = signed_text(self.clock.now_ms(), params);
        let url = self.url(&format!("{path}?{query}"));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .client
            .request(method, url)
            .header("X-MBX-APIKEY", API_KEY);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A signed request that must succeed.
    pub(crate) async fn ok(&self, method: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, body) = self.signed(method, path, params).await;
        assert_eq!(status, 200, "{method} {path}: {body}");
        body
    }

    pub(crate) async fn control(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        control(
            &self.client,
            &self.running.control_address.to_string(),
            method,
            path,
            body,
        )
        .await
    }

    pub(crate) async fn step(&self, step: u64) -> Value {
        let (status, body) = self
            .control("POST", "/sim/v1/step", Some(json!({"step": step})))
            .await;
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn state_hash(&self) -> String {
        let (_, body) = self.control("GET", "/healthz", None).await;
        body["state_hash"].as_str().unwrap().to_owned()
    }
}

pub(crate) async fn control(
    client: &Client,
    address: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client
        .request(method, format!("http://{address}{path}"))
        .bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// `name=value&…&timestamp=…&signature=…`.
pub(crate) fn signed_text(now: i64, params: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in params {
        write!(text, "{name}={value}&").unwrap();
    }
    if !params.iter().any(|(name, _)| *name == "timestamp") {
        write!(text, "timestamp={now}").unwrap();
    }
    let text = text.trim_end_matches('&').to_owned();
    let signature = sign(SECRET, text.as_bytes());
    format!("{text}&signature={signature}")
}

/// A signed WebSocket API call.
pub(crate) fn signed_call(now: i64, id: &str, method: &str, params: &[(&str, &str)]) -> String {
    let mut map: BTreeMap<String, String> = params
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    map.insert("apiKey".into(), API_KEY.into());
    map.insert("timestamp".into(), now.to_string());
    let pairs: Vec<String> = map
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    map.insert("signature".into(), sign(SECRET, pairs.join("&").as_bytes()));
    json!({"id": id, "method": method, "params": map}).to_string()
}

pub(crate) const BUY: [(&str, &str); 4] = [
    ("symbol", "BTCUSD"),
    ("side", "BUY"),
    ("type", "MARKET"),
    ("quantity", "10"),
];
