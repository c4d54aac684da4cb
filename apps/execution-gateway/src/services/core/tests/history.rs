//! Failures on record at other systems (sheet B2), each replayed against this core.

use rust_common::OrderStatus;

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{Outcome, Snapshot, StreamEvent, VenueAnswer, VenueCall, VenueStatus};

fn is_place(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Place(_) | VenueCall::PlaceOco(_))
}

fn is_query(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Query { .. })
}

fn timeout() -> Outcome {
    let detail = "read timeout".to_owned();
    Outcome::Ambiguous {
        code: -1007,
        detail,
    }
}

fn position(bench: &Bench) -> String {
    bench.state.held(&instrument().instrument_id).to_string()
}

/// Hummingbot 493, catalyst 317, nautilus 4215, BitBot 27: a timeout was sent again.
#[test]
fn duplicate_after_timeout() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(is_place);
    bench.outcome(call, timeout());
    let id = order.client_order_id().unwrap();
    // The caller repeats itself while we do not know, and the accept event arrives late.
    let request = bench.submit(&order, 0);
    assert_eq!(bench.reply(request).unwrap().1["status"], "UNKNOWN");
    let event = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    bench.stream(event);
    assert_eq!(bench.status(&id), OrderStatus::Accepted);
    bench.pass(30_000, 100);
    assert!(
        !bench.has_call(is_place),
        "an event ends every wish to send again"
    );
}

/// Protection is the only thing ever sent again: an event must end that wish, too.
#[test]
fn an_event_cancels_a_pending_resend() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &bracket("0.01000"));
    bench.submit(&order, 0);
    let entry = order.client_order_id().unwrap();
    bench.take_call(is_place);
    let fills = vec![trade(1, "0.01000", "40000.00", "0")];
    let event = report(&bench, &entry, VenueStatus::Filled, "0.01000", fills);
    bench.stream(event);
    let call = bench.take_call(is_place);
    bench.input(Input::Stream(StreamEvent::Down));
    let detail = "reset before the first byte".to_owned();
    bench.outcome(call, Outcome::NotSent { detail });
    let stop = order
        .client_order_id_of(&"entry.stop".parse().unwrap())
        .unwrap();
    let target = order
        .client_order_id_of(&"entry.target".parse().unwrap())
        .unwrap();
    bench.input(Input::Stream(StreamEvent::Up));
    let alive = [&stop, &target]
        .map(|id| report(&bench, id, VenueStatus::Working, "0", Vec::new()))
        .to_vec();
    bench.answer_reconcile(alive);
    assert!(!bench.has_call(is_place));
    assert_eq!(bench.status(&stop), OrderStatus::Accepted);
}

/// Hummingbot 2342, freqtrade 3647, nautilus 4411 and 3879: dead here, alive at the venue.
#[test]
fn zombie_after_timeout() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let order = approved("entry", "open", &limit("BUY", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(is_place);
    let detail = "queue".to_owned();
    bench.outcome(call, Outcome::NotSent { detail });
    let zombie = order.client_order_id().unwrap();
    assert_eq!(bench.status(&zombie), OrderStatus::NotSent);
    // It turns up all the same: its caller was told otherwise, so it is cancelled at once.
    let event = report(&bench, &zombie, VenueStatus::Working, "0", Vec::new());
    bench.stream(event);
    assert_eq!(bench.status(&zombie), OrderStatus::Accepted);
    assert!(bench.alarms.contains(&"revived_order"));
    let cancels: Vec<_> = bench
        .calls
        .iter()
        .filter_map(|(_, call)| match call {
            VenueCall::Cancel {
                client_order_id, ..
            } => Some(client_order_id.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(cancels, [zombie]);
    assert_eq!(bench.status(&id), OrderStatus::Accepted);
}

/// Lean and nautilus 3869: a frame was dropped on a stream that looked healthy.
#[test]
fn lost_fill_on_a_healthy_stream() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let fills = vec![trade(1, "0.00300", "39000.00", "0")];
    let lost = report(&bench, &id, VenueStatus::Working, "0.00300", fills);
    bench.tick(34_000);
    bench.answer_reconcile(vec![lost]);
    assert_eq!(
        position(&bench),
        "0.00300000",
        "the sweep by trade id finds it"
    );
    assert_eq!(
        bench.state.book.orders[&id].status,
        OrderStatus::PartiallyFilled
    );
}

/// Nautilus 3493 and 3046, hummingbot 1663: an inferred fill raced the real one.
#[test]
fn double_counted_fill() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.01000"));
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let call = bench.take_call(is_place);
    let reply = report(&bench, &id, VenueStatus::Filled, "0.01000", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![reply]));
    assert_eq!(
        position(&bench),
        "0.00000000",
        "no fill is inferred from a quantity"
    );
    let fills = vec![trade(5, "0.01000", "40000.00", "0")];
    let event = report(&bench, &id, VenueStatus::Filled, "0.01000", fills);
    bench.stream(event.clone());
    bench.stream(event.clone());
    // The same trade under another order of the account is the same trade.
    let mut other = event;
    other.client_order_id = "web_7".parse().unwrap();
    other.venue_order_id = "7".to_owned();
    bench.stream(other);
    assert_eq!(position(&bench), "0.01000000");
    assert_eq!(bench.state.book.counters.duplicate_fills, 1);
}

/// Nautilus 4736, 3104 and 5000, freqtrade 10436 and 13399: flat in memory, position at the venue.
#[test]
fn wrong_position_after_restart() {
    let mut bench = Bench::ready();
    bench.bought("1", 1);
    let working = bench.resting("2", "open", "BUY");
    let mut again = bench.restarted();
    assert_eq!(position(&again), "0.01000000", "from the journal alone");
    // While we were away the working order was filled by another trade.
    let fills = vec![trade(2, "0.01000", "39000.00", "0")];
    let filled = report(&again, &working, VenueStatus::Filled, "0.01000", fills);
    again.input(Input::Facts {
        instruments: vec![instrument()],
        offset_ms: 0,
    });
    again.input(Input::Stream(StreamEvent::Up));
    assert_eq!(
        again.try_entry("3").1,
        "not_ready",
        "not before the account is known"
    );
    again.answer_reconcile(vec![filled]);
    assert_eq!(position(&again), "0.02000000");
    assert_eq!(again.status(&working), OrderStatus::Filled);
}

/// Nautilus 4230: a failed query was read as an empty list.
#[test]
fn failed_query_read_as_empty() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    bench.tick(12_000);
    let call = bench.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
    bench.outcome(call, timeout());
    assert_eq!(bench.status(&id), OrderStatus::Accepted);
    assert!(bench.state.live.probes.is_empty(), "nothing is concluded");
    bench.tick(1_000);
    bench.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
}

/// Nautilus 4479: `PartiallyFilled -> Rejected` could not be applied, and the loop never ended.
#[test]
fn state_machine_that_cannot_apply_an_event() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let fills = vec![trade(1, "0.00300", "39000.00", "0")];
    let part = report(&bench, &id, VenueStatus::Working, "0.00300", fills);
    bench.stream(part);
    let rejected = report(&bench, &id, VenueStatus::Rejected, "0.00300", Vec::new());
    bench.stream(rejected);
    assert_eq!(
        bench.status(&id),
        OrderStatus::Canceled,
        "with what was filled kept"
    );
    assert_eq!(position(&bench), "0.00300000");
}

/// Ccxt 1786, freqtrade 4403 and 2054: not found right after it was accepted.
#[test]
fn not_found_right_after_accept() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    bench.tick(12_000);
    let call = bench.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
    let snapshot = Snapshot {
        missing: vec![id.clone()],
        ..Snapshot::default()
    };
    bench.done(call, VenueAnswer::Snapshot(Box::new(snapshot)));
    for _ in 0..10 {
        bench.tick(50);
        while bench.has_call(is_query) {
            let call = bench.take_call(is_query);
            bench.outcome(call, Outcome::Missing);
        }
    }
    assert_eq!(bench.status(&id), OrderStatus::Accepted, "a lag is no end");
    bench.tick(2_000);
    let call = bench.take_call(is_query);
    let alive = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![alive]));
    assert!(bench.state.live.probes.is_empty());
}

/// Hummingbot 7098: a clock one second ahead made a protective order fail for good.
#[test]
fn clock_skew_and_a_protective_order() {
    let mut bench = Bench::ready();
    bench.bought("1", 1);
    let order = approved_for("2", "exit", 0, "reduce", &market("SELL", "0.01000"));
    bench.submit(&order, 0);
    let call = bench.take_call(is_place);
    let detail = "Timestamp for this request was 1000ms ahead of the server's time.".to_owned();
    bench.outcome(
        call,
        Outcome::Refused {
            code: -1021,
            detail,
        },
    );
    bench.now += 10_000;
    let call = bench.take_call(|call| matches!(call, VenueCall::SyncClock));
    bench.done(call, VenueAnswer::Clock { offset_ms: -1_000 });
    assert!(
        bench.has_call(is_place),
        "an exit is tried again whatever the time"
    );
    bench.keep_reconciled();
    let kind = bench.try_entry("3").1;
    assert_eq!(kind, "breaker_open", "with such a clock no entry is taken");
}

/// Lean 5839 and Lean.Brokerages.InteractiveBrokers 156: liquidations were ignored.
#[test]
fn external_liquidation() {
    let mut bench = Bench::ready();
    bench.bought("1", 1);
    let own = bench.resting("2", "open", "BUY");
    let fills = vec![trade(9, "0.01000", "30000.00", "0")];
    let mut forced = report(&bench, &own, VenueStatus::Filled, "0.01000", fills);
    forced.client_order_id = "autoclose-1637".parse().unwrap();
    forced.venue_order_id = "55".to_owned();
    forced.order_side = opposite(forced.order_side);
    forced.extra.is_venue_made = true;
    bench.stream(forced);
    let order = &bench.state.book.orders[&"autoclose-1637".parse().unwrap()];
    assert!(order.identity.is_external);
    assert_eq!(order.status, OrderStatus::Filled);
    assert_eq!(position(&bench), "0.00000000");
}

/// A fill beyond the quantity is booked, told, and stops the instrument.
#[test]
fn overfill_is_booked_and_halts() {
    let mut bench = Bench::ready();
    let id = bench.bought("1", 1);
    let fills = vec![trade(2, "0.00500", "40000.00", "0")];
    let more = report(&bench, &id, VenueStatus::Filled, "0.01500", fills);
    bench.stream(more);
    assert_eq!(position(&bench), "0.01500000");
    assert!(bench.alarms.contains(&"overfill") && bench.alarms.contains(&"late_fill"));
    assert_eq!(bench.try_entry("2").1, "instrument_halted");
    let again = bench.restarted();
    assert!(
        again
            .state
            .book
            .halts
            .contains_key(&instrument().instrument_id)
    );
}
