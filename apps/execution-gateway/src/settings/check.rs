//! The checks of `gateway.toml`, key by key.

use std::fmt;

use rust_common::{Money, Timeframe};

use super::{ConfigError, LimitSettings, Settings, VenueSettings};

pub(super) struct Checker<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
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

    pub(super) fn settings(&self, settings: &Settings) -> Result<(), ConfigError> {
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

/// True for 1..=`max` characters of `[a-z0-9]` and `extra`.
pub fn is_word(text: &str, max: usize, extra: &str) -> bool {
    (1..=max).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c))
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
