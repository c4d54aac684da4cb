//! Checkpoints, ageing of keys, the dead-man switch, shutdown.

use rust_common::OrderStatus;

use super::support::*;
use crate::models::input::Input;
use crate::models::record::{Entry, Record};
use crate::models::venue::{Outcome, VenueAnswer, VenueCall, VenueStatus};
use crate::services::core::book::Book;
use crate::services::core::{Resting, begin};

const DAY_MS: i64 = 86_400_000;

fn has_record(bench: &Bench, wanted: impl Fn(&Record) -> bool) -> bool {
    bench.entries.iter().any(|entry| wanted(&entry.record))
}

fn replayed(entries: &[Entry]) -> Book {
    let mut book = Book::default();
    for entry in entries {
        book.apply(entry);
    }
    book
}

#[test]
fn the_same_records_give_the_same_hash_and_other_records_another() {
    let mut bench = Bench::ready();
    bench.bought("1", 1);
    let hash = bench.state.state_hash();
    assert_eq!(replayed(&bench.entries).state_hash(), hash);
    let shorter = &bench.entries[..bench.entries.len() - 1];
    assert_ne!(replayed(shorter).state_hash(), hash);
    assert_ne!(Book::default().state_hash(), hash);
    bench.resting("2", "open", "BUY");
    assert_ne!(bench.state.state_hash(), hash);
}

#[test]
fn checkpoints_hold_the_hash_of_the_book_before_them() {
    let mut bench = Bench::ready();
    bench.bought("1", 1);
    bench.pass(3_700_000, 60_000);
    let mut book = Book::default();
    let mut checked = 0;
    for entry in &bench.entries {
        if let Record::Checkpoint { state_hash } = &entry.record {
            assert_eq!(book.state_hash(), *state_hash);
            checked += 1;
        }
        book.apply(entry);
    }
    assert!(checked >= 2, "one an hour");
}

#[test]
fn keys_are_kept_ninety_days_then_dropped_with_their_orders() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.00100"));
    bench.submit(&order, 0);
    let call = bench.take_call(|call| matches!(call, VenueCall::Place(_)));
    let detail = "insufficient".to_owned();
    bench.outcome(
        call,
        Outcome::Refused {
            code: -2010,
            detail,
        },
    );
    let open = bench.resting("2", "open", "BUY");
    bench.pass(89 * DAY_MS, DAY_MS);
    let request = bench.submit(&order, 0);
    assert_eq!(
        bench.reply(request).unwrap().1["status"],
        "REJECTED",
        "the stored reply"
    );
    bench.pass(2 * DAY_MS, DAY_MS);
    let id = order.client_order_id().unwrap();
    assert!(!bench.state.book.keys.contains_key(&order.idempotency_key()));
    assert!(!bench.state.book.orders.contains_key(&id));
    assert!(
        bench.state.book.orders.contains_key(&open),
        "what is open is kept"
    );
    assert_eq!(bench.state.book.keys.len(), 1);
    assert!(has_record(&bench, |record| matches!(
        record,
        Record::KeysDropped { .. }
    )));
    let book = replayed(&bench.entries);
    assert_eq!(
        book.state_hash(),
        bench.state.state_hash(),
        "a replay drops the same"
    );
}

#[test]
fn the_dead_man_switch_is_renewed_every_quarter() {
    let is_countdown = |call: &VenueCall| matches!(call, VenueCall::Countdown { .. });
    let mut bench = Bench::ready_with(|config| config.rules.countdown_ms = Some(120_000));
    bench.take_call(is_countdown);
    assert!(bench.state.next_wake(bench.now).unwrap() <= bench.now + 30_000);
    bench.pass(29_000, 1_000);
    assert!(!bench.has_call(is_countdown));
    bench.pass(1_000, 1_000);
    let call = bench.take_call(is_countdown);
    let detail = "down".to_owned();
    bench.outcome(call, Outcome::NotSent { detail });
    assert!(bench.alarms.contains(&"countdown"));
    bench.input(Input::Shutdown);
    let stops = |call: &VenueCall| {
        matches!(
            call,
            VenueCall::Countdown {
                countdown_ms: 0,
                ..
            }
        )
    };
    assert!(bench.has_call(stops), "an orderly end is no death");
}

#[test]
fn a_shutdown_waits_for_what_is_in_flight_and_reconciles_once_more() {
    let mut bench = Bench::ready();
    let resting = bench.resting("1", "open", "BUY");
    let order = approved("entry", "open", &market("BUY", "0.00100"));
    bench.submit(&order, 0);
    bench.input(Input::Shutdown);
    assert_eq!(
        bench.recalled.len(),
        1,
        "what is queued does not leave any more"
    );
    assert_eq!(bench.try_entry("2").0, 503, "no intake");
    assert!(!bench.state.has_ended());
    let call = bench.take_call(|call| matches!(call, VenueCall::Place(_)));
    let detail = "recalled".to_owned();
    bench.outcome(call, Outcome::NotSent { detail });
    let id = order.client_order_id().unwrap();
    assert_eq!(bench.status(&id), OrderStatus::NotSent);
    assert!(
        !bench.state.has_ended(),
        "the last reconciliation is on its way"
    );
    bench.answer_reconcile(Vec::new());
    assert!(bench.state.has_ended());
    assert_eq!(
        bench.status(&resting),
        OrderStatus::Accepted,
        "left by policy"
    );
    assert_eq!(bench.entries.last().unwrap().record, Record::Shutdown);
}

#[test]
fn an_outcome_that_does_not_come_by_the_horizon_stays_open_in_the_journal() {
    let mut bench = Bench::ready();
    let order = approved("entry", "open", &market("BUY", "0.00100"));
    bench.submit(&order, 0);
    bench.input(Input::Shutdown);
    assert_eq!(bench.state.next_wake(bench.now), Some(bench.now + 800));
    bench.tick(800);
    assert!(bench.state.has_ended());
    let mut again = bench.restarted();
    again.connect();
    again.tick(50);
    again.take_call(|call| matches!(call, VenueCall::Query { .. }));
}

#[test]
fn a_shutdown_may_cancel_what_rests() {
    let mut bench = Bench::ready_with(|config| config.rules.resting_at_shutdown = Resting::Cancel);
    let id = bench.resting("1", "open", "BUY");
    bench.input(Input::Shutdown);
    let call = bench.take_call(|call| matches!(call, VenueCall::Cancel { .. }));
    let gone = report(&bench, &id, VenueStatus::Canceled, "0", Vec::new());
    bench.done(call, VenueAnswer::Reports(vec![gone]));
    bench.answer_reconcile(Vec::new());
    assert!(bench.state.has_ended());
}

#[test]
fn damage_is_remembered_until_an_operator_resumes() {
    let mut bench = Bench::ready();
    bench.state.live.damage = Some("segment 1 is damaged".to_owned());
    bench.state.book.gateway_seq = 40;
    let now = bench.now;
    for effect in begin(&mut bench.state, now, "c", Vec::new()) {
        if let crate::models::input::Effect::Journal(entry) = effect {
            bench.entries.push(*entry);
        }
    }
    let book = replayed(&bench.entries);
    assert_eq!(book.gateway_seq, 40, "numbers are not given twice");
    bench.state = crate::services::core::State::new(bench.state.config.clone(), book);
    bench.connect();
    assert_eq!(
        bench.try_entry("1").1,
        "journal_damaged",
        "the next start still knows"
    );
    bench.ask(|request| Input::Resume {
        request,
        reason: "checked".to_owned(),
    });
    bench.keep_reconciled();
    assert_eq!(bench.try_entry("2").0, 202);
}

#[test]
fn an_order_the_venue_told_of_is_never_sent_although_its_key_is_lost() {
    let mut bench = Bench::ready();
    let id = bench.resting("1", "open", "BUY");
    let told = report(&bench, &id, VenueStatus::Working, "0", Vec::new());
    let order = approved_for("1", "entry", 0, "open", &limit("BUY", "0.01000"));
    let mut amnesiac = Bench::ready();
    amnesiac.stream(told);
    let request = amnesiac.submit(&order, 0);
    assert_eq!(amnesiac.reply(request).unwrap().0, 202);
    assert!(!amnesiac.has_call(|call| matches!(call, VenueCall::Place(_))));
}

#[test]
fn records_of_format_1_are_still_read() {
    let texts = [
        r#"{"type":"epoch","epoch":2,"build":"0","config_hash":"c"}"#,
        r#"{"type":"sent","ids":["ats1-a"],"recv_window_ms":300}"#,
        r#"{"type":"halt","instrument_id":"BTC-USD.SIM","reason":"r"}"#,
        r#"{"type":"outcome","ids":[],"class":"D","code":-1,"detail":"d","resend":false}"#,
        r#"{"type":"report","report":{"client_order_id":"a","venue_order_id":"1",
            "instrument_id":"BTC-USD.SIM","order_type":"MARKET","order_side":"BUY",
            "quantity":"0.00100","price":null,"trigger_price":null,"status":"working",
            "executed":"0.00000","trades":[],"execution_id":null,
            "at":"2021-09-27T14:00:00.000Z","reason":null}}"#,
    ];
    for text in texts {
        let record: Record = serde_json::from_str(text).unwrap();
        let again = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&again).unwrap(), record);
        assert!(
            !again.contains("extra"),
            "a plain report stays as it was: {again}"
        );
    }
}
