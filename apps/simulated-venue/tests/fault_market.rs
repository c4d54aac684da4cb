//! Faults that are inputs of the venue, in market mode: what the caller was told, what the ledger
//! says, and that a restart says the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use fault_support::market::{best, cancel, price, query, rest, restarted, trades_of, venue};
use fault_support::{SYMBOL, ask, clear, fired, one, open, report, rule, subscribe_user};
use serde_json::json;
use support::{Venue, signed_call};

#[tokio::test]
async fn f13_a_resting_order_fills_in_parts() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    one(
        &venue,
        "partial_fill",
        json!({}),
        json!({"parts": 3, "percent": 60}),
    )
    .await;
    let placed = rest(&venue, "a", "1", 500).await;
    assert_eq!(
        placed["status"], "NEW",
        "the parts come after the reply was made"
    );
    fired(&venue, "partial_fill", 1).await;
    let order = query(&venue, "a").await;
    assert_eq!(
        (&order["status"], &order["executedQty"]),
        (&json!("PARTIALLY_FILLED"), &json!("0.60000000"))
    );
    let trades = trades_of(&venue, &order).await;
    let shares: Vec<&str> = trades
        .iter()
        .map(|trade| trade["qty"].as_str().unwrap())
        .collect();
    assert_eq!(shares, ["0.20000000"; 3]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(report(&mut user).await.0);
    }
    assert_eq!(seen, ["NEW", "TRADE", "TRADE", "TRADE"]);
    let venue = restarted(venue).await;
    assert_eq!(trades_of(&venue, &order).await.len(), 3);
}

#[tokio::test]
async fn f13_an_order_that_takes_meets_one_level_per_part() {
    let venue = venue().await;
    for (kind, percent, status) in [("MARKET", 100, "FILLED"), ("MARKET", 50, "EXPIRED")] {
        let params = json!({"parts": 4, "percent": percent});
        one(&venue, "partial_fill", json!({}), params).await;
        let order = [SYMBOL, ("side", "BUY"), ("type", kind), ("quantity", "2")];
        let reply = venue.ok("POST", "/api/v3/order", &order).await;
        assert_eq!(reply["status"], status, "{reply}");
        assert_eq!(reply["fills"].as_array().unwrap().len(), 4, "{reply}");
        fired(&venue, "partial_fill", 1).await;
        clear(&venue).await;
    }
    let limit = price(best(&venue).await.0 - 100);
    one(&venue, "partial_fill", json!({}), json!({"parts": 2})).await;
    let order = [
        SYMBOL,
        ("side", "SELL"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", limit.as_str()),
    ];
    let reply = venue.ok("POST", "/api/v3/order", &order).await;
    assert_eq!(reply["status"], "FILLED", "{reply}");
    assert_eq!(reply["fills"].as_array().unwrap().len(), 2);
    restarted(venue).await;
}

#[tokio::test]
async fn f13_f14_a_fill_comes_while_a_cancel_or_an_amend_is_pending() {
    let venue = venue().await;
    rest(&venue, "half", "1", 500).await;
    let pending = json!({"parts": 2, "percent": 50, "during": "cancel"});
    one(
        &venue,
        "partial_fill",
        json!({"client_order_id": "half"}),
        pending,
    )
    .await;
    let (status, body) = cancel(&venue, "half").await;
    assert_eq!((status, &body["status"]), (200, &json!("CANCELED")));
    assert_eq!(body["executedQty"], "0.50000000");
    assert_eq!(trades_of(&venue, &body).await.len(), 2);
    clear(&venue).await;

    rest(&venue, "less", "1", 500).await;
    let pending = json!({"parts": 1, "percent": 50, "during": "amend"});
    one(&venue, "partial_fill", json!({}), pending).await;
    let amend = [SYMBOL, ("origClientOrderId", "less"), ("newQty", "0.8")];
    let body = venue
        .ok("PUT", "/api/v3/order/amend/keepPriority", &amend)
        .await;
    fired(&venue, "partial_fill", 1).await;
    clear(&venue).await;
    let amended = &body["amendedOrder"];
    assert_eq!(
        (&amended["qty"], &amended["executedQty"]),
        (&json!("0.80000000"), &json!("0.50000000")),
        "{body}"
    );

    rest(&venue, "gone", "1", 500).await;
    one(
        &venue,
        "cancel_race",
        json!({"endpoint": "order.cancel"}),
        json!({}),
    )
    .await;
    let (status, body) = cancel(&venue, "gone").await;
    assert_eq!((status, &body["code"]), (400, &json!(-2011)));
    assert_eq!(query(&venue, "gone").await["status"], "FILLED");
    fired(&venue, "cancel_race", 1).await;
    restarted(venue).await;
}

#[tokio::test]
async fn f15_a_fill_is_told_after_the_cancel() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let mut api = open(&venue, "/ws-api/v3").await;
    for door in ["rest", "websocket"] {
        let placed = rest(&venue, door, "1", 500).await;
        assert_eq!(report(&mut user).await.0, "NEW");
        one(
            &venue,
            "late_fill",
            json!({}),
            json!({"percent": 25, "ms": 100}),
        )
        .await;
        let id = placed["orderId"].to_string();
        let by_id = [SYMBOL, ("orderId", id.as_str())];
        if door == "rest" {
            venue.ok("DELETE", "/api/v3/order", &by_id).await;
        } else {
            let call = signed_call(venue.clock.now_ms(), "c", "order.cancel", &by_id);
            assert_eq!(ask(&mut api, call).await["status"], 200);
        }
        fired(&venue, "late_fill", 1).await;
        assert_eq!(report(&mut user).await.0, "CANCELED");
        let late = report(&mut user).await;
        assert_eq!(late, ("TRADE".to_owned(), door.to_owned()));
        let order = query(&venue, door).await;
        assert_eq!(
            (&order["status"], &order["executedQty"]),
            (&json!("CANCELED"), &json!("0.25000000"))
        );
        clear(&venue).await;
    }
    restarted(venue).await;
}

type Case = (
    &'static str,
    &'static str,
    &'static str,
    u16,
    (&'static str, &'static str),
);

const STOP: &str = "STOP_ON_FAILURE";
const ALLOW: &str = "ALLOW_FAILURE";
/// Cancel, new order, mode, then the status and both results.
const HALVES: [Case; 5] = [
    ("ok", "ok", STOP, 200, ("SUCCESS", "SUCCESS")),
    ("ok", "failed", STOP, 409, ("SUCCESS", "FAILURE")),
    ("failed", "ok", ALLOW, 409, ("FAILURE", "SUCCESS")),
    ("failed", "failed", ALLOW, 400, ("FAILURE", "FAILURE")),
    ("failed", "ok", STOP, 400, ("FAILURE", "NOT_ATTEMPTED")),
];

#[tokio::test]
async fn f22_cancel_replace_succeeds_in_halves() {
    let venue = venue().await;
    for (n, (cancel, new, mode, status, halves)) in HALVES.into_iter().enumerate() {
        let (old, fresh) = (format!("old-{n}"), format!("new-{n}"));
        rest(&venue, &old, "1", 500).await;
        let limit = price(best(&venue).await.0 - 600);
        one(
            &venue,
            "cancel_replace",
            json!({}),
            json!({"cancel": cancel, "new": new}),
        )
        .await;
        let params = [
            SYMBOL,
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1"),
            ("price", limit.as_str()),
            ("cancelReplaceMode", mode),
            ("cancelOrigClientOrderId", old.as_str()),
            ("newClientOrderId", fresh.as_str()),
        ];
        let (got, body) = venue
            .signed("POST", "/api/v3/order/cancelReplace", &params)
            .await;
        fired(&venue, "cancel_replace", 1).await;
        clear(&venue).await;
        assert_eq!(got, status, "{cancel} {new} {mode}: {body}");
        let data = body.get("data").unwrap_or(&body);
        assert_eq!(
            (
                data["cancelResult"].as_str().unwrap(),
                data["newOrderResult"].as_str().unwrap()
            ),
            halves
        );
        let expected = if cancel == "ok" { "CANCELED" } else { "FILLED" };
        assert_eq!(query(&venue, &old).await["status"], expected);
        let by_id = [SYMBOL, ("origClientOrderId", fresh.as_str())];
        let (found, _) = venue.signed("GET", "/api/v3/order", &by_id).await;
        assert_eq!(found == 200, halves.1 == "SUCCESS", "{cancel} {new} {mode}");
    }
    let info = venue.get("/api/v3/exchangeInfo?symbol=BTCUSD").await;
    assert_eq!(
        info["symbols"][0]["status"], "TRADING",
        "only for that moment"
    );
    restarted(venue).await;
}

#[tokio::test]
async fn f24_queries_lag_behind_fills() {
    let venue = venue().await;
    rest(&venue, "a", "1", 500).await;
    one(
        &venue,
        "query_lag",
        json!({"endpoint": "order.status"}),
        json!({"inputs": 1}),
    )
    .await;
    one(&venue, "cancel_race", json!({}), json!({})).await;
    assert_eq!(cancel(&venue, "a").await.0, 400);
    assert_eq!(
        query(&venue, "a").await["status"],
        "NEW",
        "read before the write"
    );
    assert_eq!(query(&venue, "a").await["status"], "FILLED");
    let row = rule(&venue, "query_lag").await;
    assert!(row["hits"][0].get("missed").is_none(), "{row}");
}
