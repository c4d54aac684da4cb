//! `gateway.toml`: read, checked key by key, and frozen.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use rust_common::{Money, Timeframe};

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

struct Checker<'a> {
    file: &'a str,
    text: &'a str,
}

impl Checker<'_> {
    fn refuse(&self, key: &str, problem: String, allowed: &str) -> ConfigError {
        let name = key.rsplit('.').next().unwrap_or(key);
        let line = self.text.lines().position(|line| {
            line.split('=')
                .next()
                .is_some_and(|left| left.trim() == name)
        });
        ConfigError {
            file: self.file.to_owned(),
            line: line.map(|index| index + 1),
            key: key.to_owned(),
            problem,
            allowed: allowed.to_owned(),
        }
    }

    fn ensure(
        &self,
        holds: bool,
        key: &str,
        value: &dyn fmt::Display,
        allowed: &str,
    ) -> Result<(), ConfigError> {
        if holds {
            Ok(())
        } else {
            Err(self.refuse(key, format!("{value} is not valid"), allowed))
        }
    }

    fn settings(&self, settings: &Settings) -> Result<(), ConfigError> {
        let listen: Result<std::net::SocketAddr, _> = settings.listen.parse();
        self.ensure(
            listen.is_ok(),
            "listen",
            &settings.listen,
            "IP:PORT, port 0 picks one",
        )?;
        self.ensure(
            is_word(&settings.account, 32, "-"),
            "account",
            &settings.account,
            "[a-z0-9-]{1,32}",
        )?;
        self.venue(&settings.venue)?;
        self.journal(settings)?;
        self.limits(&settings.limits)
    }

    fn journal(&self, settings: &Settings) -> Result<(), ConfigError> {
        let journal = &settings.journal;
        let silence_ms = settings.watchdog.as_ref().map_or(15_000, |w| w.silence_ms);
        let (days, mib) = (journal.retention_days.into(), journal.segment_mib);
        for (key, value, low, high) in [
            ("journal.segment_mib", mib, 1, 1_024),
            ("journal.retention_days", days, 90, 36_500),
            (
                "watchdog.silence_ms",
                silence_ms.unsigned_abs(),
                100,
                600_000,
            ),
        ] {
            let allowed = format!("{low} to {high}");
            self.ensure((low..=high).contains(&value), key, &value, &allowed)?;
        }
        Ok(())
    }

    /// Plain text carries signatures and orders anybody on the way can read.
    fn transport(&self, venue: &VenueSettings, key: &str, url: &str) -> Result<(), ConfigError> {
        let is_secure = url.starts_with("https://") || url.starts_with("wss://");
        let fits = is_secure || venue.allow_plain || is_loopback(url);
        let allowed = "https:// or wss://, or a loopback host; venue.allow_plain = true overrides";
        self.ensure(fits, key, &url, allowed)
    }

    fn venue(&self, venue: &VenueSettings) -> Result<(), ConfigError> {
        self.ensure(
            venue.kind == "binance_spot",
            "venue.kind",
            &venue.kind,
            "binance_spot",
        )?;
        for (key, url, schemes) in [
            ("venue.rest_url", &venue.rest_url, ["http://", "https://"]),
            ("venue.stream_url", &venue.stream_url, ["ws://", "wss://"]),
            ("venue.ws_api_url", &venue.ws_api_url, ["ws://", "wss://"]),
        ] {
            let fits = schemes.iter().any(|scheme| url.starts_with(scheme));
            self.ensure(fits, key, url, &schemes.join(" or "))?;
            self.transport(venue, key, url)?;
        }
        let name_fits = !venue.venue_name.is_empty()
            && venue
                .venue_name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        self.ensure(
            name_fits,
            "venue.venue_name",
            &venue.venue_name,
            "[A-Z0-9]+",
        )?;
        self.ensure(
            !venue.symbols.is_empty(),
            "venue.symbols",
            &"[]",
            "at least one symbol",
        )?;
        let known = Timeframe::ALL.map(Timeframe::code);
        self.ensure(
            known.contains(&venue.timeframe.as_str()),
            "venue.timeframe",
            &venue.timeframe,
            &known.join(" "),
        )?;
        for (key, value, low, high) in [
            ("venue.recv_window_ms", venue.recv_window_ms, 50, 60_000),
            (
                "venue.engine_timeout_ms",
                venue.engine_timeout_ms,
                50,
                60_000,
            ),
            ("venue.margin_ms", venue.margin_ms, 0, 60_000),
            (
                "venue.entry_deadline_ms",
                venue.entry_deadline_ms,
                50,
                60_000,
            ),
        ] {
            let allowed = format!("{low} to {high} milliseconds");
            self.ensure((low..=high).contains(&value), key, &value, &allowed)?;
        }
        Ok(())
    }

    fn limits(&self, limits: &LimitSettings) -> Result<(), ConfigError> {
        for (key, value) in [
            ("limits.max_order_notional", &limits.max_order_notional),
            (
                "limits.max_instrument_notional",
                &limits.max_instrument_notional,
            ),
        ] {
            let amount: Result<Money, _> = value.parse();
            let positive = amount.is_ok_and(|amount| amount > Money::ZERO);
            self.ensure(
                positive,
                key,
                value,
                "a decimal string above 0, at most 8 decimals",
            )?;
        }
        self.ensure(
            (1..=10_000_000).contains(&limits.max_orders_per_minute),
            "limits.max_orders_per_minute",
            &limits.max_orders_per_minute,
            "1 to 10000000",
        )
    }
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(bracketed),
        None => authority.split(':').next().unwrap_or(authority),
    };
    let is_address = |address: std::net::IpAddr| address.is_loopback();
    host == "localhost" || host.parse().is_ok_and(is_address)
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// True for 1..=`max` characters of `[a-z0-9]` and `extra`.
pub fn is_word(text: &str, max: usize, extra: &str) -> bool {
    (1..=max).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
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

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn plain_text_is_for_loopback_only() {
        for url in [
            "http://127.0.0.1:1",
            "ws://localhost/ws",
            "http://[::1]:9/",
            "ws://127.9.9.9",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "ws://example.org/127.0.0.1",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
