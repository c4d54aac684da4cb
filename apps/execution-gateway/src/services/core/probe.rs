//! The unknown-outcome protocol (C5): ask by client id until the truth is known.
//!
//! A hit resolves. Absence needs: the horizon has passed, two misses apart, complete lists without
//! the order, and a user stream without a gap since the doubt began. No timeout ends the question.

use rust_common::{ClientOrderId, OrderStatus, OrderType, StopLevel};

use super::{CallContext, Turn};
use crate::models::order::{OrderState, Role};
use crate::models::record::{Record, Verdict};
use crate::models::venue::{Family, Lane, VenueCall};
use crate::mutants::{Mutant, is_on};

/// Protection is sent again at most this often.
pub const SENDS_MAX: u8 = 5;

/// Questions after the doubt began, in milliseconds (C5.2); then one every five seconds.
const ASK_AT_MS: [i64; 6] = [250, 500, 1_000, 2_000, 4_000, 8_000];
const ASK_EVERY_MS: i64 = 5_000;
/// The same on loopback (K4).
const ASK_AT_FAST_MS: [i64; 6] = [40, 80, 160, 320, 640, 1_280];
const ASK_EVERY_FAST_MS: i64 = 500;
/// A person is called when a doubt is this old (C5.6).
const PAGE_AFTER_MS: i64 = 60_000;

/// One order that is being asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// When the doubt began (not before the request may have left).
    pub since: i64,
    pub since_step: u64,
    pub next_at: i64,
    pub tries: u32,
    pub is_asking: bool,
    /// Misses counted after the horizon.
    pub misses: u32,
    pub last_miss_at: i64,
    /// A person has been called.
    pub is_paged: bool,
}

impl Probe {
    pub(super) fn page_at(&self) -> Option<i64> {
        (!self.is_paged).then_some(self.since + PAGE_AFTER_MS)
    }
}

/// Milliseconds from the beginning of a doubt to question number `tries`.
fn ask_after(is_fast: bool, tries: u32) -> i64 {
    let (first, every) = if is_fast {
        (ASK_AT_FAST_MS, ASK_EVERY_FAST_MS)
    } else {
        (ASK_AT_MS, ASK_EVERY_MS)
    };
    let index = usize::try_from(tries).unwrap_or(usize::MAX);
    let [.., last] = first;
    let beyond = i64::from(tries) - 5;
    first
        .get(index)
        .copied()
        .unwrap_or_else(|| last + every.saturating_mul(beyond))
}

/// The list that an order is a leg of.
fn list_of(order: &OrderState) -> Option<ClientOrderId> {
    match &order.role {
        Role::Leg(list) => Some(list.list_id.clone()),
        _ => None,
    }
}

impl super::State {
    fn ask_after(&self, tries: u32) -> i64 {
        ask_after(self.config.is_fast, tries)
    }

    /// The family of endpoints that can answer for an order, and the list it belongs to.
    pub(super) fn family_of(&self, order: &OrderState) -> Family {
        let is_conditional = order.terms.order_type == OrderType::StopMarket;
        match &order.role {
            Role::Leg(_) if !self.config.rules.is_derivative => Family::List,
            _ if self.config.rules.is_derivative && is_conditional => Family::Algo,
            _ => order.family,
        }
    }

    fn miss_gap(&self) -> i64 {
        if self.config.is_fast { 200 } else { 2_000 }
    }

    /// How long the user stream may take to bring what a reply has told already.
    fn stream_grace(&self) -> i64 {
        match (self.live.is_stream_up, self.config.is_fast) {
            (false, _) => 0,
            (true, true) => 400,
            (true, false) => 1_000,
        }
    }

    fn needs_probe(&self, id: &ClientOrderId, order: &OrderState) -> Option<i64> {
        if matches!(order.role, Role::ListParent(_)) || is_on(Mutant::NeverProbe) {
            return None;
        }
        let is_placing = self.live.placing.contains(id);
        let is_open_question = match order.status {
            OrderStatus::Unknown => true,
            OrderStatus::Submitted => !is_placing && !order.evidence.wants_resend(),
            _ => false,
        };
        if is_open_question {
            return Some(self.ask_after(0));
        }
        if order.has_missing_fills() {
            return Some(self.stream_grace());
        }
        let is_waiting = self.live.canceling.contains(id) || self.live.amending.contains(id);
        (order.pending.is_unknown() && !is_waiting).then(|| self.ask_after(0))
    }

    /// Orders in doubt: new entries of their instruments stay closed.
    pub fn unresolved(&self) -> std::collections::BTreeSet<rust_common::InstrumentId> {
        self.book
            .active
            .iter()
            .filter_map(|id| self.book.orders.get(id))
            .filter(|order| order.status == OrderStatus::Unknown)
            .map(|order| order.identity.instrument_id.clone())
            .collect()
    }
}

impl Turn<'_> {
    pub(super) fn plan_probe(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let needed = self.state.needs_probe(id, order);
        let is_working = order.status.is_working();
        match (needed, self.state.live.probes.contains_key(id)) {
            (Some(delay), false) => self.start_probe(id, delay),
            // A probe of a working order (asked because a snapshot missed it) ends with a hit.
            (None, true) if !is_working => {
                self.state.live.probes.remove(id);
            }
            _ => {}
        }
    }

    pub(super) fn start_probe(&mut self, id: &ClientOrderId, delay: i64) {
        let probe = Probe {
            since: self.now,
            since_step: self.state.live.step_no,
            next_at: self.now + delay,
            tries: 0,
            is_asking: false,
            misses: 0,
            last_miss_at: 0,
            is_paged: false,
        };
        self.state.live.probes.insert(id.clone(), probe);
    }

    pub(super) fn fire_probes(&mut self) {
        let active = &self.state.book.active;
        self.state.live.probes.retain(|id, _| active.contains(id));
        self.page_old_doubts();
        if !self.state.can_call(Lane::Probe, self.now) {
            return;
        }
        let now = self.now;
        let is_due = |probe: &Probe| !probe.is_asking && probe.next_at <= now;
        let probes = self.state.live.probes.iter();
        let due: Vec<ClientOrderId> = probes
            .filter(|(_, probe)| is_due(probe))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let Some(order) = self.state.book.orders.get(&id) else {
                continue;
            };
            let request = VenueCall::Query {
                instrument_id: order.identity.instrument_id.clone(),
                client_order_id: id.clone(),
                family: self.state.family_of(order),
                list_id: list_of(order),
            };
            if let Some(probe) = self.state.live.probes.get_mut(&id) {
                probe.is_asking = true;
            }
            self.call(CallContext::Query { id }, request);
        }
    }

    fn page_old_doubts(&mut self) {
        let now = self.now;
        let mut old = Vec::new();
        for (id, probe) in &mut self.state.live.probes {
            if probe.page_at().is_some_and(|at| now >= at) {
                probe.is_paged = true;
                old.push((id.clone(), now - probe.since));
            }
        }
        for (id, age) in old {
            self.alarm("unknown_order", format!("{id} is unresolved for {age} ms"));
        }
    }

    /// Plans the next question after an answer that did not settle the order.
    pub(super) fn probe_again(&mut self, id: &ClientOrderId) {
        let now = self.now;
        let is_fast = self.state.config.is_fast;
        if let Some(probe) = self.state.live.probes.get_mut(id) {
            probe.tries += 1;
            // A question that was answered late is not followed by a burst of the missed ones.
            while probe.since + ask_after(is_fast, probe.tries) <= now {
                probe.tries += 1;
            }
            probe.next_at = probe.since + ask_after(is_fast, probe.tries);
            probe.is_asking = false;
        }
    }

    /// A query did not find the order. That counts only after the horizon, apart from the last
    /// miss, and with a user stream that was whole since (C5.4).
    pub(super) fn probe_missed(&mut self, id: &ClientOrderId) {
        self.probe_again(id);
        let Some(probe) = self.state.live.probes.get(id).cloned() else {
            return;
        };
        if is_on(Mutant::TrustFirstMiss) {
            return self.absence_proven(id);
        }
        let is_past_horizon =
            self.now >= probe.since + self.state.config.horizon_ms || is_on(Mutant::SkipHorizon);
        let is_apart = probe.misses == 0 || self.now >= probe.last_miss_at + self.state.miss_gap();
        if !is_past_horizon || !is_apart || !self.is_stream_whole_since(&probe) {
            return;
        }
        let misses = probe.misses + 1;
        if let Some(probe) = self.state.live.probes.get_mut(id) {
            probe.misses = misses;
            probe.last_miss_at = self.now;
            probe.is_asking = misses >= 2;
        }
        if misses >= 2 {
            self.ask_for_lists(id);
        }
    }

    /// The last part of the proof: complete lists since before the order was sent.
    fn ask_for_lists(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let request = VenueCall::Absence {
            instrument_id: order.identity.instrument_id.clone(),
            client_order_id: id.clone(),
            family: self.state.family_of(order),
            list_id: list_of(order),
            low_water: order.low_water,
        };
        self.call(CallContext::Absence { id: id.clone() }, request);
    }

    /// The lists contain the order: the misses were a lag.
    pub(super) fn absence_refuted(&mut self, id: &ClientOrderId) {
        if let Some(probe) = self.state.live.probes.get_mut(id) {
            probe.misses = 0;
        }
        self.probe_again(id);
    }

    fn is_stream_whole_since(&self, probe: &Probe) -> bool {
        let live = &self.state.live;
        live.is_stream_up
            && live.is_recovered
            && (live.executions.up_since_step <= probe.since_step
                || live.reconcile.done_started_step >= probe.since_step)
    }

    /// The complete lists contain nothing of the order: absence is proven. An order that the venue
    /// had accepted means that the venue has lost its state (F30): entries stay closed until an
    /// operator resumes.
    pub(super) fn absence_proven(&mut self, id: &ClientOrderId) {
        let Some(probe) = self.state.live.probes.get(id).cloned() else {
            return;
        };
        // Lists that were asked for before a gap of the stream prove nothing.
        if !self.is_stream_whole_since(&probe) {
            return self.absence_refuted(id);
        }
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_known = order.evidence.is_known_to_venue();
        let resend = !is_known && self.may_send_again(order);
        let verdict = if is_known {
            Verdict::Forgotten
        } else {
            Verdict::NotSent
        };
        let proof = format!(
            "absence proven {} ms after the doubt: {} misses after the horizon, complete lists \
             since order {:?} and trade {:?}",
            self.now - probe.since,
            probe.misses,
            order.low_water.order_id,
            order.low_water.trade_id,
        );
        self.commit(Record::Resolution {
            id: id.clone(),
            verdict,
            evidence: proof,
            resend,
        });
        self.state.live.probes.remove(id);
        if is_known {
            self.venue_forgot(id);
        }
    }

    fn venue_forgot(&mut self, id: &ClientOrderId) {
        let reason = format!("the venue no longer knows order {id}, which it had accepted");
        self.alarm("venue_forgot", reason.clone());
        if self.state.book.forgotten.is_none() {
            let reason = reason.clone();
            self.commit(Record::Forgot { reason });
        }
        self.stop(StopLevel::NoEntries, &reason);
    }

    /// Protection made by the gateway is sent again under the same id; nothing else ever is.
    pub(super) fn may_send_again(&self, order: &OrderState) -> bool {
        let parent = order.identity.parent.as_ref();
        let parent = parent.and_then(|parent| self.state.book.orders.get(parent));
        let protects = parent.is_some_and(|p| matches!(p.role, Role::BracketEntry { .. }));
        protects && order.evidence.sends < SENDS_MAX
    }
}
