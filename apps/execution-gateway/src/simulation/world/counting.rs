//! What is true of the world now, and which fault met which state.

use super::World;
use crate::simulation::faults::{Fault, Planned, Scope};
use rust_common::{ClientOrderId, OrderStatus};
use std::collections::BTreeSet;

impl World {
    pub fn is_venue_cut(&self) -> bool {
        self.now < self.conditions.venue_cut_until || self.now < self.conditions.venue_down_until
    }

    /// State of an order of record, if the gateway runs and knows it.
    pub fn state_of(&self, id: &ClientOrderId) -> Option<OrderStatus> {
        let node = self.node.as_ref()?;
        node.state.book.orders.get(id).map(|order| order.status)
    }

    /// The states that orders of record are in.
    pub fn present_states(&self) -> BTreeSet<usize> {
        let Some(node) = &self.node else {
            return BTreeSet::new();
        };
        let orders = node.state.book.orders.values();
        orders
            .map(|order| crate::simulation::faults::status_index(order.status))
            .collect()
    }

    /// Counts a fault for one state.
    pub fn count(&mut self, fault: Fault, status: OrderStatus) {
        self.coverage.hit(fault, status);
    }

    /// Counts a fault for every state that an order of record is in.
    pub fn count_everything(&mut self, fault: Fault) {
        for index in self.present_states() {
            if let Some(status) = OrderStatus::ALL.get(index) {
                self.coverage.hit(fault, *status);
            }
        }
    }

    /// Notes that a planned fault struck.
    pub fn note_fired(&mut self, fault: Fault) {
        self.hash.mix(fault.number() as u64);
        self.fired.push(fault);
        self.say(|| format!("** {} {}", fault.label(), fault.about()));
    }

    /// Takes an armed fault that may strike now and that `fits`.
    pub fn take_armed(&mut self, fits: impl Fn(&Planned, bool) -> bool) -> Option<Planned> {
        let now = self.now;
        let found = self.armed.iter().position(|planned| {
            planned.not_before <= now && fits(planned, now >= planned.patience)
        })?;
        Some(self.armed.remove(found))
    }

    /// F25 on an order under way is prepared with that order.
    pub(super) fn waits_for_order(&self, planned: Planned, is_late: bool) -> bool {
        planned.fault == Fault::RecoveryQueryError
            && planned.wanted == OrderStatus::Submitted
            && !is_late
    }

    /// Strikes with armed faults that need no call and no event to strike.
    pub(super) fn strike(&mut self) {
        if self.faults_are_over || self.armed.first().is_none_or(|f| f.not_before > self.now) {
            return;
        }
        let ready: Vec<Planned> = self
            .armed
            .iter()
            .filter(|planned| planned.not_before <= self.now)
            .copied()
            .collect();
        let present = self.present_states();
        for planned in ready {
            let is_present =
                present.contains(&crate::simulation::faults::status_index(planned.wanted));
            let is_late = self.now >= planned.patience;
            let struck = match planned.fault.scope() {
                // The next order is made to be in doubt when the query fails.
                Scope::Everything if self.waits_for_order(planned, is_late) => false,
                Scope::Everything => {
                    (is_present || is_late) && self.node.is_some() && self.hit_everything(planned)
                }
                Scope::Order => self.hit_order(planned, is_late),
                Scope::Event => self.hit_event(planned),
                Scope::Call => false,
            };
            if struck {
                self.armed.retain(|armed| *armed != planned);
                self.note_fired(planned.fault);
                return;
            }
            self.prepare(planned);
        }
    }
}
