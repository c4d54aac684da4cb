//! The breaker opens for its documented causes, holds back entries only, and closes by a test.

use super::support::*;
use crate::models::input::Input;
use crate::models::venue::{Lane, Outcome, StreamEvent, VenueAnswer, VenueCall};
use crate::services::journal::writer::Health;

fn is_place(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Place(_))
}

fn is_test(call: &VenueCall) -> bool {
    matches!(call, VenueCall::Test(_))
}

fn unclear() -> Outcome {
    let detail = "timeout".to_owned();
    Outcome::Ambiguous { code: 0, detail }
}

fn roomy() -> Bench {
    Bench::ready_with(|config| config.limits.max_orders_per_minute = 1_000)
}

fn breaker(bench: &Bench) -> (u8, Option<&'static str>) {
    let figures = bench.state.figures(bench.now);
    (figures.breaker, figures.refusal)
}

/// Reduce-only orders and cancels pass whatever the breaker says.
fn check_exits_pass(bench: &mut Bench) {
    let order = approved_for("f", "exit", 0, "reduce", &market("SELL", "0.00100"));
    let request = bench.submit(&order, 0);
    assert_eq!(
        bench.reply(request).unwrap().0,
        202,
        "what reduces is let through"
    );
    let id = order.client_order_id().unwrap();
    let request = bench.ask(|request| Input::Cancel {
        request,
        client_order_id: id,
        wait_ms: 0,
    });
    assert_eq!(
        bench.reply(request).unwrap().0,
        202,
        "cancels are let through"
    );
}

fn close_by_test(bench: &mut Bench) {
    let call = bench.take_call(is_test);
    assert_eq!(
        breaker(bench).0,
        1,
        "half-open while the test is on its way"
    );
    assert_eq!(bench.try_entry("e").0, 503, "and still closed for entries");
    bench.done(call, VenueAnswer::Accepted);
    assert_eq!(breaker(bench), (0, None));
    assert_eq!(bench.try_entry("e").0, 202);
}

#[test]
fn three_ambiguous_orders_within_a_minute_open_it() {
    let mut bench = roomy();
    bench.bought("0", 1);
    for decision in ["1", "2", "3"] {
        // Another instrument state each time: the doubt of the last is cleared first.
        let order = approved_for(decision, "entry", 0, "open", &market("BUY", "0.00100"));
        bench.submit(&order, 0);
        let call = bench.take_call(is_place);
        bench.outcome(call, unclear());
        let id = order.client_order_id().unwrap();
        let filled = crate::models::venue::VenueStatus::Canceled;
        let event = report(&bench, &id, filled, "0", Vec::new());
        bench.stream(event);
    }
    assert_eq!(breaker(&bench), (2, Some("breaker_open")));
    assert!(bench.alarms.contains(&"breaker_open"));
    assert_eq!(bench.try_entry("e"), (503, "breaker_open".to_owned()));
    check_exits_pass(&mut bench);
    bench.tick(999);
    assert!(!bench.has_call(is_test), "it cools down first");
    bench.tick(1);
    let call = bench.take_call(is_test);
    bench.outcome(call, unclear());
    assert_eq!(breaker(&bench).0, 2, "a failed test opens it again");
    bench.tick(1_999);
    assert!(!bench.has_call(is_test), "for twice as long");
    bench.tick(1);
    close_by_test(&mut bench);
}

#[test]
fn two_ambiguous_orders_or_three_over_a_longer_time_do_not() {
    let mut bench = roomy();
    for (decision, wait) in [("1", 0), ("2", 40_000), ("3", 40_000)] {
        bench.pass(wait, 5_000);
        let id = bench.resting(decision, "open", "BUY");
        let target = id.clone();
        bench.ask(|request| Input::Cancel {
            request,
            client_order_id: target,
            wait_ms: 0,
        });
        let call = bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
        bench.outcome(call, unclear());
        let ended = crate::models::venue::VenueStatus::Canceled;
        let event = report(&bench, &id, ended, "0", Vec::new());
        bench.stream(event);
    }
    assert_eq!(breaker(&bench).0, 0);
}

#[test]
fn a_silent_stream_opens_it_until_it_speaks() {
    let mut bench = roomy();
    bench.bought("0", 1);
    let since = bench.now;
    bench.input(Input::StreamSilent { since });
    let wake = bench.state.next_wake(bench.now).unwrap();
    assert!(wake <= since + 60_001, "the core asks to be woken in time");
    bench.tick(60_000);
    bench.keep_reconciled();
    assert_eq!(breaker(&bench).0, 0, "60 s are allowed");
    bench.tick(1);
    assert_eq!(breaker(&bench).0, 2);
    assert_eq!(bench.try_entry("e").1, "breaker_open");
    check_exits_pass(&mut bench);
    assert!(!bench.has_call(is_test), "the condition still holds");
    bench.input(Input::Stream(StreamEvent::Execution(1)));
    close_by_test(&mut bench);
}

#[test]
fn a_gap_open_for_more_than_thirty_seconds_opens_it() {
    let mut bench = roomy();
    bench.bought("0", 1);
    bench.input(Input::Stream(StreamEvent::Gap));
    let call = bench.take_call(|call| matches!(call, VenueCall::Reconcile { .. }));
    assert_eq!(
        bench.try_entry("d").1,
        "not_ready",
        "no entry while events are missing"
    );
    check_exits_pass(&mut bench);
    bench.tick(30_001);
    assert_eq!(breaker(&bench).0, 2);
    bench.outcome(call, unclear());
    bench.tick(1_000);
    assert!(
        !bench.has_call(is_test),
        "a failed reconciliation closes no gap"
    );
    bench.answer_reconcile(Vec::new());
    close_by_test(&mut bench);
}

#[test]
fn a_wrong_or_stale_clock_opens_it() {
    let mut bench = roomy();
    bench.bought("0", 1);
    let sampled_at = bench.now;
    bench.input(Input::ClockSync {
        offset_ms: -500,
        sampled_at,
    });
    assert_eq!(breaker(&bench).0, 0, "500 ms are allowed");
    bench.input(Input::ClockSync {
        offset_ms: -501,
        sampled_at,
    });
    assert_eq!(breaker(&bench).0, 2);
    bench.input(Input::ClockSync {
        offset_ms: 0,
        sampled_at,
    });
    close_by_test(&mut bench);
    bench.tick(300_001);
    bench.keep_reconciled();
    assert_eq!(breaker(&bench).0, 2, "no sample for five minutes");
}

#[test]
fn without_a_first_clock_sample_nothing_is_entered() {
    let mut bench = roomy();
    bench.state.live.breaker.clock = None;
    assert_eq!(bench.try_entry("e").1, "clock_unsynced");
}

#[test]
fn a_failed_journal_opens_it() {
    let mut bench = roomy();
    bench.input(Input::Journal(Health::Failed));
    assert_eq!(breaker(&bench).0, 2);
    assert_eq!(bench.try_entry("e").1, "journal_failed");
}

#[test]
fn more_than_half_of_twenty_orders_refused_opens_it() {
    let mut bench = roomy();
    for number in 0..20_u32 {
        assert_eq!(breaker(&bench).0, 0, "after {number}");
        let leg = format!("entry.{number}");
        let order = approved_for("a", &leg, 0, "open", &market("BUY", "0.00100"));
        bench.submit(&order, 0);
        let call = bench.take_call(is_place);
        if number % 2 == 0 || number == 19 {
            let detail = "Account has insufficient balance".to_owned();
            bench.outcome(
                call,
                Outcome::Refused {
                    code: -2010,
                    detail,
                },
            );
        } else {
            let id = order.client_order_id().unwrap();
            let ended = crate::models::venue::VenueStatus::Canceled;
            let reply = report(&bench, &id, ended, "0", Vec::new());
            bench.done(call, VenueAnswer::Reports(vec![reply]));
        }
    }
    assert_eq!(breaker(&bench).0, 2, "11 of 20");
}

#[test]
fn a_confirmed_mismatch_opens_it_and_halts_the_instrument() {
    let mut bench = roomy();
    bench.bought("0", 1);
    bench.tick(67_000);
    bench.answer_with_balance("0.5");
    bench.tick(5_000);
    bench.answer_with_balance("0.5");
    assert_eq!(breaker(&bench).0, 2);
    assert_eq!(bench.try_entry("e").1, "instrument_halted");
    check_exits_pass(&mut bench);
}

#[test]
fn limits_of_the_venue_hold_calls_back_in_their_lane() {
    let mut bench = roomy();
    let id = bench.resting("0", "open", "BUY");
    let until = bench.now + 60_000;
    bench.input(Input::Throttled {
        lane: Some(Lane::Entry),
        until,
    });
    assert_eq!(
        bench.try_entry("e").1,
        "throttled",
        "it would die in the queue"
    );
    bench.input(Input::Banned { until });
    assert_eq!(bench.try_entry("e").1, "banned");
    bench.ask(|request| Input::Cancel {
        request,
        client_order_id: id,
        wait_ms: 0,
    });
    bench.calls.clear();
    bench.tick(30_000);
    assert!(
        bench.calls.is_empty(),
        "a ban stops everything: {:?}",
        bench.calls
    );
    assert!(bench.state.next_wake(bench.now).unwrap() <= until);
    bench.tick(30_000);
    assert!(bench.has_call(|call| matches!(call, VenueCall::Cancel { .. })));
}

#[test]
fn a_key_that_may_withdraw_is_refused_unless_allowed() {
    let mut bench = roomy();
    let permissions = |can_trade, can_withdraw| Input::KeyPermissions {
        can_trade,
        can_withdraw,
    };
    bench.input(permissions(true, true));
    assert_eq!(bench.try_entry("e").1, "key_permissions");
    bench.state.config.rules.allow_withdraw_key = true;
    assert_eq!(bench.try_entry("e").0, 202);
    bench.input(permissions(false, false));
    assert_eq!(bench.try_entry("d").1, "key_permissions");
}
