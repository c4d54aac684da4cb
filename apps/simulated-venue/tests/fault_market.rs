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

use fault_support::{
    Next, PATIENCE, SYMBOL, ask, clear, fired, next_within, one, open, report, rule, subscribe_user,
};
use serde_json::{Value, json};
use support::{API_KEY, SECRET, TOKEN, Venue, signed_call};

const CONFIG: &str = r#"
listen = "127.0.0.1:0"
control_listen = "127.0.0.1:0"
port_file = "venue.port"
state_dir = "state"
control_token_file = "token"
mode = "market"
maker_fee_rate = "0.001"
taker_fee_rate = "0.001"
[feed]
kind = "generator"
seed = 5
speed = 0.0
[[account]]
name = "alice"
api_key = "API_KEY"
api_secret = "SECRET"
balances = { USD = "10000000", BTC = "100" }
[[instrument]]
instrument_id = "BTC-USD.SIM"
symbol = "BTCUSD"
base_currency = "BTC"
quote_currency = "USD"
price_scale = 2
quantity_scale = 5
tick_size = "0.01"
step_size = "0.00001"
min_quantity = "0.00001"
min_notional = "10"
"#;

/// A venue whose book has some depth and stands still.
async fn venue() -> Venue {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), TOKEN).unwrap();
    let text = CONFIG.replace("API_KEY", API_KEY).replace("SECRET", SECRET);
    std::fs::write(dir.path().join("venue.toml"), text).unwrap();
    let venue = Venue::open(dir).await;
    let (status, body) = venue
        .control("POST", "/sim/v1/advance", Some(json!({"events": 200})))
        .await;
    assert_eq!(status, 200, "{body}");
    venue
}

/// Cents of a price of the venue.
fn cents(text: &Value) -> i64 {
    let (whole, rest) = text.as_str().unwrap().split_once('.').unwrap();
    whole.parse::<i64>().unwrap() * 100 + rest[..2].parse::<i64>().unwrap()
}

fn price(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Best bid and ask in cents.
async fn best(venue: &Venue) -> (i64, i64) {
    let book = venue.get("/api/v3/ticker/bookTicker?symbol=BTCUSD").await;
    (cents(&book["bidPrice"]), cents(&book["askPrice"]))
}

/// A LIMIT BUY a good way below the market; several do not stand at one price.
async fn rest(venue: &Venue, id: &str, quantity: &str, below: i64) -> Value {
    let limit = price(best(venue).await.0 - below);
    let params = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", quantity),
        ("price", limit.as_str()),
        ("newClientOrderId", id),
    ];
    venue.ok("POST", "/api/v3/order", &params).await
}

async fn query(venue: &Venue, id: &str) -> Value {
    let params = [SYMBOL, ("origClientOrderId", id)];
    venue.ok("GET", "/api/v3/order", &params).await
}

async fn trades_of(venue: &Venue, order: &Value) -> Vec<Value> {
    let id = order["orderId"].to_string();
    let trades = venue
        .ok("GET", "/api/v3/myTrades", &[SYMBOL, ("orderId", &id)])
        .await;
    trades.as_array().unwrap().clone()
}

async fn cancel(venue: &Venue, id: &str) -> (u16, Value) {
    venue
        .signed(
            "DELETE",
            "/api/v3/order",
            &[SYMBOL, ("origClientOrderId", id)],
        )
        .await
}

/// The venue's own account of everything, before and after a restart.
async fn restarted(venue: Venue) -> Venue {
    let (_, before) = venue
        .control("GET", "/sim/v1/ledger?account=alice", None)
        .await;
    let hash = venue.state_hash().await;
    let venue = venue.restart().await;
    let (status, after) = venue
        .control("GET", "/sim/v1/ledger?account=alice", None)
        .await;
    assert_eq!(status, 200);
    assert_eq!(before, after);
    assert_eq!(venue.state_hash().await, hash);
    venue
}

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

#[tokio::test]
async fn f22_cancel_replace_succeeds_in_halves() {
    let venue = venue().await;
    for (n, (cancel, new, mode, status, halves)) in [
        ("ok", "ok", "STOP_ON_FAILURE", 200, ("SUCCESS", "SUCCESS")),
        (
            "ok",
            "failed",
            "STOP_ON_FAILURE",
            409,
            ("SUCCESS", "FAILURE"),
        ),
        ("failed", "ok", "ALLOW_FAILURE", 409, ("FAILURE", "SUCCESS")),
        (
            "failed",
            "failed",
            "ALLOW_FAILURE",
            400,
            ("FAILURE", "FAILURE"),
        ),
        (
            "failed",
            "ok",
            "STOP_ON_FAILURE",
            400,
            ("FAILURE", "NOT_ATTEMPTED"),
        ),
    ]
    .into_iter()
    .enumerate()
    {
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
