//! Applying one journal record to the book. Pure and total: live running and replay share it.

use rust_common::{ApprovedOrder, ClientOrderId, Intent, Leg, OrderStatus, UnixMillis};

use super::book::{Book, Event, KeyEntry};
use super::making::{external_identity, orders_of, stand_in_id};
use super::transitions::{Fact, fill_of, is_same_order, new_order, transition};
use crate::models::order::{Identity, OrderState, Protection, Role, Terms};
use crate::models::record::{Denial, Entry, ProtectionTerms, Record, Verdict};
use crate::models::venue::{VenueReport, VenueStatus, VenueTrade};
use crate::mutants::{Mutant, is_on};

impl Book {
    /// Applies a record and returns the events it causes, numbered.
    pub fn apply(&mut self, entry: &Entry) -> Vec<Event> {
        let mut events = Vec::new();
        let at = entry.event_at;
        self.last_at = self.last_at.max(entry.at);
        match &entry.record {
            Record::Intent {
                key,
                body_hash,
                approved,
                denial,
            } => {
                let told = (key.as_str(), body_hash.as_str());
                self.apply_intent(told, approved, denial.as_ref(), entry, &mut events);
            }
            Record::Sent { ids, low_water, .. } => {
                self.each(ids, at, &mut events, &Fact::Send(*low_water), None);
            }
            Record::Outcome {
                ids,
                class,
                code,
                detail,
                resend,
            } => {
                let told = (class.as_str(), *code, detail.as_str());
                self.apply_outcome(ids, told, *resend, at, &mut events);
            }
            Record::Report { report } => self.apply_report(report, entry.at, &mut events),
            Record::Protection {
                parent,
                made,
                reason,
            } => {
                self.apply_protection(parent, made.as_deref(), reason.as_deref(), entry);
                self.refresh(parent, at, None, &mut events);
            }
            Record::Resolution {
                id,
                verdict,
                evidence,
                resend,
            } => {
                let fact = match verdict {
                    Verdict::NotSent => Fact::Absent { resend: *resend },
                    Verdict::Forgotten => Fact::Forget,
                };
                let ids = std::slice::from_ref(id);
                self.each(ids, at, &mut events, &fact, Some(evidence));
            }
            Record::CancelIntent { id, cancel_id } => {
                self.pending(id, &Fact::AskCancel(cancel_id));
            }
            Record::AmendIntent { id, quantity } => self.pending(id, &Fact::AskReplace(*quantity)),
            Record::CancelOutcome { id, class, .. } | Record::AmendOutcome { id, class, .. } => {
                self.pending(id, &Fact::PendingTold(class));
            }
            other => self.apply_control(other, at, &mut events),
        }
        events
    }

    /// Applies one fact to each order and tells of what changed.
    fn each(
        &mut self,
        ids: &[ClientOrderId],
        at: UnixMillis,
        events: &mut Vec<Event>,
        fact: &Fact<'_>,
        reason: Option<&str>,
    ) {
        for id in ids {
            if let Some(order) = self.orders.get_mut(id) {
                if let Some(reason) = reason {
                    order.reason = Some(reason.to_owned());
                }
                transition(order, fact);
                self.refresh(id, at, None, events);
            }
        }
    }

    /// A change of the pending operation; the status stays what it is.
    fn pending(&mut self, id: &ClientOrderId, fact: &Fact<'_>) {
        if let Some(order) = self.orders.get_mut(id) {
            transition(order, fact);
        }
    }

    fn apply_outcome(
        &mut self,
        ids: &[ClientOrderId],
        (class, code, detail): (&str, i64, &str),
        resend: bool,
        at: UnixMillis,
        events: &mut Vec<Event>,
    ) {
        let refusal = format!("{code} {detail}");
        let (fact, reason) = match class {
            "N" | "D" if resend => (Fact::Absent { resend }, None),
            "N" => (Fact::Absent { resend }, Some(detail)),
            "D" => (Fact::Refuse, Some(refusal.as_str())),
            _ => (Fact::Doubt(detail), Some(detail)),
        };
        self.each(ids, at, events, &fact, reason);
    }

    fn apply_intent(
        &mut self,
        (key, body_hash): (&str, &str),
        approved: &ApprovedOrder,
        denial: Option<&Denial>,
        entry: &Entry,
        events: &mut Vec<Event>,
    ) {
        let (Ok(id), Ok(orders)) = (approved.client_order_id(), orders_of(approved)) else {
            return;
        };
        let known = KeyEntry {
            body_hash: body_hash.to_owned(),
            client_order_id: id.clone(),
            denial: denial.cloned(),
            at: entry.at,
        };
        self.keys.insert(key.to_owned(), known);
        for (identity, terms, role) in orders {
            let order_id = identity.client_order_id.clone();
            if denial.is_some() && order_id != id {
                continue;
            }
            let mut order = new_order(identity, terms, role, entry.event_at);
            order.born_at = entry.at;
            if let Some(denial) = denial {
                transition(&mut order, &Fact::Deny);
                order.status = OrderStatus::Denied;
                order.reason = Some(format!(
                    "{}: limit {}, observed {}",
                    denial.rule, denial.limit, denial.observed
                ));
            }
            self.orders.insert(order_id.clone(), order);
            self.refresh(&order_id, entry.event_at, None, events);
        }
    }

    fn apply_report(&mut self, report: &VenueReport, born_at: i64, events: &mut Vec<Event>) {
        let Some(id) = self.owner_of(report, born_at) else {
            return;
        };
        let before = self
            .orders
            .get(&id)
            .map(|order| (order.status, order.evidence.is_written_off()));
        for trade in &report.trades {
            self.apply_trade(&id, report, trade, events);
        }
        if is_on(Mutant::InferredFill) {
            self.infer_fill(&id, report, events);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            if order.identity.is_external && order.terms.quantity.is_zero() {
                order.terms.quantity = report.quantity;
            }
            transition(order, &Fact::Report(report));
            if report.reason.is_some() {
                order.reason.clone_from(&report.reason);
            }
            self.refresh(&id, report.at, None, events);
        }
        self.count_report(&id, report, before);
        if !report.venue_order_id.is_empty() {
            self.note_venue_id(report);
            let key = (report.instrument_id.clone(), report.venue_order_id.clone());
            self.by_venue_id.insert(key, id);
        }
    }

    /// A seeded bug: makes up a fill for what the report says was executed.
    fn infer_fill(&mut self, id: &ClientOrderId, report: &VenueReport, events: &mut Vec<Event>) {
        let known = self.orders.get(id).map(|order| order.fills_total.quantity);
        let missing = known.and_then(|known| report.executed.checked_sub(known).ok());
        let price = report.price.or(report.trigger_price);
        let fee_asset = super::holdings::base_currency(&report.instrument_id);
        if let (Some(quantity), Some(price), Some(fee_asset)) = (
            missing.filter(|missing| !missing.is_zero()),
            price,
            fee_asset,
        ) {
            let trade = VenueTrade {
                trade_id: format!("inferred-{}", report.venue_order_id),
                execution_id: None,
                price,
                quantity,
                fee: rust_common::Money::ZERO,
                fee_asset,
                liquidity_side: rust_common::LiquiditySide::Taker,
                at: report.at,
            };
            self.apply_trade(id, report, &trade, events);
        }
    }

    /// Books a trade once: the key is venue and symbol (both in the instrument id), account (one
    /// per gateway), trade id; the side keeps the two halves of a trade with ourselves apart.
    fn apply_trade(
        &mut self,
        id: &ClientOrderId,
        report: &VenueReport,
        trade: &VenueTrade,
        events: &mut Vec<Event>,
    ) {
        let is_expired = is_on(Mutant::FillsExpire);
        let last_at = self.last_at;
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        if is_expired && order.status.is_terminal() && last_at > order.born_at + 30_000 {
            return;
        }
        let mut fill = fill_of(&order.identity, &order.terms, &report.venue_order_id, trade);
        if is_on(Mutant::NoFillDedupe) {
            fill.trade_id = format!("{}-{}", fill.trade_id, order.evidence.fills.len());
        }
        let is_known = order.evidence.fills.contains_key(&fill.trade_id);
        if !is_known && !self.fills.claim(self.era, id, &fill) {
            self.counters.duplicate_fills += 1;
            return;
        }
        let had_none = order.evidence.fills.is_empty();
        transition(order, &Fact::Trade(&fill));
        if is_known {
            return;
        }
        let venue_id = Some(&report.venue_order_id).filter(|id| !id.is_empty());
        if let Some(venue_id) = venue_id {
            order
                .evidence
                .venue_order_id
                .get_or_insert_with(|| venue_id.clone());
        }
        // Protection was dropped because nothing had been filled: now there is something.
        if let Role::BracketEntry { protection, .. } = &mut order.role
            && had_none
            && *protection == Protection::Dropped
        {
            *protection = Protection::Wanted;
        }
        self.refresh(id, trade.at, Some(fill), events);
    }

    /// What a report meant to an order that had ended (C2, last row).
    fn count_report(
        &mut self,
        id: &ClientOrderId,
        report: &VenueReport,
        before: Option<(OrderStatus, bool)>,
    ) {
        let Some((before, was_written_off)) = before.filter(|(status, _)| status.is_terminal())
        else {
            return;
        };
        let after = self.orders.get(id).map(|order| order.status);
        if was_written_off && after != Some(before) {
            self.counters.revived += 1;
        } else if report.trades.is_empty() && report.status == VenueStatus::Working {
            self.counters.ignored += 1;
        }
    }

    fn note_venue_id(&mut self, report: &VenueReport) {
        if let Ok(number) = report.venue_order_id.parse::<u64>() {
            let entry = self.order_ids.entry(report.instrument_id.clone());
            let newest = entry.or_insert(number);
            *newest = number.max(*newest);
        }
    }

    /// Our order behind a report; an unknown one is adopted as EXTERNAL.
    fn owner_of(&mut self, report: &VenueReport, born_at: i64) -> Option<ClientOrderId> {
        let id = self.find_owner(report);
        if self.orders.contains_key(&id) {
            return Some(id);
        }
        if is_on(Mutant::NoExternalOrders) {
            return None;
        }
        let identity = external_identity(report, id.clone()).ok()?;
        let terms = Terms {
            order_type: report.order_type,
            order_side: report.order_side,
            quantity: report.quantity,
            price: report.price,
            trigger_price: report.trigger_price,
            time_in_force: None,
        };
        let mut order = new_order(identity, terms, Role::Single, report.at);
        order.born_at = born_at;
        order.family = report.extra.family;
        self.orders.insert(id.clone(), order);
        self.counters.external_orders += 1;
        Some(id)
    }

    /// The order of record a report belongs to, by client id, then by the venue's id; for an
    /// outsider that used one of our ids, a name of its own.
    pub fn find_owner(&self, report: &VenueReport) -> ClientOrderId {
        let id = &report.client_order_id;
        if let Some(order) = self.orders.get(id) {
            if is_same_order(order, report) {
                return id.clone();
            }
            return stand_in_id(report);
        }
        let key = (report.instrument_id.clone(), report.venue_order_id.clone());
        let by_venue_id = self.by_venue_id.get(&key);
        let is_same = |id: &&ClientOrderId| {
            let order = self.orders.get(*id);
            order.is_some_and(|order| is_same_order(order, report))
        };
        by_venue_id.filter(is_same).unwrap_or(id).clone()
    }

    fn apply_protection(
        &mut self,
        parent: &ClientOrderId,
        made: Option<&ProtectionTerms>,
        reason: Option<&str>,
        entry: &Entry,
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
        let owner = order.identity.clone();
        for (suffix, id, terms) in [
            ("stop", &made.ids.stop_id, &made.stop),
            ("target", &made.ids.target_id, &made.target),
        ] {
            let Ok(leg) = Leg::new(format!("{}.{suffix}", owner.leg)) else {
                continue;
            };
            let identity = Identity {
                leg,
                client_order_id: id.clone(),
                intent: Intent::Reduce,
                parent: Some(parent.clone()),
                ..owner.clone()
            };
            let role = Role::Leg(made.ids.clone());
            let mut child: OrderState = new_order(identity, terms.clone(), role, entry.event_at);
            child.born_at = entry.at;
            self.orders.insert(id.clone(), child);
            self.active.insert(id.clone());
        }
    }
}
