//! The four stops (K32, C8): what each lets through, from every source, across restarts.

use rust_common::{OrderStatus, StopLevel, TradingState};

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{Outcome, VenueAnswer, VenueCall, VenueStatus};

fn kill(bench: &mut Bench, level: StopLevel) -> u64 {
    bench.ask(|request| Input::Kill {
        request,
        level,
        reason: "test".to_owned(),
    })
}

fn is_cancel(call: &VenueCall) -> bool {
    matches!(
        call,
        VenueCall::Cancel { .. } | VenueCall::CancelAll { .. } | VenueCall::CancelList { .. }
    )
}

fn sell(bench: &mut Bench, decision: &str, quantity: &str) -> u16 {
    let order = approved_for(decision, "exit", 0, "reduce", &market("SELL", quantity));
    let request = bench.submit(&order, 0);
    bench.reply(request).unwrap().0
}

/// Holds 0.01 by a fill and 1 BTC from before, and has a working entry.
fn holding() -> Bench {
    let mut bench = Bench::ready_with(|config| {
        config.limits.max_instrument_notional = "100000".parse().unwrap();
    });
    let base = rust_common::Currency::new("BTC").unwrap();
    bench
        .state
        .book
        .asset_baselines
        .insert(base, "1".parse().unwrap());
    bench.bought("0", 1);
    bench
}

#[test]
fn no_entries_lets_working_orders_live() {
    let mut bench = holding();
    let entry = bench.resting("1", "open", "BUY");
    kill(&mut bench, StopLevel::NoEntries);
    bench.pass(20_000, 1_000);
    assert!(!bench.has_call(is_cancel), "a working entry lives on");
    assert_eq!(bench.try_entry("e"), (503, "entries_closed".to_owned()));
    assert_eq!(
        sell(&mut bench, "2", "0.50000"),
        202,
        "all that is held may be sold"
    );
    let fills = vec![trade(2, "0.01000", "39000.00", "0")];
    let filled = report(&bench, &entry, VenueStatus::Filled, "0.01000", fills);
    bench.stream(filled);
    assert_eq!(
        bench.status(&entry),
        OrderStatus::Filled,
        "and its fill is booked"
    );
}

#[test]
fn reduce_only_ends_working_entries_and_lets_only_the_position_go() {
    let mut bench = holding();
    let entry = bench.resting("1", "open", "BUY");
    let exit = bench.resting("2", "reduce", "SELL");
    kill(&mut bench, StopLevel::ReduceOnly);
    let cancels: Vec<_> = bench
        .calls
        .iter()
        .filter(|(_, call)| is_cancel(call))
        .collect();
    let [
        (
            call,
            VenueCall::Cancel {
                client_order_id, ..
            },
        ),
    ] = cancels.as_slice()
    else {
        panic!("the entry is cancelled, the exit is not: {cancels:?}");
    };
    assert_eq!(*client_order_id, entry);
    let call = *call;
    let gone = report(&bench, &entry, VenueStatus::Canceled, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![gone]));
    assert_eq!(bench.status(&entry), OrderStatus::Canceled);
    assert_eq!(bench.status(&exit), OrderStatus::Accepted);
    assert_eq!(
        sell(&mut bench, "3", "0.50000"),
        422,
        "that would sell more than the position"
    );
    assert_eq!(sell(&mut bench, "4", "0.01000"), 202);
    assert_eq!(bench.state.book.trading_state(), TradingState::Reducing);
}

#[test]
fn cancel_all_is_one_request_per_symbol_in_the_first_lane() {
    let mut bench = holding();
    let ids: Vec<_> = (1..=3)
        .map(|number| bench.resting(&number.to_string(), "open", "BUY"))
        .collect();
    let request = kill(&mut bench, StopLevel::CancelAll);
    let cancels = bench.calls.iter().filter(|(_, call)| is_cancel(call));
    assert_eq!(cancels.count(), 1);
    assert_eq!(
        bench.state.book.trading_state(),
        TradingState::Reducing,
        "not done yet"
    );
    let call = bench.take_call(|call| matches!(call, VenueCall::CancelAll { .. }));
    // The venue has cancelled two; the third is left to a cancel of its own.
    let gone = ids[..2]
        .iter()
        .map(|id| report(&bench, id, VenueStatus::Canceled, "0", Vec::new()))
        .collect();
    bench.done(call, VenueAnswer::Reports(gone));
    assert!(bench.reply(request).is_none());
    bench.tick(1);
    let call = bench.take_call(|call| matches!(call, VenueCall::Query { .. }));
    let alive = report(&bench, &ids[2], VenueStatus::Working, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![alive]));
    let call = bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
    let gone = report(&bench, &ids[2], VenueStatus::Canceled, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![gone]));
    assert_eq!(bench.reply(request).unwrap().1["trading_state"], "HALTED");
}

#[test]
fn a_failed_cancel_all_is_carried_on_order_by_order() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    kill(&mut bench, StopLevel::CancelAll);
    let call = bench.take_call(|call| matches!(call, VenueCall::CancelAll { .. }));
    let detail = "rate limit".to_owned();
    bench.outcome(
        call,
        Outcome::Refused {
            code: -1003,
            detail,
        },
    );
    bench.tick(50);
    let call = bench.take_call(|call| matches!(call, VenueCall::Query { .. }));
    let alive = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![alive]));
    bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
}

#[test]
fn entries_still_queued_are_recalled_and_end_as_not_sent() {
    let mut bench = holding();
    assert_eq!(bench.try_entry("1").0, 202);
    assert_eq!(sell(&mut bench, "2", "0.00100"), 202);
    let place = |bench: &Bench, reduce: bool| {
        let mut calls = bench.calls.iter();
        let found = calls.find(
            |(_, call)| matches!(call, VenueCall::Place(order) if order.reduce_only == reduce),
        );
        found.unwrap().0
    };
    let (entry, exit) = (place(&bench, false), place(&bench, true));
    kill(&mut bench, StopLevel::NoEntries);
    assert!(bench.recalled.contains(&entry) && !bench.recalled.contains(&exit));
    let id = match &bench
        .calls
        .iter()
        .find(|(call, _)| *call == entry)
        .unwrap()
        .1
    {
        VenueCall::Place(order) => order.client_order_id.clone(),
        other => panic!("{other:?}"),
    };
    let detail = "recalled from the queue".to_owned();
    bench.outcome(entry, Outcome::NotSent { detail });
    assert_eq!(bench.status(&id), OrderStatus::NotSent);
}

#[test]
fn an_entry_carries_its_deadline_and_dies_with_it() {
    let mut bench = holding();
    assert_eq!(bench.try_entry("1").0, 202);
    let (call, request) = bench.calls.last().unwrap().clone();
    assert_eq!(request.deadline(), Some(bench.now + 2_000));
    let detail = "the deadline passed in the queue".to_owned();
    bench.outcome(call, Outcome::NotSent { detail });
    assert_eq!(bench.statuses("entry").last().unwrap(), "NOT_SENT");
    assert_eq!(sell(&mut bench, "2", "0.00100"), 202);
    assert_eq!(
        bench.calls.last().unwrap().1.deadline(),
        None,
        "an exit never dies waiting"
    );
}

#[test]
fn the_file_and_a_signal_stop_like_the_api_and_survive_a_restart() {
    let mut bench = Bench::ready();
    bench.input(Input::SignalKill {
        level: StopLevel::NoEntries,
    });
    assert_eq!(bench.try_entry("1").1, "entries_closed");
    bench.input(Input::FileKill {
        level: Some(StopLevel::CancelAll),
    });
    bench.input(Input::FileKill {
        level: Some(StopLevel::NoEntries),
    });
    let level = |bench: &Bench| bench.state.book.stop.as_ref().unwrap().level;
    assert_eq!(
        level(&bench),
        StopLevel::CancelAll,
        "a stop is only made harder"
    );
    let resume = |request| Input::Resume {
        request,
        reason: "ok".to_owned(),
    };
    let request = bench.ask(resume);
    assert_eq!(
        bench.reply(request).unwrap().0,
        409,
        "the file is still there"
    );
    bench.input(Input::FileKill { level: None });
    assert_eq!(
        level(&bench),
        StopLevel::CancelAll,
        "removing the file resumes nothing"
    );
    let mut again = bench.restarted();
    again.connect();
    assert_eq!(again.try_entry("2").1, "entries_closed");
    let request = again.ask(resume);
    assert_eq!(again.reply(request).unwrap().0, 200);
    again.keep_reconciled();
    assert_eq!(again.try_entry("3").0, 202);
}
