//! `venue.toml`: read, checked, and resolved to absolute values. Unknown keys are errors.

mod accounts;
mod checks;
pub mod feed;
pub mod filters;
pub mod instruments;
pub mod limits;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::StartError;
use crate::models::filters::ExchangeFilters;
use accounts::AccountFile;
use checks::{address, amount, amounts, rate};
use feed::FeedFile;
use filters::{AssetFilterFile, ExchangeFilterFile};
use limits::{LimitsFile, TimingFile};

pub use accounts::{AccountSettings, KeySettings};
pub use feed::{FeedKind, FeedSettings};
pub use instruments::{InstrumentSettings, timeframe_ms};
pub use limits::{LimitSettings, Timing};

/// Everything the venue needs to start. Relative paths are relative to the configuration file.
#[derive(Debug, Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub control_listen: SocketAddr,
    pub port_file: PathBuf,
    pub state_dir: PathBuf,
    pub control_token: String,
    /// One in lock-step and free mode.
    pub accounts: Vec<AccountSettings>,
    pub mode: Mode,
    pub speed: f64,
    pub start_step: u64,
    /// In 1e-8.
    pub maker_fee_rate: i64,
    /// In 1e-8.
    pub taker_fee_rate: i64,
    /// In 1e-8: 2 basis points = 20 000.
    pub slippage: i64,
    /// In instrument id order.
    pub instruments: Vec<InstrumentSettings>,
    pub timing: Timing,
    pub limits: LimitSettings,
    /// Only in market mode, and always there.
    pub feed: Option<FeedSettings>,
    pub exchange_filters: ExchangeFilters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    Lockstep,
    Free,
    Market,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lockstep => "lockstep",
            Self::Free => "free",
            Self::Market => "market",
        }
    }
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
    credentials_file: Option<PathBuf>,
    mode: Mode,
    #[serde(default = "default_speed")]
    speed: f64,
    #[serde(default)]
    start_step: u64,
    #[serde(default)]
    balances: BTreeMap<String, String>,
    maker_fee_rate: String,
    taker_fee_rate: String,
    #[serde(default = "zero")]
    slippage_bps: String,
    #[serde(default)]
    account: Vec<AccountFile>,
    feed: Option<FeedFile>,
    #[serde(default)]
    timing: TimingFile,
    #[serde(default)]
    limits: LimitsFile,
    #[serde(default)]
    exchange_filters: ExchangeFilterFile,
    #[serde(default)]
    asset_filter: Vec<AssetFilterFile>,
    instrument: Vec<InstrumentSettings>,
}

fn default_speed() -> f64 {
    60.0
}

fn zero() -> String {
    "0".to_owned()
}

impl Settings {
    /// Reads `path` and the files it names.
    ///
    /// # Errors
    /// `StartError` with the file, the key and the allowed range.
    pub fn load(path: &Path) -> Result<Self, StartError> {
        let text = read(path)?;
        let mut file: File =
            toml::from_str(&text).map_err(|e| StartError::config(path, e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let control_token = token(&folder.join(&file.control_token_file))?;
        let wrong = |message| StartError::config(path, message);
        check_mode(&file).map_err(wrong)?;
        let accounts = match file.credentials_file.take() {
            Some(credentials) => {
                let balances = amounts("balances", &file.balances).map_err(wrong)?;
                vec![accounts::only(&folder.join(credentials), balances)?]
            }
            None => accounts::listed(std::mem::take(&mut file.account), folder).map_err(wrong)?,
        };
        resolve(file, folder, control_token, accounts).map_err(wrong)
    }
}

/// Keys that only one of the modes reads are refused in the others.
fn check_mode(file: &File) -> Result<(), String> {
    let is_market = file.mode == Mode::Market;
    let has_list = !file.account.is_empty();
    let refusal = match (is_market, &file.credentials_file, &file.feed) {
        (true, _, None) => "mode = \"market\" needs a [feed] table",
        (true, Some(_), _) if has_list => {
            "credentials_file and [[account]] exclude each other: keep one of them"
        }
        (true, None, _) if !has_list => {
            "no account: give [[account]] tables, or credentials_file and balances"
        }
        (true, None, _) if !file.balances.is_empty() => {
            "balances belong to each [[account]] when accounts are listed"
        }
        (false, None, _) => "credentials_file is missing: modes lockstep and free need it",
        (false, _, Some(_)) => "[feed] is read in mode \"market\" only",
        (false, _, _) if has_list => "[[account]] is read in mode \"market\" only",
        _ => return Ok(()),
    };
    Err(refusal.to_owned())
}

fn resolve(
    file: File,
    folder: &Path,
    control_token: String,
    accounts: Vec<AccountSettings>,
) -> Result<Settings, String> {
    if !(file.speed.is_finite() && (0.001..=1_000_000.0).contains(&file.speed)) {
        return Err(format!("speed = {}: allowed 0.001 to 1000000", file.speed));
    }
    let slippage = amount("slippage_bps", &file.slippage_bps, 1_000)? / 10_000;
    let feed = file.feed.map(|feed| feed.resolve(folder)).transpose()?;
    let has_bars = feed.as_ref().is_none_or(|feed| feed.kind == FeedKind::Bars);
    Ok(Settings {
        listen: address("listen", &file.listen)?,
        control_listen: address("control_listen", &file.control_listen)?,
        port_file: folder.join(file.port_file),
        state_dir: folder.join(file.state_dir),
        control_token,
        accounts,
        mode: file.mode,
        speed: file.speed,
        start_step: file.start_step,
        maker_fee_rate: rate("maker_fee_rate", &file.maker_fee_rate)?,
        taker_fee_rate: rate("taker_fee_rate", &file.taker_fee_rate)?,
        slippage: i64::try_from(slippage).map_err(|_| "slippage_bps is too large".to_owned())?,
        instruments: instruments::resolve(file.instrument, folder, has_bars)?,
        timing: file.timing.resolve()?,
        limits: file.limits.resolve(file.mode == Mode::Lockstep)?,
        feed,
        exchange_filters: file.exchange_filters.resolve(file.asset_filter)?,
    })
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
            r#"{"api_key":"k","api_secret":"hidden"}"#,
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
        assert_eq!(settings.accounts[0].balances["USD"], 1_000_000_000_000);
        assert!(settings.instruments[0].columns_dir.is_absolute());
        assert!(!format!("{settings:?}").contains("hidden"));
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

    const MARKET: &str = r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
[feed]
kind = "generator"
[[account]]
name = "a"
api_key = "k1"
api_secret = "hidden"
balances = { USD = "5" }
[[account]]
name = "a"
api_key = "k2"
api_secret = "hidden"
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
[instrument.filters]
max_num_orders = 7
without = ["PERCENT_PRICE_BY_SIDE"]
"#;

    #[test]
    fn market_mode_has_accounts_with_several_keys_and_filters_of_its_own() {
        let settings = load(MARKET).unwrap();
        assert_eq!(settings.accounts.len(), 1);
        assert_eq!(settings.accounts[0].keys.len(), 2);
        let filters = settings.instruments[0].filters().unwrap();
        assert_eq!(filters.max_num_orders, Some(7));
        assert_eq!(filters.percent_price_by_side, None);
        assert_eq!(filters.max_num_order_lists, Some(20));
        assert_eq!(settings.timing, Timing::default());
        assert!(!format!("{settings:?}").contains("hidden"));
    }

    #[test]
    fn every_value_of_market_mode_has_a_range() {
        let feed = "kind = \"generator\"";
        for (from, to, expected) in [
            (feed, "kind = \"dice\"", "unknown variant `dice`"),
            (feed, "kind = \"trades\"", "feed.paths is empty"),
            (
                feed,
                "kind = \"generator\"\nspeed = -1.0",
                "feed.speed = -1: allowed",
            ),
            (
                feed,
                "kind = \"generator\"\n[limits]\nban_seconds = 0",
                "limits.ban_seconds = 0: allowed 1",
            ),
            (
                feed,
                "kind = \"generator\"\n[limits]\nsecond = 1",
                "unknown field `second`",
            ),
            (
                feed,
                "kind = \"generator\"\n[timing]\nmax_streams = 0",
                "timing.max_streams = 0: allowed 1",
            ),
            ("\"k2\"", "\"k1\"", "\"k1\" is listed twice"),
            (
                "api_key = \"k2\"\napi_secret = \"hidden\"",
                "api_key = \"k2\"",
                "exactly one of",
            ),
            (
                "api_key = \"k2\"",
                "api_key = \"k2\"\npublic_key_file = \"x\"",
                "exactly one of",
            ),
            (
                "api_key = \"k2\"\napi_secret = \"hidden\"",
                "api_key = \"k2\"\npublic_key_file = \"token\"",
                "is not PEM",
            ),
            (
                "USD = \"5\"",
                "USD = \"-5\"",
                "account a: balances.USD = \"-5\": allowed",
            ),
            (
                "max_num_orders = 7",
                "max_num_orders = 0",
                "max_num_orders = 0: allowed 1",
            ),
            ("BY_SIDE", "BY_EVERYTHING", "allowed MARKET_LOT_SIZE"),
            (
                "min_notional = \"10\"",
                "min_notional = \"10\"\ntimeframe = \"15m\"",
                "refused elsewhere",
            ),
            (
                "mode = \"market\"",
                "mode = \"free\"",
                "credentials_file is missing",
            ),
        ] {
            let text = load(&MARKET.replace(from, to)).unwrap_err();
            assert!(
                text.contains("venue.toml") && text.contains(expected),
                "{to}: {text}"
            );
        }
    }
}
