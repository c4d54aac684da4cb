//! The WebSocket API in market mode: sessions, subscriptions, user events, limits, time units.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::market::{ALICE, BOB, Market, READER, SYMBOL, Signer};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Connection {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    last: u64,
}

impl Connection {
    async fn open(venue: &Market, query: &str) -> Self {
        let url = format!("ws://{}/ws-api/v3{query}", venue.running.address);
        let (socket, _) = connect_async(url).await.unwrap();
        Self { socket, last: 0 }
    }

    async fn next(&mut self) -> Value {
        loop {
            let wait = tokio::time::timeout(Duration::from_secs(10), self.socket.next());
            match wait.await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => unreachable!("{other:?}"),
            }
        }
    }

    /// Sends a request and hands back its answer and the events that came before it.
    async fn call(&mut self, method: &str, params: Value) -> (Value, Vec<Value>) {
        self.last += 1;
        let id = self.last;
        let frame = json!({"id": id, "method": method, "params": params});
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .unwrap();
        let mut events = Vec::new();
        loop {
            let frame = self.next().await;
            if frame.get("id") == Some(&json!(id)) {
                return (frame, events);
            }
            events.push(frame);
        }
    }

    async fn signed(&mut self, signer: Signer, method: &str, params: &[(&str, &str)]) -> Value {
        let now = simulated_venue::clock::Clock::Wall.now_ms();
        let mut map: BTreeMap<String, Value> = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        map.insert("apiKey".into(), json!(signer.api_key()));
        map.insert("timestamp".into(), json!(now));
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let pairs: Vec<String> = map
            .iter()
            .map(|(k, v)| format!("{k}={}", text(v)))
            .collect();
        map.insert("signature".into(), json!(signer.sign(&pairs.join("&"))));
        self.call(method, json!(map)).await.0
    }
}

fn now() -> i64 {
    simulated_venue::clock::Clock::Wall.now_ms()
}

#[tokio::test]
async fn a_session_is_logged_on_by_an_ed25519_key_only() {
    let venue = Market::start().await;
    let mut api = Connection::open(&venue, "").await;
    let refused = api.signed(Signer::Hmac(ALICE), "session.logon", &[]).await;
    assert_eq!(refused["error"]["code"], -4056, "{refused}");
    let (refused, _) = api.call("userDataStream.subscribe", json!({})).await;
    assert_eq!(refused["status"], 401);
    let logon = api.signed(Signer::Ed25519, "session.logon", &[]).await;
    assert_eq!(logon["result"]["apiKey"], "ed25519-alice");
    assert!(
        logon["result"]["authorizedSince"].as_i64() >= logon["result"]["connectedSince"].as_i64()
    );
    // Within the session neither key nor signature is needed.
    let (account, _) = api
        .call("account.status", json!({"timestamp": now()}))
        .await;
    assert_eq!(account["result"]["uid"], 1, "{account}");
    let (missing, _) = api.call("account.status", json!({})).await;
    assert_eq!(missing["error"]["code"], -1102);
    // A request that brings its own key is judged by that key.
    let other = api.signed(Signer::Hmac(BOB), "account.status", &[]).await;
    assert_eq!(other["result"]["uid"], 2);
    let (reply, _) = api.call("userDataStream.subscribe", json!({})).await;
    assert_eq!(reply["result"], json!({"subscriptionId": 0}));
    let (reply, _) = api.call("userDataStream.subscribe", json!({})).await;
    assert_eq!(reply["error"]["code"], -2035);
    let (status, _) = api.call("session.status", json!({})).await;
    assert_eq!(status["result"]["userDataStream"], true);
    let (logout, events) = api.call("session.logout", json!({})).await;
    assert_eq!(logout["result"]["apiKey"], Value::Null);
    let ended = match events.into_iter().next() {
        Some(event) => event,
        None => api.next().await,
    };
    assert_eq!(ended["event"]["e"], "eventStreamTerminated");
    let (refused, _) = api
        .call("account.status", json!({"timestamp": now()}))
        .await;
    assert_eq!(refused["error"]["code"], -2014);
}

#[tokio::test]
async fn events_of_several_accounts_arrive_on_one_connection() {
    let venue = Market::start().await;
    let mut api = Connection::open(&venue, "").await;
    let method = "userDataStream.subscribe.signature";
    for (signer, number) in [(ALICE, 0), (BOB, 1)] {
        let reply = api.signed(Signer::Hmac(signer), method, &[]).await;
        assert_eq!(reply["result"]["subscriptionId"], number);
    }
    let again = api.signed(Signer::Hmac(READER), method, &[]).await;
    assert_eq!(
        again["error"]["code"], -2035,
        "the same account by another key"
    );
    let (rows, _) = api.call("session.subscriptions", json!({})).await;
    assert_eq!(
        rows["result"],
        json!([{"subscriptionId": 0}, {"subscriptionId": 1}])
    );
    let order = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "MARKET"),
        ("quantity", "0.001"),
    ];
    let (status, _) = venue
        .ask(Signer::Hmac(BOB), ("POST", "order"), &order)
        .await;
    assert_eq!(status, 200);
    let mut kinds = Vec::new();
    while kinds
        .last()
        .is_none_or(|kind| kind != "outboundAccountPosition")
    {
        let frame = api.next().await;
        assert_eq!(frame["subscriptionId"], 1);
        kinds.push(frame["event"]["e"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        kinds,
        [
            "executionReport",
            "executionReport",
            "outboundAccountPosition"
        ]
    );
    let transfer = json!({"account": "alice", "asset": "BTC", "amount": "2"});
    venue.control("POST", "/sim/v1/deposit", transfer).await;
    let frame = api.next().await;
    assert_eq!(
        (&frame["subscriptionId"], &frame["event"]["e"]),
        (&json!(0), &json!("balanceUpdate"))
    );
    assert_eq!(frame["event"]["d"], "2.00000000");
    let (reply, _) = api
        .call("userDataStream.unsubscribe", json!({"subscriptionId": 7}))
        .await;
    assert_eq!(reply["error"]["code"], -2036);
}

#[tokio::test]
async fn a_key_without_the_right_ends_its_session() {
    let extra = "[[account]]\nname = \"carol\"\napi_key = \"ed-carol\"\n\
                 public_key_file = \"ed25519.pem\"\ncan_trade = false\n";
    let venue = Market::start_with(extra).await;
    let mut api = Connection::open(&venue, "").await;
    let now = now();
    let payload = format!("apiKey=ed-carol&timestamp={now}");
    let signature = Signer::Ed25519.sign(&payload);
    let params = json!({"apiKey": "ed-carol", "timestamp": now, "signature": signature});
    let (logon, _) = api.call("session.logon", params).await;
    assert_eq!(logon["status"], 200, "{logon}");
    let order = json!({
        "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01",
        "timestamp": now,
    });
    let (refused, mut events) = api.call("order.place", order).await;
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(401), &json!(-2015))
    );
    let revoked = match events.pop() {
        Some(event) => event,
        None => api.next().await,
    };
    assert_eq!(
        (&revoked["id"], &revoked["status"]),
        (&Value::Null, &json!(401))
    );
    let (status, _) = api.call("session.status", json!({})).await;
    assert_eq!(status["result"]["apiKey"], Value::Null);
}

#[tokio::test]
async fn answers_carry_limits_and_their_ids() {
    let venue = Market::start().await;
    let mut api = Connection::open(&venue, "").await;
    let order = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT_MAKER"),
        ("quantity", "0.01"),
        ("price", "50000"),
    ];
    let placed = api.signed(Signer::Hmac(ALICE), "order.place", &order).await;
    let kinds: Vec<&Value> = placed["rateLimits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["rateLimitType"])
        .collect();
    assert_eq!(kinds, ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]);
    assert_eq!(placed["rateLimits"][0]["count"], 1);
    assert_eq!(
        placed["rateLimits"][2]["count"], 2,
        "the connection; the order was free"
    );
    let (quiet, _) = api.call("ping", json!({"returnRateLimits": false})).await;
    assert!(quiet.get("rateLimits").is_none());
    for (id, is_legal) in [
        (json!("a-1"), true),
        (Value::Null, true),
        (json!(1.5), false),
    ] {
        let frame = json!({"id": id, "method": "ping"}).to_string();
        api.socket.send(Message::text(frame)).await.unwrap();
        let reply = api.next().await;
        assert_eq!(reply["status"] == 200, is_legal, "{reply}");
        assert_eq!(reply["id"], if is_legal { id } else { Value::Null });
    }
    let mut micro = Connection::open(&venue, "?returnRateLimits=false&timeUnit=MICROSECOND").await;
    let (time, _) = micro.call("time", json!({})).await;
    assert!(time["result"]["serverTime"].as_i64().unwrap() > 1_000_000_000_000_000);
    assert!(time.get("rateLimits").is_none());
}

#[tokio::test]
async fn an_exhausted_order_count_is_told_with_the_time_to_wait() {
    let venue = Market::start_with("[limits]\norders_per_10s = 1000\norders_per_day = 2\n").await;
    let order = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT_MAKER"),
        ("quantity", "0.01"),
        ("price", "50000"),
    ];
    for _ in 0..2 {
        venue.ok(("POST", "order"), &order).await;
    }
    let response = venue
        .send(Signer::Hmac(ALICE), ("POST", "order"), &order)
        .await;
    assert_eq!(response.status(), 429);
    let wait: i64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=86_400).contains(&wait));
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body,
        json!({
            "code": -1015, "msg": "Too many new orders; current limit is 2 orders per 1 DAY.",
        })
    );
    let mut api = Connection::open(&venue, "").await;
    let refused = api.signed(Signer::Hmac(ALICE), "order.place", &order).await;
    assert_eq!(refused["error"]["code"], -1015);
    assert!(refused["error"]["data"]["retryAfter"].as_i64().unwrap() > now());
    let cheap = [
        SYMBOL,
        ("side", "BUY"),
        ("type", "LIMIT_MAKER"),
        ("quantity", "0.001"),
        ("price", "50000"),
    ];
    let (status, _) = venue
        .ask(Signer::Hmac(BOB), ("POST", "order"), &cheap)
        .await;
    assert_eq!(status, 200, "the count is per account");
    let mut replace = order.to_vec();
    replace.extend([
        ("cancelReplaceMode", "STOP_ON_FAILURE"),
        ("cancelOrderId", "1"),
        ("orderRateLimitExceededMode", "CANCEL_ONLY"),
    ]);
    let call = ("POST", "order/cancelReplace");
    let (status, body) = venue.ask(Signer::Hmac(ALICE), call, &replace).await;
    assert_eq!((status, &body["code"]), (409, &json!(-2021)), "{body}");
    assert_eq!(body["data"]["newOrderResponse"]["code"], -1015);
    assert_eq!(body["data"]["cancelResponse"]["status"], "CANCELED");
}

#[tokio::test]
async fn stopping_tells_the_connections_first() {
    let venue = Market::start().await;
    let mut api = Connection::open(&venue, "").await;
    api.call("ping", json!({})).await;
    venue.running.stop().await;
    assert_eq!(api.next().await["event"]["e"], "serverShutdown");
}
