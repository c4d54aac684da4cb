//! Jepsen-style checker: it trusts only the caller's own log and the venue's ledger.
//!
//! It imports nothing of the gateway: texts and integers in, violations out.

use std::collections::{BTreeMap, BTreeSet};

/// What the caller did and saw, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A key is submitted (again); `ids` are the venue ids its orders may have.
    Invoke { key: String, ids: Vec<String> },
    /// The gateway took the key (202).
    Ok { key: String },
    /// The gateway refused it and says that nothing was or will be sent.
    Fail { key: String, status: u16 },
    /// No answer: it may have been taken.
    Info { key: String },
    /// The gateway's journal was damaged and an operator took over from here.
    TakenOver,
    /// The last read, at quiescence.
    Read(FinalRead),
}

/// One order as the gateway tells it at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadOrder {
    pub client_id: String,
    pub key: String,
    pub strategy: String,
    pub status: String,
    pub instrument: String,
    pub filled: i64,
    /// Trade id and quantity.
    pub fills: Vec<(String, i64)>,
    pub is_external: bool,
    /// It stands for other orders (a list) and has no order at the venue itself.
    pub is_list: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FinalRead {
    pub orders: Vec<ReadOrder>,
    /// Position per instrument in steps of quantity, what is less than a step cut off.
    pub positions: BTreeMap<String, i128>,
    /// Instruments whose entries the gateway keeps closed.
    pub halted: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerOrder {
    pub order: usize,
    pub client_id: String,
    pub instrument: String,
    pub executed: i64,
    pub is_open: bool,
    pub is_external: bool,
    pub is_forgotten: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerTrade {
    pub id: String,
    pub order: usize,
    pub instrument: String,
    pub quantity: i64,
    pub is_forgotten: bool,
}

/// The venue's own truth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    pub orders: Vec<LedgerOrder>,
    pub trades: Vec<LedgerTrade>,
    /// Held, and deposits less withdrawals, per instrument.
    pub held: BTreeMap<String, (i128, i128)>,
    /// Asset units per step of quantity.
    pub step: i128,
}

/// Which invariant is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub invariant: &'static str,
    pub detail: String,
    pub kind: Kind,
}

/// What the summary counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Duplicate,
    LostFill,
    UnresolvedUnknown,
    Other,
}

const NEVER_EXECUTED: [&str; 4] = ["NOT_SENT", "REJECTED", "DENIED", "INITIALIZED"];

fn broken(invariant: &'static str, kind: Kind, detail: String) -> Broken {
    Broken {
        invariant,
        detail,
        kind,
    }
}

/// Checks I1 to I3 (and that every 202 survived, I6) from both logs.
pub fn check(log: &[Moment], ledger: &Ledger) -> Vec<Broken> {
    let mut found = Vec::new();
    let Some(read) = log.iter().rev().find_map(|moment| match moment {
        Moment::Read(read) => Some(read),
        _ => None,
    }) else {
        return vec![broken(
            "I3",
            Kind::Other,
            "the caller could not read at the end".to_owned(),
        )];
    };
    let is_taken_over = log.contains(&Moment::TakenOver);
    check_keys(log, ledger, &mut found);
    check_answers(log, read, is_taken_over, &mut found);
    check_fills(read, ledger, is_taken_over, &mut found);
    check_positions(read, ledger, is_taken_over, &mut found);
    found
}

/// I1: of all venue orders a key may stand for, each id executes at most once.
fn check_keys(log: &[Moment], ledger: &Ledger, found: &mut Vec<Broken>) {
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    for moment in log {
        if let Moment::Invoke { key, ids } = moment {
            keys.extend(ids.iter().map(|id| (id.as_str(), key.as_str())));
        }
    }
    let mut executed: BTreeMap<&str, u32> = BTreeMap::new();
    for order in ledger.orders.iter().filter(|order| !order.is_external) {
        if order.executed > 0 {
            *executed.entry(&order.client_id).or_default() += 1;
        }
    }
    for (id, times) in executed {
        if times > 1 {
            let key = keys.get(id).copied().unwrap_or("the gateway's own");
            let detail = format!("key {key}: {times} venue orders with id {id} executed");
            found.push(broken("I1", Kind::Duplicate, detail));
        }
    }
}

/// A 202 is in the final read; a refusal that stood has no order there.
fn check_answers(log: &[Moment], read: &FinalRead, is_taken_over: bool, found: &mut Vec<Broken>) {
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    for moment in log {
        match moment {
            Moment::Ok { key } => {
                taken.insert(key);
            }
            Moment::Info { key } => {
                open.insert(key);
            }
            Moment::Fail { key, .. } => {
                refused.insert(key);
            }
            _ => {}
        }
    }
    let known: BTreeMap<&str, &ReadOrder> = read
        .orders
        .iter()
        .map(|order| (order.key.as_str(), order))
        .collect();
    if !is_taken_over {
        for key in &taken {
            if !known.contains_key(key) {
                let detail = format!("key {key} was accepted with 202 and is gone");
                found.push(broken("I6", Kind::Other, detail));
            }
        }
    }
    for key in refused {
        let order = known.get(key);
        let is_clean = order.is_none_or(|order| order.filled == 0 && order.fills.is_empty());
        if !taken.contains(key) && !open.contains(key) && !is_clean {
            let detail = format!("key {key} was refused, never taken, and executed");
            found.push(broken("I1", Kind::Duplicate, detail));
        }
    }
}

/// I2: every venue trade is told exactly once, and nothing is told that the venue does not know.
fn check_fills(read: &FinalRead, ledger: &Ledger, is_taken_over: bool, found: &mut Vec<Broken>) {
    let mut told: BTreeMap<(&str, &str), (u32, i64)> = BTreeMap::new();
    for order in &read.orders {
        for (trade, quantity) in &order.fills {
            let entry = told.entry((&order.instrument, trade)).or_default();
            *entry = (entry.0 + 1, entry.1 + quantity);
        }
        let sum: i64 = order.fills.iter().map(|(_, quantity)| quantity).sum();
        if !order.is_list && sum != order.filled {
            let detail = format!("{}: filled {} is not {sum}", order.client_id, order.filled);
            found.push(broken("I2", Kind::Other, detail));
        }
        if NEVER_EXECUTED.contains(&order.status.as_str()) && sum > 0 {
            let detail = format!("{} is {} and has fills", order.client_id, order.status);
            found.push(broken("I2", Kind::Other, detail));
        }
    }
    for trade in &ledger.trades {
        let times = told.remove(&(trade.instrument.as_str(), trade.id.as_str()));
        let detail = |text: &str| format!("trade {} of {} {text}", trade.id, trade.instrument);
        match times {
            None if trade.is_forgotten || is_taken_over => {}
            None => found.push(broken("I2", Kind::LostFill, detail("was never booked"))),
            Some((1, quantity)) if quantity == trade.quantity => {}
            Some((1, _)) => found.push(broken("I2", Kind::Other, detail("has another quantity"))),
            Some(_) => found.push(broken("I2", Kind::Duplicate, detail("was booked twice"))),
        }
    }
    for (instrument, trade) in told.keys() {
        let detail = format!("trade {trade} of {instrument} does not exist at the venue");
        found.push(broken("I2", Kind::Other, detail));
    }
    check_owners(read, ledger, is_taken_over, found);
}

/// Each of our venue orders is told under its id, with what it executed.
fn check_owners(read: &FinalRead, ledger: &Ledger, is_taken_over: bool, found: &mut Vec<Broken>) {
    for told in &read.orders {
        if told.status == "UNKNOWN" || told.status == "SUBMITTED" {
            let detail = format!("{} is still {}", told.client_id, told.status);
            found.push(broken("I8", Kind::UnresolvedUnknown, detail));
        }
    }
    let orders: BTreeMap<&str, &ReadOrder> = read
        .orders
        .iter()
        .map(|order| (order.client_id.as_str(), order))
        .collect();
    for order in ledger
        .orders
        .iter()
        .filter(|order| !order.is_external && !order.is_forgotten)
    {
        let id = &order.client_id;
        let Some(told) = orders.get(id.as_str()) else {
            let is_excused = is_taken_over && !order.is_open;
            if (order.executed > 0 || order.is_open) && !is_excused {
                let detail = format!("venue order {id} is unknown to the gateway");
                found.push(broken("I2", Kind::LostFill, detail));
            }
            continue;
        };
        if NEVER_EXECUTED.contains(&told.status.as_str()) && (order.executed > 0 || order.is_open) {
            let detail = format!("{id} is told {} and lives or executed", told.status);
            found.push(broken("I2", Kind::LostFill, detail));
        }
        if told.is_external && !is_taken_over {
            let detail = format!("{id} is ours and is told as an order of somebody else");
            found.push(broken("I1", Kind::Duplicate, detail));
        }
    }
}

/// I3: the position told is the venue's, or the instrument is halted for a known outside reason.
fn check_positions(
    read: &FinalRead,
    ledger: &Ledger,
    is_taken_over: bool,
    found: &mut Vec<Broken>,
) {
    if is_taken_over || ledger.orders.iter().any(|order| order.is_forgotten) {
        // What was held when journal or venue lost its memory became the new beginning.
        return;
    }
    for (instrument, (held, outside)) in &ledger.held {
        let told = read.positions.get(instrument).copied().unwrap_or(0);
        let in_steps = |amount: i128| amount / ledger.step.max(1);
        let is_equal = told == in_steps(*held) || told == in_steps(held - outside);
        let has_outside_reason = *outside != 0;
        let is_halted = read.halted.contains(instrument);
        if !(is_equal || has_outside_reason && is_halted) {
            let detail = format!(
                "{instrument}: told {told}, at the venue {held} (from outside {outside}, halted \
                 {is_halted})"
            );
            found.push(broken("I3", Kind::Other, detail));
        }
    }
}
