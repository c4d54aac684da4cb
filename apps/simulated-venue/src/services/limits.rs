//! Request weight and order count: fixed windows aligned to wall time, per address and per account.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::error::VenueError;

const MINUTE_MS: i64 = 60_000;
const TEN_SECONDS_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;
/// Answers with 429 inside one window before the address is banned.
const PATIENCE: u32 = 20;
const FIRST_BAN_MS: i64 = 120_000;
const LONGEST_BAN_MS: i64 = 259_200_000;

/// The advertised ceilings.
#[derive(Debug, Clone, Copy)]
pub struct Ceilings {
    pub weight_per_minute: u32,
    pub orders_per_ten_seconds: u32,
    pub orders_per_day: u32,
    pub raw_per_five_minutes: u32,
}

impl Ceilings {
    /// Binance's documented values; lock-step replays days in seconds and gets a thousandfold.
    pub fn for_mode(lockstep: bool) -> Self {
        let factor = if lockstep { 1_000 } else { 1 };
        Self {
            weight_per_minute: 6_000 * factor,
            orders_per_ten_seconds: 100 * factor,
            orders_per_day: 200_000 * factor,
            raw_per_five_minutes: 300_000 * factor,
        }
    }

    /// The `rateLimits` array of `exchangeInfo`.
    pub fn describe(&self) -> Value {
        let row = |kind: &str, interval: &str, number: u32, limit: u32| {
            json!({
                "rateLimitType": kind,
                "interval": interval,
                "intervalNum": number,
                "limit": limit,
            })
        };
        json!([
            row("REQUEST_WEIGHT", "MINUTE", 1, self.weight_per_minute),
            row("ORDERS", "SECOND", 10, self.orders_per_ten_seconds),
            row("ORDERS", "DAY", 1, self.orders_per_day),
            row("RAW_REQUESTS", "MINUTE", 5, self.raw_per_five_minutes),
        ])
    }
}

#[derive(Debug, Default)]
struct Window {
    index: i64,
    used: u32,
}

impl Window {
    fn roll(&mut self, now: i64, length: i64) {
        let index = now.div_euclid(length);
        if index != self.index {
            *self = Self { index, used: 0 };
        }
    }
}

#[derive(Debug, Default)]
struct Address {
    weight: Window,
    raw: Window,
    refusals: u32,
    bans: u32,
    banned_until: i64,
}

/// Usage so far. Times are transport time in milliseconds.
#[derive(Debug)]
pub struct Limits {
    ceilings: Ceilings,
    addresses: HashMap<IpAddr, Address>,
    ten_seconds: Window,
    day: Window,
}

impl Limits {
    pub fn new(ceilings: Ceilings) -> Self {
        Self {
            ceilings,
            addresses: HashMap::new(),
            ten_seconds: Window::default(),
            day: Window::default(),
        }
    }

    pub fn ceilings(&self) -> &Ceilings {
        &self.ceilings
    }

    /// Charges one request. Refuses with 429, and with 418 once 429 was ignored too often.
    pub fn charge(&mut self, address: IpAddr, weight: u32, now: i64) -> Result<(), VenueError> {
        let ceilings = self.ceilings;
        let entry = self.addresses.entry(address).or_default();
        if now < entry.banned_until {
            return Err(banned(entry.banned_until, now));
        }
        let before = entry.weight.index;
        entry.weight.roll(now, MINUTE_MS);
        entry.raw.roll(now, 5 * MINUTE_MS);
        if entry.weight.index != before {
            entry.refusals = 0;
        }
        entry.weight.used = entry.weight.used.saturating_add(weight);
        entry.raw.used = entry.raw.used.saturating_add(1);
        if entry.weight.used <= ceilings.weight_per_minute
            && entry.raw.used <= ceilings.raw_per_five_minutes
        {
            return Ok(());
        }
        entry.refusals += 1;
        if entry.refusals > PATIENCE {
            let length = (FIRST_BAN_MS << entry.bans.min(11)).min(LONGEST_BAN_MS);
            entry.bans += 1;
            entry.banned_until = now + length;
            return Err(banned(entry.banned_until, now));
        }
        let mut refusal = VenueError::new(
            429,
            -1003,
            format!(
                "Too much request weight used; current limit is {} request weight per 1 MINUTE. \
                 Please use WebSocket Streams for live updates to avoid polling the API.",
                ceilings.weight_per_minute
            ),
        );
        refusal.retry_after_s = Some(seconds_up(MINUTE_MS - now.rem_euclid(MINUTE_MS)));
        Err(refusal)
    }

    /// Gives weight back: a placed or cancelled order costs nothing once it succeeded.
    pub fn refund(&mut self, address: IpAddr, weight: u32) {
        if let Some(entry) = self.addresses.get_mut(&address) {
            entry.weight.used = entry.weight.used.saturating_sub(weight);
        }
    }

    pub fn used_weight(&self, address: IpAddr) -> u32 {
        self.addresses
            .get(&address)
            .map_or(0, |entry| entry.weight.used)
    }

    /// Counts `count` new orders. `-1015` if one of the windows is exhausted.
    pub fn count_orders(&mut self, count: u32, now: i64) -> Result<(), VenueError> {
        self.ten_seconds.roll(now, TEN_SECONDS_MS);
        self.day.roll(now, DAY_MS);
        let refuse = |limit: u32, per: &str| {
            let text = format!("Too many new orders; current limit is {limit} orders per {per}.");
            Err(VenueError::new(429, -1015, text))
        };
        if self.ten_seconds.used + count > self.ceilings.orders_per_ten_seconds {
            return refuse(self.ceilings.orders_per_ten_seconds, "10 SECOND");
        }
        if self.day.used + count > self.ceilings.orders_per_day {
            return refuse(self.ceilings.orders_per_day, "1 DAY");
        }
        self.ten_seconds.used += count;
        self.day.used += count;
        Ok(())
    }

    /// The first fill of an order gives its count back.
    pub fn release_orders(&mut self, count: u32) {
        self.ten_seconds.used = self.ten_seconds.used.saturating_sub(count);
        self.day.used = self.day.used.saturating_sub(count);
    }

    /// Unfilled orders counted in the current ten seconds and the current day.
    pub fn order_counts(&mut self, now: i64) -> (u32, u32) {
        self.ten_seconds.roll(now, TEN_SECONDS_MS);
        self.day.roll(now, DAY_MS);
        (self.ten_seconds.used, self.day.used)
    }
}

fn banned(until: i64, now: i64) -> VenueError {
    let mut error = VenueError::new(
        418,
        -1003,
        format!(
            "Way too much request weight used; IP banned until {until}. \
             Please use WebSocket Streams for live updates to avoid bans."
        ),
    );
    error.retry_after_s = Some(seconds_up(until - now));
    error
}

fn seconds_up(ms: i64) -> u64 {
    u64::try_from(ms.max(0)).unwrap_or(0).div_ceil(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn weight_windows_are_aligned_to_the_minute() {
        let mut limits = Limits::new(Ceilings::for_mode(false));
        limits.charge(HERE, 6_000, 59_999).unwrap();
        let refusal = limits.charge(HERE, 1, 59_999).unwrap_err();
        assert_eq!(
            (refusal.status, refusal.code, refusal.retry_after_s),
            (429, -1003, Some(1))
        );
        limits.charge(HERE, 1, 60_000).unwrap();
        assert_eq!(limits.used_weight(HERE), 1);
    }

    #[test]
    fn ignoring_429_ends_in_a_ban_that_doubles() {
        let mut limits = Limits::new(Ceilings::for_mode(false));
        let mut now = 0;
        for ban in [FIRST_BAN_MS, 2 * FIRST_BAN_MS] {
            limits.charge(HERE, 6_000, now).unwrap();
            for _ in 0..PATIENCE {
                assert_eq!(limits.charge(HERE, 1, now).unwrap_err().status, 429);
            }
            let refusal = limits.charge(HERE, 1, now).unwrap_err();
            assert_eq!((refusal.status, refusal.code), (418, -1003));
            assert_eq!(
                limits.charge(HERE, 1, now + ban - 1).unwrap_err().status,
                418
            );
            now += ban;
        }
        limits.charge(HERE, 1, now).unwrap();
    }

    #[test]
    fn order_count_is_given_back_by_fills_and_by_the_next_window() {
        let mut limits = Limits::new(Ceilings::for_mode(false));
        limits.count_orders(100, 9_999).unwrap();
        assert_eq!(limits.count_orders(1, 9_999).unwrap_err().code, -1015);
        limits.release_orders(1);
        limits.count_orders(1, 9_999).unwrap();
        limits.count_orders(1, 10_000).unwrap();
        assert_eq!(limits.order_counts(10_000), (1, 101));
    }
}
