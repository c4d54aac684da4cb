//! A venue in mode "market" with two accounts and four keys, moved by the control API only.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method, Response};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use simulated_venue::clock::Clock;
use simulated_venue::services::server::{Running, start};
use simulated_venue::services::signing::sign;
use simulated_venue::settings::Settings;
use tempfile::TempDir;

use super::{TOKEN, control};

pub(crate) const SYMBOL: (&str, &str) = ("symbol", "BTCUSDT");
/// Account `alice`; `bob` has a key of his own, `reader` is a key of alice that may not trade.
pub(crate) const ALICE: (&str, &str) = ("hmac-alice", "secret-alice");
pub(crate) const BOB: (&str, &str) = ("hmac-bob", "secret-bob");
pub(crate) const READER: (&str, &str) = ("hmac-reader", "secret-reader");
pub(crate) const ED25519: &str = "ed25519-alice";

const CONFIG: &str = r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.002"
[feed]
kind = "generator"
seed = 7
events_per_second = 20
[[account]]
name = "alice"
api_key = "hmac-alice"
api_secret = "secret-alice"
balances = { USDT = "1000000", BTC = "100" }
[[account]]
name = "alice"
api_key = "hmac-reader"
api_secret = "secret-reader"
can_trade = false
[[account]]
name = "alice"
api_key = "ed25519-alice"
public_key_file = "ed25519.pem"
[[account]]
name = "alice"
api_key = "rsa-alice"
public_key_file = "rsa.pem"
[[account]]
name = "bob"
api_key = "hmac-bob"
api_secret = "secret-bob"
can_withdraw = true
balances = { USDT = "1000", BTC = "1" }
EXTRA
[[instrument]]
instrument_id = "BTC-USDT.SIM"
symbol = "BTCUSDT"
base_currency = "BTC"
quote_currency = "USDT"
price_scale = 2
quantity_scale = 5
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "5"
start_price = "60000"
"#;

pub(crate) fn ed25519_pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

/// The public half in the form of RFC 8410.
fn ed25519_pem() -> String {
    let prefix = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    let bytes = [&prefix[..], ed25519_pair().public_key().as_ref()].concat();
    let body = STANDARD.encode(bytes);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// How a request is signed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signer {
    Hmac((&'static str, &'static str)),
    Ed25519,
}

impl Signer {
    pub(crate) fn api_key(self) -> &'static str {
        match self {
            Self::Hmac((key, _)) => key,
            Self::Ed25519 => ED25519,
        }
    }

    pub(crate) fn sign(self, payload: &str) -> String {
        match self {
            Self::Hmac((_, secret)) => sign(secret, payload.as_bytes()),
            Self::Ed25519 => STANDARD.encode(ed25519_pair().sign(payload.as_bytes())),
        }
    }
}

/// Everything but unreserved characters as `%XX`.
pub(crate) fn encode(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if keep(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

pub(crate) struct Market {
    _dir: TempDir,
    pub(crate) running: Running,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
}

impl Market {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// `extra` goes before the instrument table.
    pub(crate) async fn start_with(extra: &str) -> Self {
        Self::start_at(extra, Clock::Wall).await
    }

    pub(crate) async fn start_at(extra: &str, clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), TOKEN).unwrap();
        std::fs::write(dir.path().join("ed25519.pem"), ed25519_pem()).unwrap();
        let rsa = include_str!("keys/rsa_public.pem");
        std::fs::write(dir.path().join("rsa.pem"), rsa).unwrap();
        let path = dir.path().join("venue.toml");
        std::fs::write(&path, CONFIG.replace("EXTRA", extra)).unwrap();
        let settings = Settings::load(&path).unwrap();
        let running = start(settings, clock.clone()).await.unwrap();
        let venue = Self {
            _dir: dir,
            running,
            client: Client::new(),
            clock,
        };
        venue.advance(200).await;
        venue
    }

    pub(crate) async fn control(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let address = self.running.control_address.to_string();
        let body = (!body.is_null()).then_some(body);
        control(&self.client, &address, method, path, body).await
    }

    pub(crate) async fn advance(&self, events: u64) -> Value {
        let body = json!({"events": events});
        let (status, reply) = self.control("POST", "/sim/v1/advance", body).await;
        assert_eq!(status, 200, "{reply}");
        reply
    }

    /// A signed request with all parameters in the query.
    pub(crate) async fn send(
        &self,
        signer: Signer,
        (method, path): (&str, &str),
        params: &[(&str, &str)],
    ) -> Response {
        let mut pairs: Vec<String> = params
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        pairs.push(format!("timestamp={}", self.clock.now_ms()));
        let payload = pairs.join("&");
        let signature = encode(&signer.sign(&payload));
        let address = self.running.address;
        let url = format!("http://{address}/api/v3/{path}?{payload}&signature={signature}");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.client.request(method, url);
        let request = request.header("X-MBX-APIKEY", signer.api_key());
        request.send().await.unwrap()
    }

    pub(crate) async fn ask(
        &self,
        signer: Signer,
        call: (&str, &str),
        params: &[(&str, &str)],
    ) -> (u16, Value) {
        let response = self.send(signer, call, params).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A request of alice that must succeed.
    pub(crate) async fn ok(&self, call: (&str, &str), params: &[(&str, &str)]) -> Value {
        let (status, body) = self.ask(Signer::Hmac(ALICE), call, params).await;
        assert_eq!(status, 200, "{call:?} {params:?}: {body}");
        body
    }

    /// An order on the symbol, `text` being the rest of its query.
    pub(crate) async fn order(&self, text: &str) -> Value {
        self.ok(("POST", "order"), &with_symbol(text)).await
    }
}

/// `a=1&b=2` with the symbol before it.
pub(crate) fn with_symbol(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    std::iter::once(SYMBOL).chain(pairs).collect()
}
