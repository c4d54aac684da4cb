//! Posting rules, reading what they hit, and sockets that show every byte.
#![allow(dead_code, reason = "every test file uses its own part of the support")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test support"
)]

pub(crate) mod market;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::{API_KEY, Venue, signed_call, signed_text};

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for something wrongly sent to arrive.
pub(crate) const SILENCE: Duration = Duration::from_millis(150);

pub(crate) const SYMBOL: (&str, &str) = ("symbol", "BTCUSD");

/// A LIMIT BUY far below the market.
pub(crate) fn resting(id: &str) -> Vec<(&'static str, &str)> {
    vec![
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "1"),
        ("price", "90.00"),
        ("newClientOrderId", id),
    ]
}

pub(crate) async fn post(venue: &Venue, rules: Value) {
    let (status, body) = venue.control("POST", "/sim/v1/faults", Some(rules)).await;
    assert_eq!(status, 200, "{body}");
}

/// One rule named after its fault.
pub(crate) async fn one(venue: &Venue, fault: &str, selectors: Value, params: Value) {
    let mut rule = json!({"id": fault, "fault": fault, "params": params});
    let fields = selectors.as_object().unwrap().clone();
    rule.as_object_mut().unwrap().extend(fields);
    post(venue, json!([rule])).await;
}

pub(crate) async fn refused(venue: &Venue, rules: Value) -> String {
    let (status, body) = venue.control("POST", "/sim/v1/faults", Some(rules)).await;
    assert_eq!(status, 400, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

pub(crate) async fn clear(venue: &Venue) {
    let (status, _) = venue.control("DELETE", "/sim/v1/faults", None).await;
    assert_eq!(status, 200);
}

/// The listed rule of this id.
pub(crate) async fn rule(venue: &Venue, id: &str) -> Value {
    let (_, body) = venue.control("GET", "/sim/v1/faults", None).await;
    let rows = body.as_array().unwrap();
    rows.iter()
        .find(|row| row["id"] == id)
        .expect("a listed rule")
        .clone()
}

/// Fails unless the rule fired this often and never without effect.
pub(crate) async fn fired(venue: &Venue, id: &str, times: u64) -> Vec<Value> {
    let row = rule(venue, id).await;
    assert_eq!(row["fired"], times, "{row}");
    let hits = row["hits"].as_array().unwrap().clone();
    assert!(hits.iter().all(|hit| hit.get("missed").is_none()), "{row}");
    hits
}

/// Waits until the rule has fired this often.
pub(crate) async fn until_fired(venue: &Venue, id: &str, times: u64) {
    let wait = async {
        while rule(venue, id).await["fired"].as_u64().unwrap() < times {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the rule fires");
}

/// Client order ids of all orders that the venue has, from its own ledger of executions.
pub(crate) async fn executed(venue: &Venue) -> Vec<String> {
    let orders = venue.ok("GET", "/api/v3/allOrders", &[SYMBOL]).await;
    let ids = orders.as_array().unwrap().iter();
    ids.map(|order| order["clientOrderId"].as_str().unwrap().to_owned())
        .collect()
}

/// The address of a signed request.
pub(crate) fn signed_url(venue: &Venue, path: &str, params: &[(&str, &str)]) -> String {
    let query = signed_text(venue.clock.now_ms(), params);
    venue.url(&format!("{path}?{query}"))
}

/// Sends one signed request on a fresh connection and reads whatever comes until its end.
pub(crate) async fn raw(
    venue: &Venue,
    method: &str,
    path: &str,
    params: &[(&str, &str)],
) -> Result<Vec<u8>, std::io::Error> {
    let query = signed_text(venue.clock.now_ms(), params);
    let mut stream = TcpStream::connect(venue.running.address).await.unwrap();
    let request = format!(
        "{method} {path}?{query} HTTP/1.1\r\nHost: venue\r\nX-MBX-APIKEY: {API_KEY}\r\n\
         Connection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut reply)).await;
    read.expect("an end of the connection").map(|_| reply)
}

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn open(venue: &Venue, path: &str) -> Socket {
    let url = format!("ws://{}{path}", venue.running.address);
    connect_async(url).await.unwrap().0
}

/// What comes next: a text, a close, or the end.
#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Text(Value),
    Close(u16),
    End,
    Nothing,
}

pub(crate) async fn next_within(socket: &mut Socket, limit: Duration) -> Next {
    loop {
        let Ok(received) = tokio::time::timeout(limit, socket.next()).await else {
            return Next::Nothing;
        };
        match received {
            Some(Ok(Message::Text(text))) => {
                return Next::Text(serde_json::from_str(&text).unwrap_or(json!(text.to_string())));
            }
            Some(Ok(Message::Close(frame))) => {
                return Next::Close(frame.map_or(0, |frame| frame.code.into()));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Next::End,
        }
    }
}

pub(crate) async fn next(socket: &mut Socket) -> Value {
    match next_within(socket, PATIENCE).await {
        Next::Text(value) => value,
        other => panic!("expected a text, got {other:?}"),
    }
}

pub(crate) async fn tell(socket: &mut Socket, text: String) {
    socket.send(Message::Text(text.into())).await.unwrap();
}

pub(crate) async fn ask(socket: &mut Socket, text: String) -> Value {
    tell(socket, text).await;
    next(socket).await
}

pub(crate) async fn subscribe_user(venue: &Venue) -> Socket {
    let mut socket = open(venue, "/ws-api/v3").await;
    let method = "userDataStream.subscribe.signature";
    let call = signed_call(venue.clock.now_ms(), "s", method, &[]);
    assert_eq!(ask(&mut socket, call).await["status"], 200);
    socket
}

/// The `x` and the client order id of the next execution report.
pub(crate) async fn report(socket: &mut Socket) -> (String, String) {
    loop {
        let frame = next(socket).await;
        let event = &frame["event"];
        if event["e"] == "executionReport" {
            let text = |key: &str| event[key].as_str().unwrap().to_owned();
            return (text("x"), text("c"));
        }
    }
}
