//! Faults of streams: what a subscriber saw, and what the venue's ledger says all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use std::time::{Duration, Instant};

use fault_support::{
    Next, PATIENCE, SILENCE, ask, clear, executed, fired, next, next_within, one, open, post,
    report, resting, subscribe_user,
};
use serde_json::{Value, json};
use support::{Venue, quiet_path};

const REPORTS: &str = "user@executionReport";

async fn venue() -> Venue {
    Venue::start(&quiet_path()).await
}

async fn place(venue: &Venue, id: &str) {
    venue.ok("POST", "/api/v3/order", &resting(id)).await;
}

fn reports() -> Value {
    json!({"stream": REPORTS})
}

#[tokio::test]
async fn f7_an_event_comes_more_than_once() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    one(&venue, "duplicate_event", reports(), json!({"copies": 2})).await;
    place(&venue, "a").await;
    place(&venue, "b").await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(report(&mut user).await.1);
    }
    assert_eq!(seen, ["a", "a", "a", "b"]);
    let hits = fired(&venue, "duplicate_event", 1).await;
    assert_eq!(
        (&hits[0]["stream"], &hits[0]["client_order_id"]),
        (&json!(REPORTS), &json!("a"))
    );
}

#[tokio::test]
async fn f8_events_come_last_first_and_a_short_group_is_not_kept() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    one(
        &venue,
        "reorder_events",
        reports(),
        json!({"hold": 3, "at_most_ms": 60_000}),
    )
    .await;
    for id in ["a", "b", "c", "d"] {
        place(&venue, id).await;
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(report(&mut user).await.1);
    }
    assert_eq!(seen, ["c", "b", "a", "d"]);
    clear(&venue).await;
    one(
        &venue,
        "reorder_events",
        reports(),
        json!({"hold": 3, "at_most_ms": 300}),
    )
    .await;
    place(&venue, "e").await;
    place(&venue, "f").await;
    assert_eq!(report(&mut user).await.1, "f");
    assert_eq!(report(&mut user).await.1, "e");
}

#[tokio::test]
async fn f9_one_event_is_lost_and_the_stream_goes_on() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let second = json!({"stream": REPORTS, "skip": 1});
    one(&venue, "lose_event", second, json!({})).await;
    for id in ["a", "b", "c"] {
        place(&venue, id).await;
    }
    assert_eq!(report(&mut user).await.1, "a");
    assert_eq!(report(&mut user).await.1, "c");
    assert_eq!(
        fired(&venue, "lose_event", 1).await[0]["client_order_id"],
        "b"
    );
    assert_eq!(executed(&venue).await, ["a", "b", "c"], "the order is real");
}

#[tokio::test]
async fn f10_a_stalled_stream_says_nothing_and_stays_open() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let mut other = subscribe_user(&venue).await;
    one(&venue, "stall_stream", reports(), json!({})).await;
    place(&venue, "a").await;
    // The first connection that sends an event is the one that stalls.
    let (mut quiet, mut lively) = match next_within(&mut user, SILENCE).await {
        Next::Nothing => (user, other),
        _ => (
            std::mem::replace(&mut other, user),
            subscribe_user(&venue).await,
        ),
    };
    assert_eq!(next_within(&mut quiet, SILENCE).await, Next::Nothing);
    let ping = json!({"id": 1, "method": "ping"}).to_string();
    fault_support::tell(&mut quiet, ping).await;
    assert_eq!(
        next_within(&mut quiet, SILENCE).await,
        Next::Nothing,
        "not even a reply"
    );
    place(&venue, "b").await;
    while report(&mut lively).await.1 != "b" {}
    clear(&venue).await;
    assert_eq!(
        report(&mut quiet).await.1,
        "a",
        "what was stalled comes late"
    );

    let mut market = open(&venue, "/ws/btcusd@kline_15m").await;
    let now = json!({"stream": "market"});
    one(&venue, "stall_stream", now, json!({"at": "now", "ms": 400})).await;
    fault_support::until_fired(&venue, "stall_stream", 1).await;
    let started = Instant::now();
    venue.step(1).await;
    assert_eq!(next(&mut market).await["e"], "kline");
    assert!(
        started.elapsed() >= Duration::from_millis(200),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn f11_a_stream_ends_in_the_middle_of_a_frame() {
    let venue = venue().await;
    for (how, byte) in [("close", 0), ("close", 1), ("close", 90), ("reset", 40)] {
        let mut user = subscribe_user(&venue).await;
        one(
            &venue,
            "cut_stream",
            reports(),
            json!({"byte": byte, "how": how}),
        )
        .await;
        let id = format!("{how}-{byte}");
        place(&venue, &id).await;
        assert_eq!(next_within(&mut user, PATIENCE).await, Next::End, "{id}");
        fired(&venue, "cut_stream", 1).await;
        clear(&venue).await;
        assert!(executed(&venue).await.contains(&id));
    }
}

#[tokio::test]
async fn f12_streams_are_closed_with_and_without_notice() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let mut raw = open(&venue, "/ws/btcusd@kline_15m").await;
    let mut combined = open(&venue, "/stream?streams=btcusd@kline_15m").await;
    one(
        &venue,
        "close_stream",
        json!({"stream": "user"}),
        json!({"code": 1008, "at": "now"}),
    )
    .await;
    assert_eq!(next_within(&mut user, PATIENCE).await, Next::Close(1008));
    assert_eq!(next_within(&mut user, PATIENCE).await, Next::End);
    fired(&venue, "close_stream", 1).await;
    clear(&venue).await;

    let klines = json!({"stream": "btcusd@kline", "count": 2});
    one(&venue, "server_shutdown", klines, json!({"notice_ms": 200})).await;
    venue.step(1).await;
    let noticed = Instant::now();
    assert_eq!(next(&mut raw).await["e"], "serverShutdown");
    let notice = next(&mut combined).await;
    assert_eq!(
        (&notice["stream"], &notice["data"]["e"]),
        (&json!("!serverShutdown"), &json!("serverShutdown"))
    );
    for socket in [&mut raw, &mut combined] {
        assert!(
            matches!(next_within(socket, PATIENCE).await, Next::Text(_)),
            "the kline"
        );
        assert_eq!(next_within(socket, PATIENCE).await, Next::Close(1001));
    }
    assert!(noticed.elapsed() >= Duration::from_millis(100));
    fired(&venue, "server_shutdown", 2).await;
}

#[tokio::test]
async fn rules_pick_streams_by_kind_symbol_and_account() {
    let venue = venue().await;
    let mut market = open(&venue, "/stream?streams=btcusd@kline_15m/btcusd@bookTicker").await;
    let mut user = subscribe_user(&venue).await;
    post(
        &venue,
        json!([
            {"id": "book", "fault": "lose_event", "stream": "*@bookTicker", "count": 10},
            {"id": "mine", "fault": "lose_event", "account": "main", "client_order_id": "x"},
            {"id": "other", "fault": "lose_event", "stream": "ethusd@kline", "count": 10},
        ]),
    )
    .await;
    venue.step(1).await;
    venue.step(2).await;
    for _ in 0..2 {
        assert_eq!(next(&mut market).await["stream"], "btcusd@kline_15m");
    }
    assert_eq!(
        fired(&venue, "book", 2).await[0]["stream"],
        "btcusd@bookTicker"
    );
    fired(&venue, "other", 0).await;
    place(&venue, "x").await;
    place(&venue, "y").await;
    assert_eq!(report(&mut user).await.1, "y");
    assert_eq!(fired(&venue, "mine", 1).await[0]["account"], "main");
    // Requests on the same connection are none of a stream rule's business.
    let reply = ask(&mut user, json!({"id": 1, "method": "ping"}).to_string()).await;
    assert!(
        reply["status"] == 200 || reply["event"].is_object(),
        "{reply}"
    );
}

#[tokio::test]
async fn a_stopping_venue_does_not_wait_for_what_a_rule_holds_back() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    one(&venue, "stall_stream", reports(), json!({})).await;
    place(&venue, "a").await;
    fault_support::until_fired(&venue, "stall_stream", 1).await;
    let started = Instant::now();
    venue.running.stop().await;
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(report(&mut user).await.1, "a");
}
