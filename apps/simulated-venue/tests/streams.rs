//! Market streams and the WebSocket API over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::{BAR_MS, BUY, FIRST_OPEN, Venue, quiet_path, signed_call};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(venue: &Venue, path: &str) -> Socket {
    let url = format!("ws://{}{path}", venue.running.address);
    connect_async(url).await.unwrap().0
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        let received = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
        match received.expect("a frame within 10 s").unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Close(frame) => panic!("closed: {frame:?}"),
            _ => {}
        }
    }
}

async fn ask(socket: &mut Socket, text: String) -> Value {
    socket.send(Message::Text(text.into())).await.unwrap();
    next(socket).await
}

async fn subscribe_user(venue: &Venue) -> Socket {
    let mut socket = open(venue, "/ws-api/v3").await;
    let method = "userDataStream.subscribe.signature";
    let reply = ask(
        &mut socket,
        signed_call(venue.clock.now_ms(), "s", method, &[]),
    )
    .await;
    assert_eq!(reply["result"], json!({"subscriptionId": 0}));
    socket
}

#[tokio::test]
async fn user_events_come_in_order_with_contiguous_execution_ids() {
    let venue = Venue::start(&quiet_path()).await;
    let mut user = subscribe_user(&venue).await;
    venue.ok("POST", "/api/v3/order", &BUY).await;
    let oco = [
        ("symbol", "BTCUSD"),
        ("side", "SELL"),
        ("quantity", "9.99"),
        ("aboveType", "LIMIT_MAKER"),
        ("abovePrice", "104"),
        ("belowType", "STOP_LOSS"),
        ("belowStopPrice", "97"),
        ("belowClientOrderId", "stop"),
    ];
    venue.ok("POST", "/api/v3/orderList/oco", &oco).await;
    for step in 1..=5 {
        venue.step(step).await;
    }
    let mut seen = Vec::new();
    let mut ids = Vec::new();
    while seen.last().map(String::as_str) != Some("outboundAccountPosition 3") {
        let frame = next(&mut user).await;
        assert_eq!(frame["subscriptionId"], 0);
        let event = &frame["event"];
        let kind = event["e"].as_str().unwrap();
        let count = seen
            .iter()
            .filter(|line: &&String| line.starts_with(kind))
            .count()
            + 1;
        seen.push(match kind {
            "executionReport" => {
                ids.push(event["I"].as_u64().unwrap());
                let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                format!(
                    "executionReport {} {} {} w={}",
                    text("o"),
                    text("x"),
                    text("X"),
                    event["w"]
                )
            }
            "listStatus" => format!("listStatus {}", event["L"].as_str().unwrap()),
            _ => format!("{kind} {count}"),
        });
    }
    assert_eq!(
        seen,
        [
            "executionReport MARKET NEW NEW w=true",
            "executionReport MARKET TRADE FILLED w=false",
            "outboundAccountPosition 1",
            "executionReport STOP_LOSS NEW NEW w=false",
            "executionReport LIMIT_MAKER NEW NEW w=true",
            "listStatus EXECUTING",
            "outboundAccountPosition 2",
            "executionReport STOP_LOSS NEW NEW w=true",
            "executionReport LIMIT_MAKER EXPIRED EXPIRED w=false",
            "executionReport STOP_LOSS TRADE FILLED w=false",
            "listStatus ALL_DONE",
            "outboundAccountPosition 3",
        ]
    );
    assert_eq!(ids, (1..=7).collect::<Vec<u64>>());
    let (_, state) = venue.control("GET", "/sim/v1/state", None).await;
    assert_eq!(state["last_execution_id"], 7);
}

#[tokio::test]
async fn a_trade_report_carries_every_documented_field() {
    let venue = Venue::start(&quiet_path()).await;
    let mut user = subscribe_user(&venue).await;
    venue.ok("POST", "/api/v3/order", &BUY).await;
    next(&mut user).await;
    let event = next(&mut user).await["event"].clone();
    for key in [
        "e", "E", "s", "c", "S", "o", "f", "q", "p", "P", "F", "g", "C", "x", "X", "r", "i", "l",
        "z", "L", "n", "N", "T", "t", "v", "I", "w", "m", "M", "O", "Z", "Y", "Q", "W", "V",
    ] {
        assert!(event.get(key).is_some(), "{key} is missing in {event}");
    }
    assert_eq!(
        (
            &event["l"],
            &event["L"],
            &event["Y"],
            &event["n"],
            &event["N"],
            &event["t"]
        ),
        (
            &json!("10.00000000"),
            &json!("100.02000000"),
            &json!("1000.20000000"),
            &json!("0.01000000"),
            &json!("BTC"),
            &json!(1)
        )
    );
    assert_eq!(
        (&event["T"], &event["E"]),
        (&json!(FIRST_OPEN), &json!(FIRST_OPEN))
    );
}

#[tokio::test]
async fn a_cancel_report_names_the_cancel_and_the_original() {
    let venue = Venue::start(&quiet_path()).await;
    let params = [
        ("symbol", "BTCUSD"),
        ("side", "BUY"),
        ("type", "LIMIT_MAKER"),
        ("quantity", "1"),
        ("price", "90"),
        ("newClientOrderId", "mine"),
    ];
    let placed = venue.ok("POST", "/api/v3/order", &params).await;
    assert!(
        placed.get("status").is_none(),
        "LIMIT_MAKER answers ACK by default"
    );
    let mut user = subscribe_user(&venue).await;
    let order_id = placed["orderId"].to_string();
    let cancel = [
        ("symbol", "BTCUSD"),
        ("orderId", order_id.as_str()),
        ("newClientOrderId", "bye"),
    ];
    venue.ok("DELETE", "/api/v3/order", &cancel).await;
    let event = next(&mut user).await["event"].clone();
    assert_eq!(
        (&event["x"], &event["c"], &event["C"]),
        (&json!("CANCELED"), &json!("bye"), &json!("mine"))
    );
}

#[tokio::test]
async fn closed_klines_follow_the_steps_on_every_kind_of_connection() {
    let venue = Venue::start(&quiet_path()).await;
    let mut named = open(&venue, "/ws/btcusd@kline_15m").await;
    let mut combined = open(&venue, "/stream?streams=btcusd@kline_15m/btcusd@bookTicker").await;
    let mut later = open(&venue, "/ws/0").await;
    let subscribe = json!({"method": "SUBSCRIBE", "params": ["btcusd@kline_15m"], "id": 1});
    assert_eq!(
        ask(&mut later, subscribe.to_string()).await,
        json!({"result": null, "id": 1})
    );
    let list = json!({"method": "LIST_SUBSCRIPTIONS", "id": "a"}).to_string();
    let listed = json!({"result": ["btcusd@kline_15m"], "id": "a"});
    assert_eq!(ask(&mut later, list).await, listed);
    let refused = json!({"method": "SUBSCRIBE", "params": ["btcusd@depth"], "id": 2}).to_string();
    assert_eq!(ask(&mut later, refused).await["code"], 2);

    venue.step(1).await;
    let kline = next(&mut named).await;
    assert_eq!(
        (&kline["e"], &kline["E"]),
        (&json!("kline"), &json!(FIRST_OPEN + BAR_MS))
    );
    assert_eq!(
        (&kline["k"]["x"], &kline["k"]["t"]),
        (&json!(true), &json!(FIRST_OPEN))
    );
    let wrapped = next(&mut combined).await;
    assert_eq!(wrapped["stream"], "btcusd@kline_15m");
    assert_eq!(wrapped["data"], kline);
    assert_eq!(next(&mut combined).await["stream"], "btcusd@bookTicker");
    assert_eq!(next(&mut later).await, kline);

    let leave = json!({"method": "UNSUBSCRIBE", "params": ["btcusd@kline_15m"], "id": 3});
    ask(&mut later, leave.to_string()).await;
    venue.step(2).await;
    let again = json!({"method": "LIST_SUBSCRIPTIONS", "id": 4}).to_string();
    assert_eq!(
        ask(&mut later, again).await,
        json!({"result": [], "id": 4}),
        "no kline in between"
    );
    let unknown = connect_async(format!("ws://{}/ws/nope@kline_15m", venue.running.address)).await;
    assert!(unknown.is_err(), "a stream nobody serves is refused");
}

#[tokio::test]
async fn requests_work_over_the_websocket_api() {
    let venue = Venue::start(&quiet_path()).await;
    let mut socket = open(&venue, "/ws-api/v3").await;
    let pong = ask(&mut socket, json!({"id": 7, "method": "ping"}).to_string()).await;
    assert_eq!(
        (&pong["id"], &pong["status"], &pong["result"]),
        (&json!(7), &json!(200), &json!({}))
    );
    assert_eq!(pong["rateLimits"][0]["rateLimitType"], "REQUEST_WEIGHT");
    let now = venue.clock.now_ms();
    let order = ask(&mut socket, signed_call(now, "o", "order.place", &BUY)).await;
    assert_eq!(
        (&order["status"], &order["result"]["status"]),
        (&json!(200), &json!("FILLED"))
    );
    let query = [("symbol", "BTCUSD"), ("orderId", "1")];
    let status = ask(&mut socket, signed_call(now, "q", "order.status", &query)).await;
    assert_eq!(status["result"]["executedQty"], "10.00000000");

    let quiet = [
        ("symbol", "BTCUSD"),
        ("orderId", "1"),
        ("returnRateLimits", "false"),
    ];
    let call = signed_call(now, "r", "order.status", &quiet).replace("\"false\"", "false");
    let status = ask(&mut socket, call).await;
    assert_eq!(
        status["status"], 200,
        "returnRateLimits is signed too: {status}"
    );
    assert!(status.get("rateLimits").is_none());

    let forged = signed_call(now, "f", "order.place", &BUY).replace("\"10\"", "\"11\"");
    let refused = ask(&mut socket, forged).await;
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(400), &json!(-1022))
    );
    for (text, code) in [
        (
            json!({"id": 1, "method": "userDataStream.start"}).to_string(),
            -1020,
        ),
        (
            json!({"id": 1, "method": "session.logon"}).to_string(),
            -4056,
        ),
        ("{".to_owned(), -1135),
    ] {
        assert_eq!(ask(&mut socket, text).await["error"]["code"], code);
    }
    let mut user = subscribe_user(&venue).await;
    let end = json!({"id": "u", "method": "userDataStream.unsubscribe", "params": {}}).to_string();
    assert_eq!(ask(&mut user, end).await["result"], json!({}));
}
