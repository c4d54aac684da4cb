use serde_json::{Value, json};

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::VenueCall;
use crate::services::journal::writer::Health;

fn submit(bench: &mut Bench, decision: &str, intent: &str, order: &Value) -> (u16, Value) {
    let order = approved_for(decision, "entry", 0, intent, order);
    let request = bench.submit(&order, 0);
    bench.reply(request).unwrap()
}

#[test]
fn hard_limits_deny_with_limit_and_observed_value() {
    let cases = [
        (
            market("BUY", "0.20000"),
            "open",
            "max_order_notional",
            "8000.00000000",
        ),
        (
            market("BUY", "0.00010"),
            "open",
            "min_notional",
            "4.00000000",
        ),
        (market("SELL", "0.01000"), "open", "leverage", "0.01000"),
        (
            market("SELL", "0.01000"),
            "reduce",
            "reduce_only",
            "0.01000",
        ),
    ];
    for (order, intent, rule, observed) in cases {
        let mut bench = Bench::ready();
        let (status, body) = submit(&mut bench, "a", intent, &order);
        assert_eq!(status, 422, "{body}");
        assert_eq!(body["field"], rule);
        assert!(
            body["detail"].as_str().unwrap().contains(observed),
            "{body}"
        );
        assert_eq!(bench.statuses("entry"), ["DENIED"], "journaled and told");
        let again = submit(&mut bench, "a", intent, &order);
        assert_eq!(again, (status, body), "the stored reply wins");
        assert!(bench.calls.is_empty(), "nothing is sent");
    }
}

#[test]
fn the_instrument_limit_counts_open_orders() {
    let mut bench = Bench::ready();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.12000")).0,
        202
    );
    let (status, body) = submit(&mut bench, "b", "open", &market("BUY", "0.12000"));
    assert_eq!(
        (status, body["field"].as_str()),
        (422, Some("max_instrument_notional"))
    );
}

#[test]
fn the_order_rate_is_limited_per_minute() {
    let mut bench = Bench::ready();
    for decision in ["1", "2", "3", "4", "5"] {
        assert_eq!(
            submit(&mut bench, decision, "open", &market("BUY", "0.00100")).0,
            202
        );
    }
    let (status, body) = submit(&mut bench, "6", "open", &market("BUY", "0.00100"));
    assert_eq!(
        (status, body["field"].as_str()),
        (422, Some("max_orders_per_minute"))
    );
}

#[test]
fn another_body_under_the_same_key_conflicts() {
    let mut bench = Bench::ready();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.02000")).0,
        409
    );
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
    let places = bench
        .calls
        .iter()
        .filter(|(_, call)| matches!(call, VenueCall::Place(_)));
    assert_eq!(places.count(), 1);
}

#[test]
fn an_expired_entry_is_refused_but_a_stored_reply_wins() {
    let mut bench = Bench::ready();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
    bench.now += 31_000;
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
    assert_eq!(
        submit(&mut bench, "b", "open", &market("BUY", "0.01000")).0,
        410
    );
}

#[test]
fn wrong_decimals_name_the_field() {
    let mut bench = Bench::ready();
    let (status, body) = submit(&mut bench, "a", "open", &market("BUY", "0.010"));
    assert_eq!(
        (status, body["field"].as_str()),
        (400, Some("order.quantity"))
    );
    assert!(
        body["allowed"]
            .as_str()
            .unwrap()
            .contains("exactly 5 decimals")
    );
}

#[test]
fn an_unknown_symbol_is_denied() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    let text = order
        .canonical_json()
        .unwrap()
        .replace("BTC-USD.SIM", "ETH-USD.SIM");
    let order = rust_common::ApprovedOrder::from_canonical(text.as_bytes()).unwrap();
    let request = bench.submit(&order, 0);
    let (status, body) = bench.reply(request).unwrap();
    assert_eq!((status, body["field"].as_str()), (422, Some("symbols")));
    assert_eq!(body["allowed"], json!("BTC-USD.SIM"));
}

#[test]
fn a_full_disk_refuses_entries_only() {
    let mut bench = Bench::ready();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
    bench.input(Input::Journal(Health::Full));
    assert_eq!(
        submit(&mut bench, "b", "open", &market("BUY", "0.01000")).0,
        507
    );
    assert!(!bench.state.are_entries_open());
    let id = approved_for("a", "entry", 0, "open", &market("BUY", "0.01000"));
    let client_order_id = id.client_order_id().unwrap();
    let cancel = bench.ask(|request| Input::Cancel {
        request,
        client_order_id,
        wait_ms: 0,
    });
    assert_eq!(bench.reply(cancel).unwrap().0, 202);
    bench.input(Input::Journal(Health::Failed));
    assert_eq!(
        submit(&mut bench, "c", "reduce", &market("SELL", "0.01000")).0,
        503
    );
}

#[test]
fn nothing_is_taken_before_recovery() {
    let mut bench = Bench::cold();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        503
    );
    bench.connect();
    assert_eq!(
        submit(&mut bench, "a", "open", &market("BUY", "0.01000")).0,
        202
    );
}
