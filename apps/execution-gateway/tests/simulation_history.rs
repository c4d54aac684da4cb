//! The history checker on hand-made histories: each bad one must be caught.

use std::collections::{BTreeMap, BTreeSet};

use execution_gateway::simulation::history::{
    FinalRead, Kind, Ledger, LedgerOrder, LedgerTrade, Moment, ReadOrder, check,
};

const STEP: i128 = 1_000;
const BTC: &str = "BTC-USD.SIM";

fn told(id: &str, status: &str, fills: &[(&str, i64)]) -> ReadOrder {
    ReadOrder {
        client_id: id.to_owned(),
        key: format!("key-{id}"),
        strategy: "s".to_owned(),
        status: status.to_owned(),
        instrument: BTC.to_owned(),
        filled: fills.iter().map(|(_, quantity)| quantity).sum(),
        fills: fills
            .iter()
            .map(|(id, quantity)| ((*id).to_owned(), *quantity))
            .collect(),
        is_external: false,
        is_list: false,
    }
}

fn venue_order(order: usize, id: &str, executed: i64) -> LedgerOrder {
    LedgerOrder {
        order,
        client_id: id.to_owned(),
        instrument: BTC.to_owned(),
        executed,
        is_open: false,
        is_external: false,
        is_forgotten: false,
    }
}

fn trade(id: &str, order: usize, quantity: i64) -> LedgerTrade {
    LedgerTrade {
        id: id.to_owned(),
        order,
        instrument: BTC.to_owned(),
        quantity,
        is_forgotten: false,
    }
}

/// A good history: one order of 5, filled by two trades.
fn good() -> (Vec<Moment>, FinalRead, Ledger) {
    let log = vec![
        Moment::Invoke {
            key: "key-a".to_owned(),
            ids: vec!["a".to_owned()],
        },
        Moment::Ok {
            key: "key-a".to_owned(),
        },
    ];
    let read = FinalRead {
        orders: vec![told("a", "FILLED", &[("1", 2), ("2", 3)])],
        positions: BTreeMap::from([(BTC.to_owned(), 5)]),
        halted: BTreeSet::new(),
    };
    let ledger = Ledger {
        orders: vec![venue_order(0, "a", 5)],
        trades: vec![trade("1", 0, 2), trade("2", 0, 3)],
        held: BTreeMap::from([(BTC.to_owned(), (5 * STEP, 0))]),
        step: STEP,
    };
    (log, read, ledger)
}

fn judge(
    change: impl FnOnce(&mut Vec<Moment>, &mut FinalRead, &mut Ledger),
) -> Vec<(String, Kind)> {
    let (mut log, mut read, mut ledger) = good();
    change(&mut log, &mut read, &mut ledger);
    log.push(Moment::Read(read));
    let found = check(&log, &ledger);
    found
        .into_iter()
        .map(|broken| (broken.invariant.to_owned(), broken.kind))
        .collect()
}

fn has(found: &[(String, Kind)], invariant: &str, kind: Kind) -> bool {
    found
        .iter()
        .any(|(name, k)| name == invariant && *k == kind)
}

#[test]
fn a_good_history_passes() {
    assert_eq!(judge(|_, _, _| {}), Vec::new());
}

#[test]
fn a_second_execution_of_a_key_is_a_duplicate() {
    let found = judge(|_, _, ledger| ledger.orders.push(venue_order(1, "a", 5)));
    assert!(has(&found, "I1", Kind::Duplicate), "{found:?}");
}

#[test]
fn a_refused_key_that_executed_is_caught() {
    let found = judge(|log, _, _| {
        log[1] = Moment::Fail {
            key: "key-a".to_owned(),
            status: 503,
        }
    });
    assert!(has(&found, "I1", Kind::Duplicate), "{found:?}");
}

#[test]
fn our_order_told_as_somebody_elses_is_caught() {
    let found = judge(|_, read, _| read.orders[0].is_external = true);
    assert!(has(&found, "I1", Kind::Duplicate), "{found:?}");
}

#[test]
fn a_lost_fill_is_caught() {
    let found = judge(|_, read, _| {
        read.orders[0].fills.pop();
        read.orders[0].filled = 2;
    });
    assert!(has(&found, "I2", Kind::LostFill), "{found:?}");
}

#[test]
fn a_fill_booked_twice_is_caught() {
    let found = judge(|_, read, _| {
        read.orders[0].fills.push(("2".to_owned(), 3));
        read.orders[0].filled = 8;
    });
    assert!(has(&found, "I2", Kind::Duplicate), "{found:?}");
}

#[test]
fn a_made_up_fill_is_caught() {
    let found = judge(|_, read, _| read.orders[0].fills[1].0 = "9".to_owned());
    assert!(
        has(&found, "I2", Kind::Other) && has(&found, "I2", Kind::LostFill),
        "{found:?}"
    );
}

#[test]
fn a_fill_of_another_quantity_is_caught() {
    let found = judge(|_, read, _| read.orders[0].fills = vec![("1".into(), 3), ("2".into(), 2)]);
    assert!(has(&found, "I2", Kind::Other), "{found:?}");
}

#[test]
fn a_filled_quantity_that_is_not_its_fills_is_caught() {
    let found = judge(|_, read, _| read.orders[0].filled = 4);
    assert!(has(&found, "I2", Kind::Other), "{found:?}");
}

#[test]
fn an_executed_order_told_as_never_sent_is_caught() {
    for status in ["NOT_SENT", "REJECTED", "DENIED"] {
        let found = judge(|_, read, _| read.orders[0].status = status.to_owned());
        assert!(has(&found, "I2", Kind::LostFill), "{status}: {found:?}");
    }
}

#[test]
fn a_venue_order_that_is_not_told_is_caught() {
    let found = judge(|_, _, ledger| {
        let mut order = venue_order(1, "b", 0);
        order.is_open = true;
        ledger.orders.push(order);
    });
    assert!(has(&found, "I2", Kind::LostFill), "{found:?}");
}

#[test]
fn a_wrong_position_is_caught_unless_halted_for_an_outside_reason() {
    let wrong = |read: &mut FinalRead| read.positions = BTreeMap::from([(BTC.to_owned(), 4)]);
    let found = judge(|_, read, _| wrong(read));
    assert!(has(&found, "I3", Kind::Other), "{found:?}");
    let found = judge(|_, read, _| {
        wrong(read);
        read.halted.insert(BTC.to_owned());
    });
    assert!(
        has(&found, "I3", Kind::Other),
        "a halt alone explains nothing: {found:?}"
    );
    let found = judge(|_, read, ledger| {
        ledger.held.insert(BTC.to_owned(), (9 * STEP, 2 * STEP));
        read.halted.insert(BTC.to_owned());
    });
    assert_eq!(found, Vec::new());
}

#[test]
fn an_accepted_key_that_is_gone_is_caught() {
    let found = judge(|log, _, _| {
        log.push(Moment::Ok {
            key: "key-z".to_owned(),
        })
    });
    assert!(has(&found, "I6", Kind::Other), "{found:?}");
}

#[test]
fn an_order_still_in_doubt_is_caught() {
    for status in ["UNKNOWN", "SUBMITTED"] {
        let found = judge(|_, read, _| read.orders[0].status = status.to_owned());
        assert!(
            has(&found, "I8", Kind::UnresolvedUnknown),
            "{status}: {found:?}"
        );
    }
}

#[test]
fn a_history_without_a_last_read_is_no_history() {
    let (log, _, ledger) = good();
    assert_eq!(check(&log, &ledger).len(), 1);
}
