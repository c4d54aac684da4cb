//! Orders, cancels and queries over a real socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod support;

use serde_json::json;
use support::{API_KEY, BAR_MS, BUY, FIRST_OPEN, Venue, quiet_path, signed_text};

const SYMBOL: (&str, &str) = ("symbol", "BTCUSD");

#[tokio::test]
async fn market_order_fills_at_the_open_with_slippage_and_fee() {
    let venue = Venue::start(&quiet_path()).await;
    let order = venue.ok("POST", "/api/v3/order", &BUY).await;
    // 100.00 x 1.0002 = 100.02; fee = 10 BTC x 0.001.
    assert_eq!(order["status"], "FILLED");
    assert_eq!(order["transactTime"], json!(FIRST_OPEN));
    assert_eq!(order["cummulativeQuoteQty"], "1000.20000000");
    assert_eq!(order["fills"].as_array().unwrap().len(), 1);
    let fill = &order["fills"][0];
    assert_eq!(fill["price"], "100.02000000");
    assert_eq!(fill["commission"], "0.01000000");
    assert_eq!(fill["commissionAsset"], "BTC");

    let account = venue.ok("GET", "/api/v3/account", &[]).await;
    assert_eq!(
        account["balances"],
        json!([
            {"asset": "USD", "free": "8999.80000000", "locked": "0.00000000"},
            {"asset": "BTC", "free": "9.99000000", "locked": "0.00000000"},
        ])
    );
    let trades = venue.ok("GET", "/api/v3/myTrades", &[SYMBOL]).await;
    assert_eq!(trades[0]["orderId"], order["orderId"]);
    assert_eq!(trades[0]["time"], json!(FIRST_OPEN));
    assert_eq!(trades[0]["isMaker"], false);
}

#[tokio::test]
async fn parameters_may_be_split_between_query_and_body() {
    let venue = Venue::start(&quiet_path()).await;
    let text = signed_text(venue.clock.now_ms(), &BUY);
    let (query, body) = text.split_once("&quantity").unwrap();
    let body = format!("quantity{body}");
    let unsigned = format!("{query}{}", body.split_once("&signature=").unwrap().0);
    let signature = simulated_venue::services::signing::sign(support::SECRET, unsigned.as_bytes());
    let body = format!(
        "{}&signature={signature}",
        body.split_once("&signature=").unwrap().0
    );
    let response = venue
        .client
        .post(venue.url(&format!("/api/v3/order?{query}")))
        .header("X-MBX-APIKEY", API_KEY)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["x-mbx-order-count-10s"],
        "0",
        "the fill gave the count back"
    );
    assert_eq!(
        response.headers()["x-mbx-used-weight-1m"],
        "0",
        "success costs no weight"
    );
}

#[tokio::test]
async fn limit_order_rests_is_found_and_canceled() {
    let venue = Venue::start(&quiet_path()).await;
    let params = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "90.00"),
        ("newClientOrderId", "mine-1"),
    ];
    let order = venue.ok("POST", "/api/v3/order", &params).await;
    assert_eq!(
        (&order["status"], &order["fills"]),
        (&json!("NEW"), &json!([]))
    );
    let (status, body) = venue.signed("POST", "/api/v3/order", &params).await;
    assert_eq!(
        (status, &body),
        (400, &json!({"code": -2010, "msg": "Duplicate order sent."}))
    );

    let open = venue.ok("GET", "/api/v3/openOrders", &[SYMBOL]).await;
    assert_eq!(open.as_array().unwrap().len(), 1);
    let locked = venue
        .ok("GET", "/api/v3/account", &[("omitZeroBalances", "true")])
        .await;
    assert_eq!(locked["balances"][0]["locked"], "90.00000000");

    let by_name = [SYMBOL, ("origClientOrderId", "mine-1")];
    let canceled = venue
        .ok(
            "DELETE",
            "/api/v3/order",
            &[by_name[0], by_name[1], ("newClientOrderId", "bye-1")],
        )
        .await;
    assert_eq!(canceled["clientOrderId"], "bye-1");
    assert_eq!(canceled["origClientOrderId"], "mine-1");
    let queried = venue.ok("GET", "/api/v3/order", &by_name).await;
    assert_eq!(queried["status"], "CANCELED");
    let again = venue.signed("DELETE", "/api/v3/order", &by_name).await;
    assert_eq!(
        again,
        (400, json!({"code": -2011, "msg": "Unknown order sent."}))
    );
    // The id is free again once its order is gone.
    venue.ok("POST", "/api/v3/order", &params).await;
    let all = venue.ok("GET", "/api/v3/allOrders", &[SYMBOL]).await;
    assert_eq!(all.as_array().unwrap().len(), 2);
    let swept = venue.ok("DELETE", "/api/v3/openOrders", &[SYMBOL]).await;
    assert_eq!(swept[0]["status"], "CANCELED");
}

fn oco() -> Vec<(&'static str, &'static str)> {
    vec![
        SYMBOL,
        ("side", "SELL"),
        ("quantity", "9.99"),
        ("aboveType", "LIMIT_MAKER"),
        ("abovePrice", "104.00"),
        ("aboveClientOrderId", "target"),
        ("belowType", "STOP_LOSS"),
        ("belowStopPrice", "97.00"),
        ("belowClientOrderId", "stop"),
        ("listClientOrderId", "pair"),
    ]
}

#[tokio::test]
async fn oco_stop_fills_and_the_target_expires() {
    let venue = Venue::start(&quiet_path()).await;
    venue.ok("POST", "/api/v3/order", &BUY).await;
    let list = venue.ok("POST", "/api/v3/orderList/oco", &oco()).await;
    assert_eq!(list["listOrderStatus"], "EXECUTING");
    assert_eq!(list["orderReports"][0]["type"], "STOP_LOSS");
    assert_eq!(list["orderReports"][0]["workingTime"], -1);
    assert_eq!(list["orderReports"][1]["type"], "LIMIT_MAKER");
    assert_eq!(
        venue
            .ok("GET", "/api/v3/openOrderList", &[])
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );

    for step in 1..=5 {
        venue.step(step).await;
    }
    // Bar 5 falls to 96: the stop triggers at 97 and fills 0.02 % worse, floored to the tick.
    let stop = venue
        .ok(
            "GET",
            "/api/v3/order",
            &[SYMBOL, ("origClientOrderId", "stop")],
        )
        .await;
    assert_eq!(
        (&stop["status"], &stop["executedQty"]),
        (&json!("FILLED"), &json!("9.99000000"))
    );
    assert_eq!(stop["updateTime"], json!(FIRST_OPEN + 5 * BAR_MS));
    let trades = venue
        .ok("GET", "/api/v3/myTrades", &[SYMBOL, ("orderId", "2")])
        .await;
    assert_eq!(trades[0]["price"], "96.98000000");
    let target = venue
        .ok(
            "GET",
            "/api/v3/order",
            &[SYMBOL, ("origClientOrderId", "target")],
        )
        .await;
    assert_eq!(target["status"], "EXPIRED");
    let done = venue
        .ok("GET", "/api/v3/orderList", &[("origClientOrderId", "pair")])
        .await;
    assert_eq!(done["listOrderStatus"], "ALL_DONE");
    assert_eq!(
        venue.ok("GET", "/api/v3/openOrderList", &[]).await,
        json!([])
    );
}

#[tokio::test]
async fn canceling_a_leg_cancels_the_list() {
    let venue = Venue::start(&quiet_path()).await;
    venue.ok("POST", "/api/v3/order", &BUY).await;
    venue.ok("POST", "/api/v3/orderList/oco", &oco()).await;
    let reply = venue
        .ok(
            "DELETE",
            "/api/v3/order",
            &[SYMBOL, ("origClientOrderId", "stop")],
        )
        .await;
    assert_eq!(reply["listOrderStatus"], "ALL_DONE");
    let statuses: Vec<_> = reply["orderReports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|leg| &leg["status"])
        .collect();
    assert_eq!(statuses, ["CANCELED", "CANCELED"]);
    venue.ok("POST", "/api/v3/orderList/oco", &oco()).await;
    let reply = venue
        .ok(
            "DELETE",
            "/api/v3/orderList",
            &[SYMBOL, ("listClientOrderId", "pair")],
        )
        .await;
    assert_eq!(reply["orderReports"].as_array().unwrap().len(), 2);
    let account = venue.ok("GET", "/api/v3/account", &[]).await;
    assert_eq!(account["balances"][1]["locked"], "0.00000000");
}

#[tokio::test]
async fn buy_oco_is_mirrored_and_wrong_sides_are_named() {
    let venue = Venue::start(&quiet_path()).await;
    let base = |above: (&'static str, &'static str), below: (&'static str, &'static str)| {
        vec![
            SYMBOL,
            ("side", "BUY"),
            ("quantity", "1"),
            ("aboveType", above.0),
            (
                if above.0 == "STOP_LOSS" {
                    "aboveStopPrice"
                } else {
                    "abovePrice"
                },
                above.1,
            ),
            ("belowType", below.0),
            (
                if below.0 == "STOP_LOSS" {
                    "belowStopPrice"
                } else {
                    "belowPrice"
                },
                below.1,
            ),
        ]
    };
    let good = base(("STOP_LOSS", "103"), ("LIMIT_MAKER", "97"));
    venue.ok("POST", "/api/v3/orderList/oco", &good).await;
    for (above, below, code) in [
        (("LIMIT_MAKER", "103"), ("STOP_LOSS", "97"), -1165),
        (("LIMIT_MAKER", "103"), ("LIMIT_MAKER", "97"), -1168),
        (("STOP_LOSS", "103"), ("STOP_LOSS", "97"), -1196),
        (("STOP_LOSS_LIMIT", "103"), ("LIMIT_MAKER", "97"), -1158),
        (("STOP_LOSS", "99"), ("LIMIT_MAKER", "97"), -2010),
    ] {
        let (status, body) = venue
            .signed("POST", "/api/v3/orderList/oco", &base(above, below))
            .await;
        assert_eq!((status, &body["code"]), (400, &json!(code)), "{body}");
    }
}

#[tokio::test]
async fn klines_never_show_the_future() {
    let venue = Venue::start(&quiet_path()).await;
    let all = "/api/v3/klines?symbol=BTCUSD&interval=15m&limit=1000";
    assert_eq!(venue.get(all).await, json!([]));
    for step in 1..=12 {
        venue.step(step).await;
        let rows = venue.get(all).await;
        assert_eq!(rows.as_array().unwrap().len() as u64, step);
        let hours = venue.get("/api/v3/klines?symbol=BTCUSD&interval=1h").await;
        assert_eq!(hours.as_array().unwrap().len() as u64, step / 4);
    }
    let rows = venue.get(all).await;
    let last = &rows[11];
    assert_eq!(last[0], json!(FIRST_OPEN + 11 * BAR_MS));
    assert_eq!(last[6], json!(FIRST_OPEN + 12 * BAR_MS - 1));
    assert_eq!(
        (&last[1], &last[5]),
        (&json!("100.00000000"), &json!("1.5"))
    );
    assert_eq!(last.as_array().unwrap().len(), 12);
    let hours = venue.get("/api/v3/klines?symbol=BTCUSD&interval=1h").await;
    assert_eq!(
        (&hours[1][3], &hours[2][2]),
        (&json!("96.00000000"), &json!("104.50000000"))
    );
    let from = format!("{all}&startTime={}", FIRST_OPEN + BAR_MS).replace("limit=1000", "limit=2");
    let rows = venue.get(&from).await;
    assert_eq!(rows[0][0], json!(FIRST_OPEN + BAR_MS));
    let to = format!("{all}&endTime={}", FIRST_OPEN + 3 * BAR_MS).replace("limit=1000", "limit=2");
    let rows = venue.get(&to).await;
    assert_eq!(
        (rows[0][0].as_i64(), rows[1][0].as_i64()),
        (Some(FIRST_OPEN + 2 * BAR_MS), Some(FIRST_OPEN + 3 * BAR_MS))
    );
}

#[tokio::test]
async fn history_before_the_start_step_is_served() {
    let venue = Venue::start_with(&quiet_path(), "lockstep", "start_step = 3").await;
    let rows = venue.get("/api/v3/klines?symbol=BTCUSD&interval=15m").await;
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let order = venue.ok("POST", "/api/v3/order", &BUY).await;
    assert_eq!(order["transactTime"], json!(FIRST_OPEN + 3 * BAR_MS));
    assert_eq!(venue.step(4).await["step"], 4);
}

#[tokio::test]
async fn exchange_info_tells_rules_and_widened_limits() {
    let venue = Venue::start(&quiet_path()).await;
    let info = venue.get("/api/v3/exchangeInfo?symbol=BTCUSD").await;
    assert_eq!(info["rateLimits"][0]["limit"], 6_000_000);
    let symbol = &info["symbols"][0];
    assert_eq!(symbol["filters"][0]["tickSize"], "0.01000000");
    assert_eq!(symbol["filters"][1]["stepSize"], "0.00001000");
    assert_eq!(symbol["filters"][2]["minNotional"], "10.00000000");
    let time = venue.get("/api/v3/time").await["serverTime"]
        .as_i64()
        .unwrap();
    assert!(
        (venue.clock.now_ms() - time).abs() < 60_000,
        "transport time, not market time"
    );
    let ticker = venue.get("/api/v3/ticker/bookTicker?symbol=BTCUSD").await;
    assert_eq!(
        (&ticker["bidPrice"], &ticker["askPrice"]),
        (&json!("100.00000000"), &json!("100.01000000"))
    );
}
