//! `[timing]` and `[limits]`: how long connections live and how much a caller may ask for.

use std::time::Duration;

use serde::Deserialize;

use super::checks::within;

const DAY_MS: u64 = 86_400_000;

/// How WebSocket connections are kept, limited and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub ping_interval: Duration,
    pub pong_timeout: Duration,
    pub connection_life: Duration,
    /// Pings, pongs and JSON messages a client may send per second on a market stream.
    pub control_messages_per_second: u32,
    /// Streams on one connection.
    pub max_streams: usize,
    /// Between the `serverShutdown` event and the close.
    pub shutdown_notice: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(20),
            pong_timeout: Duration::from_mins(1),
            connection_life: Duration::from_millis(DAY_MS),
            control_messages_per_second: 5,
            max_streams: 1_024,
            shutdown_notice: Duration::ZERO,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimingFile {
    ping_interval_ms: Option<u64>,
    pong_timeout_ms: Option<u64>,
    connection_life_ms: Option<u64>,
    control_messages_per_second: Option<u32>,
    max_streams: Option<usize>,
    shutdown_notice_ms: Option<u64>,
}

impl TimingFile {
    pub(super) fn resolve(&self) -> Result<Timing, String> {
        let span = |key: &str, value: Option<u64>, default: Duration, least: u64, most: u64| {
            let key = format!("timing.{key}");
            value.map_or(Ok(default), |ms| {
                within(&key, ms, least..=most).map(Duration::from_millis)
            })
        };
        let usual = Timing::default();
        let most = self.control_messages_per_second;
        let most = most.unwrap_or(usual.control_messages_per_second);
        let streams = self.max_streams.unwrap_or(usual.max_streams);
        let minutes = 3_600_000;
        Ok(Timing {
            ping_interval: span(
                "ping_interval_ms",
                self.ping_interval_ms,
                usual.ping_interval,
                1,
                minutes,
            )?,
            pong_timeout: span(
                "pong_timeout_ms",
                self.pong_timeout_ms,
                usual.pong_timeout,
                1,
                minutes,
            )?,
            connection_life: span(
                "connection_life_ms",
                self.connection_life_ms,
                usual.connection_life,
                1,
                30 * DAY_MS,
            )?,
            control_messages_per_second: within(
                "timing.control_messages_per_second",
                most,
                1..=1_000_000,
            )?,
            max_streams: within("timing.max_streams", streams, 1..=65_536)?,
            shutdown_notice: span(
                "shutdown_notice_ms",
                self.shutdown_notice_ms,
                usual.shutdown_notice,
                0,
                600_000,
            )?,
        })
    }
}

/// The advertised ceilings and the length of the first ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    pub weight_per_minute: u32,
    pub orders_per_ten_seconds: u32,
    pub orders_per_day: u32,
    pub raw_per_five_minutes: u32,
    pub ban_ms: i64,
}

impl LimitSettings {
    /// Binance's documented values; lock-step replays days in seconds and gets a thousandfold.
    pub fn for_mode(is_lockstep: bool) -> Self {
        let factor = if is_lockstep { 1_000 } else { 1 };
        Self {
            weight_per_minute: 6_000 * factor,
            orders_per_ten_seconds: 100 * factor,
            orders_per_day: 200_000 * factor,
            raw_per_five_minutes: 300_000 * factor,
            ban_ms: 120_000,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    weight_per_minute: Option<u32>,
    orders_per_10s: Option<u32>,
    orders_per_day: Option<u32>,
    raw_per_5m: Option<u32>,
    ban_seconds: Option<u32>,
}

impl LimitsFile {
    pub(super) fn resolve(&self, is_lockstep: bool) -> Result<LimitSettings, String> {
        let count = |key: &str, value: Option<u32>, usual: u32| {
            let most = 1_000_000_000;
            within(&format!("limits.{key}"), value.unwrap_or(usual), 1..=most)
        };
        let usual = LimitSettings::for_mode(is_lockstep);
        let ban = self.ban_seconds.unwrap_or(120);
        Ok(LimitSettings {
            weight_per_minute: count(
                "weight_per_minute",
                self.weight_per_minute,
                usual.weight_per_minute,
            )?,
            orders_per_ten_seconds: count(
                "orders_per_10s",
                self.orders_per_10s,
                usual.orders_per_ten_seconds,
            )?,
            orders_per_day: count("orders_per_day", self.orders_per_day, usual.orders_per_day)?,
            raw_per_five_minutes: count("raw_per_5m", self.raw_per_5m, usual.raw_per_five_minutes)?,
            ban_ms: i64::from(within("limits.ban_seconds", ban, 1..=259_200)?) * 1_000,
        })
    }
}
