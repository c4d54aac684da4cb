//! What has to be done next, read from the state alone. So a restart continues where a crash
//! stopped: a filled entry without protection gets it, an order in doubt is asked for.

use rust_common::{ClientOrderId, Intent, OrderStatus, StopLevel};

use super::protection::protection_of;
use super::{CallContext, State, Turn};
use crate::models::order::{Protection, Role};
use crate::models::record::{Record, Verdict};
use crate::models::venue::{Lane, VenueCall};

impl Turn<'_> {
    pub(super) fn plan(&mut self) {
        self.plan_reconcile();
        let active = self.to_plan();
        for id in &active {
            self.plan_protection(id);
        }
        // Protection made just now is active too.
        let active = self.to_plan();
        for id in &active {
            self.plan_send(id);
            self.plan_unasked_cancel(id);
        }
        self.plan_cancel_all();
        for id in &active {
            self.plan_pending(id);
            self.plan_probe(id);
        }
        self.plan_stop();
        self.fire_probes();
        self.plan_breaker();
        self.plan_upkeep();
    }

    /// Orders that something may have to be done for. One whose placing call is on its way and
    /// that nothing else is known of waits for the answer: under load that is nearly all of them.
    fn to_plan(&self) -> Vec<ClientOrderId> {
        let State { book, live, .. } = &*self.state;
        let is_waiting = |id: &ClientOrderId| {
            live.placing.contains(id)
                && book.orders.get(id).is_some_and(|order| {
                    order.status == OrderStatus::Submitted && order.pending.is_none()
                })
        };
        let active = book.active.iter();
        active
            .filter(|id| book.stop.is_some() || !is_waiting(id))
            .cloned()
            .collect()
    }

    fn plan_protection(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_wanted = matches!(
            order.role,
            Role::BracketEntry {
                protection: Protection::Wanted,
                ..
            }
        );
        if !is_wanted || !order.status.is_terminal() || order.has_missing_fills() {
            return;
        }
        let parent = id.clone();
        if order.fills_total.quantity.is_zero() {
            return self.commit(Record::Protection {
                parent,
                made: None,
                reason: None,
            });
        }
        let stop = self.state.book.stop.as_ref().map(|stop| stop.level);
        if stop >= Some(StopLevel::CancelAll) {
            let reason = Some("a stop forbids resting orders".to_owned());
            return self.commit(Record::Protection {
                parent,
                made: None,
                reason,
            });
        }
        let Some(instrument) = self
            .state
            .live
            .instruments
            .get(&order.identity.instrument_id)
        else {
            return;
        };
        match protection_of(order, instrument) {
            Ok(made) => {
                let made = Some(Box::new(made));
                self.commit(Record::Protection {
                    parent,
                    made,
                    reason: None,
                });
            }
            Err(reason) => {
                self.alarm("unprotected", format!("{id}: {reason}"));
                let reason = Some(format!("unprotected: {reason}"));
                self.commit(Record::Protection {
                    parent,
                    made: None,
                    reason,
                });
            }
        }
    }

    /// Sends protection that was never sent, and what may be sent again.
    fn plan_send(&mut self, id: &ClientOrderId) {
        if !self.state.is_connected() || !self.state.can_call(Lane::Exit, self.now) {
            return;
        }
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_new = order.status == OrderStatus::Initialized;
        // An event of the venue ends every wish to send again: then the status is another one.
        let is_again = order.status == OrderStatus::Submitted && order.evidence.wants_resend();
        if !is_new && !is_again {
            return;
        }
        match &order.role {
            Role::Leg(list) if list.stop_id == *id => {
                let is_free = !is_again || self.is_clock_fresh(id);
                self.send_if(id, is_free);
            }
            // Journaled but not marked as sent: no byte can have left (D1), and what the caller
            // wanted may be stale by now.
            Role::Single | Role::BracketEntry { .. } if is_new => {
                self.give_up(id, "never dispatched before a restart");
            }
            Role::Single | Role::BracketEntry { .. } => self.plan_second_try(id),
            _ => {}
        }
    }

    /// The one retry of an order that was refused for its timestamp.
    fn plan_second_try(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_entry = order.identity.intent == Intent::Open;
        let is_late = self.deadline_of(order).is_some_and(|at| self.now >= at);
        let is_stopped = is_entry && self.state.book.stop.is_some();
        if !self.state.live.retries.contains_key(id) || is_late || is_stopped {
            self.state.live.retries.remove(id);
            self.give_up(id, "refused for its timestamp, and not wanted any more");
        } else {
            let is_free = self.is_clock_fresh(id);
            self.send_if(id, is_free);
        }
    }

    fn send_if(&mut self, id: &ClientOrderId, is_free: bool) {
        if is_free {
            self.send(id);
        }
    }

    /// After a refused timestamp the clock is sampled before anything is sent again.
    fn is_clock_fresh(&mut self, id: &ClientOrderId) -> bool {
        let sampled_at = self.state.live.breaker.clock.map(|clock| clock.sampled_at);
        let Some(retry) = self.state.live.retries.get_mut(id) else {
            return true;
        };
        if sampled_at > Some(retry.refused_at) {
            return true;
        }
        if !retry.is_syncing {
            retry.is_syncing = true;
            self.call(CallContext::SyncClock, VenueCall::SyncClock);
        }
        false
    }

    fn give_up(&mut self, id: &ClientOrderId, evidence: &str) {
        self.commit(Record::Resolution {
            id: id.clone(),
            verdict: Verdict::NotSent,
            evidence: evidence.to_owned(),
            resend: false,
        });
    }
}
