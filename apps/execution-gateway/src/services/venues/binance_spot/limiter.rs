//! Request weight and order counts in the venue's fixed, aligned windows (sheet A9, brief C8).

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Who is asking; cancels may use everything, entries leave room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Cancel,
    Query,
    Entry,
}

impl Lane {
    fn share_pct(self) -> u64 {
        match self {
            Self::Cancel => 100,
            Self::Query => 90,
            Self::Entry => 80,
        }
    }
}

#[derive(Debug, Clone)]
struct Window {
    is_orders: bool,
    length_ms: i64,
    limit: u64,
    started_at: i64,
    used: u64,
}

#[derive(Debug, Default)]
struct Inner {
    windows: Vec<Window>,
    paused_until: i64,
}

/// Shared by all requests of one adapter.
#[derive(Debug, Default)]
pub(super) struct Limiter(Mutex<Inner>);

impl Limiter {
    /// Takes the limits of `exchangeInfo.rateLimits`.
    pub(super) fn load(&self, rate_limits: &Value) {
        let windows = rate_limits
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(read_window);
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.windows = windows.collect();
    }

    /// Counts a request; `Err` holds the milliseconds to wait when there is no room now.
    pub(super) fn admit(&self, now: i64, lane: Lane, weight: u64, orders: u64) -> Result<(), i64> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now < inner.paused_until {
            return Err(inner.paused_until - now);
        }
        for window in &mut inner.windows {
            let start = now - now.rem_euclid(window.length_ms);
            if window.started_at != start {
                window.started_at = start;
                window.used = 0;
            }
            let cost = if window.is_orders { orders } else { weight };
            if cost > 0 && window.used + cost > window.limit * lane.share_pct() / 100 {
                return Err(start + window.length_ms - now);
            }
        }
        for window in &mut inner.windows {
            window.used += if window.is_orders { orders } else { weight };
        }
        Ok(())
    }

    /// The venue's own count of the minute's weight, when it is higher than ours.
    pub(super) fn observe_weight(&self, used: u64) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for window in inner
            .windows
            .iter_mut()
            .filter(|w| !w.is_orders && w.length_ms == 60_000)
        {
            window.used = window.used.max(used);
        }
    }

    /// Stops all requests until a time (429 and 418 with Retry-After).
    pub(super) fn pause(&self, until: i64) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.paused_until = inner.paused_until.max(until);
    }

    /// Used share of the minute's weight.
    pub(super) fn weight_ratio(&self) -> f64 {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = inner
            .windows
            .iter()
            .find(|w| !w.is_orders && w.length_ms == 60_000);
        window.map_or(0.0, |window| {
            window.used as f64 / window.limit.max(1) as f64
        })
    }
}

fn read_window(limit: &Value) -> Option<Window> {
    let unit_ms = match limit.get("interval")?.as_str()? {
        "SECOND" => 1_000,
        "MINUTE" => 60_000,
        "HOUR" => 3_600_000,
        "DAY" => 86_400_000,
        _ => return None,
    };
    let is_orders = match limit.get("rateLimitType")?.as_str()? {
        "ORDERS" => true,
        "REQUEST_WEIGHT" => false,
        _ => return None,
    };
    let length_ms = unit_ms * limit.get("intervalNum")?.as_i64()?.max(1);
    Some(Window {
        is_orders,
        length_ms,
        limit: limit.get("limit")?.as_u64()?,
        started_at: 0,
        used: 0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn windows_are_aligned_and_cancels_go_last() {
        let limiter = Limiter::default();
        limiter.load(&json!([{
            "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100
        }]));
        assert_eq!(limiter.admit(61_000, Lane::Entry, 80, 0), Ok(()));
        assert_eq!(limiter.admit(61_500, Lane::Entry, 1, 0), Err(58_500));
        assert_eq!(limiter.admit(61_500, Lane::Query, 10, 0), Ok(()));
        assert_eq!(limiter.admit(61_500, Lane::Cancel, 10, 0), Ok(()));
        assert_eq!(limiter.admit(61_500, Lane::Cancel, 1, 0), Err(58_500));
        assert_eq!(limiter.admit(120_000, Lane::Entry, 80, 0), Ok(()));
    }

    #[test]
    fn a_pause_holds_every_lane() {
        let limiter = Limiter::default();
        limiter.pause(5_000);
        assert_eq!(limiter.admit(4_000, Lane::Cancel, 1, 0), Err(1_000));
        assert_eq!(limiter.admit(5_000, Lane::Cancel, 1, 0), Ok(()));
    }
}
