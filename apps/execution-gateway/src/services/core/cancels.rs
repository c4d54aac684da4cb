//! Cancelling and amending: the pending operations beside the lifecycle.
//!
//! A cancel is idempotent at the venue, so it is the one request that is repeated until the order
//! has ended or the venue refuses it for good (C5.5). An amendment is sent once.

use std::collections::{BTreeMap, BTreeSet};

use rust_common::client_order_id::OrderKey;
use rust_common::{ClientOrderId, InstrumentId, Intent, OrderType, Quantity, StopLevel};

use super::waiters::WaiterKind;
use super::{CallContext, State, Turn};
use crate::models::input::{Reply, RequestId};
use crate::models::order::{OrderState, Pending, Protection, Role};
use crate::models::problem::Problem;
use crate::models::record::Record;
use crate::models::venue::{Lane, Outcome, VenueAnswer, VenueCall};
use crate::mutants::{Mutant, is_on};

/// Refusals that say "not now": timestamp, limits, overload, firewall.
const REFUSED_FOR_NOW: [i64; 7] = [-1021, -1003, -1015, -1008, 429, 418, 403];
/// A refused cancel is tried again after this long if a stop wants it.
const RETRY_AFTER_MS: i64 = 1_000;

/// Bookkeeping of cancels in this run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cancels {
    /// Not to be tried again before.
    pub(super) not_before: BTreeMap<ClientOrderId, i64>,
    /// Orders a cancel-all was sent for already; what is left is cancelled one by one.
    swept: BTreeSet<ClientOrderId>,
}

impl State {
    /// Orders at the venue that a cancel of `id` is meant for.
    pub(super) fn cancel_targets(&self, id: &ClientOrderId) -> Vec<ClientOrderId> {
        let Some(order) = self.book.orders.get(id) else {
            return Vec::new();
        };
        match &order.role {
            Role::Leg(list) | Role::ListParent(list) => {
                vec![list.stop_id.clone(), list.target_id.clone()]
            }
            Role::BracketEntry {
                protection: Protection::Made(list),
                ..
            } => {
                vec![id.clone(), list.stop_id.clone(), list.target_id.clone()]
            }
            Role::Single | Role::BracketEntry { .. } => vec![id.clone()],
        }
    }

    /// What a stop wants gone: `reduce_only` ends orders that open risk, the harder levels
    /// everything that rests; exits at market are left to run. `no_entries` lets orders live.
    fn is_stopped(&self, order: &OrderState) -> bool {
        let Some(stop) = &self.book.stop else {
            return false;
        };
        let intent = order.identity.intent;
        let is_exit = order.terms.order_type == OrderType::Market && intent == Intent::Reduce;
        match stop.level {
            StopLevel::NoEntries => false,
            StopLevel::ReduceOnly => intent == Intent::Open,
            StopLevel::CancelAll | StopLevel::Flatten => !is_exit || order.identity.is_external,
        }
    }

    /// The caller was told that the order was not executed, and then it turned up.
    fn is_revived(order: &OrderState) -> bool {
        order.evidence.is_written_off() && order.evidence.is_known_to_venue()
    }

    fn may_cancel_now(&self, id: &ClientOrderId, now: i64) -> bool {
        let live = &self.live;
        !live.canceling.contains(id)
            && !live.probes.contains_key(id)
            && live.is_stream_up
            && live.cancels.not_before.get(id).is_none_or(|at| now >= *at)
    }
}

impl Turn<'_> {
    pub(super) fn cancel(&mut self, request: RequestId, id: &ClientOrderId, wait_ms: i64) {
        if !self.state.book.orders.contains_key(id) {
            let detail = format!("no order {id} in this gateway's journal");
            return self.refuse(request, Problem::not_found(detail));
        }
        self.begin_cancel(id);
        self.wait_or_reply(request, id.clone(), wait_ms, WaiterKind::Cancel);
    }

    /// Journals the wish to cancel; the plan sends it. A leg cancels its list, a bracket entry its
    /// protection.
    pub(super) fn begin_cancel(&mut self, id: &ClientOrderId) {
        for target in self.state.cancel_targets(id) {
            let Some(order) = self.state.book.orders.get(&target) else {
                continue;
            };
            let is_wanted = !order.status.is_terminal() && !order.pending.is_cancel();
            if is_wanted && let Some(cancel_id) = cancel_id_of(order) {
                self.commit(Record::CancelIntent {
                    id: target,
                    cancel_id,
                });
            }
        }
    }

    /// Journals cancels that nobody asked for: a stop, or an order that should not exist.
    pub(super) fn plan_unasked_cancel(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_stopped = self.state.is_stopped(order) && !is_on(Mutant::CancelsAreLost);
        let is_unwanted = is_stopped || State::is_revived(order);
        let is_free = self.state.may_cancel_now(id, self.now);
        if order.status.is_working() && is_unwanted && is_free {
            self.begin_cancel(id);
        }
    }

    /// The kill switch's own request: one per symbol, in the first lane.
    pub(super) fn plan_cancel_all(&mut self) {
        let level = self.state.book.stop.as_ref().map(|stop| stop.level);
        if is_on(Mutant::CancelsAreLost)
            || level < Some(StopLevel::CancelAll)
            || !self.state.can_call(Lane::Kill, self.now)
        {
            return;
        }
        let mut groups: BTreeMap<InstrumentId, Vec<ClientOrderId>> = BTreeMap::new();
        for id in &self.state.book.active {
            let Some(order) = self.state.book.orders.get(id) else {
                continue;
            };
            let is_due = order.status.is_working()
                && order.pending.is_cancel()
                && self.state.is_stopped(order)
                && self.state.may_cancel_now(id, self.now)
                && !self.state.live.cancels.swept.contains(id);
            if is_due {
                let group = groups.entry(order.identity.instrument_id.clone());
                group.or_default().push(id.clone());
            }
        }
        for (instrument_id, ids) in groups {
            self.state.live.canceling.extend(ids.iter().cloned());
            self.state.live.cancels.swept.extend(ids.iter().cloned());
            let context = CallContext::CancelAll { ids };
            self.call(context, VenueCall::CancelAll { instrument_id });
        }
    }

    /// Sends what is pending and not on its way.
    pub(super) fn plan_pending(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        match order.pending.clone() {
            Pending::Cancel { cancel_id, .. } => self.plan_cancel(id, cancel_id),
            Pending::Replace {
                is_unknown: false, ..
            } if !self.state.live.amending.contains(id) => {
                // Journaled, and then the gateway died: it may have been sent.
                self.commit(Record::AmendOutcome {
                    id: id.clone(),
                    class: "A".to_owned(),
                    code: 0,
                    detail: "no outcome before a restart".to_owned(),
                });
            }
            _ => {}
        }
    }

    fn plan_cancel(&mut self, id: &ClientOrderId, cancel_id: ClientOrderId) {
        let may_call = self.state.can_call(Lane::Exit, self.now);
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        if !order.status.is_working() || !may_call || !self.state.may_cancel_now(id, self.now) {
            return;
        }
        let instrument_id = order.identity.instrument_id.clone();
        let (ids, call) = match &order.role {
            Role::Leg(list) => (
                vec![list.stop_id.clone(), list.target_id.clone()],
                VenueCall::CancelList {
                    instrument_id,
                    list_id: list.list_id.clone(),
                    cancel_id,
                },
            ),
            _ => (
                vec![id.clone()],
                VenueCall::Cancel {
                    instrument_id,
                    client_order_id: id.clone(),
                    cancel_id,
                    family: self.state.family_of(order),
                },
            ),
        };
        self.state.live.canceling.extend(ids);
        self.call(CallContext::Cancel { id: id.clone() }, call);
    }

    pub(super) fn cancel_answered(&mut self, ids: &[ClientOrderId], outcome: Outcome) {
        for id in ids {
            self.state.live.canceling.remove(id);
        }
        let mut class = outcome.class();
        let code = outcome.code();
        let detail = match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => self.take_reply(reports),
            Outcome::NotSent { detail }
            | Outcome::Refused { detail, .. }
            | Outcome::Ambiguous { detail, .. } => detail,
            Outcome::Missing => "the venue knows no such open order".to_owned(),
            Outcome::Done(_) => "an answer of another kind".to_owned(),
        };
        if class == "ok" {
            // What the answer left open is asked for.
            class = "Q";
        }
        if class == "D" && REFUSED_FOR_NOW.contains(&code) {
            class = "N";
        }
        for id in ids {
            self.cancel_unanswered(id, class, code, &detail);
        }
    }

    /// The order is still open after its cancel was answered.
    fn cancel_unanswered(&mut self, id: &ClientOrderId, class: &str, code: i64, detail: &str) {
        let order = self.state.book.orders.get(id);
        let is_open = |order: &OrderState| {
            order.pending.is_cancel() && (class != "Q" || order.evidence.ending.is_none())
        };
        if !order.is_some_and(is_open) {
            return;
        }
        if class == "D" {
            self.alarm("cancel_refused", format!("{id}: {code} {detail}"));
            let not_before = &mut self.state.live.cancels.not_before;
            not_before.insert(id.clone(), self.now + RETRY_AFTER_MS);
        }
        self.commit(Record::CancelOutcome {
            id: id.clone(),
            class: class.to_owned(),
            code,
            detail: detail.to_owned(),
        });
        // The order may have ended before the cancel: ask, then cancel again if it lives.
        let delay = if class == "Q" { 0 } else { 50 };
        self.start_probe(id, delay);
    }

    pub(super) fn amend(
        &mut self,
        request: RequestId,
        id: &ClientOrderId,
        quantity: Quantity,
        wait_ms: i64,
    ) {
        let Some(order) = self.state.book.orders.get(id) else {
            let detail = format!("no order {id} in this gateway's journal");
            return self.refuse(request, Problem::not_found(detail));
        };
        if let Err(problem) = self.may_amend(order, quantity) {
            return self.refuse(request, *problem);
        }
        let instrument_id = order.identity.instrument_id.clone();
        self.commit(Record::AmendIntent {
            id: id.clone(),
            quantity,
        });
        self.state.live.amending.insert(id.clone());
        let call = VenueCall::Amend {
            instrument_id,
            client_order_id: id.clone(),
            quantity,
        };
        self.call(CallContext::Amend { id: id.clone() }, call);
        self.wait_or_reply(request, id.clone(), wait_ms, WaiterKind::Amend);
    }

    fn may_amend(&self, order: &OrderState, quantity: Quantity) -> Result<(), Box<Problem>> {
        let refuse = |detail: String, step: &str| {
            let title = "The order cannot be amended";
            let problem = Problem::new(409, "not-amendable", title, detail);
            Err(Box::new(problem.field("quantity").next_step(step)))
        };
        if order.role != Role::Single || order.terms.order_type != OrderType::Limit {
            let detail = format!(
                "it is {:?}; only single LIMIT orders are",
                order.terms.order_type
            );
            return refuse(detail, "cancel the order and submit another");
        }
        if !order.status.is_working() || !order.pending.is_none() {
            let detail = format!("its status is {}, or a change is pending", order.status);
            return refuse(detail, "GET the order, then decide again");
        }
        let (booked, ordered) = (order.fills_total.quantity, order.ordered());
        if quantity >= ordered || quantity <= booked {
            let detail = format!("{quantity} is not between {booked} and {ordered}, exclusive");
            return refuse(detail, "an amendment only makes an order smaller");
        }
        if !self.state.is_connected() || !self.state.can_call(Lane::Exit, self.now) {
            return refuse("the venue is not connected".to_owned(), "ask again later");
        }
        Ok(())
    }

    pub(super) fn amend_answered(&mut self, id: &ClientOrderId, outcome: Outcome) {
        self.state.live.amending.remove(id);
        let class = outcome.class();
        let code = outcome.code();
        let detail = match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => self.take_reply(reports),
            Outcome::NotSent { detail }
            | Outcome::Refused { detail, .. }
            | Outcome::Ambiguous { detail, .. } => detail,
            Outcome::Missing | Outcome::Done(_) => "the venue does not know the order".to_owned(),
        };
        let order = self.state.book.orders.get(id);
        if order.is_some_and(|order| matches!(order.pending, Pending::Replace { .. })) {
            // An answer that does not show the new quantity proves nothing.
            let class = if matches!(class, "ok" | "Q") {
                "A"
            } else {
                class
            };
            self.commit(Record::AmendOutcome {
                id: id.clone(),
                class: class.to_owned(),
                code,
                detail,
            });
        }
    }

    /// A query showed the order while its amendment was in doubt: after the horizon a quantity
    /// that is not in force never will be.
    pub(super) fn judge_amendment(&mut self, id: &ClientOrderId) {
        let order = self.state.book.orders.get(id);
        let is_doubtful = order.is_some_and(|order| {
            matches!(
                order.pending,
                Pending::Replace {
                    is_unknown: true,
                    ..
                }
            )
        });
        let horizon = self.state.config.horizon_ms;
        let probe = self.state.live.probes.get(id);
        if is_doubtful && probe.is_some_and(|probe| self.now >= probe.since + horizon) {
            self.commit(Record::AmendOutcome {
                id: id.clone(),
                class: "D".to_owned(),
                code: 0,
                detail: "not in force after the horizon".to_owned(),
            });
        }
    }

    pub(super) fn refuse(&mut self, request: RequestId, problem: Problem) {
        self.reply(request, Reply::problem(problem));
    }
}

fn cancel_id_of(order: &OrderState) -> Option<ClientOrderId> {
    let identity = &order.identity;
    let key = OrderKey {
        account: &identity.account,
        strategy: &identity.strategy,
        decision_id: &identity.decision_id,
    };
    key.cancel_id(&identity.leg, identity.attempt).ok()
}
