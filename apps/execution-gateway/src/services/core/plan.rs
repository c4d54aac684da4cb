//! What has to be done next, read from the state alone. So a restart continues where a crash
//! stopped: a filled entry without protection gets it, an order in doubt is asked for.

use rust_common::{ClientOrderId, Intent, OrderStatus, StopLevel};

use super::protection::protection_of;
use super::{CallContext, Turn};
use crate::models::order::{Protection, Role};
use crate::models::record::{Record, Verdict};
use crate::models::venue::{Family, VenueCall};

impl Turn<'_> {
    pub(super) fn plan(&mut self) {
        self.plan_reconcile();
        let active: Vec<ClientOrderId> = self.state.book.active.iter().cloned().collect();
        for id in &active {
            self.plan_protection(id);
        }
        // Protection made just now is active too.
        let active: Vec<ClientOrderId> = self.state.book.active.iter().cloned().collect();
        let level = self.state.book.stop.as_ref().map(|stop| stop.level);
        for id in &active {
            self.plan_send(id);
            if level >= Some(StopLevel::CancelAll) {
                self.plan_stop_cancel(id);
            }
            self.plan_cancel(id);
            self.plan_probe(id);
        }
        self.plan_stop();
        self.fire_probes();
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

    /// Sends protection that was never sent, or whose absence was proven.
    fn plan_send(&mut self, id: &ClientOrderId) {
        if !self.state.is_connected() {
            return;
        }
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_new = order.status == OrderStatus::Initialized;
        match &order.role {
            Role::Leg(list) if (is_new || order.evidence.resend) && list.stop_id == *id => {
                self.send(id);
            }
            // Journaled but not marked as sent: no byte can have left (D1), and what the caller
            // wanted may be stale by now.
            Role::Single | Role::BracketEntry { .. } if is_new => {
                self.commit(Record::Resolution {
                    id: id.clone(),
                    verdict: Verdict::NotSent,
                    evidence: "never dispatched before a restart".to_owned(),
                    resend: false,
                });
            }
            _ => {}
        }
    }

    fn plan_stop_cancel(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let is_market = order.terms.order_type == rust_common::OrderType::Market;
        let is_exit = is_market && order.identity.intent == Intent::Reduce;
        if order.status.is_working() && !is_exit {
            self.begin_cancel(id);
        }
    }

    fn plan_cancel(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let Some(pending) = order.pending_cancel.clone() else {
            return;
        };
        let is_asking =
            self.state.live.canceling.contains(id) || self.state.live.probes.contains_key(id);
        if is_asking || !order.status.is_working() || !self.state.live.is_stream_up {
            return;
        }
        let instrument_id = order.identity.instrument_id.clone();
        let (ids, call) = match &order.role {
            Role::Leg(list) => (
                vec![list.stop_id.clone(), list.target_id.clone()],
                VenueCall::CancelList {
                    instrument_id,
                    list_id: list.list_id.clone(),
                    cancel_id: pending.cancel_id,
                },
            ),
            _ => (
                vec![id.clone()],
                VenueCall::Cancel {
                    instrument_id,
                    client_order_id: id.clone(),
                    cancel_id: pending.cancel_id,
                    family: Family::Order,
                },
            ),
        };
        self.state.live.canceling.extend(ids);
        self.call(CallContext::Cancel { id: id.clone() }, call);
    }
}
