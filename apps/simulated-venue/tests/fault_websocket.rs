//! The faults of requests on the WebSocket API, and which requests a rule picks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use fault_support::{
    Next, PATIENCE, ask, clear, executed, fired, next, next_within, one, open, post, resting, rule,
    tell,
};
use serde_json::{Value, json};
use support::{Venue, quiet_path, signed_call};

const ORDER: &str = "POST /api/v3/order";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one connection through all faults")]
async fn the_websocket_api_has_the_same_faults() {
    let venue = Venue::start(&quiet_path()).await;
    let now = venue.clock.now_ms();
    let place = |id: &str| signed_call(now, id, "order.place", &resting(id));
    let mut api = open(&venue, "/ws-api/v3").await;
    let by_method = json!({"endpoint": "order.place"});
    for (fault, params, status, executes) in [
        ("server_error", json!({"status": 500}), 500, false),
        ("engine_timeout", json!({"executed": true}), 504, true),
        ("too_many_requests", json!({}), 429, false),
        ("overload", json!({}), 503, false),
        ("waf", json!({"executed": true}), 403, true),
    ] {
        one(&venue, fault, by_method.clone(), params).await;
        let reply = ask(&mut api, place(fault)).await;
        assert_eq!(
            (&reply["id"], &reply["status"]),
            (&json!(fault), &json!(status))
        );
        assert_eq!(fired(&venue, fault, 1).await[0]["endpoint"], ORDER);
        clear(&venue).await;
        assert_eq!(
            executed(&venue).await.contains(&fault.to_owned()),
            executes,
            "{fault}"
        );
    }
    // A delayed reply does not hold up the next one.
    one(&venue, "delay_reply", by_method.clone(), json!({"ms": 300})).await;
    tell(&mut api, place("slow")).await;
    let pong = ask(&mut api, json!({"id": "p", "method": "ping"}).to_string()).await;
    assert_eq!(pong["id"], "p");
    assert_eq!(next(&mut api).await["id"], "slow");
    clear(&venue).await;

    one(
        &venue,
        "limit_headers",
        by_method.clone(),
        json!({"weight": 900, "orders": 30}),
    )
    .await;
    let reply = ask(&mut api, place("off")).await;
    for row in reply["rateLimits"].as_array().unwrap() {
        let least = match row["rateLimitType"].as_str().unwrap() {
            "REQUEST_WEIGHT" => 900,
            _ => 30,
        };
        assert!(row["count"].as_i64().unwrap() >= least, "{reply}");
    }
    assert!(reply["rateLimits"].to_string().contains("REQUEST_WEIGHT"));
    clear(&venue).await;

    one(
        &venue,
        "truncated_reply",
        by_method.clone(),
        json!({"byte": 9}),
    )
    .await;
    tell(&mut api, place("short")).await;
    let Next::Text(Value::String(text)) = next_within(&mut api, PATIENCE).await else {
        panic!("a text that is no JSON")
    };
    assert_eq!(text.len(), 9);
    clear(&venue).await;

    for (fault, params, executes) in [
        ("drop_before_send", json!({"how": "reset"}), false),
        ("drop_after", json!({}), true),
        ("cut_reply", json!({"byte": 20}), true),
    ] {
        let mut api = open(&venue, "/ws-api/v3").await;
        one(&venue, fault, by_method.clone(), params).await;
        tell(&mut api, place(fault)).await;
        assert_eq!(next_within(&mut api, PATIENCE).await, Next::End, "{fault}");
        clear(&venue).await;
        assert_eq!(
            executed(&venue).await.contains(&fault.to_owned()),
            executes,
            "{fault}"
        );
    }
}

#[tokio::test]
async fn skip_and_count_pick_the_requests_and_the_first_rule_wins() {
    let venue = Venue::start(&quiet_path()).await;
    post(
        &venue,
        json!([
            {"id": "third", "fault": "server_error", "endpoint": ORDER, "skip": 2, "count": 2},
            {"id": "mine", "fault": "waf", "client_order_id": "o-1"},
            {"id": "account", "fault": "overload", "account": "main", "skip": 100},
        ]),
    )
    .await;
    let mut seen = Vec::new();
    for n in 0..5 {
        let id = format!("o-{n}");
        let url = fault_support::signed_url(&venue, "/api/v3/order", &resting(&id));
        let request = venue
            .client
            .post(url)
            .header("X-MBX-APIKEY", support::API_KEY);
        let status = request.send().await.unwrap().status().as_u16();
        seen.push(status);
    }
    assert_eq!(seen, [200, 403, 500, 500, 200]);
    let third = rule(&venue, "third").await;
    assert_eq!((&third["matched"], &third["fired"]), (&json!(4), &json!(2)));
    let sequences: Vec<u64> = third["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, [2, 3], "one count over all rules");
    assert_eq!(
        rule(&venue, "account").await["matched"],
        2,
        "only what no earlier rule took"
    );
}
