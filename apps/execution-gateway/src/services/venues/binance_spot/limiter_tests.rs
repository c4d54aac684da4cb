//! Windows, shares, priority, age-out, pauses.

use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use serde_json::json;

use super::*;

const COST: Cost = Cost {
    weight: 1,
    orders: 0,
};

fn limiter(weight: u64, orders: u64) -> Limiter {
    let limiter = Limiter::default();
    limiter.load(&json!([
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": orders},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300},
    ]));
    limiter
}

fn ask(limiter: &Limiter, now: i64, lane: Lane, weight: u64) -> i64 {
    let ticket = Ticket {
        number: u64::MAX,
        lane,
        since: now,
        cost: Cost { weight, orders: 0 },
    };
    limiter.lock().poll(now, &ticket)
}

#[test]
fn windows_are_aligned_and_cancels_go_last() {
    let limiter = limiter(100, 50);
    assert_eq!(ask(&limiter, 61_000, Lane::Entry, 80), 0);
    assert_eq!(ask(&limiter, 61_500, Lane::Entry, 1), 58_500);
    assert_eq!(ask(&limiter, 61_500, Lane::Probe, 10), 0);
    assert_eq!(ask(&limiter, 61_500, Lane::Reconcile, 1), 58_500);
    assert_eq!(ask(&limiter, 61_500, Lane::Exit, 10), 0);
    assert_eq!(ask(&limiter, 61_500, Lane::Kill, 1), 58_500);
    assert_eq!(ask(&limiter, 120_000, Lane::Entry, 80), 0);
}

#[test]
fn usage_is_the_larger_of_ours_and_the_venues() {
    let limiter = limiter(100, 50);
    assert_eq!(ask(&limiter, 60_000, Lane::Entry, 10), 0);
    limiter.observe("X-MBX-USED-WEIGHT-1M", 5, 60_010);
    assert_eq!(
        ask(&limiter, 60_020, Lane::Entry, 70),
        0,
        "lower is ignored"
    );
    limiter.observe("x-mbx-used-weight-1m", 99, 60_030);
    assert_eq!(ask(&limiter, 60_040, Lane::Exit, 2), 59_960);
    assert_eq!(ask(&limiter, 60_040, Lane::Exit, 1), 0);
    limiter.observe("x-mbx-order-count-10s", 50, 60_040);
    let order = Ticket {
        number: 9,
        lane: Lane::Exit,
        since: 0,
        cost: Cost {
            weight: 0,
            orders: 1,
        },
    };
    assert_eq!(limiter.lock().poll(60_050, &order), 9_950);
    assert!((limiter.weight_ratio() - 1.0).abs() < 1e-9);
}

#[test]
fn the_urgent_go_first_and_nobody_starves() {
    let limiter = limiter(10, 50);
    let ticket = |number, lane, since| Ticket {
        number,
        lane,
        since,
        cost: Cost {
            weight: 10,
            orders: 0,
        },
    };
    let (exit, old) = (ticket(5, Lane::Exit, 0), ticket(1, Lane::History, 0));
    let mut inner = limiter.lock();
    inner.waiting = vec![old, exit];
    assert_eq!(inner.poll(0, &exit), 0, "first although it came later");
    inner.waiting = vec![old];
    let entry = Ticket {
        cost: COST,
        ..ticket(6, Lane::Entry, 60_000)
    };
    let aged = Ticket {
        cost: Cost {
            weight: 9,
            orders: 0,
        },
        ..old
    };
    inner.waiting = vec![aged, entry];
    assert_eq!(inner.poll(60_000, &entry), 1, "the aged one is before it");
    assert_eq!(inner.poll(60_000, &aged), 0);
}

#[test]
fn a_pause_holds_its_class_and_a_ban_everything() {
    let limiter = limiter(100, 50);
    limiter.punish(429, -1015, 5_000);
    let mut order = Ticket {
        number: 1,
        lane: Lane::Entry,
        since: 0,
        cost: Cost {
            weight: 1,
            orders: 1,
        },
    };
    assert_eq!(limiter.lock().poll(4_000, &order), 1_000);
    assert_eq!(ask(&limiter, 4_000, Lane::Exit, 1), 0, "cancels go on");
    limiter.punish(429, -1003, 6_000);
    assert_eq!(ask(&limiter, 4_000, Lane::Kill, 1), 2_000);
    limiter.punish(418, -1003, 9_000);
    order.cost.orders = 0;
    assert_eq!(limiter.lock().poll(8_000, &order), 1_000);
    assert_eq!(limiter.throttles().borrow().banned_until, 9_000);
}

#[tokio::test]
async fn an_entry_dies_in_the_queue_at_its_deadline() {
    let limiter = limiter(100, 50);
    let clock = AtomicI64::new(60_000);
    let now = || clock.fetch_add(1, Ordering::Relaxed);
    let full = Cost {
        weight: 80,
        orders: 0,
    };
    let asking = |lane, cost, deadline| Asking {
        lane,
        cost,
        deadline,
        recall: None,
    };
    let first = asking(Lane::Entry, full, None);
    limiter.admit(first, &now).await.unwrap();
    let refused = limiter
        .admit(asking(Lane::Entry, COST, Some(62_000)), &now)
        .await;
    assert!(refused.unwrap_err().contains("deadline"));
    assert!(limiter.lock().waiting.is_empty());
    let late = limiter.admit(asking(Lane::Exit, COST, Some(0)), &now).await;
    assert!(late.unwrap_err().contains("passed"));
    let recall = Arc::new(Recall::default());
    let held = Asking {
        recall: Some(Arc::clone(&recall)),
        ..asking(Lane::Entry, COST, None)
    };
    let waiting = limiter.admit(held, &now);
    let recalling = async { recall.recall() };
    let (died, ()) = tokio::join!(waiting, recalling);
    assert!(died.unwrap_err().contains("recalled"));
    assert_eq!(limiter.lock().windows[0].used, 80, "nothing was counted");
}

proptest! {
    /// Whatever is asked in whatever order, no window is ever used beyond its limit, and entries
    /// never beyond their share.
    #[test]
    fn no_window_overflows(
        asks in proptest::collection::vec((0..6_usize, 0..30_u64, 0..3_000_i64), 1..200),
    ) {
        let lanes = [Lane::Kill, Lane::Exit, Lane::Probe, Lane::Entry, Lane::Reconcile, Lane::History];
        let limiter = limiter(100, 20);
        let mut now = 0;
        for (lane, weight, later) in asks {
            now += later;
            let before = limiter.lock().windows[0].used;
            let wait = ask(&limiter, now, lanes[lane], weight);
            let window = limiter.lock().windows[0].clone();
            prop_assert!(window.used <= 100);
            if wait == 0 && lanes[lane] == Lane::Entry && weight > 0 {
                prop_assert!(window.used <= 80);
            }
            if wait > 0 {
                prop_assert!(window.used <= before);
            }
        }
    }
}
