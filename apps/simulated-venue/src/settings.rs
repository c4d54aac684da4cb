//! `venue.toml`: read, checked, and resolved to absolute values. Unknown keys are errors.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::StartError;
use crate::models::decimal;

/// Everything the venue needs to start. Relative paths are relative to the configuration file.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub control_listen: SocketAddr,
    pub port_file: PathBuf,
    pub state_dir: PathBuf,
    pub control_token: String,
    pub credentials: Credentials,
    pub mode: Mode,
    pub speed: f64,
    pub start_step: u64,
    /// Mantissas at scale 8 by currency.
    pub balances: BTreeMap<String, i128>,
    /// In 1e-8.
    pub maker_fee_rate: i64,
    /// In 1e-8.
    pub taker_fee_rate: i64,
    /// In 1e-8: 2 basis points = 20 000.
    pub slippage: i64,
    /// In instrument id order.
    pub instruments: Vec<InstrumentSettings>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Lockstep,
    Free,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lockstep => "lockstep",
            Self::Free => "free",
        }
    }
}

/// The one account's key pair. `Debug` does not show the secret.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub api_key: String,
    pub api_secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

/// One `[[instrument]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentSettings {
    pub instrument_id: String,
    pub symbol: String,
    pub base_currency: String,
    pub quote_currency: String,
    pub price_scale: u8,
    pub quantity_scale: u8,
    pub tick_size: String,
    pub step_size: String,
    pub min_quantity: String,
    pub min_notional: String,
    pub timeframe: String,
    pub columns_dir: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys of venue.toml"
)]
struct File {
    listen: String,
    control_listen: String,
    port_file: PathBuf,
    state_dir: PathBuf,
    control_token_file: PathBuf,
    credentials_file: PathBuf,
    mode: Mode,
    #[serde(default = "default_speed")]
    speed: f64,
    #[serde(default)]
    start_step: u64,
    balances: BTreeMap<String, String>,
    maker_fee_rate: String,
    taker_fee_rate: String,
    slippage_bps: String,
    instrument: Vec<InstrumentSettings>,
}

fn default_speed() -> f64 {
    60.0
}

impl Settings {
    /// Reads `path` and the files it names.
    ///
    /// # Errors
    /// `StartError` with the file, the key and the allowed range.
    pub fn load(path: &Path) -> Result<Self, StartError> {
        let text = read(path)?;
        let file: File =
            toml::from_str(&text).map_err(|e| StartError::config(path, e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let control_token = token(&folder.join(&file.control_token_file))?;
        let credentials = credentials(&folder.join(&file.credentials_file))?;
        resolve(file, folder, control_token, credentials)
            .map_err(|message| StartError::config(path, message))
    }
}

fn resolve(
    file: File,
    folder: &Path,
    control_token: String,
    credentials: Credentials,
) -> Result<Settings, String> {
    if !(file.speed.is_finite() && (0.001..=1_000_000.0).contains(&file.speed)) {
        return Err(format!("speed = {}: allowed 0.001 to 1000000", file.speed));
    }
    let mut balances = BTreeMap::new();
    for (currency, amount) in &file.balances {
        let key = format!("balances.{currency}");
        balances.insert(
            currency.clone(),
            amount_of(&key, amount, 1_000_000_000_000)?,
        );
    }
    let slippage = amount_of("slippage_bps", &file.slippage_bps, 1_000)? / 10_000;
    Ok(Settings {
        listen: address("listen", &file.listen)?,
        control_listen: address("control_listen", &file.control_listen)?,
        port_file: folder.join(file.port_file),
        state_dir: folder.join(file.state_dir),
        control_token,
        credentials,
        mode: file.mode,
        speed: file.speed,
        start_step: file.start_step,
        balances,
        maker_fee_rate: rate("maker_fee_rate", &file.maker_fee_rate)?,
        taker_fee_rate: rate("taker_fee_rate", &file.taker_fee_rate)?,
        slippage: i64::try_from(slippage).map_err(|_| "slippage_bps is too large".to_owned())?,
        instruments: instruments(file.instrument, folder)?,
    })
}

fn instruments(
    mut list: Vec<InstrumentSettings>,
    folder: &Path,
) -> Result<Vec<InstrumentSettings>, String> {
    if list.is_empty() {
        return Err("no [[instrument]]: at least one is needed".into());
    }
    list.sort_by(|a, b| a.instrument_id.cmp(&b.instrument_id));
    for instrument in &mut list {
        let key = format!("instrument {}", instrument.instrument_id);
        if instrument.price_scale > 8 || instrument.quantity_scale > 8 {
            return Err(format!(
                "{key}: price_scale and quantity_scale: allowed 0 to 8"
            ));
        }
        if timeframe_ms(&instrument.timeframe).is_none() {
            let value = &instrument.timeframe;
            return Err(format!(
                "{key}: timeframe = \"{value}\": allowed 1m to 12h, 1d"
            ));
        }
        instrument.columns_dir = folder.join(&instrument.columns_dir);
    }
    for pair in list.windows(2) {
        if let [a, b] = pair
            && a.instrument_id == b.instrument_id
        {
            return Err(format!("instrument {} is listed twice", a.instrument_id));
        }
    }
    Ok(list)
}

/// Length of a timeframe in milliseconds; the intervals Binance knows from 1m to 1d.
pub fn timeframe_ms(name: &str) -> Option<i64> {
    const MINUTE: i64 = 60_000;
    const NAMES: [(&str, i64); 12] = [
        ("1m", 1),
        ("3m", 3),
        ("5m", 5),
        ("15m", 15),
        ("30m", 30),
        ("1h", 60),
        ("2h", 120),
        ("4h", 240),
        ("6h", 360),
        ("8h", 480),
        ("12h", 720),
        ("1d", 1_440),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, minutes)| minutes * MINUTE)
}

fn address(key: &str, text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{key} = \"{text}\": expected IP:PORT, e.g. 127.0.0.1:0"))
}

fn rate(key: &str, text: &str) -> Result<i64, String> {
    let value = decimal::parse(text)
        .ok()
        .filter(|value| *value <= 10_000_000);
    value
        .and_then(|value| i64::try_from(value).ok())
        .ok_or_else(|| format!("{key} = \"{text}\": allowed 0 to 0.1, at most 8 decimals"))
}

fn amount_of(key: &str, text: &str, most: i128) -> Result<i128, String> {
    decimal::parse(text)
        .ok()
        .filter(|value| *value <= most * 100_000_000)
        .ok_or_else(|| format!("{key} = \"{text}\": allowed 0 to {most}, at most 8 decimals"))
}

fn read(path: &Path) -> Result<String, StartError> {
    std::fs::read_to_string(path).map_err(|source| StartError::Read {
        path: path.to_owned(),
        source,
    })
}

fn token(path: &Path) -> Result<String, StartError> {
    let token = read(path)?.trim().to_owned();
    if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(StartError::config(
            path,
            "the control token must be one line of at least 16 printable ASCII characters",
        ));
    }
    Ok(token)
}

fn credentials(path: &Path) -> Result<Credentials, StartError> {
    let credentials: Credentials = serde_json::from_str(&read(path)?)
        .map_err(|e| StartError::config(path, format!("expected api_key and api_secret: {e}")))?;
    let is_key = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_key(&credentials.api_key) && is_key(&credentials.api_secret) {
        return Ok(credentials);
    }
    Err(StartError::config(
        path,
        "api_key and api_secret must be non-empty printable ASCII",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
credentials_file = "keys.json"
mode = "lockstep"
balances = { USD = "10000" }
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
slippage_bps = "2"
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
"#;

    fn load(text: &str) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "0123456789abcdef\n").unwrap();
        std::fs::write(
            dir.path().join("keys.json"),
            r#"{"api_key":"k","api_secret":"s"}"#,
        )
        .unwrap();
        let path = dir.path().join("venue.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn the_documented_example_loads() {
        let settings = load(GOOD).unwrap();
        assert_eq!(settings.slippage, 20_000);
        assert_eq!(settings.taker_fee_rate, 100_000);
        assert_eq!(settings.balances["USD"], 1_000_000_000_000);
        assert!(settings.instruments[0].columns_dir.is_absolute());
        assert!(!format!("{settings:?}").contains("api_secret"));
    }

    #[test]
    fn errors_name_file_key_and_range() {
        for (from, to, expected) in [
            ("mode =", "mood = 1\nmode =", "unknown field `mood`"),
            ("\"lockstep\"", "\"fast\"", "unknown variant `fast`"),
            (
                "slippage_bps = \"2\"",
                "slippage_bps = \"2000\"",
                "slippage_bps = \"2000\": allowed",
            ),
            ("\"0.001\"", "\"0.2\"", "allowed 0 to 0.1"),
            ("\"15m\"", "\"7m\"", "timeframe = \"7m\": allowed"),
            ("price_scale = 2", "price_scale = 9", "allowed 0 to 8"),
            (
                "listen = \"127.0.0.1:0\"",
                "listen = \"here\"",
                "expected IP:PORT",
            ),
        ] {
            let text = load(&GOOD.replace(from, to)).unwrap_err();
            assert!(
                text.contains("venue.toml") && text.contains(expected),
                "{text}"
            );
        }
    }
}
