//! The unknown-outcome protocol (C5): ask by client id until the truth is known.
//!
//! A hit resolves. Absence needs: the horizon has passed, two misses apart, complete lists without
//! the order, and a user stream without a gap since the doubt began. No timeout ends the question.

use rust_common::{ClientOrderId, OrderStatus};

use super::{CallContext, Turn};
use crate::models::order::{OrderState, Role};
use crate::models::record::{Record, Verdict};
use crate::models::venue::{Family, LowWater, VenueCall};

/// Protection is sent again at most this often.
pub const SENDS_MAX: u8 = 5;

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
}

impl super::State {
    /// Milliseconds between question `tries` and the next.
    fn probe_delay(&self, tries: u32) -> i64 {
        let (first, cap) = if self.config.is_fast {
            (40, 320)
        } else {
            (250, 8_000)
        };
        if tries > 6 {
            return if self.config.is_fast { 500 } else { 5_000 };
        }
        (first << tries.min(6)).min(cap)
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
        if matches!(order.role, Role::ListParent(_)) {
            return None;
        }
        let is_placing = self.live.placing.contains(id);
        let is_open_question = match order.status {
            OrderStatus::Unknown => true,
            OrderStatus::Submitted => !is_placing && !order.evidence.resend,
            _ => false,
        };
        if is_open_question {
            return Some(self.probe_delay(0));
        }
        if order.has_missing_fills() {
            return Some(self.stream_grace());
        }
        let cancel_is_open = order
            .pending_cancel
            .as_ref()
            .is_some_and(|cancel| cancel.is_unknown);
        (cancel_is_open && !self.live.canceling.contains(id)).then(|| self.probe_delay(1))
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
        };
        self.state.live.probes.insert(id.clone(), probe);
    }

    pub(super) fn fire_probes(&mut self) {
        let active = &self.state.book.active;
        self.state.live.probes.retain(|id, _| active.contains(id));
        let now = self.now;
        let due: Vec<ClientOrderId> = self
            .state
            .live
            .probes
            .iter()
            .filter(|(_, probe)| !probe.is_asking && probe.next_at <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let Some(order) = self.state.book.orders.get(&id) else {
                continue;
            };
            let instrument_id = order.identity.instrument_id.clone();
            if let Some(probe) = self.state.live.probes.get_mut(&id) {
                probe.is_asking = true;
            }
            let request = VenueCall::Query {
                instrument_id,
                client_order_id: id.clone(),
                family: Family::Order,
                list_id: None,
            };
            self.call(CallContext::Query { id }, request);
        }
    }

    /// Plans the next question after an answer that did not settle the order.
    pub(super) fn probe_again(&mut self, id: &ClientOrderId) {
        let tries = self
            .state
            .live
            .probes
            .get(id)
            .map_or(0, |probe| probe.tries + 1);
        let next_at = self.now + self.state.probe_delay(tries);
        if let Some(probe) = self.state.live.probes.get_mut(id) {
            probe.tries = tries;
            probe.next_at = next_at;
            probe.is_asking = false;
        }
    }

    /// A query did not find the order.
    pub(super) fn probe_missed(&mut self, id: &ClientOrderId) {
        self.probe_again(id);
        let Some(probe) = self.state.live.probes.get(id).cloned() else {
            return;
        };
        let is_past_horizon = self.now >= probe.since + self.state.config.horizon_ms;
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
        let order = self.state.book.orders.get(id);
        if misses >= 2
            && let Some(order) = order
        {
            let instrument_id = order.identity.instrument_id.clone();
            let request = VenueCall::Absence {
                instrument_id,
                client_order_id: id.clone(),
                family: Family::Order,
                list_id: None,
                low_water: LowWater::default(),
            };
            self.call(CallContext::Absence { id: id.clone() }, request);
        }
    }

    fn is_stream_whole_since(&self, probe: &Probe) -> bool {
        let live = &self.state.live;
        live.is_stream_up
            && live.is_recovered
            && (live.executions.up_since_step <= probe.since_step
                || live.reconcile.done_started_step >= probe.since_step)
    }

    /// The complete lists contain nothing of the order: absence is proven.
    pub(super) fn absence_proven(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let verdict = if order.evidence.accepted {
            Verdict::Forgotten
        } else {
            Verdict::NotSent
        };
        let resend = verdict == Verdict::NotSent && self.may_send_again(order);
        let evidence = match verdict {
            Verdict::NotSent => "absence proven: horizon passed, two misses, complete lists",
            Verdict::Forgotten => "the venue no longer knows the order",
        };
        self.commit(Record::Resolution {
            id: id.clone(),
            verdict,
            evidence: evidence.to_owned(),
            resend,
        });
        self.state.live.probes.remove(id);
    }

    /// Protection made by the gateway is sent again under the same id; nothing else ever is.
    pub(super) fn may_send_again(&self, order: &OrderState) -> bool {
        let parent = order.identity.parent.as_ref();
        let parent = parent.and_then(|parent| self.state.book.orders.get(parent));
        let protects = parent.is_some_and(|p| matches!(p.role, Role::BracketEntry { .. }));
        protects && order.evidence.sends < SENDS_MAX
    }
}
