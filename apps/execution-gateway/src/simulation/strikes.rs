//! Faults that strike one order at the venue.

use rust_common::{ClientOrderId, OrderSide, OrderStatus};

use super::caller::Ask;
use super::faults::{Fault, Planned};
use super::venue::{ASSET_PER_STEP, Stage, VenueOrder, Whims};
use super::world::{Event, World};

impl World {
    /// Strikes an order that the gateway has in the wanted state (or, late, in any).
    pub(super) fn hit_order(&mut self, planned: Planned, is_late: bool) -> bool {
        match planned.fault {
            Fault::PartialFills => self.fill_in_parts(planned, is_late),
            Fault::SelfTrade => self.prevent_trade(planned, is_late),
            Fault::FillAfterCancel => self.fill_after_end(planned, is_late),
            Fault::ReusedId => self.reuse_id(planned, is_late),
            Fault::CallerRetry => self.retry_known(planned.wanted, planned.variant & 1 == 0),
            Fault::CancelLosesRace => self.ask_for_cancel(planned),
            // It waits for its call.
            _ => false,
        }
    }

    /// Our newest order at the venue that fits a fault.
    fn find_order(
        &self,
        planned: Planned,
        is_late: bool,
        fits: impl Fn(&VenueOrder) -> bool,
    ) -> Option<usize> {
        let mut orders = self.venue.orders.iter().enumerate().rev();
        let found = orders.find(|(_, order)| {
            let state = self.state_of(&order.client);
            let is_wanted = state == Some(planned.wanted) || is_late && state.is_some();
            is_wanted && !order.is_external && !order.is_forgotten && fits(order)
        });
        found.map(|(index, _)| index)
    }

    fn fill_in_parts(&mut self, planned: Planned, is_late: bool) -> bool {
        let Some(index) = self.find_order(planned, is_late, VenueOrder::is_open) else {
            return false;
        };
        let order = self.venue.orders.get(index);
        let price = order.map_or(1, |order| order.price.max(order.trigger));
        self.count_venue_order(planned.fault, index);
        self.venue.fill_some(self.now, index, price, true);
        true
    }

    fn prevent_trade(&mut self, planned: Planned, is_late: bool) -> bool {
        let Some(index) = self.find_order(planned, is_late, VenueOrder::is_open) else {
            return false;
        };
        self.count_venue_order(planned.fault, index);
        if let Some(order) = self.venue.orders.get_mut(index) {
            order.prevented = order.remaining();
        }
        self.venue.end(self.now, index, Stage::Expired);
        true
    }

    /// F15. Where the gateway still holds the order for open, the venue ends it by itself first.
    fn fill_after_end(&mut self, planned: Planned, is_late: bool) -> bool {
        let has_ended = |order: &VenueOrder| {
            matches!(order.stage, Stage::Canceled | Stage::Expired) && order.remaining() > 0
        };
        if let Some(order) = self.find_order(planned, is_late, has_ended) {
            let wait = (planned.variant % 40).cast_signed();
            self.after(wait, Event::LateFill { order });
            return true;
        }
        let is_alive = |order: &VenueOrder| order.is_open() && order.remaining() > 0;
        let Some(index) = self.find_order(planned, false, is_alive) else {
            return false;
        };
        self.venue.end(self.now, index, Stage::Canceled);
        self.late_fill(index);
        true
    }

    /// F14 needs a cancel: the caller asks for one of an order in the wanted state.
    fn ask_for_cancel(&mut self, planned: Planned) -> bool {
        if self.now < self.cancel_asked_at + 1_500 {
            return false;
        }
        if let Some(index) = self.find_order(planned, false, VenueOrder::is_open) {
            self.cancel_asked_at = self.now;
            let Some(order) = self.venue.orders.get_mut(index) else {
                return false;
            };
            // What fills in parts waits until the cancel has come.
            order.more_fills_at = order.more_fills_at.map(|at| at + 2_000);
            let client = order.client.clone();
            self.ask(Ask::Cancel(client));
        }
        // It strikes when the cancel arrives.
        false
    }

    /// Counts a fault for the state of a venue order in the gateway's book. After a lost journal the
    /// book may be older than the venue, and says nothing about this.
    pub(super) fn count_venue_order(&mut self, fault: Fault, index: usize) {
        let order = self.venue.orders.get(index);
        let client = order.map(|order| order.client.clone());
        if let Some(status) = client
            .and_then(|id| self.state_of(&id))
            .filter(|_| !self.taken_over)
        {
            self.count(fault, status);
        }
    }

    pub(super) fn late_fill(&mut self, index: usize) {
        let Some(order) = self.venue.orders.get(index).cloned() else {
            return;
        };
        let (_, free) = self.venue.base_balance(order.market);
        let left = order.remaining();
        let quantity = if order.number % 2 == 0 {
            left
        } else {
            (left + 1) / 2
        };
        let is_covered =
            order.side == OrderSide::Buy || free >= i128::from(quantity) * ASSET_PER_STEP;
        if !is_covered || quantity == 0 || order.is_forgotten || order.prevented > 0 {
            return;
        }
        self.count_venue_order(Fault::FillAfterCancel, index);
        let price = order.price.max(order.trigger).max(100);
        self.venue.execute(self.now, index, quantity, price, true);
    }

    /// F39: an outsider trades under the id of an order of ours that has ended.
    fn reuse_id(&mut self, planned: Planned, is_late: bool) -> bool {
        let found = self.venue.orders.iter().find(|order| {
            let state = self.state_of(&order.client);
            let is_wanted = state == Some(planned.wanted)
                || is_late && state.is_some_and(OrderStatus::is_terminal);
            is_wanted && !order.is_open() && !order.is_external && !order.is_forgotten
        });
        let Some((client, market)) = found.map(|order| (order.client.clone(), order.market)) else {
            return false;
        };
        let Some(status) = self.state_of(&client) else {
            return false;
        };
        if self.outsider(client, market, 777, planned.variant & 2 == 0) {
            if !self.taken_over {
                self.count(planned.fault, status);
            }
            return true;
        }
        false
    }

    /// F14: the order fills just before its cancel arrives.
    pub(super) fn maybe_lose_race(&mut self, index: usize, client: &ClientOrderId) {
        let state = self.state_of(client);
        let is_open = self
            .venue
            .orders
            .get(index)
            .is_some_and(VenueOrder::is_open);
        if self.faults_are_over || !is_open {
            return;
        }
        let planned = self.take_armed(|planned, is_late| {
            planned.fault == Fault::CancelLosesRace && (is_late || state == Some(planned.wanted))
        });
        let Some(planned) = planned else { return };
        self.note_fired(planned.fault);
        self.count_venue_order(planned.fault, index);
        let Some(order) = self.venue.orders.get(index).cloned() else {
            return;
        };
        let price = order.price.max(order.trigger).max(100);
        self.venue
            .execute(self.now, index, order.remaining(), price, false);
    }

    /// F42: the venue does not take the list that protects an entry.
    pub(super) fn whims_for_list(&mut self, ids: &[ClientOrderId]) -> Whims {
        let state = ids.first().and_then(|id| self.state_of(id));
        let planned = self.take_armed(|planned, is_late| {
            planned.fault == Fault::ProtectionRefused && (is_late || state == Some(planned.wanted))
        });
        let Some(planned) = planned else {
            return Whims::default();
        };
        self.note_fired(planned.fault);
        for id in ids {
            if let Some(status) = self.state_of(id).filter(|_| !self.taken_over) {
                self.count(planned.fault, status);
            }
        }
        Whims {
            refuse_list: true,
            ..Whims::default()
        }
    }
}
