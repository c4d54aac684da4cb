//! The whole transition function (C2), spelled out: every status, every pending operation, every
//! fact. Our own conclusions (`NOT_SENT`, a refusal) give way to the venue's word; everything else
//! that has ended changes only by a late fill or by an ending of a higher rank.

use rust_common::{Fill, OrderStatus, Quantity};

use super::support::*;
use crate::models::order::{OrderState, Pending};
use crate::models::venue::{LowWater, VenueReport, VenueStatus};
use crate::services::core::transitions::{Fact, transition};

const STATUSES: [&str; 12] = [
    "INI", "DEN", "SUB", "UNK", "ACC", "TRI", "PAR", "FIL", "CAN", "EXP", "REJ", "NOS",
];

/// Fact, then the status it leads to from each of `STATUSES`.
const TABLE: [(&str, &str); 18] = [
    ("deny", "DEN DEN SUB UNK ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("send", "SUB DEN SUB SUB ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("absent", "NOS DEN NOS NOS ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("resend", "INI DEN SUB SUB ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("refuse", "REJ DEN REJ REJ ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("doubt", "UNK DEN UNK UNK ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("forget", "INI DEN SUB UNK EXP EXP EXP FIL CAN EXP REJ NOS"),
    ("ack", "ACC ACC ACC ACC ACC TRI PAR FIL CAN EXP ACC ACC"),
    ("trigger", "TRI TRI TRI TRI TRI TRI PAR FIL CAN EXP TRI TRI"),
    ("part", "PAR PAR PAR PAR PAR PAR PAR FIL CAN EXP PAR PAR"),
    ("full", "FIL FIL FIL FIL FIL FIL FIL FIL FIL FIL FIL FIL"),
    ("cancel", "CAN CAN CAN CAN CAN CAN CAN FIL CAN CAN CAN CAN"),
    ("expire", "EXP EXP EXP EXP EXP EXP EXP FIL CAN EXP EXP EXP"),
    ("reject", "REJ REJ REJ REJ REJ REJ CAN FIL CAN EXP REJ REJ"),
    (
        "ask cancel",
        "INI DEN SUB UNK ACC TRI PAR FIL CAN EXP REJ NOS",
    ),
    (
        "ask replace",
        "INI DEN SUB UNK ACC TRI PAR FIL CAN EXP REJ NOS",
    ),
    ("told A", "INI DEN SUB UNK ACC TRI PAR FIL CAN EXP REJ NOS"),
    ("told D", "INI DEN SUB UNK ACC TRI PAR FIL CAN EXP REJ NOS"),
];

fn short(status: OrderStatus) -> String {
    let name = match status {
        OrderStatus::NotSent => "NOS".to_owned(),
        other => other.to_string().chars().take(3).collect(),
    };
    name.to_uppercase()
}

fn blank() -> OrderState {
    let mut bench = Bench::ready();
    let limit = serde_json::json!({
        "order_type": "LIMIT", "order_side": "BUY", "quantity": "0.00100", "price": "39000.00",
        "time_in_force": {"type": "GTC", "post_only": false}
    });
    let order = approved("entry", "open", &limit);
    bench.submit(&order, 0);
    let id = order.client_order_id().unwrap();
    let mut state = bench.state.book.orders[&id].clone();
    state.evidence = crate::models::order::Evidence::none(5);
    state.status = OrderStatus::Initialized;
    state
}

fn told(order: &OrderState, status: VenueStatus, executed: Quantity) -> VenueReport {
    VenueReport {
        client_order_id: order.identity.client_order_id.clone(),
        venue_order_id: "77".to_owned(),
        instrument_id: order.identity.instrument_id.clone(),
        order_type: order.terms.order_type,
        order_side: order.terms.order_side,
        quantity: order.terms.quantity,
        price: order.terms.price,
        trigger_price: None,
        status,
        executed,
        trades: Vec::new(),
        execution_id: None,
        at: MARKET_TIME.parse().unwrap(),
        reason: None,
        extra: crate::models::venue::ReportExtra::default(),
    }
}

fn fill(order: &OrderState, quantity: &str) -> Fill {
    let number = order.evidence.fills.len() as u64 + 1;
    let trade = trade(number, quantity, "39000.00", "0");
    let (identity, terms) = (&order.identity, &order.terms);
    crate::services::core::transitions::fill_of(identity, terms, "77", &trade)
}

fn apply(order: &mut OrderState, word: &str) {
    let report = |status| told(order, status, order.fills_total.quantity);
    let water = LowWater::default();
    let cancel_id = "ats1c-test".parse().unwrap();
    let snapshot = order.clone();
    match word {
        "deny" => transition(order, &Fact::Deny),
        "send" => transition(order, &Fact::Send(water)),
        "absent" => transition(order, &Fact::Absent { resend: false }),
        "resend" => transition(order, &Fact::Absent { resend: true }),
        "refuse" => transition(order, &Fact::Refuse),
        "doubt" => transition(order, &Fact::Doubt("timeout")),
        "forget" => transition(order, &Fact::Forget),
        "ack" => transition(order, &Fact::Report(&report(VenueStatus::Working))),
        "trigger" => transition(order, &Fact::Report(&report(VenueStatus::Triggered))),
        "part" => transition(order, &Fact::Trade(&fill(&snapshot, "0.00040"))),
        "full" => transition(order, &Fact::Trade(&fill(&snapshot, "0.00100"))),
        "cancel" => transition(order, &Fact::Report(&report(VenueStatus::Canceled))),
        "expire" => transition(order, &Fact::Report(&report(VenueStatus::Expired))),
        "reject" => transition(order, &Fact::Report(&report(VenueStatus::Rejected))),
        "ask cancel" => transition(order, &Fact::AskCancel(&cancel_id)),
        "ask replace" => {
            transition(order, &Fact::AskReplace("0.00050".parse().unwrap()));
        }
        "told A" => transition(order, &Fact::PendingTold("A")),
        "told D" => transition(order, &Fact::PendingTold("D")),
        other => panic!("no such fact: {other}"),
    }
}

fn in_status(name: &str) -> OrderState {
    let steps: &[&str] = match name {
        "INI" => &[],
        "DEN" => &["deny"],
        "SUB" => &["send"],
        "UNK" => &["send", "doubt"],
        "ACC" => &["send", "ack"],
        "TRI" => &["send", "trigger"],
        "PAR" => &["send", "part"],
        "FIL" => &["send", "full"],
        "CAN" => &["send", "cancel"],
        "EXP" => &["send", "expire"],
        "REJ" => &["send", "refuse"],
        _ => &["send", "absent"],
    };
    let mut order = blank();
    for step in steps {
        apply(&mut order, step);
    }
    assert_eq!(short(order.status), name);
    order
}

fn pendings() -> [Pending; 5] {
    let cancel = |is_unknown| Pending::Cancel {
        cancel_id: "ats1c-first".parse().unwrap(),
        is_unknown,
    };
    let replace = |is_unknown| Pending::Replace {
        quantity: "0.00060".parse().unwrap(),
        is_unknown,
    };
    [
        Pending::None,
        cancel(false),
        cancel(true),
        replace(false),
        replace(true),
    ]
}

#[test]
fn every_fact_in_every_status_under_every_pending_operation() {
    let mut cells = 0;
    for (word, row) in TABLE {
        let row: Vec<&str> = row.split(' ').collect();
        assert_eq!(row.len(), STATUSES.len(), "{word}");
        for (from, to) in STATUSES.iter().zip(row) {
            for pending in pendings() {
                let mut order = in_status(from);
                if !order.status.is_terminal() {
                    order.pending = pending.clone();
                }
                let before = order.clone();
                apply(&mut order, word);
                assert_eq!(short(order.status), to, "{word} in {from} with {pending:?}");
                check_pending(&before, &order, word);
                check_laws(&before, &order, word);
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 18 * 12 * 5);
}

/// What becomes of the pending operation.
fn check_pending(before: &OrderState, after: &OrderState, word: &str) {
    let case = format!("{word} in {} with {:?}", before.status, before.pending);
    if after.status.is_terminal() {
        assert!(
            after.pending.is_none(),
            "an ended order has nothing pending: {case}"
        );
        return;
    }
    match (word, &before.pending) {
        ("ask cancel", Pending::None | Pending::Replace { .. }) => {
            assert!(
                after.pending.is_cancel() && !after.pending.is_unknown(),
                "{case}"
            );
        }
        ("ask replace", Pending::None) if before.status.is_working() => {
            assert!(matches!(after.pending, Pending::Replace { .. }), "{case}");
        }
        ("told A", Pending::Cancel { .. } | Pending::Replace { .. }) => {
            assert!(after.pending.is_unknown(), "{case}");
        }
        ("told D", _) => assert!(after.pending.is_none(), "{case}"),
        _ => assert_eq!(before.pending, after.pending, "{case}"),
    }
}

/// Laws that hold in every cell.
fn check_laws(before: &OrderState, after: &OrderState, word: &str) {
    let case = format!("{word} in {}", before.status);
    assert!(
        after.fills_total.quantity >= before.fills_total.quantity,
        "monotone: {case}"
    );
    assert!(
        after.evidence.reported >= before.evidence.reported,
        "monotone: {case}"
    );
    if after.status == OrderStatus::Filled {
        assert!(after.fills_total.quantity >= after.ordered(), "{case}");
    }
    let is_late = before.status.is_terminal() && matches!(word, "part" | "full");
    assert_eq!(
        after.has_late_fill,
        before.has_late_fill || is_late,
        "{case}"
    );
    let ended_by_venue = matches!(
        after.status,
        OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::Filled
    );
    if ended_by_venue {
        let evidence = &after.evidence;
        let is_proven = evidence.ending.is_some() || !evidence.fills.is_empty();
        assert!(is_proven, "no end without evidence: {case}");
    }
}

#[test]
fn an_amendment_ends_when_its_quantity_is_in_force() {
    let mut order = in_status("ACC");
    apply(&mut order, "ask replace");
    let mut larger = told(&order, VenueStatus::Working, Quantity::zero(5));
    larger.quantity = "0.00070".parse().unwrap();
    transition(&mut order, &Fact::Report(&larger));
    assert!(!order.pending.is_none(), "another quantity is not ours");
    larger.quantity = "0.00050".parse().unwrap();
    transition(&mut order, &Fact::Report(&larger));
    assert!(order.pending.is_none());
    assert_eq!(order.ordered().to_string(), "0.00050");
    let fill = fill(&order, "0.00050");
    transition(&mut order, &Fact::Trade(&fill));
    assert_eq!(
        order.status,
        OrderStatus::Filled,
        "filled at the smaller quantity"
    );
}

#[test]
fn an_ending_waits_for_the_fills_it_reports() {
    let mut order = in_status("ACC");
    let end = told(&order, VenueStatus::Canceled, "0.00040".parse().unwrap());
    transition(&mut order, &Fact::Report(&end));
    assert_eq!(
        order.status,
        OrderStatus::Accepted,
        "a fill is still to come"
    );
    assert!(order.has_missing_fills());
    let fill = fill(&order, "0.00040");
    transition(&mut order, &Fact::Trade(&fill));
    assert_eq!(order.status, OrderStatus::Canceled);
}
