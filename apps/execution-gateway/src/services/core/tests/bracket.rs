use serde_json::json;

use rust_common::{ClientOrderId, OrderStatus, StopLevel};

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{Outcome, VenueAnswer, VenueCall, VenueStatus};

fn is_place(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Place(_))
}

fn is_oco(call: &VenueCall) -> bool {
    matches!(call, VenueCall::PlaceOco(_))
}

/// A bracket whose entry is filled; returns entry, stop and target ids.
fn filled_entry(bench: &mut Bench) -> [ClientOrderId; 3] {
    let order = approved("entry", "open", &bracket("0.01000"));
    bench.submit(&order, 0);
    let entry = order.client_order_id().unwrap();
    let call = bench.take_call(is_place);
    let reply = report(bench, &entry, VenueStatus::Filled, "0.01000", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![reply]));
    assert_eq!(
        bench.status(&entry),
        OrderStatus::Accepted,
        "fills come from the stream"
    );
    let fills = vec![trade(1, "0.01000", "40008.00", "0.00001")];
    let event = report(bench, &entry, VenueStatus::Filled, "0.01000", fills);
    bench.stream(event);
    let child = |leg: &str| order.client_order_id_of(&leg.parse().unwrap()).unwrap();
    [entry.clone(), child("entry.stop"), child("entry.target")]
}

fn accept_oco(bench: &mut Bench, [_, stop, target]: &[ClientOrderId; 3]) {
    let call = bench.take_call(is_oco);
    let reports = [stop, target]
        .map(|id| report(bench, id, VenueStatus::Working, "0", Vec::new()))
        .to_vec();
    bench.done(call, VenueAnswer::Reports(reports));
}

#[test]
fn a_filled_entry_is_protected_at_the_documented_prices() {
    let mut bench = Bench::ready();
    let [entry, stop, target] = &filled_entry(&mut bench);
    assert_eq!(bench.status(entry), OrderStatus::Filled);
    let VenueCall::PlaceOco(oco) = &bench.calls.iter().find(|(_, c)| is_oco(c)).unwrap().1 else {
        panic!("an OCO is sent");
    };
    assert_eq!(
        oco.quantity.to_string(),
        "0.00999",
        "less commission, floored to step"
    );
    assert_eq!(oco.trigger_price.to_string(), "39508.00");
    assert_eq!(oco.price.to_string(), "40908.00");
    accept_oco(&mut bench, &[entry.clone(), stop.clone(), target.clone()]);
    assert_eq!(bench.status(stop), OrderStatus::Accepted);
    assert_eq!(bench.statuses("entry"), ["SUBMITTED", "ACCEPTED", "FILLED"]);
    assert_eq!(bench.statuses("entry.stop"), ["SUBMITTED", "ACCEPTED"]);
    assert_eq!(bench.statuses("entry.target"), ["SUBMITTED", "ACCEPTED"]);
}

#[test]
fn a_waiting_caller_hears_when_the_legs_rest() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &bracket("0.01000"));
    let request = bench.submit(&order, 5_000);
    assert!(bench.reply(request).is_none());
    let mut quick = Bench::ready();
    let now = quick.submit(&order, 0);
    let (status, body) = quick.reply(now).unwrap();
    assert_eq!((status, body["status"].as_str()), (202, Some("SUBMITTED")));
    let legs: Vec<_> = body["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["leg"].clone())
        .collect();
    assert_eq!(legs, [json!("entry.stop"), json!("entry.target")]);
}

#[test]
fn a_crash_between_fill_and_protection_still_protects() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    let mut again = bench.restarted();
    again.connect();
    // The list was marked as sent before the crash: it is asked for, not sent again.
    assert!(!again.has_call(is_oco));
    again.tick(50);
    assert!(again.has_call(|call| matches!(call, VenueCall::Query { .. })));
    assert_eq!(again.status(&ids[1]), OrderStatus::Submitted);
}

#[test]
fn protection_whose_absence_is_proven_is_sent_again_under_the_same_ids() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    let call = bench.take_call(is_oco);
    bench.outcome(
        call,
        Outcome::NotSent {
            detail: "connection refused".to_owned(),
        },
    );
    assert_eq!(
        bench.status(&ids[1]),
        OrderStatus::Submitted,
        "not terminal: it will be sent"
    );
    accept_oco(&mut bench, &ids);
    assert_eq!(bench.status(&ids[1]), OrderStatus::Accepted);
    assert_eq!(bench.statuses("entry.stop"), ["SUBMITTED", "ACCEPTED"]);
}

#[test]
fn refused_protection_is_told_and_settles() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    let call = bench.take_call(is_oco);
    let detail = "Stop price would trigger immediately.".to_owned();
    bench.outcome(
        call,
        Outcome::Refused {
            code: -2010,
            detail,
        },
    );
    for id in &ids[1..] {
        assert_eq!(bench.status(id), OrderStatus::Rejected);
    }
    assert!(bench.state.is_quiescent());
    let reason = bench.events.last().unwrap()["reason"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(reason, "-2010 Stop price would trigger immediately.");
}

#[test]
fn a_sync_waits_until_the_protection_rests() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    let sync = bench.ask(|request| Input::Sync {
        request,
        through_execution_id: 1,
    });
    assert!(bench.reply(sync).is_none(), "the list is on its way");
    accept_oco(&mut bench, &ids);
    let (status, body) = bench.reply(sync).unwrap();
    assert_eq!(status, 200);
    assert_eq!(body["through_execution_id"], 1);
    assert_eq!(body["gateway_seq"], bench.state.book.gateway_seq);
}

#[test]
fn cancelling_a_leg_cancels_its_list() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    accept_oco(&mut bench, &ids);
    let stop = ids[1].clone();
    let request = bench.ask(|request| Input::Cancel {
        request,
        client_order_id: stop,
        wait_ms: 1_000,
    });
    assert!(bench.reply(request).is_none());
    let call = bench.take_call(|call| matches!(call, VenueCall::CancelList { .. }));
    assert!(
        bench.calls.is_empty(),
        "one request cancels both legs: {:?}",
        bench.calls
    );
    let reports = ids[1..]
        .iter()
        .map(|id| report(&bench, id, VenueStatus::Canceled, "0", Vec::new()))
        .collect();
    bench.done(call, VenueAnswer::Reports(reports));
    assert_eq!(bench.reply(request).unwrap().1["status"], "CANCELED");
    assert_eq!(bench.status(&ids[2]), OrderStatus::Canceled);
}

#[test]
fn flatten_cancels_then_sells_what_is_held_and_survives_a_restart() {
    let mut bench = Bench::ready();
    let ids = filled_entry(&mut bench);
    accept_oco(&mut bench, &ids);
    let reason = "test".to_owned();
    let kill = bench.ask(|request| Input::Kill {
        request,
        level: StopLevel::Flatten,
        reason,
    });
    let mut bench = {
        let mut again = bench.restarted();
        again.connect();
        assert_eq!(
            again.state.book.stop.as_ref().unwrap().level,
            StopLevel::Flatten
        );
        again
    };
    assert!(bench.reply(kill).is_none());
    let cancel = bench.take_call(|call| matches!(call, VenueCall::CancelAll { .. }));
    let reports = ids[1..]
        .iter()
        .map(|id| report(&bench, id, VenueStatus::Canceled, "0", Vec::new()))
        .collect();
    bench.done(cancel, VenueAnswer::Reports(reports));
    let (_, call) = bench
        .calls
        .iter()
        .find(|(_, call)| is_place(call))
        .unwrap()
        .clone();
    let VenueCall::Place(exit) = call else {
        panic!("an exit")
    };
    assert_eq!(
        (exit.order_side.as_str(), exit.quantity.to_string().as_str()),
        ("SELL", "0.00999")
    );
    let fills = vec![trade(2, "0.00999", "39990.00", "0")];
    let event = report(
        &bench,
        &exit.client_order_id,
        VenueStatus::Filled,
        "0.00999",
        fills,
    );
    bench.stream(event);
    assert!(bench.state.book.stop.as_ref().unwrap().is_done);
    assert_eq!(bench.events.last().unwrap()["trading_state"], "HALTED");
    let order = approved_for("b", "entry", 0, "open", &bracket("0.01000"));
    let refused = bench.submit(&order, 0);
    assert_eq!(bench.reply(refused).unwrap().0, 503);
    bench.ask(|request| Input::Resume {
        request,
        reason: "ok".to_owned(),
    });
    assert!(bench.state.are_entries_open());
}
