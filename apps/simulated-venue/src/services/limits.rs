//! Request weight and order count: fixed windows aligned to wall time, per address and per account.

use std::collections::HashMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::settings::LimitSettings;

const MINUTE_MS: i64 = 60_000;
const FIVE_MINUTES_MS: i64 = 300_000;
const TEN_SECONDS_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;
/// Answers with 429 inside one window before the address is banned.
const PATIENCE: u32 = 20;
const LONGEST_BAN_MS: i64 = 259_200_000;

/// The `rateLimits` array of `exchangeInfo`.
pub fn describe(ceilings: &LimitSettings) -> Value {
    json!([
        row("REQUEST_WEIGHT", ("MINUTE", 1), ceilings.weight_per_minute),
        row("ORDERS", ("SECOND", 10), ceilings.orders_per_ten_seconds),
        row("ORDERS", ("DAY", 1), ceilings.orders_per_day),
        row("RAW_REQUESTS", ("MINUTE", 5), ceilings.raw_per_five_minutes),
    ])
}

fn row(kind: &str, (interval, number): (&str, u32), limit: u32) -> Value {
    json!({
        "rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit,
    })
}

fn counted(mut row: Value, count: u32) -> Value {
    if let Some(fields) = row.as_object_mut() {
        fields.insert("count".into(), json!(count));
    }
    row
}

/// Unfilled orders of an account in the current ten seconds and the current day.
pub type OrderCounts = (u32, u32);

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

#[derive(Debug, Default)]
struct Orders {
    ten_seconds: Window,
    day: Window,
}

impl Orders {
    fn roll(&mut self, now: i64) {
        self.ten_seconds.roll(now, TEN_SECONDS_MS);
        self.day.roll(now, DAY_MS);
    }
}

/// Usage so far. Times are transport time in milliseconds.
#[derive(Debug)]
pub struct Limits {
    ceilings: LimitSettings,
    addresses: HashMap<IpAddr, Address>,
    orders: HashMap<AccountId, Orders>,
}

impl Limits {
    pub fn new(ceilings: LimitSettings) -> Self {
        Self {
            ceilings,
            addresses: HashMap::new(),
            orders: HashMap::new(),
        }
    }

    pub fn ceilings(&self) -> &LimitSettings {
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
        entry.raw.roll(now, FIVE_MINUTES_MS);
        if entry.weight.index != before {
            entry.refusals = 0;
        }
        entry.weight.used = entry.weight.used.saturating_add(weight);
        entry.raw.used = entry.raw.used.saturating_add(1);
        let is_heavy = entry.weight.used > ceilings.weight_per_minute;
        if !is_heavy && entry.raw.used <= ceilings.raw_per_five_minutes {
            return Ok(());
        }
        entry.refusals += 1;
        if entry.refusals > PATIENCE {
            let length = (ceilings.ban_ms << entry.bans.min(11)).min(LONGEST_BAN_MS);
            entry.bans += 1;
            entry.banned_until = now + length;
            return Err(banned(entry.banned_until, now));
        }
        let (limit, what, window) = if is_heavy {
            (
                ceilings.weight_per_minute,
                "request weight per 1 MINUTE",
                MINUTE_MS,
            )
        } else {
            (
                ceilings.raw_per_five_minutes,
                "raw requests per 5 MINUTE",
                FIVE_MINUTES_MS,
            )
        };
        let text = format!(
            "Too much request weight used; current limit is {limit} {what}. \
             Please use WebSocket Streams for live updates to avoid polling the API."
        );
        Err(VenueError::new(429, -1003, text).retry_after(now, rest_of(window, now)))
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

    /// Counts `count` new orders of an account. `-1015` if one of its windows is exhausted.
    pub fn count_orders(
        &mut self,
        account: AccountId,
        count: u32,
        now: i64,
    ) -> Result<(), VenueError> {
        let ceilings = self.ceilings;
        let orders = self.orders.entry(account).or_default();
        orders.roll(now);
        let refuse = |limit: u32, per: &str, window: i64| {
            let text = format!("Too many new orders; current limit is {limit} orders per {per}.");
            Err(VenueError::new(429, -1015, text).retry_after(now, rest_of(window, now)))
        };
        if orders.ten_seconds.used.saturating_add(count) > ceilings.orders_per_ten_seconds {
            return refuse(ceilings.orders_per_ten_seconds, "10 SECOND", TEN_SECONDS_MS);
        }
        if orders.day.used.saturating_add(count) > ceilings.orders_per_day {
            return refuse(ceilings.orders_per_day, "1 DAY", DAY_MS);
        }
        orders.ten_seconds.used += count;
        orders.day.used += count;
        Ok(())
    }

    /// The first fill of an order gives its count back.
    pub fn release_orders(&mut self, account: AccountId, count: u32) {
        if let Some(orders) = self.orders.get_mut(&account) {
            orders.ten_seconds.used = orders.ten_seconds.used.saturating_sub(count);
            orders.day.used = orders.day.used.saturating_sub(count);
        }
    }

    pub fn order_counts(&mut self, account: AccountId, now: i64) -> OrderCounts {
        let orders = self.orders.entry(account).or_default();
        orders.roll(now);
        (orders.ten_seconds.used, orders.day.used)
    }

    /// The `ORDERS` rows with an account's counts, as `rateLimit/order` answers.
    pub fn order_rows(&self, (ten_seconds, day): OrderCounts) -> Vec<Value> {
        let ceilings = &self.ceilings;
        let short = row("ORDERS", ("SECOND", 10), ceilings.orders_per_ten_seconds);
        let long = row("ORDERS", ("DAY", 1), ceilings.orders_per_day);
        vec![counted(short, ten_seconds), counted(long, day)]
    }

    /// The `rateLimits` of a WebSocket API answer: what the request counted against.
    pub fn affected(&self, used_weight: u32, counts: Option<OrderCounts>) -> Value {
        let mut rows = counts.map_or_else(Vec::new, |counts| self.order_rows(counts));
        let weight = row(
            "REQUEST_WEIGHT",
            ("MINUTE", 1),
            self.ceilings.weight_per_minute,
        );
        rows.push(counted(weight, used_weight));
        Value::Array(rows)
    }
}

/// Milliseconds until the window of this length that `now` is in ends.
fn rest_of(window: i64, now: i64) -> i64 {
    window - now.rem_euclid(window)
}

fn banned(until: i64, now: i64) -> VenueError {
    let text = format!(
        "Way too much request weight used; IP banned until {until}. \
         Please use WebSocket Streams for live updates to avoid bans."
    );
    VenueError::new(418, -1003, text).retry_after(now, until - now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAN_MS: i64 = 120_000;
    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn weight_windows_are_aligned_to_the_minute() {
        let mut limits = Limits::new(LimitSettings::for_mode(false));
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
        let mut limits = Limits::new(LimitSettings::for_mode(false));
        let mut now = 0;
        for ban in [BAN_MS, 2 * BAN_MS] {
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
        let (first, other) = (AccountId::FIRST, AccountId(1));
        let mut limits = Limits::new(LimitSettings::for_mode(false));
        limits.count_orders(first, 100, 9_000).unwrap();
        let refusal = limits.count_orders(first, 1, 9_000).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (429, -1015));
        assert_eq!(refusal.retry_after_s, Some(1));
        let data = json!({"serverTime": 9_000, "retryAfter": 10_000});
        assert_eq!(refusal.websocket_body()["data"], data);
        limits.count_orders(other, 100, 9_000).unwrap();
        limits.release_orders(first, 1);
        limits.count_orders(first, 1, 9_999).unwrap();
        limits.count_orders(first, 1, 10_000).unwrap();
        assert_eq!(limits.order_counts(first, 10_000), (1, 101));
        assert_eq!(limits.order_counts(other, 10_000), (0, 100));
    }

    #[test]
    fn raw_requests_have_a_window_of_their_own() {
        let mut limits = Limits::new(LimitSettings {
            raw_per_five_minutes: 2,
            ..LimitSettings::for_mode(false)
        });
        limits.charge(HERE, 0, 299_000).unwrap();
        limits.charge(HERE, 0, 299_000).unwrap();
        let refusal = limits.charge(HERE, 0, 299_000).unwrap_err();
        assert_eq!((refusal.code, refusal.retry_after_s), (-1003, Some(1)));
        limits.charge(HERE, 0, 300_000).unwrap();
    }
}
