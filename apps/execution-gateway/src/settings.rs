//! `gateway.toml`: read, checked key by key, and frozen.

mod check;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use rust_common::Money;

use check::Checker;
pub use check::is_word;

/// A setting that cannot be used: which file, where, what, and what would be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {key}: {problem}; allowed: {allowed}", line_suffix(*.line))]
pub struct ConfigError {
    pub file: String,
    pub line: Option<usize>,
    pub key: String,
    pub problem: String,
    pub allowed: String,
}

fn line_suffix(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(":{line}"))
}

/// The whole of `gateway.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: String,
    pub port_file: PathBuf,
    pub journal_dir: PathBuf,
    pub keys_file: PathBuf,
    pub account: String,
    /// While this file exists trading is stopped; its text may name the level (default cancel_all).
    #[serde(default = "default_kill_file")]
    pub kill_file: PathBuf,
    /// Written once a second: journal epoch and a counter. The watchdog follows it.
    #[serde(default = "default_heartbeat_file")]
    pub heartbeat_file: PathBuf,
    /// SQLite projection of orders, fills and events; absent = none is kept.
    #[serde(default)]
    pub projection_file: Option<PathBuf>,
    pub venue: VenueSettings,
    pub limits: LimitSettings,
    #[serde(default)]
    pub journal: JournalSettings,
    /// Read by `--watchdog` only.
    #[serde(default)]
    pub watchdog: Option<WatchdogSettings>,
}

fn default_kill_file() -> PathBuf {
    PathBuf::from("kill")
}

fn default_heartbeat_file() -> PathBuf {
    PathBuf::from("gateway.heartbeat")
}

/// `[journal]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSettings {
    pub segment_mib: u64,
    /// Segments whose newest record is older may be dropped, never below 90 days (C4).
    pub retention_days: u32,
    /// Write segments into space that was filled beforehand (ADR 0013).
    pub preallocate: bool,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            segment_mib: 64,
            retention_days: 90,
            preallocate: false,
        }
    }
}

/// `[watchdog]`: a second process that cancels everything when the gateway falls silent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchdogSettings {
    /// A key of its own: the gateway's may be what failed.
    pub credentials_file: PathBuf,
    #[serde(default = "default_silence_ms")]
    pub silence_ms: i64,
}

fn default_silence_ms() -> i64 {
    15_000
}

/// `[venue]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueSettings {
    pub kind: String,
    pub rest_url: String,
    pub stream_url: String,
    pub ws_api_url: String,
    pub credentials_file: PathBuf,
    pub venue_name: String,
    pub symbols: Vec<String>,
    pub timeframe: String,
    pub recv_window_ms: i64,
    pub engine_timeout_ms: i64,
    pub margin_ms: i64,
    /// An entry that waits longer for room in the rate limit is not sent.
    #[serde(default = "default_entry_deadline_ms")]
    pub entry_deadline_ms: i64,
    /// A further TLS root (PEM), for test venues.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Allows http:// and ws:// to other hosts than this one.
    #[serde(default)]
    pub allow_plain: bool,
    /// Allows an exchange key that may withdraw.
    #[serde(default)]
    pub allow_withdraw_key: bool,
}

fn default_entry_deadline_ms() -> i64 {
    2_000
}

impl VenueSettings {
    /// A venue on loopback answers within milliseconds; its profile has short windows (K4).
    pub fn is_fast_profile(&self) -> bool {
        self.recv_window_ms < 1000
    }

    /// After this long no request of ours can still take effect (C5).
    pub fn horizon_ms(&self) -> i64 {
        self.recv_window_ms + self.engine_timeout_ms + self.margin_ms
    }
}

/// `[limits]`: hard limits, re-checked on every order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub max_order_notional: String,
    pub max_instrument_notional: String,
    pub max_orders_per_minute: u32,
}

/// Hard limits after parsing.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub max_order_notional: Money,
    pub max_instrument_notional: Money,
    pub max_orders_per_minute: u32,
}

impl Settings {
    /// Reads and checks a settings file; relative paths are taken from the file's folder.
    ///
    /// # Errors
    /// `ConfigError` naming file, line, key and the allowed range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = read(path, &file)?;
        let mut settings: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| line_at(&text, span.start));
            ConfigError {
                file: file.clone(),
                line,
                key: "toml".to_owned(),
                problem: error.message().to_owned(),
                allowed: "the keys of docs/concepts/interfaces.md section 3".to_owned(),
            }
        })?;
        Checker {
            file: &file,
            text: &text,
        }
        .settings(&settings)?;
        let base = path.parent().unwrap_or(Path::new("."));
        let watchdog = settings.watchdog.as_mut();
        let optional = [&mut settings.projection_file, &mut settings.venue.ca_file];
        let entries = [
            &mut settings.port_file,
            &mut settings.journal_dir,
            &mut settings.keys_file,
            &mut settings.kill_file,
            &mut settings.heartbeat_file,
            &mut settings.venue.credentials_file,
        ];
        for entry in entries
            .into_iter()
            .chain(optional.into_iter().flatten())
            .chain(watchdog.map(|watchdog| &mut watchdog.credentials_file))
        {
            *entry = base.join(&*entry);
        }
        Ok(settings)
    }

    /// The hard limits; `load` has checked that they parse.
    pub fn parsed_limits(&self) -> Limits {
        let zero = Money::ZERO;
        Limits {
            max_order_notional: self.limits.max_order_notional.parse().unwrap_or(zero),
            max_instrument_notional: self.limits.max_instrument_notional.parse().unwrap_or(zero),
            max_orders_per_minute: self.limits.max_orders_per_minute,
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

pub(crate) fn read(path: &Path, file: &str) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: file.to_owned(),
        line: None,
        key: "file".to_owned(),
        problem: error.to_string(),
        allowed: "a readable file".to_owned(),
    })
}
