//! Every market stream of market mode over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod market_support;

use std::collections::BTreeMap;

use futures_util::{SinkExt, StreamExt};
use market_support::{
    BTCUSDT, ETHUSDT, GENERATOR, MarketVenue, Socket, UNMETERED, WAIT, next, received, request,
    until_reply,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

fn has(message: &Value, fields: &[&str]) {
    for field in fields {
        assert!(
            message.get(*field).is_some(),
            "{field} is missing in {message}"
        );
    }
}

/// Streams and the fields that their messages must have.
fn documented() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        (
            "btcusdt@aggTrade",
            &["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"][..],
        ),
        (
            "btcusdt@trade",
            &["e", "E", "s", "t", "p", "q", "T", "m", "M"],
        ),
        ("btcusdt@kline_1m", &["e", "E", "s", "k"]),
        ("btcusdt@kline_1d@+08:00", &["e", "E", "s", "k"]),
        ("btcusdt@kline_1s", &["e", "E", "s", "k"]),
        (
            "btcusdt@miniTicker",
            &["e", "E", "s", "c", "o", "h", "l", "v", "q"],
        ),
        (
            "btcusdt@ticker",
            &[
                "e", "E", "s", "p", "P", "w", "x", "c", "Q", "b", "B", "a", "A", "o", "h", "l",
                "v", "q", "O", "C", "F", "L", "n",
            ],
        ),
        (
            "btcusdt@ticker_1h",
            &[
                "e", "E", "s", "p", "P", "o", "h", "l", "c", "w", "v", "q", "O", "C", "F", "L", "n",
            ],
        ),
        ("btcusdt@bookTicker", &["u", "s", "b", "B", "a", "A"]),
        ("btcusdt@avgPrice", &["e", "E", "s", "i", "w", "T"]),
        ("btcusdt@depth5", &["lastUpdateId", "bids", "asks"]),
        ("btcusdt@depth20@100ms", &["lastUpdateId", "bids", "asks"]),
        ("btcusdt@depth", &["e", "E", "s", "U", "u", "b", "a"]),
        ("btcusdt@depth@100ms", &["e", "E", "s", "U", "u", "b", "a"]),
        ("!miniTicker@arr", &[]),
        ("!ticker_4h@arr", &[]),
    ])
}

/// The last message of each stream and REST tell the same.
async fn rest_agrees(venue: &MarketVenue, last: &impl Fn(&str) -> Value) {
    let depth = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5").await;
    assert_eq!(last("btcusdt@depth5"), depth);
    let average = venue.get("/api/v3/avgPrice?symbol=BTCUSDT").await;
    assert_eq!(last("btcusdt@avgPrice")["w"], average["price"]);
    let day = venue.get("/api/v3/ticker/24hr?symbol=BTCUSDT").await;
    let ticker = last("btcusdt@ticker");
    for (short, long) in [
        ("p", "priceChange"),
        ("P", "priceChangePercent"),
        ("w", "weightedAvgPrice"),
        ("x", "prevClosePrice"),
        ("c", "lastPrice"),
        ("Q", "lastQty"),
        ("b", "bidPrice"),
        ("B", "bidQty"),
        ("a", "askPrice"),
        ("A", "askQty"),
        ("o", "openPrice"),
        ("h", "highPrice"),
        ("l", "lowPrice"),
        ("v", "volume"),
        ("q", "quoteVolume"),
        ("O", "openTime"),
        ("C", "closeTime"),
        ("F", "firstId"),
        ("L", "lastId"),
        ("n", "count"),
    ] {
        assert_eq!(ticker[short], day[long], "{short}");
    }
    let klines = venue
        .get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1")
        .await;
    let forming = last("btcusdt@kline_1m")["k"].clone();
    for (field, index) in [
        ("t", 0),
        ("o", 1),
        ("h", 2),
        ("l", 3),
        ("c", 4),
        ("v", 5),
        ("T", 6),
        ("q", 7),
        ("n", 8),
        ("V", 9),
        ("Q", 10),
    ] {
        assert_eq!(forming[field], klines[0][index], "{field}");
    }
    let trades = venue.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1").await;
    let told = last("btcusdt@aggTrade");
    for field in ["a", "p", "q", "f", "l", "T", "m"] {
        assert_eq!(told[field], trades[0][field], "{field}");
    }
}

#[tokio::test]
async fn every_stream_speaks_as_documented() {
    let venue = MarketVenue::start(GENERATOR, "", &format!("{BTCUSDT}{ETHUSDT}")).await;
    let names = documented();
    let path: Vec<String> = names.keys().map(|name| name.replace('+', "%2B")).collect();
    let mut socket = venue
        .socket(&format!("/stream?streams={}", path.join("/")))
        .await;
    until_reply(&mut socket, "ready").await;
    venue.advance(400).await;
    let messages = until_reply(&mut socket, "end").await;
    for (name, fields) in &names {
        let of_name: Vec<&Value> = messages.iter().filter(|m| m["stream"] == *name).collect();
        assert!(!of_name.is_empty(), "{name} is silent");
        for message in of_name {
            has(&message["data"], fields);
        }
    }
    let count = |name: &str| messages.iter().filter(|m| m["stream"] == name).count();
    assert!(count("btcusdt@depth@100ms") > 5 * count("btcusdt@depth"));
    assert!(count("btcusdt@kline_1s") > count("btcusdt@kline_1m"));
    let last = |name: &str| {
        let found = messages.iter().rev().find(|m| m["stream"] == name);
        found.unwrap()["data"].clone()
    };
    assert_eq!(last("btcusdt@depth5")["bids"].as_array().unwrap().len(), 5);
    assert_eq!(
        last("btcusdt@depth20@100ms")["asks"]
            .as_array()
            .unwrap()
            .len(),
        20
    );
    let symbols: Vec<&str> = messages
        .iter()
        .filter(|m| m["stream"] == "!miniTicker@arr")
        .flat_map(|m| m["data"].as_array().unwrap())
        .map(|ticker| ticker["s"].as_str().unwrap())
        .collect();
    assert!(symbols.contains(&"BTCUSDT") && symbols.contains(&"ETHUSDT"));
    rest_agrees(&venue, &last).await;
}

#[tokio::test]
async fn microseconds_on_request() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut plain = venue.socket("/ws/btcusdt@trade").await;
    let mut fine = venue.socket("/ws/btcusdt@trade?timeUnit=MICROSECOND").await;
    let mut combined = venue
        .socket("/stream?streams=btcusdt@trade&timeUnit=microsecond")
        .await;
    for socket in [&mut plain, &mut fine, &mut combined] {
        until_reply(socket, "ready").await;
    }
    venue.advance(60).await;
    let (a, b, c) = (
        next(&mut plain).await,
        next(&mut fine).await,
        next(&mut combined).await,
    );
    assert_eq!(a["T"].as_i64().unwrap() * 1_000, b["T"].as_i64().unwrap());
    assert_eq!(c, json!({"stream": "btcusdt@trade", "data": b}));
    let url = format!(
        "ws://{}/ws/btcusdt@trade?timeUnit=NANOSECOND",
        venue.running.address
    );
    assert!(connect_async(url).await.is_err());
}

fn subscribe(names: &[&str], id: &Value) -> Value {
    json!({"method": "SUBSCRIBE", "params": names, "id": id})
}

#[tokio::test]
async fn wrong_requests_are_refused_by_code() {
    let venue = MarketVenue::start(GENERATOR, UNMETERED, BTCUSDT).await;
    let mut socket = venue.socket("/ws").await;
    for (body, code) in [
        (subscribe(&["btcusdt@trade"], &json!(1.5)), 2),
        (subscribe(&["btcusdt@trade"], &json!("x".repeat(37))), 2),
        (subscribe(&["!ticker@arr"], &json!(1)), 2),
        (subscribe(&["BTCUSDT@trade"], &json!(1)), 2),
        (subscribe(&["xyzusdt@trade"], &json!(1)), 2),
        (subscribe(&["btcusdt@depth7"], &json!(1)), 2),
        (json!({"method": "PUBLISH", "id": 1}), 2),
        (json!({"id": 1}), 2),
        (
            json!({"method": "SET_PROPERTY", "params": ["combined", "yes"], "id": 1}),
            1,
        ),
        (
            json!({"method": "SET_PROPERTY", "params": ["color", true], "id": 1}),
            0,
        ),
        (json!({"method": "GET_PROPERTY", "params": [7], "id": 1}), 2),
    ] {
        let reply = request(&mut socket, body.clone()).await;
        assert_eq!(reply["code"], code, "{body}: {reply}");
    }
    let retired = request(&mut socket, subscribe(&["!ticker@arr"], &json!(1))).await;
    assert!(
        retired["msg"].as_str().unwrap().contains("retired"),
        "{retired}"
    );
}

#[tokio::test]
async fn requests_on_a_stream_connection() {
    let extra = "[timing]\nmax_streams = 4\ncontrol_messages_per_second = 1000\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut socket = venue.socket("/ws").await;
    for id in [json!(1), json!("abc123"), json!(null), json!(-7)] {
        let reply = request(&mut socket, subscribe(&["btcusdt@trade"], &id)).await;
        assert_eq!(reply, json!({"result": null, "id": id}));
    }
    let four = [
        "btcusdt@trade",
        "btcusdt@aggTrade",
        "btcusdt@depth",
        "btcusdt@depth5",
    ];
    assert_eq!(
        request(&mut socket, subscribe(&four, &json!(2))).await["result"],
        Value::Null
    );
    let fifth = request(&mut socket, subscribe(&["btcusdt@ticker"], &json!(3))).await;
    assert!(
        fifth["msg"].as_str().unwrap().contains("at most 4"),
        "{fifth}"
    );
    let list = request(
        &mut socket,
        json!({"method": "LIST_SUBSCRIPTIONS", "id": 4}),
    )
    .await;
    assert_eq!(list["result"].as_array().unwrap().len(), 4);
    let combined = json!({"method": "SET_PROPERTY", "params": ["combined", true], "id": 5});
    assert_eq!(request(&mut socket, combined).await["result"], Value::Null);
    let asked = json!({"method": "GET_PROPERTY", "params": ["combined"], "id": 6});
    assert_eq!(request(&mut socket, asked).await["result"], true);
    let leave = json!({"method": "UNSUBSCRIBE", "params": four[1..], "id": 7});
    assert_eq!(request(&mut socket, leave).await["result"], Value::Null);
    venue.advance(60).await;
    let heard = until_reply(&mut socket, "end").await;
    assert!(!heard.is_empty());
    assert!(
        heard
            .iter()
            .all(|message| message["stream"] == "btcusdt@trade")
    );
    let five = format!("/stream?streams={}/btcusdt@ticker", four.join("/"));
    let url = format!("ws://{}{five}", venue.running.address);
    assert!(
        connect_async(url).await.is_err(),
        "five streams in the address"
    );
}

/// Reads until the connection is closed; hands back the close code and reason.
async fn close_of(socket: &mut Socket) -> (u16, String) {
    loop {
        if let Message::Close(frame) = received(socket).await {
            let frame = frame.expect("a close frame with a reason");
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

#[tokio::test]
async fn too_many_requests_in_a_second_end_the_connection() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut socket = venue.socket("/ws/btcusdt@trade").await;
    let list = json!({"method": "LIST_SUBSCRIPTIONS", "id": 1}).to_string();
    for _ in 0..6 {
        let message = Message::Text(list.clone().into());
        socket.send(message).await.unwrap();
    }
    let (code, reason) = close_of(&mut socket).await;
    assert_eq!(
        (code, reason.as_str()),
        (1_008, "too many messages in one second")
    );
}

/// A connection that never answers: it shakes hands and then only reads bytes.
async fn raw_socket(venue: &MarketVenue, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(venue.running.address).await.unwrap();
    let hello = format!(
        "GET {path} HTTP/1.1\r\nHost: venue\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(hello.as_bytes()).await.unwrap();
    stream
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(WAIT, stream.read_to_end(&mut bytes)).await;
    read.expect("an end in time").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn a_silent_peer_is_cut_off_and_an_old_connection_ends() {
    let extra = "[timing]\nping_interval_ms = 200\npong_timeout_ms = 1500\n\
                 control_messages_per_second = 1000\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut lively = venue.socket("/ws/btcusdt@trade").await;
    let silent = raw_socket(&venue, "/ws/btcusdt@trade").await;
    // Reading answers pings by itself; ten of them are waited for.
    let mut pings = 0;
    while pings < 10 {
        let next = tokio::time::timeout(WAIT, lively.next()).await.unwrap();
        if let Message::Ping(payload) = next.unwrap().unwrap() {
            assert!(!payload.is_empty());
            pings += 1;
        }
    }
    let last_words = read_to_end(silent).await;
    assert!(
        last_words.contains("no pong within the time allowed"),
        "{last_words}"
    );

    let extra = "[timing]\nconnection_life_ms = 50\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut socket = venue.socket("/ws/btcusdt@trade").await;
    let (code, reason) = close_of(&mut socket).await;
    assert_eq!(code, 1_001);
    assert!(reason.contains("maximum life"), "{reason}");
}

#[tokio::test]
async fn a_shutdown_is_announced() {
    let extra = "[timing]\nshutdown_notice_ms = 10\n";
    let venue = MarketVenue::start(GENERATOR, extra, BTCUSDT).await;
    let mut raw = venue.socket("/ws/btcusdt@trade").await;
    let mut combined = venue.socket("/stream?streams=btcusdt@trade").await;
    until_reply(&mut raw, "ready").await;
    until_reply(&mut combined, "ready").await;
    let stopping = tokio::spawn(venue.running.stop());
    let event = next(&mut raw).await;
    assert_eq!(event["e"], "serverShutdown");
    assert!(
        event["E"].as_i64().unwrap() > 1_700_000_000_000,
        "wall time"
    );
    let event = next(&mut combined).await;
    assert_eq!(
        (&event["stream"], &event["data"]["e"]),
        (&json!("!serverShutdown"), &json!("serverShutdown"))
    );
    assert_eq!(close_of(&mut raw).await.0, 1_001);
    stopping.await.unwrap();
}

#[tokio::test]
async fn three_hundred_and_one_connections_are_one_too_many() {
    let venue = MarketVenue::start(GENERATOR, "", BTCUSDT).await;
    let mut opened = Vec::new();
    for _ in 0..300 {
        opened.push(venue.socket("/ws").await);
        if opened.len() > 20 {
            opened.clear();
        }
    }
    let url = format!("ws://{}/ws", venue.running.address);
    let refused = connect_async(url).await.unwrap_err().to_string();
    assert!(refused.contains("429"), "{refused}");
}
