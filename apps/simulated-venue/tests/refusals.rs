//! Malformed, unsigned and unsupported requests get Binance's codes and statuses.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod support;

use serde_json::{Value, json};
use support::{API_KEY, BUY, Venue, quiet_path, signed_text};

const SYMBOL: (&str, &str) = ("symbol", "BTCUSD");

async fn raw(venue: &Venue, query: &str, key: Option<&str>) -> (u16, Value) {
    let mut request = venue
        .client
        .post(venue.url(&format!("/api/v3/order?{query}")));
    if let Some(key) = key {
        request = request.header("X-MBX-APIKEY", key);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn authentication_failures() {
    let venue = Venue::start(&quiet_path()).await;
    let now = venue.clock.now_ms();
    let good = signed_text(now, &BUY);
    let forged = good.replace("quantity=10", "quantity=11");
    let unsigned = good.split_once("&signature").unwrap().0.to_owned();
    let early = (now + 1_500).to_string();
    let late = (now - 400).to_string();
    let mut ahead = BUY.to_vec();
    ahead.push(("timestamp", &early));
    let mut stale = BUY.to_vec();
    stale.extend([("timestamp", late.as_str()), ("recvWindow", "300")]);
    let mut wide = BUY.to_vec();
    wide.push(("recvWindow", "60001"));
    let cases = [
        (good.clone(), None, 401, -2014),
        (good.clone(), Some("another-key"), 401, -2015),
        (forged, Some(API_KEY), 400, -1022),
        (unsigned, Some(API_KEY), 400, -1102),
        (
            "symbol=BTCUSD&signature=00".to_owned(),
            Some(API_KEY),
            400,
            -1102,
        ),
        (signed_text(now, &ahead), Some(API_KEY), 400, -1021),
        (signed_text(now, &stale), Some(API_KEY), 400, -1021),
        (signed_text(now, &wide), Some(API_KEY), 400, -1131),
    ];
    for (query, key, status, code) in cases {
        let (found, body) = raw(&venue, &query, key).await;
        assert_eq!(
            (found, &body["code"]),
            (status, &json!(code)),
            "{query}: {body}"
        );
    }
    let microseconds = (venue.clock.now_ms() * 1_000).to_string();
    let mut fine = BUY.to_vec();
    fine.push(("timestamp", &microseconds));
    assert_eq!(
        raw(&venue, &signed_text(0, &fine), Some(API_KEY)).await.0,
        200
    );
}

const LIMIT: &str = "type=LIMIT&timeInForce=GTC&quantity=1&price=90";

/// What is sent (`LIMIT` stands for a good limit order), the code, a word of the message.
const ORDERS: [(&str, i64, &str); 21] = [
    ("type=MARKET", -1102, "quoteOrderQty"),
    ("type=MARKET&quantity=0", -1013, "LOT_SIZE"),
    ("type=MARKET&quantity=1.000001", -1013, "LOT_SIZE"),
    ("type=MARKET&quantity=1.123456789", -1111, "quantity"),
    ("type=MARKET&quantity=0.01", -1013, "NOTIONAL"),
    ("type=MARKET&quantity=1000", -2010, "insufficient balance"),
    ("type=MARKET&quantity=1&price=1", -1106, "price"),
    ("type=MARKET&quoteOrderQty=100", -2010, "Quote order qty"),
    ("type=LIMIT&quantity=1&price=90", -1102, "timeInForce"),
    (
        "type=LIMIT&timeInForce=GTX&quantity=1&price=90",
        -1115,
        "timeInForce",
    ),
    (
        "type=LIMIT&timeInForce=GTC&quantity=1&price=90.001",
        -1013,
        "PRICE_FILTER",
    ),
    (
        "type=LIMIT&timeInForce=GTC&quantity=1&price=9e1",
        -1100,
        "price",
    ),
    ("LIMIT&icebergQty=1", -2010, "Iceberg"),
    ("LIMIT&color=red", -1104, "read"),
    ("LIMIT&newClientOrderId=a%20b", -1100, "newClientOrderId"),
    ("LIMIT&newOrderRespType=X", -1130, "newOrderRespType"),
    (
        "type=LIMIT_MAKER&quantity=1&price=101",
        -2010,
        "match and take",
    ),
    ("type=STOP_LOSS&quantity=1&stopPrice=99", -2010, "trigger"),
    (
        "type=STOP_LOSS&quantity=1&trailingDelta=99",
        -2010,
        "Trailing",
    ),
    (
        "type=TAKE_PROFIT&quantity=1&stopPrice=99",
        -2010,
        "Take profit",
    ),
    ("type=PEGGED&quantity=1", -1116, "orderType"),
];

#[tokio::test]
async fn order_parameters_are_checked_one_by_one() {
    let venue = Venue::start(&quiet_path()).await;
    for (text, code, word) in ORDERS {
        let text = match text.strip_prefix("LIMIT&") {
            Some(rest) => format!("{LIMIT}&{rest}"),
            None => text.to_owned(),
        };
        let mut params = vec![SYMBOL, ("side", "BUY")];
        params.extend(text.split('&').filter_map(|pair| pair.split_once('=')));
        let (status, body) = venue.signed("POST", "/api/v3/order", &params).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!(code)),
            "{text}: {body}"
        );
        assert!(
            body["msg"].as_str().unwrap().contains(word),
            "{text}: {body}"
        );
    }
    assert_eq!(
        venue.ok("GET", "/api/v3/allOrders", &[SYMBOL]).await,
        json!([])
    );
    let (_, state) = venue.control("GET", "/sim/v1/state", None).await;
    assert_eq!(
        state["last_execution_id"], 0,
        "a refusal leaves no execution"
    );
}

/// Method, path, parameters, the code to expect.
type Query<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], i64);

#[tokio::test]
async fn queries_and_unknown_routes() {
    let venue = Venue::start(&quiet_path()).await;
    let day = "86400001";
    let cases: [Query; 8] = [
        ("GET", "/api/v3/order", &[SYMBOL, ("orderId", "7")], -2013),
        ("GET", "/api/v3/order", &[SYMBOL], -1102),
        (
            "DELETE",
            "/api/v3/order",
            &[SYMBOL, ("orderId", "7")],
            -2011,
        ),
        ("DELETE", "/api/v3/openOrders", &[SYMBOL], -2011),
        ("GET", "/api/v3/openOrders", &[("symbol", "NOPE")], -1121),
        (
            "GET",
            "/api/v3/myTrades",
            &[SYMBOL, ("orderId", "1"), ("startTime", "1")],
            -1128,
        ),
        (
            "GET",
            "/api/v3/myTrades",
            &[SYMBOL, ("startTime", "0"), ("endTime", day)],
            -1127,
        ),
        ("GET", "/api/v3/myTrades", &[SYMBOL, ("limit", "0")], -1130),
    ];
    for (method, path, params, code) in cases {
        let (status, body) = venue.signed(method, path, params).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!(code)),
            "{path}: {body}"
        );
    }
    let body = venue.get("/api/v3/klines?symbol=BTCUSD&interval=7m").await;
    assert_eq!(body["code"], -1120);
    let body = venue.get("/api/v3/klines?symbol=BTCUSD&interval=5m").await;
    assert_eq!(body["code"], -1120, "finer than the recording");
    let listen_key = venue
        .client
        .post(venue.url("/api/v3/userDataStream"))
        .send()
        .await
        .unwrap();
    assert_eq!(listen_key.status(), 410);
    let unknown = venue
        .client
        .get(venue.url("/api/v3/aggTrades"))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
    let wrong = venue
        .client
        .put(venue.url("/api/v3/order"))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], -1020);
}

#[tokio::test]
async fn weight_limits_answer_429_then_418() {
    let venue = Venue::start_with(&quiet_path(), "free", "speed = 0.001").await;
    let url = venue.url("/api/v3/exchangeInfo");
    let mut statuses = Vec::new();
    let mut retry_after = None;
    // 300 requests of weight 20 fill the minute; then 20 warnings, then the ban. A minute that
    // rolls over in between only lengthens the first part.
    for _ in 0..700 {
        let response = venue.client.get(&url).send().await.unwrap();
        let status = response.status().as_u16();
        if status == 429 {
            retry_after = response.headers().get("retry-after").cloned();
        }
        statuses.push(status);
        if status == 418 {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&418));
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count() % 300,
        0
    );
    assert!(retry_after.is_some());
}
