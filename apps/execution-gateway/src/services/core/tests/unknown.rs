use rust_common::{ClientOrderId, OrderStatus};

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{Outcome, StreamEvent, VenueAnswer, VenueCall, VenueStatus};

fn is_query(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Query { .. })
}

fn is_absence(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Absence { .. })
}

fn is_place(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Place(_))
}

/// A market order whose reply was lost.
fn lost_reply(bench: &mut Bench) -> ClientOrderId {
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(is_place);
    bench.outcome(
        call,
        Outcome::Ambiguous {
            code: 0,
            detail: "timeout".to_owned(),
        },
    );
    let id = order.client_order_id().unwrap();
    assert_eq!(bench.status(&id), OrderStatus::Unknown);
    id
}

/// Answers queries with "not found" until the core asks for the full lists.
fn miss_until_absence(bench: &mut Bench) -> i64 {
    let start = bench.now;
    for _ in 0..200 {
        if bench.has_call(is_absence) {
            return bench.now - start;
        }
        if bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            bench.outcome(call, Outcome::Missing);
        }
        assert!(!bench.has_call(is_place), "never a blind resend");
        bench.tick(20);
    }
    panic!("absence was never checked");
}

#[test]
fn a_query_hit_resolves() {
    let mut bench = Bench::ready();
    let id = lost_reply(&mut bench);
    bench.tick(50);
    let call = bench.take_call(is_query);
    let fills = vec![trade(1, "0.01000", "40008.00", "0.00001")];
    let hit = report(&bench, &id, VenueStatus::Filled, "0.01000", fills);
    bench.done(call, VenueAnswer::Reports(vec![hit.clone()]));
    assert_eq!(bench.status(&id), OrderStatus::Filled);
    // The stream tells the same again: nothing new.
    let seq = bench.state.book.gateway_seq;
    bench.stream(hit);
    assert_eq!(bench.state.book.gateway_seq, seq);
    assert_eq!(bench.state.live.duplicate_reports, 1);
}

#[test]
fn absence_needs_the_horizon_two_misses_and_complete_lists() {
    let mut bench = Bench::ready();
    let id = lost_reply(&mut bench);
    let waited = miss_until_absence(&mut bench);
    assert!(
        waited >= 800 + 200,
        "horizon and the gap between two misses: {waited}"
    );
    let call = bench.take_call(is_absence);
    bench.outcome(
        call,
        Outcome::Ambiguous {
            code: 0,
            detail: "timeout".to_owned(),
        },
    );
    assert_eq!(
        bench.status(&id),
        OrderStatus::Unknown,
        "a failed query is not an empty list"
    );
    miss_until_absence(&mut bench);
    let call = bench.take_call(is_absence);
    bench.done(call, VenueAnswer::Absent(true));
    assert_eq!(bench.status(&id), OrderStatus::NotSent);
    assert!(!bench.has_call(is_place), "an entry is never sent again");
}

#[test]
fn no_timeout_ends_unknown_and_entries_stay_closed() {
    let mut bench = Bench::ready();
    let id = lost_reply(&mut bench);
    for _ in 0..400 {
        if bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            bench.outcome(
                call,
                Outcome::Ambiguous {
                    code: 0,
                    detail: "down".to_owned(),
                },
            );
        }
        bench.tick(1_000);
    }
    assert_eq!(bench.status(&id), OrderStatus::Unknown);
    let order = approved_for("b", "entry", 0, "open", &market("BUY", "0.01000"));
    bench.now = 1_700_000_000_000;
    let request = bench.submit(&order, 0);
    let (status, body) = bench.reply(request).unwrap();
    assert_eq!(status, 503);
    assert!(
        body["type"].as_str().unwrap().ends_with("unresolved"),
        "{body}"
    );
}

#[test]
fn a_stream_gap_stops_the_proof_of_absence() {
    let mut bench = Bench::ready();
    lost_reply(&mut bench);
    bench.input(Input::Stream(StreamEvent::Down));
    for _ in 0..100 {
        if bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            bench.outcome(call, Outcome::Missing);
        }
        bench.tick(50);
        assert!(
            !bench.has_call(is_absence),
            "without the stream nothing is proven"
        );
    }
    bench.input(Input::Stream(StreamEvent::Up));
    bench.answer_reconcile(Vec::new());
    miss_until_absence(&mut bench);
}

#[test]
fn an_intent_without_outcome_is_asked_for_after_a_crash() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let mut again = bench.restarted();
    again.connect();
    assert!(!again.has_call(is_place));
    again.tick(50);
    let call = again.take_call(is_query);
    let fills = vec![trade(1, "0.01000", "40008.00", "0.00001")];
    let hit = report(&again, &id, VenueStatus::Filled, "0.01000", fills);
    again.done(call, VenueAnswer::Reports(vec![hit]));
    assert_eq!(again.status(&id), OrderStatus::Filled);
    // The caller repeats itself: the stored reply, no second order.
    let request = again.submit(&order, 0);
    assert_eq!(again.reply(request).unwrap().1["status"], "FILLED");
    assert!(!again.has_call(is_place));
}

#[test]
fn a_reply_whose_stream_events_are_lost_is_completed_by_query() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let call = bench.take_call(is_place);
    let reply = report(&bench, &id, VenueStatus::Filled, "0.01000", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![reply]));
    assert!(
        !bench.state.is_quiescent(),
        "executed quantity without trades"
    );
    bench.tick(500);
    let call = bench.take_call(is_query);
    let fills = vec![trade(1, "0.01000", "40008.00", "0.00001")];
    let hit = report(&bench, &id, VenueStatus::Filled, "0.01000", fills);
    bench.done(call, VenueAnswer::Reports(vec![hit]));
    assert_eq!(bench.status(&id), OrderStatus::Filled);
    assert!(bench.state.is_quiescent());
}

#[test]
fn missed_executions_are_covered_by_a_reconciliation_that_began_after_the_request() {
    let mut bench = Bench::ready();
    let sync = bench.ask(|request| Input::Sync {
        request,
        through_execution_id: 9,
    });
    bench.tick(500);
    assert!(bench.calls.is_empty(), "the stream gets its second");
    bench.tick(600);
    bench.answer_reconcile(Vec::new());
    let (status, body) = bench.reply(sync).unwrap();
    assert_eq!(
        (status, body["through_execution_id"].as_u64()),
        (200, Some(9))
    );
}

#[test]
fn a_cancel_that_loses_the_race_ends_with_the_fill() {
    let mut bench = Bench::ready();
    let limit = serde_json::json!({
        "order_type": "LIMIT", "order_side": "BUY", "quantity": "0.01000", "price": "39000.00",
        "time_in_force": {"type": "GTC", "post_only": true}
    });
    let order = approved("entry", "open", &limit);
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let call = bench.take_call(is_place);
    let reply = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![reply]));
    let target = id.clone();
    let cancel = bench.ask(|request| Input::Cancel {
        request,
        client_order_id: target,
        wait_ms: 5_000,
    });
    let call = bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
    bench.outcome(call, Outcome::Missing);
    bench.tick(1);
    let call = bench.take_call(is_query);
    let fills = vec![trade(4, "0.01000", "39000.00", "0")];
    let hit = report(&bench, &id, VenueStatus::Filled, "0.01000", fills);
    bench.done(call, VenueAnswer::Reports(vec![hit]));
    assert_eq!(bench.reply(cancel).unwrap().1["status"], "FILLED");
}

#[test]
fn a_position_that_differs_twice_closes_the_instrument() {
    let mut bench = Bench::ready();
    let id = instrument().instrument_id;
    let base = rust_common::Currency::new("BTC").unwrap();
    let baselines = &mut bench.state.book.asset_baselines;
    baselines.insert(base, "1".parse().unwrap());
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.tick(67_000);
    bench.answer_with_balance("0.5");
    assert!(
        !bench.state.book.halts.contains_key(&id),
        "once is no proof"
    );
    let at = bench.now;
    bench.now = 1_700_000_000_000;
    let request = bench.submit(&order, 0);
    let (status, body) = bench.reply(request).unwrap();
    assert_eq!(status, 503);
    let kind = body["type"].as_str().unwrap();
    assert!(kind.ends_with("position_unconfirmed"), "{body}");
    bench.now = at;
    bench.tick(4_999);
    assert!(!bench.has_call(|call| matches!(call, VenueCall::Reconcile { .. })));
    bench.tick(1);
    bench.answer_with_balance("0.5");
    assert!(bench.state.book.halts.contains_key(&id));
    assert!(bench.alarms.contains(&"reconcile_mismatch"));
    bench.now = 1_700_000_000_000;
    let request = bench.submit(&order, 0);
    let (status, body) = bench.reply(request).unwrap();
    assert_eq!(status, 503);
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("booked 1.00000000"), "{body}");
}
