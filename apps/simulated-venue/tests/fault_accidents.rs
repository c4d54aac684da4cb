//! Halts, filters, expiries, failed legs and outsiders in market mode: what was told, what the ledger
//! says, and that a restart says the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use fault_support::market::{best, cancel, cents, price, query, rest, restarted, venue};
use fault_support::{
    Next, PATIENCE, SYMBOL, clear, fired, next_within, one, report, subscribe_user,
};
use serde_json::{Value, json};

#[tokio::test]
async fn f40_status_and_filters_change_under_resting_orders() {
    let venue = venue().await;
    rest(&venue, "before", "1", 500).await;
    let pings = json!({"endpoint": "ping"});
    let halt = json!({"symbol": "BTCUSD", "status": "CANCEL_ONLY"});
    one(&venue, "symbol_status", pings.clone(), halt).await;
    venue.get("/api/v3/ping").await;
    fired(&venue, "symbol_status", 1).await;
    let info = venue.get("/api/v3/exchangeInfo?symbol=BTCUSD").await;
    assert_eq!(info["symbols"][0]["status"], "CANCEL_ONLY");
    clear(&venue).await;
    let venue = restarted(venue).await;
    let limit = price(best(&venue).await.0 - 500);
    let order = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT_MAKER"),
        ("quantity", "1"),
        ("price", limit.as_str()),
    ];
    assert_eq!(venue.signed("POST", "/api/v3/order", &order).await.0, 400);
    let trading = json!({"symbol": "BTCUSD", "status": "TRADING"});
    one(&venue, "symbol_status", pings.clone(), trading).await;
    venue.get("/api/v3/ping").await;
    let coarse = json!({"symbol": "BTCUSD", "tick_size": "7", "min_notional": "500"});
    one(&venue, "filter_change", pings, coarse).await;
    venue.get("/api/v3/ping").await;
    fired(&venue, "filter_change", 1).await;
    let venue = restarted(venue).await;
    let info = venue
        .get("/api/v3/exchangeInfo?symbol=BTCUSD")
        .await
        .to_string();
    assert!(info.contains("\"tickSize\":\"7.00000000\""), "{info}");
    assert!(info.contains("\"minNotional\":\"500.00000000\""), "{info}");
    let odd = price(cents(&json!(limit)) / 700 * 700 + 100);
    let order = order.map(|(name, value)| (name, if name == "price" { &odd } else { value }));
    let (status, body) = venue.signed("POST", "/api/v3/order", &order).await;
    assert_eq!(
        (status, &body["msg"]),
        (400, &json!("Filter failure: PRICE_FILTER"))
    );
    assert_eq!(
        query(&venue, "before").await["status"],
        "NEW",
        "what rests stays"
    );
    assert_eq!(cancel(&venue, "before").await.0, 200);
}

#[tokio::test]
async fn f41_an_order_expires_in_self_trade_prevention() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let before = venue.ok("GET", "/api/v3/account", &[]).await["balances"].clone();
    one(&venue, "stp_expiry", json!({}), json!({})).await;
    rest(&venue, "mine", "1", 500).await;
    fired(&venue, "stp_expiry", 1).await;
    let order = query(&venue, "mine").await;
    assert_eq!(
        (&order["status"], &order["executedQty"]),
        (&json!("EXPIRED_IN_MATCH"), &json!("0.00000000"))
    );
    let mut seen = Vec::new();
    while seen.last().map(String::as_str) != Some("TRADE_PREVENTION") {
        seen.push(report(&mut user).await.0);
    }
    let after = venue.ok("GET", "/api/v3/account", &[]).await["balances"].clone();
    assert_eq!(before, after, "nothing traded and nothing stays locked");
    restarted(venue).await;
}

#[tokio::test]
async fn f42_a_pending_leg_cannot_be_placed() {
    let venue = venue().await;
    let bid = best(&venue).await.0;
    let (working, stop) = (price(bid - 500), price(bid - 900));
    let above = price(bid + 5_000);
    for (n, pending) in [
        vec![
            ("pendingType", "LIMIT_MAKER"),
            ("pendingPrice", above.as_str()),
        ],
        vec![
            ("pendingType", "STOP_LOSS"),
            ("pendingStopPrice", stop.as_str()),
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let (first, second) = (format!("w-{n}"), format!("p-{n}"));
        let mut list = vec![
            SYMBOL,
            ("workingType", "LIMIT"),
            ("workingSide", "BUY"),
            ("workingTimeInForce", "GTC"),
            ("workingPrice", working.as_str()),
            ("workingQuantity", "1"),
            ("workingClientOrderId", first.as_str()),
            ("pendingSide", "SELL"),
            ("pendingQuantity", "1"),
            ("pendingClientOrderId", second.as_str()),
        ];
        list.extend(pending);
        one(&venue, "pending_leg_failure", json!({}), json!({})).await;
        venue.ok("POST", "/api/v3/orderList/oto", &list).await;
        fired(&venue, "pending_leg_failure", 1).await;
        clear(&venue).await;
        assert_eq!(query(&venue, &first).await["status"], "FILLED");
        assert_eq!(query(&venue, &second).await["status"], "REJECTED");
    }
    restarted(venue).await;
}

#[tokio::test]
async fn f44_money_and_orders_come_from_outside() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    let time = json!({"endpoint": "GET /api/v3/time"});
    let free = |account: &Value, asset: &str| {
        let rows = account["balances"].as_array().unwrap().clone();
        let row = rows.into_iter().find(|row| row["asset"] == asset).unwrap();
        row["free"].as_str().unwrap().to_owned()
    };
    for (fault, params, asset, expected) in [
        (
            "external_deposit",
            json!({"asset": "BTC", "amount": "2.5"}),
            "BTC",
            "102.50000000",
        ),
        (
            "external_withdraw",
            json!({"asset": "USD", "amount": "10"}),
            "USD",
            "9999990.00000000",
        ),
    ] {
        one(&venue, fault, time.clone(), params).await;
        venue.get("/api/v3/time").await;
        fired(&venue, fault, 1).await;
        let Next::Text(frame) = next_within(&mut user, PATIENCE).await else {
            panic!("a balanceUpdate")
        };
        assert_eq!(frame["event"]["e"], "balanceUpdate");
        while frame_kind(&mut user).await != "outboundAccountPosition" {}
        let account = venue.ok("GET", "/api/v3/account", &[]).await;
        assert_eq!(free(&account, asset), expected);
    }
    let far = price(best(&venue).await.0 - 700);
    let outside = json!({"symbol": "BTCUSD", "quantity": "0.5", "price": far,
                         "client_order_id": "outsider", "side": "BUY"});
    one(&venue, "outsider_order", time, outside).await;
    venue.get("/api/v3/time").await;
    assert_eq!(
        report(&mut user).await,
        ("NEW".to_owned(), "outsider".to_owned())
    );
    assert_eq!(query(&venue, "outsider").await["status"], "NEW");
    restarted(venue).await;
}

async fn frame_kind(user: &mut fault_support::Socket) -> String {
    let frame = fault_support::next(user).await;
    frame["event"]["e"].as_str().unwrap().to_owned()
}
