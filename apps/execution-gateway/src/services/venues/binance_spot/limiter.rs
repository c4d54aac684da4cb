//! Request weight, raw requests and order counts in the venue's fixed, aligned windows (sheet A9),
//! and the queue before them: strict priority by lane, with an age-out (brief C8).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::models::venue::Lane;
use crate::services::venues::{Recall, Throttle};

/// A waiter of the last lanes is as urgent as a probe after this long: it never starves.
const AGE_OUT_MS: i64 = 45_000;
/// Longest sleep between two looks at the windows.
const LOOK_EVERY_MS: i64 = 1_000;

/// Share of a window a lane may fill: cancels everything, entries leave room.
fn share_pct(lane: Lane) -> u64 {
    match lane {
        Lane::Kill | Lane::Exit => 100,
        Lane::Probe | Lane::Reconcile | Lane::History => 90,
        Lane::Entry => 80,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Weight,
    RawRequests,
    Orders,
}

/// What a request takes from the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) weight: u64,
    /// Orders it adds to the unfilled-order count.
    pub(super) orders: u64,
}

impl Cost {
    fn of(self, counted: Counted) -> u64 {
        match counted {
            Counted::Weight => self.weight,
            Counted::RawRequests => 1,
            Counted::Orders => self.orders,
        }
    }
}

#[derive(Debug, Clone)]
struct Window {
    counted: Counted,
    /// How the venue's headers name it: `1M`, `10S`.
    label: String,
    length_ms: i64,
    limit: u64,
    started_at: i64,
    used: u64,
}

impl Window {
    fn roll(&mut self, now: i64) {
        let start = now - now.rem_euclid(self.length_ms);
        if self.started_at != start {
            self.started_at = start;
            self.used = 0;
        }
    }
}

/// A request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket {
    number: u64,
    lane: Lane,
    since: i64,
    cost: Cost,
}

impl Ticket {
    /// Smaller goes first.
    fn rank(&self, now: i64) -> (Lane, u64) {
        let is_old = now - self.since >= AGE_OUT_MS;
        let lane = if is_old {
            self.lane.min(Lane::Probe)
        } else {
            self.lane
        };
        (lane, self.number)
    }
}

fn held_until(throttle: &Throttle, cost: Cost) -> i64 {
    let all = throttle.banned_until.max(throttle.paused_until);
    if cost.orders > 0 {
        all.max(throttle.orders_until)
    } else {
        all
    }
}

/// A request that asks to leave.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) lane: Lane,
    pub(super) cost: Cost,
    pub(super) deadline: Option<i64>,
    pub(super) recall: Option<Arc<Recall>>,
}

impl Asking {
    fn reason_to_die(&self, now: i64, wait: i64) -> Option<String> {
        if self
            .recall
            .as_ref()
            .is_some_and(|recall| recall.is_recalled())
        {
            return Some("it was recalled".to_owned());
        }
        let deadline = self.deadline?;
        if now >= deadline {
            return Some("its deadline passed in the queue".to_owned());
        }
        (now + wait > deadline)
            .then(|| format!("no room in the rate limit for {wait} ms, past its deadline"))
    }
}

#[derive(Debug, Default)]
struct Inner {
    windows: Vec<Window>,
    throttle: Throttle,
    waiting: Vec<Ticket>,
    next_number: u64,
}

impl Inner {
    /// Milliseconds until the request may leave; 0 means it is counted and may leave now.
    fn room(&mut self, now: i64, ticket: &Ticket) -> i64 {
        let until = held_until(&self.throttle, ticket.cost);
        if now < until {
            return until - now;
        }
        for window in &mut self.windows {
            window.roll(now);
            let cost = ticket.cost.of(window.counted);
            if cost > 0 && window.used + cost > window.limit * share_pct(ticket.lane) / 100 {
                return window.started_at + window.length_ms - now;
            }
        }
        0
    }

    fn poll(&mut self, now: i64, ticket: &Ticket) -> i64 {
        let wait = self.room(now, ticket);
        if wait > 0 {
            return wait;
        }
        let better: Vec<Ticket> = self
            .waiting
            .iter()
            .filter(|other| other.rank(now) < ticket.rank(now))
            .copied()
            .collect();
        // A more urgent request that fits goes first; it is awake for the same reason.
        if better.iter().any(|other| self.room(now, other) == 0) {
            return 1;
        }
        for window in &mut self.windows {
            window.used += ticket.cost.of(window.counted);
        }
        0
    }
}

/// Shared by all requests of one adapter.
#[derive(Debug)]
pub(super) struct Limiter {
    inner: Mutex<Inner>,
    moved: Notify,
    told: watch::Sender<Throttle>,
}

impl Default for Limiter {
    fn default() -> Self {
        Self {
            inner: Mutex::default(),
            moved: Notify::new(),
            told: watch::channel(Throttle::default()).0,
        }
    }
}

/// Takes a waiter out of the queue, also when its caller went away.
struct Waiting<'a> {
    limiter: &'a Limiter,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let number = self.ticket.number;
        self.limiter
            .lock()
            .waiting
            .retain(|ticket| ticket.number != number);
        self.limiter.moved.notify_waiters();
    }
}

impl Limiter {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the limits of `exchangeInfo.rateLimits`; counts of windows that stay are kept.
    pub(super) fn load(&self, rate_limits: &Value) {
        let rows = rate_limits.as_array().into_iter().flatten();
        let mut windows: Vec<Window> = rows.filter_map(read_window).collect();
        let mut inner = self.lock();
        for window in &mut windows {
            let known = inner
                .windows
                .iter()
                .find(|known| known.counted == window.counted && known.label == window.label);
            if let Some(known) = known {
                (window.started_at, window.used) = (known.started_at, known.used);
            }
        }
        inner.windows = windows;
    }

    fn enqueue(&self, asking: &Asking, since: i64) -> Ticket {
        let mut inner = self.lock();
        let number = inner.next_number;
        inner.next_number += 1;
        let ticket = Ticket {
            number,
            lane: asking.lane,
            since,
            cost: asking.cost,
        };
        inner.waiting.push(ticket);
        ticket
    }

    /// Waits for room by priority.
    ///
    /// # Errors
    /// Why the request may not leave any more; nothing was counted.
    pub(super) async fn admit(
        &self,
        asking: Asking,
        now_ms: &(dyn Fn() -> i64 + Sync),
    ) -> Result<(), String> {
        let ticket = self.enqueue(&asking, now_ms());
        let waiting = Waiting {
            limiter: self,
            ticket,
        };
        loop {
            let moved = self.moved.notified();
            let now = now_ms();
            if let Some(reason) = asking.reason_to_die(now, 0) {
                return Err(reason);
            }
            let wait = self.lock().poll(now, &ticket);
            if wait == 0 {
                drop(waiting);
                return Ok(());
            }
            if let Some(reason) = asking.reason_to_die(now, wait) {
                return Err(reason);
            }
            let nap = Duration::from_millis(wait.clamp(1, LOOK_EVERY_MS).unsigned_abs());
            let recalled = async {
                match &asking.recall {
                    Some(recall) => recall.told().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = moved => {}
                () = recalled => {}
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    /// Gives back what a request did not cost (a placed order weighs nothing since 2026-04-02).
    pub(super) fn refund(&self, weight: u64) {
        for window in &mut self.lock().windows {
            if window.counted == Counted::Weight {
                window.used = window.used.saturating_sub(weight);
            }
        }
        self.moved.notify_waiters();
    }

    /// The venue's own count, when it is higher than ours.
    pub(super) fn observe(&self, header: &str, used: u64, now: i64) {
        let header = header.to_ascii_lowercase();
        let (counted, label) = if let Some(label) = header.strip_prefix("x-mbx-used-weight-") {
            (Counted::Weight, label)
        } else if let Some(label) = header.strip_prefix("x-mbx-order-count-") {
            (Counted::Orders, label)
        } else {
            return;
        };
        for window in &mut self.lock().windows {
            if window.counted == counted && window.label.eq_ignore_ascii_case(label) {
                window.roll(now);
                window.used = window.used.max(used);
            }
        }
    }

    /// 429: pauses the class that was exceeded. 418: stops everything.
    pub(super) fn punish(&self, status: u16, code: i64, until: i64) {
        const TOO_MANY_ORDERS: i64 = -1015;
        let mut inner = self.lock();
        let slot = match (status, code) {
            (418, _) => &mut inner.throttle.banned_until,
            (_, TOO_MANY_ORDERS) => &mut inner.throttle.orders_until,
            _ => &mut inner.throttle.paused_until,
        };
        *slot = until.max(*slot);
        self.told.send_replace(inner.throttle);
    }

    /// Changes of what is held back.
    pub(super) fn throttles(&self) -> watch::Receiver<Throttle> {
        self.told.subscribe()
    }

    /// Used share of the fullest weight window.
    pub(super) fn weight_ratio(&self) -> f64 {
        let inner = self.lock();
        let weights = inner
            .windows
            .iter()
            .filter(|w| w.counted == Counted::Weight);
        weights
            .map(|window| window.used as f64 / window.limit.max(1) as f64)
            .fold(0.0, f64::max)
    }
}

fn read_window(limit: &Value) -> Option<Window> {
    let (unit_ms, letter) = match limit.get("interval")?.as_str()? {
        "SECOND" => (1_000, 'S'),
        "MINUTE" => (60_000, 'M'),
        "HOUR" => (3_600_000, 'H'),
        "DAY" => (86_400_000, 'D'),
        _ => return None,
    };
    let counted = match limit.get("rateLimitType")?.as_str()? {
        "ORDERS" => Counted::Orders,
        "REQUEST_WEIGHT" => Counted::Weight,
        "RAW_REQUESTS" => Counted::RawRequests,
        _ => return None,
    };
    let number = limit.get("intervalNum")?.as_i64()?.max(1);
    Some(Window {
        counted,
        label: format!("{number}{letter}"),
        length_ms: unit_ms * number,
        limit: limit.get("limit")?.as_u64()?,
        started_at: 0,
        used: 0,
    })
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
