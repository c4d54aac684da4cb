//! What a rule may say, and that the documented table says the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod fault_support;
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use fault_support::{clear, executed, fired, one, post, refused, resting, rule};
use serde_json::{Value, json};
use simulated_venue::services::faults::Faults;
use simulated_venue::services::faults::catalogue::Fault;
use support::{Venue, quiet_path};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of refusals")]
async fn what_does_not_exist_is_refused_with_what_does() {
    let venue = Venue::start(&quiet_path()).await;
    let rule = |change: Value| {
        let mut rule = json!({"id": "a", "fault": "delay_reply", "params": {"ms": 5}});
        rule.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!([{"id": "fine", "fault": "waf"}, rule])
    };
    for (change, field, allowed) in [
        (
            json!({"fault": "explode"}),
            "rules[1].fault",
            "drop_before_send, drop_after",
        ),
        (
            json!({"endpoint": "POST /api/v3/ordr"}),
            "rules[1].endpoint",
            "POST /api/v3/order,",
        ),
        (
            json!({"endpoint": "POST /api/v3/ordr"}),
            "rules[1].endpoint",
            "order.place",
        ),
        (
            json!({"params": {"millis": 5}}),
            "unknown field `millis`",
            "`ms`",
        ),
        (
            json!({"params": {"ms": -1}}),
            "params of delay_reply",
            "u64",
        ),
        (
            json!({"params": {"ms": 600_001}}),
            "ms = 600001",
            "0 to 600000",
        ),
        (
            json!({"params": {"at": "never"}}),
            "unknown variant `never`",
            "`before`",
        ),
        (
            json!({"account": "nobody"}),
            "rules[1].account",
            "allowed main",
        ),
        (json!({"count": 0}), "rules[1].count", "1 to 1000000"),
        (json!({"skip": -1}), "rules[1]", "u64"),
        (json!({"id": ""}), "rules[1].id", "1 to 64"),
        (json!({"id": "fine"}), "rules[1].id", "listed twice"),
        (json!({"speed": 1}), "unknown field `speed`", "`endpoint`"),
        (
            json!({"stream": "user"}),
            "rules[1].stream",
            "acts on requests",
        ),
        (
            json!({"fault": "lose_event", "params": {}, "endpoint": "order.place"}),
            "rules[1].endpoint",
            "acts on streams",
        ),
        (
            json!({"fault": "lose_event", "params": {}, "stream": "BTCUSD@trade"}),
            "rules[1].stream",
            "bookTicker",
        ),
        (
            json!({"fault": "lose_event", "params": {}, "stream": "btcusd@prices"}),
            "rules[1].stream",
            "bookTicker",
        ),
        (
            json!({"fault": "stall_stream", "params": {"at": "now"}, "stream": "btcusd@trade"}),
            "rules[1].stream",
            "allowed user, market",
        ),
        (
            json!({"fault": "clock_skew", "count": 3}),
            "rules[1].count",
            "until it is deleted",
        ),
        (
            json!({"fault": "query_lag", "params": {"ms": 1, "inputs": 1}}),
            "params of query_lag",
            "exactly one",
        ),
        (
            json!({"fault": "outsider_order", "params": {"symbol": "BTCUSD", "quantity": "0"}}),
            "quantity = \"0\"",
            "above 0",
        ),
        (
            json!({"fault": "filter_change", "params": {"symbol": "BTCUSD"}}),
            "params of filter_change",
            "tick_size",
        ),
    ] {
        let detail = refused(&venue, rule(change.clone())).await;
        assert!(
            detail.contains(field),
            "{change}: {detail} should name {field}"
        );
        assert!(
            detail.contains(allowed),
            "{change}: {detail} should allow {allowed}"
        );
    }
    assert!(
        refused(&venue, json!({"id": "a"}))
            .await
            .contains("JSON array")
    );
    let (_, listed) = venue.control("GET", "/sim/v1/faults", None).await;
    assert_eq!(listed, json!([]), "a list with one bad rule posts none");
}

#[tokio::test]
async fn rules_are_listed_replaced_and_deleted() {
    let venue = Venue::start(&quiet_path()).await;
    post(
        &venue,
        json!([{"id": "a", "fault": "waf"}, {"id": "b", "fault": "waf", "skip": 3}]),
    )
    .await;
    let detail = refused(&venue, json!([{"id": "b", "fault": "waf"}])).await;
    assert!(
        detail.contains("rules[0].id") && detail.contains("in use"),
        "{detail}"
    );
    let listed = rule(&venue, "b").await;
    assert_eq!(
        listed,
        json!({
            "id": "b", "fault": "waf", "params": {"executed": false}, "number": "F18",
            "skip": 3, "count": 1, "matched": 0, "fired": 0, "hits": [],
        })
    );
    let (status, left) = venue.control("DELETE", "/sim/v1/faults/a", None).await;
    assert_eq!((status, left.as_array().unwrap().len()), (200, 1));
    let (status, body) = venue.control("DELETE", "/sim/v1/faults/a", None).await;
    assert_eq!(status, 404, "{body}");
    post(&venue, json!([{"id": "a", "fault": "overload"}])).await;
    clear(&venue).await;
    let url = format!("http://{}/sim/v1/faults", venue.running.control_address);
    let unsigned = venue.client.get(url).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
}

#[tokio::test]
async fn f39_f44_an_outsiders_order_is_the_venues_truth_and_survives_a_restart() {
    let venue = Venue::start(&quiet_path()).await;
    let outside = json!({"symbol": "BTCUSD", "quantity": "2", "price": "80"});
    let cancels = json!({"endpoint": "order.cancel"});
    one(&venue, "outsider_order", cancels, outside).await;
    venue.ok("POST", "/api/v3/order", &resting("reused")).await;
    let name = [fault_support::SYMBOL, ("origClientOrderId", "reused")];
    venue.ok("DELETE", "/api/v3/order", &name).await;
    fired(&venue, "outsider_order", 1).await;
    let found = venue.ok("GET", "/api/v3/order", &name).await;
    assert_eq!(
        (&found["status"], &found["origQty"], &found["price"]),
        (&json!("NEW"), &json!("2.00000000"), &json!("80.00000000")),
        "the id now names somebody else's order"
    );
    assert_eq!(executed(&venue).await, ["reused", "reused"]);
    let hash = venue.state_hash().await;
    let venue = venue.restart().await;
    assert_eq!(venue.state_hash().await, hash);
    assert_eq!(executed(&venue).await, ["reused", "reused"]);
    let (_, listed) = venue.control("GET", "/sim/v1/faults", None).await;
    assert_eq!(listed, json!([]), "rules do not survive, their effects do");
}

#[tokio::test]
async fn an_effect_that_cannot_be_had_is_reported_on_the_hit() {
    let venue = Venue::start(&quiet_path()).await;
    one(&venue, "cancel_race", json!({}), json!({})).await;
    venue.ok("POST", "/api/v3/order", &resting("a")).await;
    let name = [fault_support::SYMBOL, ("origClientOrderId", "a")];
    venue.ok("DELETE", "/api/v3/order", &name).await;
    let row = rule(&venue, "cancel_race").await;
    let missed = row["hits"][0]["missed"].as_str().unwrap();
    assert!(missed.contains("mode = \"market\""), "{missed}");
}

#[tokio::test]
async fn f24_a_lagging_database_knows_what_was_true_before() {
    let venue = Venue::start(&quiet_path()).await;
    venue.ok("POST", "/api/v3/order", &resting("first")).await;
    let lag = json!({"endpoint": "GET /api/v3/order", "count": 2});
    one(&venue, "query_lag", lag, json!({"inputs": 1})).await;
    venue.ok("POST", "/api/v3/order", &resting("second")).await;
    let by_name = |id: &'static str| [fault_support::SYMBOL, ("origClientOrderId", id)];
    let (status, body) = venue
        .signed("GET", "/api/v3/order", &by_name("second"))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (400, &json!(-2013)),
        "not found although it rests"
    );
    assert_eq!(
        venue.ok("GET", "/api/v3/order", &by_name("first")).await["status"],
        "NEW"
    );
    let found = venue.ok("GET", "/api/v3/order", &by_name("second")).await;
    assert_eq!(found["status"], "NEW", "the rule is used up");
    fired(&venue, "query_lag", 2).await;
    clear(&venue).await;

    one(
        &venue,
        "query_lag",
        json!({"count": 1_000_000}),
        json!({"ms": 300}),
    )
    .await;
    let hash = venue.state_hash().await;
    venue.ok("GET", "/api/v3/account", &[]).await;
    venue.ok("DELETE", "/api/v3/order", &by_name("first")).await;
    let cancelled = std::time::Instant::now();
    assert_eq!(
        venue.ok("GET", "/api/v3/order", &by_name("first")).await["status"],
        "NEW"
    );
    let catches_up = async {
        while venue.ok("GET", "/api/v3/order", &by_name("first")).await["status"] != "CANCELED" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(fault_support::PATIENCE, catches_up)
        .await
        .expect("the truth arrives");
    assert!(cancelled.elapsed() >= std::time::Duration::from_millis(250));
    assert_ne!(
        venue.state_hash().await,
        hash,
        "the cancel is in the venue's own state"
    );
    clear(&venue).await;
    assert_eq!(executed(&venue).await, ["first", "second"]);
}

/// The rows of the table: fault, number, text, parameters, example.
fn documented() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/concepts/faults.md");
    let text = std::fs::read_to_string(page).unwrap();
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn the_documented_table_is_the_catalogue() {
    let rows: Vec<Vec<String>> = documented()
        .into_iter()
        .filter(|row| row.len() == 5)
        .collect();
    let names: BTreeSet<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    let known: BTreeSet<&str> = Fault::NAMES.iter().copied().collect();
    assert_eq!(names, known);
    assert_eq!(rows.len(), known.len(), "one row each");
    for row in &rows {
        let example: Value = serde_json::from_str(row[4].trim_matches('`'))
            .unwrap_or_else(|e| panic!("{}: {e}: {}", row[0], row[4]));
        assert_eq!(example[0]["fault"], row[0].trim_matches('`'), "{}", row[4]);
        let faults = Faults::default();
        faults
            .post(&example)
            .unwrap_or_else(|e| panic!("{}: {e}", row[4]));
        let listed = &faults.list()[0];
        assert_eq!(listed["number"].as_str().unwrap(), row[1], "{}", row[0]);
        for name in listed["params"].as_object().unwrap().keys() {
            assert!(
                row[3].contains(&format!("`{name}`")),
                "{} does not explain {name}",
                row[0]
            );
        }
    }
}
