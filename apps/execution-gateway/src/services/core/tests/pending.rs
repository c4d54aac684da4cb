//! Cancelling and amending beside the lifecycle.

use rust_common::{ClientOrderId, OrderStatus};

use super::support::*;
use crate::models::input::Input;
use crate::models::order::Pending;
use crate::models::venue::{Outcome, VenueAnswer, VenueCall, VenueStatus};

fn is_query(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Query { .. })
}

fn is_amend(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Amend { .. })
}

fn is_cancel(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Cancel { .. })
}

fn amend(bench: &mut Bench, id: &ClientOrderId, quantity: &str) -> u64 {
    let client_order_id = id.clone();
    let quantity = quantity.parse().unwrap();
    bench.ask(|request| Input::Amend {
        request,
        client_order_id,
        quantity,
        wait_ms: 5_000,
    })
}

fn cancel(bench: &mut Bench, id: &ClientOrderId) -> u64 {
    let client_order_id = id.clone();
    bench.ask(|request| Input::Cancel {
        request,
        client_order_id,
        wait_ms: 5_000,
    })
}

fn unclear() -> Outcome {
    let detail = "timeout".to_owned();
    Outcome::Ambiguous { code: 0, detail }
}

#[test]
fn an_amendment_makes_the_order_smaller_and_releases_exposure() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let request = amend(&mut bench, &id, "0.00400");
    let call = bench.take_call(is_amend);
    let mut smaller = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    smaller.quantity = "0.00400".parse().unwrap();
    bench.done(call, VenueAnswer::Reports(vec![smaller]));
    assert_eq!(bench.reply(request).unwrap().0, 202);
    let exposure = bench.state.exposure(&instrument().instrument_id);
    assert_eq!(exposure.highest.to_string(), "0.00400000");
    for (quantity, why) in [("0.00400", "equal"), ("0.00900", "larger")] {
        let request = amend(&mut bench, &id, quantity);
        assert_eq!(bench.reply(request).unwrap().0, 409, "{why}");
    }
}

#[test]
fn an_amendment_in_doubt_is_asked_for_and_never_sent_again() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    amend(&mut bench, &id, "0.00400");
    let call = bench.take_call(is_amend);
    bench.outcome(call, unclear());
    assert!(bench.state.book.orders[&id].pending.is_unknown());
    let exposure = bench.state.exposure(&instrument().instrument_id);
    assert_eq!(
        exposure.highest.to_string(),
        "0.01000000",
        "the worst case stays reserved"
    );
    let start = bench.now;
    while !bench.state.book.orders[&id].pending.is_none() {
        bench.tick(20);
        bench.keep_reconciled();
        assert!(!bench.has_call(is_amend));
        while bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            let same = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
            bench.done(call, VenueAnswer::Reports(vec![same]));
        }
        assert!(bench.now - start < 10_000);
    }
    assert!(bench.now - start >= 800, "judged only after the horizon");
}

#[test]
fn a_crash_leaves_an_amendment_in_doubt() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    amend(&mut bench, &id, "0.00400");
    let mut again = bench.restarted();
    again.connect();
    assert!(again.state.book.orders[&id].pending.is_unknown());
    assert!(!again.has_call(is_amend));
}

#[test]
fn a_cancel_takes_the_place_of_an_amendment() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    amend(&mut bench, &id, "0.00400");
    cancel(&mut bench, &id);
    assert!(bench.state.book.orders[&id].pending.is_cancel());
    bench.take_call(is_cancel);
}

#[test]
fn a_cancel_in_doubt_is_repeated_once_the_order_is_seen_alive() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    cancel(&mut bench, &id);
    let call = bench.take_call(is_cancel);
    bench.outcome(call, unclear());
    bench.tick(50);
    let call = bench.take_call(is_query);
    let alive = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![alive]));
    bench.take_call(is_cancel);
}

#[test]
fn refusals_for_now_repeat_a_cancel_and_others_end_it() {
    for (code, is_repeated) in [(-1021, true), (-1003, true), (-1102, false)] {
        let mut bench = Bench::ready();
        let id = bench.resting("1", "open", "BUY");
        cancel(&mut bench, &id);
        let call = bench.take_call(is_cancel);
        let detail = "no".to_owned();
        bench.outcome(call, Outcome::Refused { code, detail });
        bench.tick(50);
        let call = bench.take_call(is_query);
        let alive = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
        bench.done(call, VenueAnswer::Reports(vec![alive]));
        assert_eq!(bench.has_call(is_cancel), is_repeated, "{code}");
        assert_eq!(bench.alarms.contains(&"cancel_refused"), !is_repeated);
        let pending = &bench.state.book.orders[&id].pending;
        assert_eq!(*pending == Pending::None, !is_repeated);
    }
}

#[test]
fn a_refused_timestamp_is_tried_once_more_after_a_clock_sample() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let is_place = |call: &VenueCall| matches!(call, VenueCall::Place(_));
    let refuse = |bench: &mut Bench| {
        let call = bench.take_call(is_place);
        let detail = "Timestamp for this request was 1000ms ahead".to_owned();
        bench.outcome(
            call,
            Outcome::Refused {
                code: -1021,
                detail,
            },
        );
    };
    refuse(&mut bench);
    assert_eq!(bench.status(&id), OrderStatus::Submitted, "not over yet");
    assert!(!bench.has_call(is_place), "the clock first");
    let call = bench.take_call(|call| matches!(call, VenueCall::SyncClock));
    bench.now += 5;
    bench.done(call, VenueAnswer::Clock { offset_ms: 7 });
    assert!(bench.has_call(is_place));
    refuse(&mut bench);
    assert_eq!(bench.status(&id), OrderStatus::Rejected, "one retry only");
}

#[test]
fn an_entry_is_not_tried_again_after_its_deadline() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(|call| matches!(call, VenueCall::Place(_)));
    let detail = "late".to_owned();
    bench.outcome(
        call,
        Outcome::Refused {
            code: -1021,
            detail,
        },
    );
    assert_eq!(bench.state.next_wake(bench.now), Some(bench.now + 2_000));
    bench.tick(2_000);
    let id = order.client_order_id().unwrap();
    assert_eq!(bench.status(&id), OrderStatus::NotSent);
    assert!(!bench.has_call(|call| matches!(call, VenueCall::Place(_))));
}
