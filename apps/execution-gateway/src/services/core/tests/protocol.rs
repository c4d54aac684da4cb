//! The unknown-outcome protocol and reconciliation, number by number (C5, C6, C7).

use rust_common::{ClientOrderId, OrderStatus, StopLevel};

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{
    Family, Outcome, Parts, StreamEvent, VenueAnswer, VenueCall, VenueStatus,
};

fn is_query(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Query { .. })
}

fn is_absence(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Absence { .. })
}

fn is_place(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Place(_))
}

/// A venue with Binance's times: recvWindow 3 s, engine 10 s, margin 5 s.
fn slow() -> Bench {
    Bench::ready_with(|config| {
        config.is_fast = false;
        config.recv_window_ms = 3_000;
        config.horizon_ms = 18_000;
    })
}

fn lose_reply(bench: &mut Bench) -> ClientOrderId {
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(is_place);
    let detail = "timeout".to_owned();
    bench.outcome(
        call,
        Outcome::Ambiguous {
            code: -1007,
            detail,
        },
    );
    order.client_order_id().unwrap()
}

/// Times of questions within a span, each answered with "not found".
fn questions(bench: &mut Bench, span: i64, step: i64) -> Vec<i64> {
    let start = bench.now;
    let mut asked = Vec::new();
    while bench.now - start < span {
        bench.pass(step, step);
        while bench.has_call(is_query) {
            asked.push(bench.now - start);
            let call = bench.take_call(is_query);
            bench.outcome(call, Outcome::Missing);
        }
    }
    asked
}

#[test]
fn questions_come_at_the_documented_times() {
    let mut bench = slow();
    lose_reply(&mut bench);
    assert_eq!(bench.state.next_wake(bench.now), Some(bench.now + 250));
    let asked = questions(&mut bench, 17_900, 50);
    assert_eq!(asked, [250, 500, 1_000, 2_000, 4_000, 8_000, 13_000]);
}

#[test]
fn absence_needs_two_misses_two_seconds_apart_after_the_horizon() {
    let mut bench = slow();
    let id = lose_reply(&mut bench);
    let mut asked = Vec::new();
    while !bench.has_call(is_absence) {
        asked.extend(questions(&mut bench, 500, 500));
        assert!(bench.now - 1_700_000_000_000 < 60_000);
    }
    let waited = bench.now - 1_700_000_000_000;
    assert_eq!(waited, 23_000, "misses at 18 s and 23 s");
    let call = bench.take_call(is_absence);
    bench.done(call, VenueAnswer::Absent(true));
    assert_eq!(bench.status(&id), OrderStatus::NotSent);
    assert!(!bench.has_call(is_place));
    let reason = bench.state.book.orders[&id].reason.clone().unwrap();
    assert!(reason.contains("2 misses after the horizon"), "{reason}");
}

#[test]
fn lists_asked_before_a_gap_prove_nothing() {
    let mut bench = Bench::ready();
    let id = lose_reply(&mut bench);
    while !bench.has_call(is_absence) {
        questions(&mut bench, 100, 20);
    }
    let call = bench.take_call(is_absence);
    bench.input(Input::Stream(StreamEvent::Gap));
    bench.done(call, VenueAnswer::Absent(true));
    assert_eq!(bench.status(&id), OrderStatus::Unknown);
}

#[test]
fn the_low_water_of_the_lists_is_from_before_the_send() {
    let mut bench = Bench::ready();
    let first = bench.resting("1", "open", "BUY");
    let mut told = report(&bench, &first, VenueStatus::Working, "0", Vec::new());
    told.venue_order_id = "41".to_owned();
    told.client_order_id = "web_1".parse().unwrap();
    bench.stream(told);
    lose_reply(&mut bench);
    while !bench.has_call(is_absence) {
        questions(&mut bench, 100, 20);
    }
    let (_, call) = bench
        .calls
        .iter()
        .find(|(_, call)| is_absence(call))
        .unwrap();
    let VenueCall::Absence {
        low_water, family, ..
    } = call
    else {
        panic!()
    };
    assert_eq!((low_water.order_id, *family), (Some(41), Family::Order));
    assert_eq!(low_water.trade_id, Some(0));
}

#[test]
fn a_person_is_called_after_a_minute() {
    let mut bench = Bench::ready();
    lose_reply(&mut bench);
    let mut seen = 0;
    for _ in 0..700 {
        bench.tick(100);
        bench.keep_reconciled();
        while bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            let detail = "down".to_owned();
            bench.outcome(call, Outcome::Ambiguous { code: 0, detail });
        }
        let pages = bench.alarms.iter().filter(|name| **name == "unknown_order");
        seen = pages.count();
        let is_due = bench.now - 1_700_000_000_000 >= 60_000;
        assert_eq!(seen, usize::from(is_due), "once, and not before 60 s");
    }
    assert_eq!(seen, 1);
    let figures = bench.state.figures(bench.now);
    assert_eq!(figures.unknown_orders, 1);
    assert!(figures.unknown_age_ms >= 69_000);
}

#[test]
fn a_doubt_reserves_its_worst_case() {
    let mut bench = Bench::ready();
    let id = lose_reply(&mut bench);
    let instrument_id = instrument().instrument_id;
    let exposure = bench.state.exposure(&instrument_id);
    assert_eq!(exposure.highest.to_string(), "0.01000000");
    assert_eq!(exposure.held.to_string(), "0.00000000");
    let fills = vec![trade(1, "0.00400", "40000.00", "0")];
    let part = report(&bench, &id, VenueStatus::Canceled, "0.00400", fills);
    bench.stream(part);
    let exposure = bench.state.exposure(&instrument_id);
    assert_eq!(
        exposure.highest.to_string(),
        "0.00400000",
        "released once it is over"
    );
}

#[test]
fn legs_are_asked_for_in_their_list_and_stops_in_the_algo_family() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let order = bench.state.book.orders[&id].clone();
    assert_eq!(bench.state.family_of(&order), Family::Order);
    bench.state.config.rules.is_derivative = true;
    let mut stop = order;
    stop.terms.order_type = rust_common::OrderType::StopMarket;
    assert_eq!(bench.state.family_of(&stop), Family::Algo);
}

#[test]
fn an_outsiders_order_under_our_id_is_not_ours() {
    let mut bench = Bench::ready();
    let id = lose_reply(&mut bench);
    bench.tick(50);
    let call = bench.take_call(is_query);
    let mut foreign = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    foreign.order_side = opposite(foreign.order_side);
    foreign.venue_order_id = "900".to_owned();
    bench.done(call, VenueAnswer::Reports(vec![foreign]));
    assert_eq!(
        bench.status(&id),
        OrderStatus::Unknown,
        "ours is still in doubt"
    );
    assert_eq!(bench.state.book.counters.external_orders, 1);
    let mut orders = bench.state.book.orders.values();
    assert!(orders.any(|order| order.identity.is_external));
}

#[test]
fn a_venue_that_forgot_stops_entries_until_an_operator_resumes() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    bench.pass(12_000, 12_000);
    bench.input(Input::Stream(StreamEvent::Up));
    let call = bench.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
    let snapshot = crate::models::venue::Snapshot {
        missing: vec![id.clone()],
        ..Default::default()
    };
    bench.done(call, VenueAnswer::Snapshot(Box::new(snapshot)));
    while !bench.has_call(is_absence) {
        questions(&mut bench, 100, 20);
    }
    let call = bench.take_call(is_absence);
    bench.done(call, VenueAnswer::Absent(true));
    assert_eq!(bench.status(&id), OrderStatus::Expired);
    assert!(bench.alarms.contains(&"venue_forgot"), "never silently");
    let level = bench.state.book.stop.as_ref().map(|stop| stop.level);
    assert_eq!(level, Some(StopLevel::NoEntries));
    assert_eq!(bench.try_entry("2").0, 503);
    // Ids start again at the venue: a trade with an old number is another trade.
    assert_eq!(bench.state.book.era, 1);
    let mut again = bench.restarted();
    again.connect();
    assert_eq!(again.try_entry("2").0, 503, "also after a restart");
    let request = again.ask(|request| Input::Resume {
        request,
        reason: "seen".to_owned(),
    });
    assert_eq!(again.reply(request).unwrap().0, 200);
    again.answer_with_balance("0.1");
    assert_eq!(
        again.state.held(&instrument().instrument_id).to_string(),
        "0.10000000"
    );
    assert_eq!(again.try_entry("3").0, 202);
}

#[test]
fn steady_reconciliation_keeps_its_periods() {
    let mut bench = Bench::ready();
    let start = bench.now;
    let mut seen: Vec<(i64, Parts)> = Vec::new();
    while bench.now - start < 65_000 {
        bench.tick(100);
        for (_, call) in &bench.calls {
            if let VenueCall::Reconcile { parts, .. } = call {
                seen.push((bench.now - start, *parts));
            }
        }
        bench.keep_reconciled();
    }
    let count = |pick: fn(&Parts) -> bool| seen.iter().filter(|(_, parts)| pick(parts)).count();
    assert!((5..=7).contains(&count(|parts| parts.open)), "{seen:?}");
    assert!((1..=3).contains(&count(|parts| parts.trades)), "{seen:?}");
    assert_eq!(count(|parts| parts.account), 1, "{seen:?}");
    assert!(
        seen.iter().any(|(at, _)| at % 1_000 != 0),
        "with jitter: {seen:?}"
    );
}

#[test]
fn an_order_that_rests_although_it_ended_here_is_cancelled() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let alive = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    let gone = report(&bench, &id, VenueStatus::Canceled, "0", Vec::new());
    bench.stream(gone);
    bench.tick(12_000);
    bench.answer_reconcile(vec![alive.clone()]);
    assert!(
        !bench.alarms.contains(&"zombie_order"),
        "once may be a race"
    );
    bench.tick(12_000);
    bench.answer_reconcile(vec![alive]);
    assert!(bench.alarms.contains(&"zombie_order"));
    bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
    assert!(
        bench
            .state
            .book
            .halts
            .contains_key(&instrument().instrument_id)
    );
}

#[test]
fn transfers_and_operators_explain_differences_and_nothing_else_does() {
    let mut bench = Bench::ready();
    let transfer = |amount: &str, reference: &str| {
        Input::Stream(StreamEvent::Transfer {
            asset: rust_common::Currency::new("BTC").unwrap(),
            amount: amount.parse().unwrap(),
            at: MARKET_TIME.parse().unwrap(),
            reference: reference.to_owned(),
        })
    };
    bench.input(transfer("0.5", "t1"));
    bench.input(transfer("0.5", "t1"));
    bench.input(transfer("-0.2", "t2"));
    let id = instrument().instrument_id;
    assert_eq!(bench.state.held(&id).to_string(), "0.30000000", "each once");
    bench.tick(67_000);
    bench.answer_with_balance("0.3");
    assert!(bench.state.live.mismatches.is_empty());
    bench.ask(|request| Input::Adjust {
        request,
        asset: rust_common::Currency::new("BTC").unwrap(),
        amount: "-0.1".parse().unwrap(),
        cause: crate::models::record::Cause::Dust,
        reason: "dust converted by hand".to_owned(),
    });
    assert_eq!(bench.state.held(&id).to_string(), "0.20000000");
    assert_eq!(bench.restarted().state.held(&id).to_string(), "0.20000000");
}

#[test]
fn activity_between_two_looks_starts_the_comparison_again() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let fills = vec![trade(1, "0.01000", "39000.00", "0")];
    let filled = report(&bench, &id, VenueStatus::Filled, "0.01000", fills);
    bench.tick(67_000);
    bench.answer_with_balance("0.5");
    bench.tick(3_000);
    bench.stream(filled);
    bench.tick(2_000);
    bench.answer_with_balance("0.51");
    let id = instrument().instrument_id;
    assert!(
        !bench.state.book.halts.contains_key(&id),
        "a fill came in between"
    );
    bench.tick(5_000);
    bench.answer_with_balance("0.51");
    assert!(bench.state.book.halts.contains_key(&id));
}
