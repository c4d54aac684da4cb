//! Faults of requests and replies: what the client saw, and whether the venue acted.
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
    PATIENCE, SILENCE, SYMBOL, ask, clear, executed, fired, one, open, raw, report, resting,
    subscribe_user,
};
use serde_json::{Value, json};
use support::{API_KEY, Venue, quiet_path, signed_text};

const ORDER: &str = "POST /api/v3/order";

async fn venue() -> Venue {
    Venue::start(&quiet_path()).await
}

fn selected() -> Value {
    json!({"endpoint": ORDER})
}

#[tokio::test]
async fn f1_to_f3_a_dropped_connection_may_or_may_not_have_executed() {
    let venue = venue().await;
    for (fault, how, expected) in [
        ("drop_before_send", "close", false),
        ("drop_before_send", "reset", false),
        ("drop_after", "close", true),
        ("drop_after", "reset", true),
    ] {
        let id = format!("{fault}-{how}");
        one(&venue, fault, selected(), json!({"how": how})).await;
        let reply = raw(&venue, "POST", "/api/v3/order", &resting(&id)).await;
        match how {
            "close" => assert_eq!(reply.unwrap(), b"", "{id}: not one byte of a reply"),
            _ => assert_eq!(
                reply.unwrap_err().kind(),
                std::io::ErrorKind::ConnectionReset
            ),
        }
        let hits = fired(&venue, fault, 1).await;
        assert_eq!(
            (&hits[0]["endpoint"], &hits[0]["client_order_id"]),
            (&json!(ORDER), &json!(id))
        );
        clear(&venue).await;
        assert_eq!(executed(&venue).await.contains(&id), expected, "{id}");
    }
}

#[tokio::test]
async fn f4_a_late_reply_is_late_and_a_late_request_outlives_its_caller() {
    let venue = venue().await;
    one(&venue, "delay_reply", selected(), json!({"ms": 300})).await;
    let started = Instant::now();
    venue.ok("POST", "/api/v3/order", &resting("late")).await;
    assert!(started.elapsed() >= Duration::from_millis(300));
    fired(&venue, "delay_reply", 1).await;
    clear(&venue).await;

    one(
        &venue,
        "delay_reply",
        selected(),
        json!({"ms": 300, "at": "before"}),
    )
    .await;
    let params = resting("orphan");
    let given_up =
        tokio::time::timeout(SILENCE, venue.signed("POST", "/api/v3/order", &params)).await;
    assert!(given_up.is_err(), "the caller gave up first");
    assert!(!executed(&venue).await.contains(&"orphan".to_owned()));
    let arrives = async {
        while !executed(&venue).await.contains(&"orphan".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrives)
        .await
        .expect("the order arrives all the same");
}

#[tokio::test]
async fn f5_f6_reply_and_event_come_in_the_order_asked_for() {
    let venue = venue().await;
    let mut user = subscribe_user(&venue).await;
    for (fault, params) in [
        ("reply_after_event", json!({"events": 1})),
        ("event_before_reply", json!({})),
    ] {
        one(&venue, fault, selected(), params).await;
        venue.ok("POST", "/api/v3/order", &resting(fault)).await;
        // The event left before the reply did, so it is here without any wait for the venue.
        assert_eq!(
            report(&mut user).await,
            ("NEW".to_owned(), fault.to_owned())
        );
        fired(&venue, fault, 1).await;
        clear(&venue).await;
    }
    one(&venue, "event_after_reply", selected(), json!({"ms": 400})).await;
    venue.ok("POST", "/api/v3/order", &resting("held")).await;
    let replied = Instant::now();
    assert_eq!(report(&mut user).await.1, "held");
    assert!(
        replied.elapsed() >= Duration::from_millis(300),
        "the event waited for the reply"
    );
    clear(&venue).await;

    // Without any event the reply does not wait for ever.
    drop(user);
    one(
        &venue,
        "reply_after_event",
        selected(),
        json!({"at_most_ms": 200}),
    )
    .await;
    let started = Instant::now();
    venue.ok("POST", "/api/v3/order", &resting("alone")).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn f11_f23_replies_break_at_the_byte() {
    let venue = venue().await;
    let whole = raw(&venue, "POST", "/api/v3/order", &resting("whole"))
        .await
        .unwrap();
    assert!(whole.starts_with(b"HTTP/1.1 200 OK"));
    for byte in [0, 1, 17, whole.len() / 2, whole.len() - 1] {
        let id = format!("cut-{byte}");
        one(&venue, "cut_reply", selected(), json!({"byte": byte})).await;
        let reply = raw(&venue, "POST", "/api/v3/order", &resting(&id))
            .await
            .unwrap();
        assert_eq!(reply.len(), byte);
        assert!(reply.len() < 15 || reply.starts_with(b"HTTP/1.1 200 OK"));
        fired(&venue, "cut_reply", 1).await;
        clear(&venue).await;
        assert!(
            executed(&venue).await.contains(&id),
            "a cut reply says nothing about the order"
        );
    }
    for (fault, params) in [
        ("truncated_reply", json!({"byte": 12})),
        ("garbage_reply", json!({"body": "<<not json>>"})),
    ] {
        one(&venue, fault, selected(), params).await;
        let reply = raw(&venue, "POST", "/api/v3/order", &resting(fault))
            .await
            .unwrap();
        let reply = String::from_utf8(reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.to_lowercase().contains("content-length: 12"), "{head}");
        assert!(
            serde_json::from_str::<Value>(body).is_err() && body.len() == 12,
            "{body}"
        );
        assert!(executed(&venue).await.contains(&fault.to_owned()));
        clear(&venue).await;
    }
}

/// Status, `Retry-After`, content type and body of a signed order.
async fn order(venue: &Venue, id: &str) -> (u16, Option<u64>, String, String) {
    let query = signed_text(venue.clock.now_ms(), &resting(id));
    let url = venue.url(&format!("/api/v3/order?{query}"));
    let request = venue.client.post(url).header("X-MBX-APIKEY", API_KEY);
    let response = request.send().await.unwrap();
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let retry = header("retry-after").map(|text| text.parse().unwrap());
    let kind = header("content-type").unwrap_or_default();
    (
        response.status().as_u16(),
        retry,
        kind,
        response.text().await.unwrap(),
    )
}

fn code(body: &str) -> i64 {
    let body: Value = serde_json::from_str(body).unwrap();
    body["code"].as_i64().unwrap()
}

#[tokio::test]
async fn f16_to_f21_refusals_and_errors_say_what_was_asked_and_execute_as_asked() {
    let venue = venue().await;
    for (n, (fault, params, status, expected)) in [
        ("too_many_requests", json!({"retry_after_s": 7}), 429, -1003),
        ("too_many_requests", json!({"limit": "orders"}), 429, -1015),
        ("server_error", json!({"status": 503}), 503, -1000),
        (
            "server_error",
            json!({"executed": true, "code": -1001}),
            500,
            -1001,
        ),
        ("engine_timeout", json!({"code": -1006}), 504, -1006),
        ("engine_timeout", json!({"executed": true}), 504, -1007),
        ("overload", json!({}), 503, -1008),
        ("overload", json!({"status": 429}), 429, -1008),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("{fault}-{n}");
        let executes = params.get("executed").is_some();
        one(&venue, fault, selected(), params.clone()).await;
        let (got, retry, _, body) = order(&venue, &id).await;
        assert_eq!((got, code(&body)), (status, expected), "{id}: {body}");
        if fault == "too_many_requests" {
            assert_eq!(retry, Some(params["retry_after_s"].as_u64().unwrap_or(1)));
        }
        clear(&venue).await;
        assert_eq!(executed(&venue).await.contains(&id), executes, "{id}");
    }
    for (n, (fault, params, status, kind)) in [
        ("waf", json!({}), 403, "text/html"),
        ("waf", json!({"executed": true}), 403, "text/html"),
        (
            "server_error",
            json!({"status": 502, "body": "html"}),
            502,
            "text/html",
        ),
        (
            "server_error",
            json!({"body": "empty"}),
            500,
            "application/json;charset=UTF-8",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("{fault}-body-{n}");
        let executes = params.get("executed").is_some();
        one(&venue, fault, selected(), params).await;
        let (got, _, sent, body) = order(&venue, &id).await;
        assert_eq!((got, sent.as_str()), (status, kind), "{body}");
        assert!(serde_json::from_str::<Value>(&body).is_err(), "{body}");
        clear(&venue).await;
        assert_eq!(executed(&venue).await.contains(&id), executes, "{id}");
    }
}

#[tokio::test]
async fn f17_a_ban_holds_on_every_door_until_it_is_lifted() {
    let venue = venue().await;
    let mut api = open(&venue, "/ws-api/v3").await;
    one(&venue, "ban", selected(), json!({"retry_after_s": 100})).await;
    let (status, retry, _, body) = order(&venue, "banned").await;
    assert_eq!((status, retry, code(&body)), (418, Some(100), -1003));
    let response = venue
        .client
        .get(venue.url("/api/v3/ping"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        response.status(),
        418,
        "the address is banned, not the endpoint"
    );
    assert!(response.headers().contains_key("retry-after"));
    let refused = ask(&mut api, json!({"id": 1, "method": "ping"}).to_string()).await;
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(418), &json!(-1003))
    );
    assert!(refused["error"]["data"]["retryAfter"].as_i64().unwrap() > venue.clock.now_ms());
    fired(&venue, "ban", 1).await;
    clear(&venue).await;
    assert_eq!(executed(&venue).await, Vec::<String>::new());
    let pong = ask(&mut api, json!({"id": 2, "method": "ping"}).to_string()).await;
    assert_eq!(pong["status"], 200);
}

#[tokio::test]
async fn f25_queries_fail_while_orders_pass() {
    let venue = venue().await;
    one(
        &venue,
        "query_error",
        json!({"count": 2}),
        json!({"status": 503}),
    )
    .await;
    venue.ok("POST", "/api/v3/order", &resting("mine")).await;
    venue.get("/api/v3/time").await;
    for _ in 0..2 {
        let (status, body) = venue.signed("GET", "/api/v3/openOrders", &[SYMBOL]).await;
        assert_eq!((status, &body["code"]), (503, &json!(-1000)));
    }
    let open = venue.ok("GET", "/api/v3/openOrders", &[SYMBOL]).await;
    assert_eq!(open.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn f26_a_skewed_clock_shows_on_time_and_on_signatures() {
    let venue = venue().await;
    for skew in [-86_000_000, -5_000, 61_000] {
        one(&venue, "clock_skew", json!({}), json!({"ms": skew})).await;
        let before = venue.clock.now_ms();
        let time = venue.get("/api/v3/time").await["serverTime"]
            .as_i64()
            .unwrap();
        let after = venue.clock.now_ms();
        assert!(
            (before + skew..=after + skew).contains(&time),
            "{time} at {skew}"
        );
        let (status, body) = venue.signed("GET", "/api/v3/account", &[]).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!(-1021)),
            "{skew}: {body}"
        );
        fired(&venue, "clock_skew", 2).await;
        clear(&venue).await;
        venue.ok("GET", "/api/v3/account", &[]).await;
    }
}

#[tokio::test]
async fn f45_headers_and_weight_are_off_by_what_was_asked() {
    let venue = Venue::start_with(&quiet_path(), "free", "speed = 0.001").await;
    let header = |name: &'static str, id: &'static str| {
        let venue = &venue;
        async move {
            let query = signed_text(venue.clock.now_ms(), &resting(id));
            let url = venue.url(&format!("/api/v3/order?{query}"));
            let request = venue.client.post(url).header("X-MBX-APIKEY", API_KEY);
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 200);
            response.headers()[name]
                .to_str()
                .unwrap()
                .parse::<i64>()
                .unwrap()
        }
    };
    let base = header("x-mbx-used-weight-1m", "a").await;
    one(
        &venue,
        "limit_headers",
        selected(),
        json!({"weight": 500, "orders": -50}),
    )
    .await;
    let shown = header("x-mbx-used-weight-1m", "b").await;
    assert!((base + 500..base + 600).contains(&shown), "{base} {shown}");
    clear(&venue).await;
    one(&venue, "limit_headers", selected(), json!({"orders": -50})).await;
    assert_eq!(
        header("x-mbx-order-count-1d", "c").await,
        0,
        "never below 0"
    );
    clear(&venue).await;

    let ping = json!({"endpoint": "GET /api/v3/ping"});
    one(&venue, "external_weight", ping, json!({"weight": 7_000})).await;
    let response = venue
        .client
        .get(venue.url("/api/v3/ping"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 429, "somebody else used the weight up");
    assert!(response.headers().contains_key("retry-after"));
    fired(&venue, "external_weight", 1).await;
}
