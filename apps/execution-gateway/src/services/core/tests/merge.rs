//! Laws of the order state machine: total, and independent of order and repetition.

use proptest::prelude::*;

use rust_common::{OrderStatus, Quantity};

use super::support::*;
use crate::models::input::Input;
use crate::models::record::{Entry, Record, Verdict};
use crate::models::venue::{Outcome, StreamEvent, VenueAnswer, VenueReport, VenueStatus};

/// Reports that one order of 0.00010 can give rise to: up to ten trades of 0.00001, then an end.
fn history(trades: u64, end: VenueStatus) -> Vec<(VenueStatus, u64, Option<u64>)> {
    let mut reports = vec![(VenueStatus::Working, 0, None)];
    for number in 1..=trades {
        reports.push((VenueStatus::Working, number, Some(number)));
    }
    let end = if trades == 10 {
        VenueStatus::Filled
    } else {
        end
    };
    reports.push((end, trades, None));
    reports
}

fn quantity(steps: u64) -> String {
    Quantity::new(i64::try_from(steps).unwrap(), 5)
        .unwrap()
        .to_string()
}

fn order_of_ten_steps(bench: &mut Bench) -> rust_common::ClientOrderId {
    let order = approved("entry", "open", &market("BUY", "0.00100"));
    bench.submit(&order, 0);
    order.client_order_id().unwrap()
}

fn to_report(
    bench: &Bench,
    id: &rust_common::ClientOrderId,
    (status, executed, number): (VenueStatus, u64, Option<u64>),
) -> VenueReport {
    let trades = number
        .map(|n| trade(n, "0.00010", "40000.00", "0"))
        .into_iter()
        .collect();
    report(bench, id, status, &quantity(executed * 10), trades)
}

fn ends() -> impl Strategy<Value = VenueStatus> {
    prop_oneof![Just(VenueStatus::Canceled), Just(VenueStatus::Expired)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn order_and_repetition_of_reports_do_not_matter(
        trades in 0..=10_u64,
        end in ends(),
        shuffle in any::<prop::sample::Index>(),
        seed in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut calm = Bench::ready();
        let id = order_of_ten_steps(&mut calm);
        let reports: Vec<_> =
            history(trades, end).into_iter().map(|r| to_report(&calm, &id, r)).collect();
        let mut wild = Bench::ready();
        order_of_ten_steps(&mut wild);
        for report in &reports {
            calm.stream(report.clone());
        }
        let mut order: Vec<_> = reports.clone();
        order.rotate_left(shuffle.index(reports.len()));
        for pick in seed {
            let extra = pick.get(&reports).clone();
            order.insert(pick.index(order.len() + 1), extra);
        }
        for report in order {
            wild.stream(report);
        }
        let (left, right) = (&calm.state.book.orders[&id], &wild.state.book.orders[&id]);
        prop_assert_eq!(&left.evidence, &right.evidence);
        prop_assert_eq!(left.status, right.status);
        prop_assert!(left.status.is_terminal());
        prop_assert_eq!(left.fills_total.quantity.to_string(), quantity(trades * 10));
        prop_assert_eq!(&calm.state.book.positions, &wild.state.book.positions);
        let told: Vec<_> =
            wild.events.iter().filter(|event| !event["fill"].is_null()).collect();
        prop_assert_eq!(told.len() as u64, trades, "each fill is told once");
    }

    #[test]
    fn any_sequence_of_inputs_is_handled_and_loses_nothing(
        script in proptest::collection::vec((0..12_u8, any::<prop::sample::Index>()), 1..60)
    ) {
        let mut bench = Bench::ready();
        let id = order_of_ten_steps(&mut bench);
        let mut booked = std::collections::BTreeSet::new();
        let mut cumulative = Quantity::zero(5);
        for (word, pick) in script {
            let number = u64::try_from(pick.index(10)).unwrap() + 1;
            let status = [
                VenueStatus::Working, VenueStatus::Triggered, VenueStatus::Filled,
                VenueStatus::Canceled, VenueStatus::Expired, VenueStatus::Rejected,
            ][pick.index(6)];
            match word {
                0..=3 => {
                    booked.insert(number);
                    let report = to_report(&bench, &id, (status, number, Some(number)));
                    // While the stream is down reports are not delivered by it.
                    if bench.state.live.is_recovered {
                        bench.stream(report);
                    } else {
                        bench.input(Input::Stream(StreamEvent::Up));
                        bench.stream(report);
                        answer_all(&mut bench, &unclear());
                        bench.tick(5_000);
                        bench.answer_reconcile(Vec::new());
                    }
                }
                4 => answer_all(&mut bench, &Outcome::Missing),
                5 => answer_all(&mut bench, &Outcome::NotSent { detail: "n".to_owned() }),
                6 => answer_all(&mut bench, &Outcome::Refused { code: -1, detail: "d".to_owned() }),
                7 => {
                    let answer = VenueAnswer::Absent(pick.index(2) == 0);
                    answer_all(&mut bench, &Outcome::Done(answer));
                }
                8 => bench.input(Input::Stream(StreamEvent::Down)),
                9 => {
                    let target = id.clone();
                    bench.ask(|request| Input::Cancel {
                        request, client_order_id: target, wait_ms: 0,
                    });
                }
                10 => bench.tick(i64::try_from(pick.index(2_000)).unwrap()),
                _ => {
                    let record = Record::Resolution {
                        id: id.clone(), verdict: Verdict::NotSent, evidence: "x".to_owned(),
                        resend: false,
                    };
                    let entry = Entry {
                        at: bench.now, event_at: MARKET_TIME.parse().unwrap(), record,
                    };
                    bench.state.book.apply(&entry);
                    bench.entries.push(entry);
                }
            }
            let order = &bench.state.book.orders[&id];
            prop_assert!(order.fills_total.quantity >= cumulative, "booked quantity never falls");
            cumulative = order.fills_total.quantity;
            prop_assert_eq!(order.evidence.fills.len(), booked.len(), "no fill is lost or doubled");
            prop_assert!(cumulative <= order.terms.quantity);
            if order.status == OrderStatus::Filled {
                prop_assert_eq!(cumulative, order.terms.quantity);
            }
        }
        // What the journal holds is enough to rebuild the same book.
        let mut book = crate::services::core::book::Book::default();
        for entry in &bench.entries {
            book.apply(entry);
        }
        prop_assert_eq!(book, bench.state.book);
    }
}

fn unclear() -> Outcome {
    Outcome::Ambiguous {
        code: 0,
        detail: String::new(),
    }
}

fn answer_all(bench: &mut Bench, outcome: &Outcome) {
    for (call, _) in std::mem::take(&mut bench.calls) {
        bench.outcome(call, outcome.clone());
    }
}

#[test]
fn an_unknown_client_id_becomes_an_external_order() {
    let mut bench = Bench::ready();
    let own = order_of_ten_steps(&mut bench);
    let mut foreign = to_report(&bench, &own, (VenueStatus::Working, 1, Some(1)));
    foreign.client_order_id = "web_1".parse().unwrap();
    foreign.venue_order_id = "77".to_owned();
    foreign.order_side = opposite(foreign.order_side);
    bench.stream(foreign);
    let order = &bench.state.book.orders[&"web_1".parse().unwrap()];
    assert!(order.identity.is_external);
    assert_eq!(bench.state.book.counters.external_orders, 1);
    assert_eq!(
        bench
            .state
            .book
            .positions
            .values()
            .next()
            .unwrap()
            .to_string(),
        "-0.00010000"
    );
    assert!(!bench.state.live.probes.contains_key(&own));
}

#[test]
fn a_late_fill_after_the_end_is_booked_and_counted() {
    let mut bench = Bench::ready();
    let id = order_of_ten_steps(&mut bench);
    let end = to_report(&bench, &id, (VenueStatus::Canceled, 0, None));
    bench.stream(end);
    assert_eq!(bench.status(&id), OrderStatus::Canceled);
    let late = to_report(&bench, &id, (VenueStatus::Working, 1, Some(1)));
    bench.stream(late);
    assert_eq!(bench.status(&id), OrderStatus::Canceled);
    assert_eq!(bench.state.book.counters.late_fills, 1);
    assert_eq!(bench.events.last().unwrap()["filled_quantity"], "0.00010");
}
