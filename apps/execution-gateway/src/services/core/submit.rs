//! Accepting, refusing and cancelling orders (K25, C4).

use serde_json::{Value, json};

use rust_common::{ApprovedOrder, ClientOrderId, Intent, Order, OrderStatus, OrderType, StopLevel};

use super::guard;
use super::making::{list_ids, orders_of};
use super::waiters::{Waiter, WaiterKind};
use super::{CallContext, Turn};
use crate::models::input::RequestId;
use crate::models::order::{ListIds, OrderState, Protection, Role};
use crate::models::problem::Problem;
use crate::models::record::{Denial, Record};
use crate::models::venue::{Lane, LowWater, PlaceOco, PlaceOrder, VenueCall};
use crate::mutants::{Mutant, is_on};
use crate::services::journal::writer::Health;

/// An order refused for its timestamp (-1021): nothing was executed, one more try is safe (C5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    pub refused_at: i64,
    pub is_syncing: bool,
}

impl Turn<'_> {
    /// Order of checks: (signature: by the caller) idempotency, expiry, readiness, hard limits.
    pub(super) fn submit(&mut self, request: RequestId, order: ApprovedOrder, wait_ms: i64) {
        let key = order.idempotency_key();
        let hash = match order.body_hash() {
            Ok(hash) => hash,
            Err(error) => return self.refuse(request, malformed("body", &error.to_string())),
        };
        let known = self.state.book.keys.get(&key).cloned();
        if let Some(known) = known.filter(|_| !is_on(Mutant::ForgetKeys)) {
            if known.body_hash != hash {
                return self.refuse(request, conflict(&key));
            }
            if let Some(denial) = &known.denial {
                let problem = denied(&known.client_order_id, denial);
                return self.refuse(request, problem);
            }
            return self.wait_or_reply(request, known.client_order_id, wait_ms, WaiterKind::Submit);
        }
        if let Err(problem) = self.admit(&order) {
            return self.refuse(request, *problem);
        }
        let client_order_id = match orders_of(&order) {
            Ok(orders) if !orders.is_empty() => order.client_order_id(),
            Ok(_) => return,
            Err(error) => Err(error),
        };
        let client_order_id = match client_order_id {
            Ok(id) => id,
            Err(error) => return self.refuse(request, malformed("leg", &error.to_string())),
        };
        let is_known = self.state.book.orders.contains_key(&client_order_id);
        if is_known && !is_on(Mutant::ForgetKeys) {
            // The venue told us of this id, but our journal lost its intent: it is never sent again.
            return self.wait_or_reply(request, client_order_id, wait_ms, WaiterKind::Submit);
        }
        let denial = guard::check(self.state, &order, self.now);
        self.commit(Record::Intent {
            key,
            body_hash: hash,
            approved: Box::new(order),
            denial: denial.clone(),
        });
        if let Some(denial) = denial {
            return self.refuse(request, denied(&client_order_id, &denial));
        }
        self.state.live.accepted_at.push_back(self.now);
        self.send(&client_order_id);
        self.wait_or_reply(request, client_order_id, wait_ms, WaiterKind::Submit);
    }

    pub(super) fn wait_or_reply(
        &mut self,
        request: RequestId,
        client_order_id: ClientOrderId,
        wait_ms: i64,
        kind: WaiterKind,
    ) {
        let deadline = self.now + wait_ms;
        self.state.live.waiters.push(Waiter {
            request,
            client_order_id,
            deadline,
            kind,
        });
    }

    /// Whether the gateway can take this order now; nothing is journaled when it cannot.
    fn admit(&self, order: &ApprovedOrder) -> Result<(), Box<Problem>> {
        let is_open = order.intent() == Intent::Open;
        if is_open && self.now >= order.expires_at().as_millis() {
            let detail = format!("the approval expired at {}", order.expires_at());
            let step = "decide again; a new approval is needed";
            let problem = Problem::new(410, "expired", "The approval has expired", detail);
            return Err(Box::new(problem.field("expires_at").next_step(step)));
        }
        let live = &self.state.live;
        match live.journal {
            Health::Failed => {
                return Err(closed("journal_failed", "the order journal cannot write"));
            }
            Health::Full if is_open => return Err(Box::new(disk_full())),
            Health::Full | Health::Good => {}
        }
        // What reduces may leave through a gap of the stream once the position is known.
        let is_ready = self.state.is_connected()
            || (!is_open && live.reconcile.done_started_step > 0 && !live.is_stopping);
        if !is_ready {
            return Err(closed(
                "not_ready",
                "the venue is not connected or not reconciled yet",
            ));
        }
        let lane = if is_open { Lane::Entry } else { Lane::Exit };
        self.admit_by_limits(lane)?;
        self.admit_by_stop(order)?;
        self.admit_instrument(order, is_open)?;
        match self.state.refusal().filter(|_| is_open) {
            Some(refusal) => Err(closed(refusal.kind, &refusal.detail)),
            None => Ok(()),
        }
    }

    /// A call that could not leave before its deadline is refused at once.
    fn admit_by_limits(&self, lane: Lane) -> Result<(), Box<Problem>> {
        let breaker = &self.state.live.breaker;
        if self.now < breaker.banned_until {
            let detail = format!("the venue has banned us until {}", breaker.banned_until);
            return Err(closed("banned", &detail));
        }
        let free_at = breaker.free_at(lane);
        if free_at > self.now + self.state.config.rules.entry_deadline_ms {
            let detail = format!("the venue's limits let nothing leave until {free_at}");
            return Err(closed("throttled", &detail));
        }
        Ok(())
    }

    fn admit_by_stop(&self, order: &ApprovedOrder) -> Result<(), Box<Problem>> {
        let Some(stop) = self
            .state
            .book
            .stop
            .as_ref()
            .filter(|_| !is_on(Mutant::IgnoreStop))
        else {
            return Ok(());
        };
        let is_market = matches!(order.order(), Order::Market(_));
        let rests = stop.level >= StopLevel::CancelAll && !is_market;
        if order.intent() == Intent::Open || rests {
            let level = serde_json::to_string(&stop.level).unwrap_or_default();
            let detail = format!("trading is stopped at level {level}: {}", stop.reason);
            return Err(closed("entries_closed", &detail));
        }
        Ok(())
    }

    fn admit_instrument(&self, order: &ApprovedOrder, is_open: bool) -> Result<(), Box<Problem>> {
        let live = &self.state.live;
        let Some(instrument) = live.instruments.get(order.instrument_id()) else {
            return Ok(());
        };
        guard::check_scales(order.order(), instrument)?;
        if !is_open {
            return Ok(());
        }
        if let Some(reason) = self.state.book.halts.get(order.instrument_id()) {
            return Err(closed("instrument_halted", reason));
        }
        if self.state.unresolved().contains(order.instrument_id()) {
            return Err(closed(
                "unresolved",
                "an earlier order of this instrument is unresolved",
            ));
        }
        if live.mismatches.contains_key(order.instrument_id()) {
            let detail = "the position differs from the venue and is being compared again";
            return Err(closed("position_unconfirmed", detail));
        }
        if !live.prices.contains_key(order.instrument_id()) {
            return Err(closed(
                "no_price",
                "no price of this instrument is known yet",
            ));
        }
        Ok(())
    }

    /// Journals that the order may leave, and hands it to the adapter.
    pub(super) fn send(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id).cloned() else {
            return;
        };
        let (ids, request) = match &order.role {
            Role::ListParent(list) | Role::Leg(list) => {
                let Some(call) = self.oco_call(list) else {
                    return;
                };
                (vec![list.stop_id.clone(), list.target_id.clone()], call)
            }
            Role::Single | Role::BracketEntry { .. } => {
                let call = VenueCall::Place(self.place_call(&order));
                (vec![id.clone()], call)
            }
        };
        let instrument_id = &order.identity.instrument_id;
        let low_water = LowWater {
            order_id: self.state.book.order_ids.get(instrument_id).copied(),
            trade_id: self.state.book.swept.get(instrument_id).copied(),
        };
        if is_on(Mutant::PlaceBeforeRecord) {
            let ids = ids.clone();
            self.call(CallContext::Place { ids }, request.clone());
        }
        self.commit(Record::Sent {
            ids: ids.clone(),
            recv_window_ms: self.state.config.recv_window_ms,
            low_water,
        });
        self.state.live.retries.remove(id);
        self.state.live.placing.extend(ids.iter().cloned());
        if !is_on(Mutant::PlaceBeforeRecord) {
            self.call(CallContext::Place { ids }, request);
        }
    }

    /// Entries die in their queue after the deadline; what reduces is always wanted.
    pub(super) fn deadline_of(&self, order: &OrderState) -> Option<i64> {
        let is_entry = order.identity.intent == Intent::Open;
        is_entry.then(|| order.born_at + self.state.config.rules.entry_deadline_ms)
    }

    fn place_call(&self, order: &OrderState) -> PlaceOrder {
        let terms = &order.terms;
        let mut client_order_id = order.identity.client_order_id.clone();
        if is_on(Mutant::RandomClientId)
            && let Ok(other) = format!("ats1-{}", self.now).parse()
        {
            client_order_id = other;
        }
        PlaceOrder {
            client_order_id,
            instrument_id: order.identity.instrument_id.clone(),
            order_type: terms.order_type,
            order_side: terms.order_side,
            quantity: terms.quantity,
            price: terms.price.filter(|_| terms.order_type == OrderType::Limit),
            trigger_price: terms.trigger_price,
            time_in_force: terms.time_in_force,
            reduce_only: order.identity.intent == Intent::Reduce,
            position_side: None,
            deadline: self.deadline_of(order),
        }
    }

    fn oco_call(&self, list: &ListIds) -> Option<VenueCall> {
        let stop = self.state.book.orders.get(&list.stop_id)?;
        let target = self.state.book.orders.get(&list.target_id)?;
        Some(VenueCall::PlaceOco(PlaceOco {
            list_id: list.list_id.clone(),
            stop_id: list.stop_id.clone(),
            target_id: list.target_id.clone(),
            instrument_id: stop.identity.instrument_id.clone(),
            order_side: stop.terms.order_side,
            quantity: stop.terms.quantity,
            trigger_price: stop.terms.trigger_price?,
            price: target.terms.price?,
            reduce_only: stop.identity.intent == Intent::Reduce,
            position_side: None,
            deadline: self.deadline_of(stop),
        }))
    }
}

impl super::State {
    /// The child legs of an order: those that exist, and those that a working entry will get.
    pub fn children_of(&self, order: &OrderState) -> Vec<Value> {
        let ids = match &order.role {
            Role::Single
            | Role::Leg(_)
            | Role::BracketEntry {
                protection: Protection::Dropped,
                ..
            } => return Vec::new(),
            Role::BracketEntry {
                protection: Protection::Wanted,
                ..
            } if order.status.is_terminal() && order.fills_total.quantity.is_zero() => {
                return Vec::new();
            }
            Role::BracketEntry { .. } => list_ids(&order.identity).ok(),
            Role::ListParent(ids) => Some(ids.clone()),
        };
        let legs = ids.map(|ids| [("stop", ids.stop_id), ("target", ids.target_id)]);
        legs.into_iter()
            .flatten()
            .map(|(suffix, id)| {
                let status = self.book.orders.get(&id).map(|child| child.status);
                json!({
                    "client_order_id": id,
                    "leg": format!("{}.{suffix}", order.identity.leg),
                    "status": status.unwrap_or(OrderStatus::Initialized),
                })
            })
            .collect()
    }

    /// The 202 body of an order.
    pub(super) fn accepted_body(&self, id: &ClientOrderId) -> Value {
        let order = self.book.orders.get(id);
        let status = order.map_or(OrderStatus::Unknown, |order| order.status);
        let children = order
            .map(|order| self.children_of(order))
            .unwrap_or_default();
        json!({ "client_order_id": id, "status": status, "children": children })
    }
}

fn malformed(field: &str, detail: &str) -> Problem {
    Problem::malformed(
        field,
        detail.to_owned(),
        "see docs/concepts/interfaces.md section 1",
    )
}

fn conflict(key: &str) -> Problem {
    let detail = format!("{key} was used before with another order");
    Problem::new(
        409,
        "idempotency-conflict",
        "The key belongs to another body",
        detail,
    )
    .field("Idempotency-Key")
    .next_step("use the next attempt number for a changed order")
}

fn denied(id: &ClientOrderId, denial: &Denial) -> Problem {
    let detail = format!("{}: observed {}", denial.rule, denial.observed);
    Problem::new(
        422,
        "denied",
        "The order breaks a hard limit of the gateway",
        detail,
    )
    .field(&denial.rule)
    .allowed(&denial.limit)
    .member("order_status", json!("DENIED"))
    .member("client_order_id", json!(id))
}

fn closed(kind: &'static str, detail: &str) -> Box<Problem> {
    let problem = Problem::new(
        503,
        kind,
        "The gateway does not take this order now",
        detail.to_owned(),
    );
    Box::new(problem.next_step("GET /v1/status says why; send the same key again later"))
}

fn disk_full() -> Problem {
    let detail = "the disk of journal_dir is full".to_owned();
    Problem::new(507, "disk-full", "The order cannot be journaled", detail)
        .next_step("free space on the journal's disk; cancels and exits still work")
}
