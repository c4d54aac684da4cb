//! I1 to I15 of C11: what is checked after every step, at every send, restart and at the end.

use std::collections::{BTreeMap, BTreeSet};

use rust_common::{ClientOrderId, Intent, OrderSide, OrderStatus, StopLevel};

use super::gateway::{HORIZON_MS, Node, Started, read_back};
use super::history::Kind;
use super::venue::ASSET_PER_STEP;
use super::world::World;
use crate::models::order::Role;
use crate::models::record::{Entry, Record, Verdict};
use crate::models::venue::{VenueCall, VenueStatus};

/// What the records say of an order, kept apart from the core's own book.
#[derive(Debug, Clone, Default)]
struct Evidence {
    denied: bool,
    not_sent: bool,
    refused: bool,
    ended: bool,
    filled: i64,
    trades: BTreeSet<String>,
    is_entry: bool,
}

/// Reads records as they are made and remembers what they prove.
#[derive(Debug, Clone, Default)]
pub struct Witness {
    orders: BTreeMap<ClientOrderId, Evidence>,
    booked: BTreeMap<ClientOrderId, i64>,
    /// A stop is in force: no entry may be marked as sent.
    is_stopped: bool,
    touched: Vec<ClientOrderId>,
    /// Orders whose Sent record exists, with its sequence number in this life.
    entry_sent_while_stopped: Option<ClientOrderId>,
}

impl Witness {
    fn note(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Intent {
                approved, denial, ..
            } => {
                let Ok(id) = approved.client_order_id() else {
                    return;
                };
                let evidence = self.orders.entry(id.clone()).or_default();
                evidence.denied |= denial.is_some();
                evidence.is_entry = approved.intent() == Intent::Open;
                self.touched.push(id);
            }
            Record::Sent { ids, .. } => {
                for id in ids {
                    let is_entry = self.orders.get(id).is_some_and(|known| known.is_entry);
                    if self.is_stopped && is_entry {
                        self.entry_sent_while_stopped = Some(id.clone());
                    }
                    self.touched.push(id.clone());
                }
            }
            Record::Outcome { ids, class, .. } => {
                for id in ids {
                    let evidence = self.orders.entry(id.clone()).or_default();
                    evidence.not_sent |= class == "N";
                    evidence.refused |= class == "D";
                    self.touched.push(id.clone());
                }
            }
            Record::Report { report } => {
                let id = report.client_order_id.clone();
                let evidence = self.orders.entry(id.clone()).or_default();
                let is_open =
                    matches!(report.status, VenueStatus::Working | VenueStatus::Triggered);
                evidence.ended |= !is_open;
                for trade in &report.trades {
                    if evidence.trades.insert(trade.trade_id.clone()) {
                        evidence.filled += trade.quantity.mantissa();
                    }
                }
                self.touched.push(id);
            }
            Record::Resolution { id, verdict, .. } => {
                let evidence = self.orders.entry(id.clone()).or_default();
                evidence.not_sent |= *verdict == Verdict::NotSent;
                evidence.ended |= *verdict == Verdict::Forgotten;
                self.touched.push(id.clone());
            }
            Record::Stop { .. } => self.is_stopped = true,
            Record::Resume { .. } => self.is_stopped = false,
            _ => {}
        }
    }

    fn proves(&self, id: &ClientOrderId, status: OrderStatus, quantity: i64) -> bool {
        let Some(known) = self.orders.get(id) else {
            return false;
        };
        match status {
            OrderStatus::Denied => known.denied,
            OrderStatus::NotSent => known.not_sent,
            OrderStatus::Rejected => known.refused || known.ended,
            OrderStatus::Filled => known.filled >= quantity,
            OrderStatus::Canceled | OrderStatus::Expired => known.ended || known.refused,
            _ => true,
        }
    }
}

impl World {
    /// After every step: I4, I7, I11, I15, and the clock of I8.
    pub(super) fn check_step(&mut self) {
        let Some(node) = &mut self.node else { return };
        let entries = std::mem::take(&mut node.entries);
        for entry in &entries {
            self.hash.mix(u64::from(entry.record.kind()));
            self.witness.note(entry);
        }
        if let Some(id) = self.witness.entry_sent_while_stopped.take() {
            self.fail(
                "I11",
                Kind::Other,
                format!("entry {id} is sent while trading is stopped"),
            );
        }
        let touched = std::mem::take(&mut self.witness.touched);
        for id in touched {
            self.check_order(&id);
        }
        if !entries.is_empty() {
            self.check_exposure();
        }
        self.note_readiness();
    }

    fn check_order(&mut self, id: &ClientOrderId) {
        let Some(node) = &self.node else { return };
        let Some(order) = node.state.book.orders.get(id) else {
            return;
        };
        let is_list = matches!(order.role, Role::ListParent(_));
        let (status, quantity) = (order.status, order.terms.quantity.mantissa());
        let booked = order.fills_total.quantity.mantissa();
        let is_external = order.identity.is_external;
        if status == OrderStatus::Unknown {
            self.unknown_since.entry(id.clone()).or_insert(self.now);
        } else {
            self.unknown_since.remove(id);
        }
        if is_list {
            return;
        }
        let before = self.witness.booked.insert(id.clone(), booked).unwrap_or(0);
        if booked < before && !self.taken_over {
            self.fail(
                "I4",
                Kind::LostFill,
                format!("{id}: booked {before} falls to {booked}"),
            );
        }
        if booked > quantity && !is_external {
            self.fail(
                "I4",
                Kind::Duplicate,
                format!("{id}: booked {booked} of {quantity}"),
            );
        }
        if status.is_terminal() && !self.witness.proves(id, status, quantity) {
            self.fail(
                "I7",
                Kind::Other,
                format!("{id} is {status} without evidence on record"),
            );
        }
        let is_false = matches!(status, OrderStatus::NotSent | OrderStatus::Rejected)
            && self
                .venue
                .find(id)
                .and_then(|at| self.venue.orders.get(at))
                .is_some_and(|order| !order.is_external && (order.is_open() || order.executed > 0));
        if is_false {
            self.fail(
                "I7",
                Kind::LostFill,
                format!("{id} is {status} and lives at the venue"),
            );
        }
    }

    /// I15: what is reserved is never less than what the venue could hold.
    fn check_exposure(&mut self) {
        let Some(node) = &self.node else { return };
        if self.taken_over || self.venue.trades.iter().any(|trade| trade.is_forgotten) {
            return;
        }
        let mut short = None;
        for (index, market) in self.venue.markets.iter().enumerate() {
            let id = &market.instrument.instrument_id;
            let exposure = node.state.exposure(id);
            let held = exposure.held.mantissa();
            let reserved = exposure.highest.mantissa() - held;
            let open: i128 = self
                .venue
                .open
                .iter()
                .filter_map(|at| self.venue.orders.get(*at))
                .filter(|order| order.market == index && order.side == OrderSide::Buy)
                .filter(|order| !order.is_external)
                .map(|order| i128::from(order.remaining()) * ASSET_PER_STEP)
                .sum();
            let outside: i128 = self
                .venue
                .orders
                .iter()
                .filter(|order| order.market == index && order.executed > 0)
                .filter(|order| order.is_external || self.is_late_filled(order))
                .map(|order| i128::from(order.executed) * ASSET_PER_STEP)
                .sum();
            let real = market.held - market.deposited - outside + open;
            if held + reserved < real {
                short = Some(format!("{id}: {held} + {reserved} reserved, {real} real"));
            }
        }
        if let Some(detail) = short {
            self.fail("I15", Kind::Other, detail);
        }
    }

    /// Filled after its end was told: nobody can reserve for that.
    fn is_late_filled(&self, order: &super::venue::VenueOrder) -> bool {
        order.trades.iter().any(|at| {
            self.venue
                .trades
                .get(*at)
                .is_some_and(|trade| trade.is_late)
        })
    }

    /// I5 at the door: intent and dispatch of an order are on the disk before a byte leaves.
    /// I14: nothing opens risk on a damaged journal.
    pub(super) fn check_send(&mut self, request: &VenueCall) {
        if !request.is_placing() {
            return;
        }
        let synced = self.disk.synced_seq();
        let ids = super::link::subjects(request);
        let Some(node) = &self.node else { return };
        let late = ids
            .iter()
            .find(|id| node.sent_seq(id).is_none_or(|seq| seq > synced));
        let late = late.map(ToString::to_string);
        let is_entry = ids.iter().any(|id| {
            node.state
                .book
                .orders
                .get(id)
                .is_some_and(|order| order.identity.intent == Intent::Open)
        });
        if let Some(id) = late {
            self.fail(
                "I5",
                Kind::Other,
                format!("{id} leaves before its intent is on the disk"),
            );
        }
        if is_entry && self.damage_open {
            let detail = "an entry leaves while the journal is damaged".to_owned();
            self.fail("I14", Kind::Other, detail);
        }
    }

    /// After a write: never again on a descriptor whose sync has failed.
    pub(super) fn check_disk(&mut self) {
        if self.disk.writes_after_failed_sync() > 0 {
            let detail = "the journal is written after a failed sync".to_owned();
            self.fail("C3", Kind::Other, detail);
        }
    }

    /// I6 and I14 at a restart: what was promised is there, damage is seen.
    pub(super) fn check_recovery(&mut self, started: &Started) {
        let is_damaged = started.damage.is_some();
        if self.corrupted && !is_damaged {
            let detail = "a damaged journal was opened as if it were whole".to_owned();
            self.fail("I14", Kind::Other, detail);
        }
        self.corrupted = false;
        if is_damaged {
            self.witness.booked.clear();
            return;
        }
        self.check_events(&started.events);
        let book = &started.node.state.book;
        let lost: Vec<String> = self
            .acked
            .iter()
            .filter(|id| !book.orders.contains_key(*id))
            .map(ToString::to_string)
            .collect();
        if let Some(id) = lost.first() {
            self.fail(
                "I6",
                Kind::Other,
                format!("{id} was accepted with 202 and is gone"),
            );
        }
        // Live state beyond the journal is gone with the process.
        self.witness.booked.clear();
        self.witness.is_stopped = false;
        for entry in &started.recovered_entries {
            self.witness.note(entry);
        }
        self.witness.entry_sent_while_stopped = None;
        self.witness.touched.clear();
    }

    /// What was published is in the journal, word for word; what is there is published.
    fn check_events(&mut self, events: &[String]) {
        if self.taken_over {
            return;
        }
        let is_prefix = self.published.len() <= events.len()
            && self
                .published
                .iter()
                .zip(events)
                .all(|((_, text), event)| text == event);
        if !is_prefix {
            let detail = "a published event is not in the journal".to_owned();
            return self.fail("I10", Kind::Other, detail);
        }
        let first = self.published.len();
        for (offset, text) in events.iter().enumerate().skip(first) {
            self.published.push((offset as u64 + 1, text.clone()));
        }
    }

    /// I9: replaying the journal, twice, gives the live book.
    pub(super) fn check_replay(&mut self, node: &Node) {
        let mut copy = self.disk.copy();
        let first = read_back(&mut copy).map(|(_, replayed)| replayed.book);
        let second = read_back(&mut copy).map(|(_, replayed)| replayed.book);
        let is_same = first.is_ok() && first == second && first == Ok(node.state.book.clone());
        if !is_same {
            let detail = "replaying the journal does not give the live book".to_owned();
            self.fail("I9", Kind::Other, detail);
        }
    }

    fn note_readiness(&mut self) {
        let is_ready = self
            .node
            .as_ref()
            .is_some_and(|node| node.state.is_connected());
        let is_calm = self.faults_are_over && is_ready;
        if !is_calm {
            self.ready_since = None;
        } else if self.ready_since.is_none() {
            self.ready_since = Some(self.now);
        }
        let Some(ready) = self.ready_since else {
            return;
        };
        let late = self
            .unknown_since
            .iter()
            .find(|(_, since)| self.now - ready.max(**since) > HORIZON_MS + 10_000);
        if let Some(id) = late.map(|(id, _)| id.clone())
            && self.state_of(&id) == Some(OrderStatus::Unknown)
        {
            let detail = format!("{id} is unknown for longer than the horizon and 10 s");
            self.fail("I8", Kind::UnresolvedUnknown, detail);
        }
    }

    /// I11 at the end: after a hard stop none of our orders rests.
    pub(super) fn check_stop(&mut self) {
        let Some(node) = &self.node else { return };
        let stop = node.state.book.stop.as_ref();
        if stop.is_none_or(|stop| stop.level < StopLevel::CancelAll) {
            return;
        }
        let resting = self
            .venue
            .open
            .iter()
            .filter_map(|at| self.venue.orders.get(*at));
        let ours = resting
            .filter(|order| !order.is_external)
            .map(|order| order.client.clone());
        if let Some(id) = ours.into_iter().next() {
            self.fail(
                "I11",
                Kind::Other,
                format!("{id} rests after the stop was carried out"),
            );
        }
    }

    /// I10: what was published last of each order is what the book says.
    pub(super) fn check_published(&mut self) {
        let Some(node) = &self.node else { return };
        let mut last: BTreeMap<String, (String, String)> = BTreeMap::new();
        for (_, text) in &self.published {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(text) else {
                continue;
            };
            let word = |name: &str| event.get(name).and_then(|v| v.as_str()).map(str::to_owned);
            if let (Some(id), Some(status), Some(filled)) = (
                word("client_order_id"),
                word("status"),
                word("filled_quantity"),
            ) {
                last.insert(id, (status, filled));
            }
        }
        let wrong = node.state.book.orders.iter().find(|(id, order)| {
            last.get(id.as_str()).is_some_and(|(status, filled)| {
                let is_list = matches!(order.role, Role::ListParent(_));
                let is_same = *filled == order.fills_total.quantity.to_string();
                status != order.status.as_str() || !is_list && !is_same
            })
        });
        let detail = wrong.map(|(id, order)| format!("{id} is {} in the book only", order.status));
        if let Some(detail) = detail.filter(|_| !self.taken_over) {
            self.fail("I10", Kind::Other, detail);
        }
    }

    /// I3 to the last unit: the book's holding is the venue's.
    pub(super) fn check_holdings(&mut self) {
        let Some(node) = &self.node else { return };
        let mut wrong = None;
        for market in &self.venue.markets {
            let id = &market.instrument.instrument_id;
            let booked = node.state.held(id).mantissa();
            let has_reason = market.outside != 0
                || self.taken_over
                || self.venue.trades.iter().any(|trade| trade.is_forgotten);
            let is_halted =
                node.state.book.halts.contains_key(id) || !node.state.are_entries_open();
            if booked != market.held && !(has_reason && is_halted) {
                wrong = Some(format!(
                    "{id}: booked {booked}, at the venue {}",
                    market.held
                ));
            }
        }
        if let Some(detail) = wrong {
            self.fail("I3", Kind::Other, detail);
        }
    }
}
