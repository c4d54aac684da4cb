//! Applying one journal record to the book. Pure and total: live running and replay share it.

use rust_common::{ApprovedOrder, ClientOrderId, Intent, Leg, OrderStatus, UnixMillis};

use super::book::{Book, Event, KeyEntry, StopState};
use super::making::{external_identity, orders_of};
use super::transitions::{merge_report, merge_trade, new_order, request_cancel};
use crate::models::order::{Ending, Identity, OrderState, PendingCancel, Protection, Role, Terms};
use crate::models::record::{Denial, Entry, ProtectionTerms, Record, Verdict};
use crate::models::venue::VenueReport;

impl Book {
    /// Applies a record and returns the events it causes, numbered.
    pub fn apply(&mut self, entry: &Entry) -> Vec<Event> {
        let mut events = Vec::new();
        let at = entry.event_at;
        match &entry.record {
            Record::Epoch { epoch, .. } => self.epoch = *epoch,
            Record::Intent {
                key,
                body_hash,
                approved,
                denial,
            } => {
                if let Some(id) = self.note_key(key, body_hash, approved, denial.as_ref()) {
                    self.apply_intent(&id, approved, denial.as_ref(), at, &mut events);
                }
            }
            Record::Sent { ids, .. } => self.each(ids, at, &mut events, |order| {
                order.evidence.sends = order.evidence.sends.saturating_add(1);
                order.evidence.resend = false;
                order.evidence.ambiguous = None;
            }),
            Record::Outcome {
                ids,
                class,
                code,
                detail,
                resend,
            } => {
                let told = Told {
                    class,
                    code: *code,
                    detail,
                    resend: *resend,
                };
                self.each(ids, at, &mut events, |order| apply_outcome(order, &told));
            }
            Record::Report { report } => self.apply_report(report, &mut events),
            Record::Protection {
                parent,
                made,
                reason,
            } => {
                self.apply_protection(parent, made.as_deref(), reason.as_deref(), at);
                self.refresh(parent, at, None, &mut events);
            }
            Record::Resolution {
                id,
                verdict,
                evidence,
                resend,
            } => {
                let change = |order: &mut OrderState| {
                    order.reason = Some(evidence.clone());
                    resolve(order, *verdict, *resend);
                };
                self.each(std::slice::from_ref(id), at, &mut events, change);
            }
            Record::CancelIntent { id, cancel_id } => {
                if let Some(order) = self.orders.get_mut(id) {
                    request_cancel(order, cancel_id.clone());
                }
            }
            Record::CancelOutcome { id, class, .. } => self.apply_cancel_outcome(id, class),
            other => self.apply_control(other, at, &mut events),
        }
        events
    }

    fn apply_control(&mut self, record: &Record, at: UnixMillis, events: &mut Vec<Event>) {
        match record {
            Record::Stop { level, reason } => {
                let is_done = level.trading_state() == rust_common::TradingState::Reducing;
                let seq = self.gateway_seq + 1;
                self.stop = Some(StopState {
                    level: *level,
                    reason: reason.clone(),
                    seq,
                    is_done,
                });
                self.announce_stop(reason, at, events);
            }
            Record::StopDone => {
                if let Some(stop) = &mut self.stop {
                    stop.is_done = true;
                    let reason = stop.reason.clone();
                    self.announce_stop(&reason, at, events);
                }
            }
            Record::Resume { reason } => {
                self.stop = None;
                self.halts.clear();
                self.announce_stop(reason, at, events);
            }
            Record::Halt {
                instrument_id,
                reason,
            } => {
                self.halts.insert(instrument_id.clone(), reason.clone());
            }
            Record::Baseline {
                instrument_id,
                base_total,
                trade_id,
            } => {
                self.baselines.insert(instrument_id.clone(), *base_total);
                self.swept.insert(instrument_id.clone(), *trade_id);
            }
            Record::Swept {
                instrument_id,
                trade_id,
            } => {
                self.swept.insert(instrument_id.clone(), *trade_id);
            }
            _ => {}
        }
    }

    fn each(
        &mut self,
        ids: &[ClientOrderId],
        at: UnixMillis,
        events: &mut Vec<Event>,
        change: impl Fn(&mut OrderState),
    ) {
        for id in ids {
            if let Some(order) = self.orders.get_mut(id) {
                change(order);
                self.refresh(id, at, None, events);
            }
        }
    }

    fn note_key(
        &mut self,
        key: &str,
        body_hash: &str,
        approved: &ApprovedOrder,
        denial: Option<&Denial>,
    ) -> Option<ClientOrderId> {
        let id = approved.client_order_id().ok()?;
        let entry = KeyEntry {
            body_hash: body_hash.to_owned(),
            client_order_id: id.clone(),
            denial: denial.cloned(),
        };
        self.keys.insert(key.to_owned(), entry);
        Some(id)
    }

    fn apply_intent(
        &mut self,
        id: &ClientOrderId,
        approved: &ApprovedOrder,
        denial: Option<&Denial>,
        at: UnixMillis,
        events: &mut Vec<Event>,
    ) {
        let Ok(orders) = orders_of(approved) else {
            return;
        };
        for (identity, terms, role) in orders {
            let order_id = identity.client_order_id.clone();
            if denial.is_some() && order_id != *id {
                continue;
            }
            let mut order = new_order(identity, terms, role, at);
            if let Some(denial) = denial {
                order.evidence.denied = true;
                order.status = OrderStatus::Denied;
                order.reason = Some(format!(
                    "{}: limit {}, observed {}",
                    denial.rule, denial.limit, denial.observed
                ));
            }
            self.orders.insert(order_id.clone(), order);
            self.refresh(&order_id, at, None, events);
        }
    }

    fn apply_report(&mut self, report: &VenueReport, events: &mut Vec<Event>) {
        let id = self.owner_of(report);
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let (identity, terms) = (order.identity.clone(), order.terms.clone());
        for trade in &report.trades {
            let Some(order) = self.orders.get_mut(&id) else {
                return;
            };
            let venue_id = &report.venue_order_id;
            let fill = merge_trade(&mut order.evidence, &identity, &terms, venue_id, trade);
            if fill.is_some() {
                order
                    .evidence
                    .venue_order_id
                    .get_or_insert_with(|| venue_id.clone());
                self.refresh(&id, trade.at, fill, events);
            }
        }
        if let Some(order) = self.orders.get_mut(&id) {
            merge_report(&mut order.evidence, report);
            if report.reason.is_some() {
                order.reason.clone_from(&report.reason);
            }
            self.refresh(&id, report.at, None, events);
        }
        if !report.venue_order_id.is_empty() {
            let key = (report.instrument_id.clone(), report.venue_order_id.clone());
            self.by_venue_id.insert(key, id);
        }
    }

    /// Our order behind a report; an unknown one is adopted as EXTERNAL.
    fn owner_of(&mut self, report: &VenueReport) -> ClientOrderId {
        if self.orders.contains_key(&report.client_order_id) {
            return report.client_order_id.clone();
        }
        let key = (report.instrument_id.clone(), report.venue_order_id.clone());
        if let Some(id) = self.by_venue_id.get(&key) {
            return id.clone();
        }
        if let Ok(identity) = external_identity(report) {
            let terms = Terms {
                order_type: report.order_type,
                order_side: report.order_side,
                quantity: report.quantity,
                price: report.price,
                trigger_price: report.trigger_price,
                time_in_force: None,
            };
            let order = new_order(identity, terms, Role::Single, report.at);
            self.orders.insert(report.client_order_id.clone(), order);
            self.counters.external_orders += 1;
        }
        report.client_order_id.clone()
    }

    fn apply_protection(
        &mut self,
        parent: &ClientOrderId,
        made: Option<&ProtectionTerms>,
        reason: Option<&str>,
        at: UnixMillis,
    ) {
        let Some(order) = self.orders.get_mut(parent) else {
            return;
        };
        let Role::BracketEntry { protection, .. } = &mut order.role else {
            return;
        };
        let Some(made) = made else {
            *protection = Protection::Dropped;
            order.reason = reason.map(str::to_owned).or(order.reason.take());
            return;
        };
        *protection = Protection::Made(made.ids.clone());
        let entry = order.identity.clone();
        for (suffix, id, terms) in [
            ("stop", &made.ids.stop_id, &made.stop),
            ("target", &made.ids.target_id, &made.target),
        ] {
            let Ok(leg) = Leg::new(format!("{}.{suffix}", entry.leg)) else {
                continue;
            };
            let identity = Identity {
                leg,
                client_order_id: id.clone(),
                intent: Intent::Reduce,
                parent: Some(parent.clone()),
                ..entry.clone()
            };
            let child = new_order(identity, terms.clone(), Role::Leg(made.ids.clone()), at);
            self.orders.insert(id.clone(), child);
            self.active.insert(id.clone());
        }
    }

    fn apply_cancel_outcome(&mut self, id: &ClientOrderId, class: &str) {
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        match class {
            // Refused for another reason than "unknown order": the cancel is over.
            "D" => order.pending_cancel = None,
            _ => {
                if let Some(PendingCancel { is_unknown, .. }) = &mut order.pending_cancel {
                    *is_unknown = class == "A";
                }
            }
        }
    }
}

fn resolve(order: &mut OrderState, verdict: Verdict, resend: bool) {
    let evidence = &mut order.evidence;
    evidence.ambiguous = None;
    match verdict {
        Verdict::NotSent if resend => evidence.resend = true,
        Verdict::NotSent => evidence.not_sent = true,
        Verdict::Forgotten => evidence.ending = evidence.ending.max(Some(Ending::Expired)),
    }
}

struct Told<'a> {
    class: &'a str,
    code: i64,
    detail: &'a str,
    resend: bool,
}

fn apply_outcome(order: &mut OrderState, told: &Told<'_>) {
    let evidence = &mut order.evidence;
    match told.class {
        "N" if told.resend => evidence.resend = true,
        "N" => {
            evidence.not_sent = true;
            order.reason = Some(told.detail.to_owned());
        }
        "D" => {
            evidence.ending = evidence.ending.max(Some(Ending::Rejected));
            order.reason = Some(format!("{} {}", told.code, told.detail));
        }
        _ => {
            evidence.ambiguous = Some(told.detail.to_owned());
            order.reason = Some(told.detail.to_owned());
        }
    }
}
