//! How orders end: canceled, expired, and what that means for the lists they belong to.

use super::{Due, Floor};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{
    CancelListTicket, CancelRestriction, CancelTicket, Contingency, ExpiryReason, OrderRecord,
    Status,
};
use crate::services::core::matching::Happening;

impl Floor<'_> {
    /// Cancels an order; a list goes as a whole. Returns what ended.
    pub(super) fn cancel(&mut self, ticket: &CancelTicket) -> Result<Vec<u64>, VenueError> {
        let order = self.book.order_of(ticket.account, ticket.order_id);
        let order = order
            .filter(|order| order.status.is_open())
            .ok_or_else(VenueError::unknown_order)?;
        let is_allowed = match ticket.restriction {
            None => true,
            Some(CancelRestriction::OnlyNew) => order.status == Status::New,
            Some(CancelRestriction::OnlyPartiallyFilled) => order.status == Status::PartiallyFilled,
        };
        if !is_allowed {
            let text = "Order was not canceled due to cancel restrictions.";
            return Err(VenueError::bad_request(-2011, text));
        }
        self.check_cancels(order.market)?;
        let legs = self.open_legs(order);
        let account = order.account;
        let cancel_id = self.name(account, ticket.cancel_id.as_deref(), "c");
        self.cancel_orders(&legs, &cancel_id)?;
        Ok(legs)
    }

    pub(super) fn cancel_list(
        &mut self,
        ticket: &CancelListTicket,
    ) -> Result<Vec<u64>, VenueError> {
        let list = self.book.list_of(ticket.account, ticket.list_id);
        let list = list
            .filter(|list| !list.is_done)
            .ok_or_else(VenueError::unknown_order)?;
        self.check_cancels(list.market)?;
        let legs = self.open_of(&list.orders);
        let cancel_id = self.name(ticket.account, ticket.cancel_id.as_deref(), "c");
        self.cancel_orders(&legs, &cancel_id)?;
        Ok(legs)
    }

    pub(super) fn cancel_all(
        &mut self,
        account: AccountId,
        market: usize,
        cancel_id: Option<&str>,
    ) -> Result<Vec<u64>, VenueError> {
        self.market(market)?;
        self.check_cancels(market)?;
        let open = self.book.open_orders(account, Some(market));
        let open: Vec<u64> = open.iter().map(|order| order.order_id).collect();
        if open.is_empty() {
            return Err(VenueError::unknown_order());
        }
        let cancel_id = self.name(account, cancel_id, "c");
        self.cancel_orders(&open, &cancel_id)?;
        Ok(open)
    }

    fn check_cancels(&self, market: usize) -> Result<(), VenueError> {
        if self.market(market)?.status().allows_cancels() {
            return Ok(());
        }
        Err(VenueError::bad_request(-2011, "Market is closed."))
    }

    fn open_of(&self, orders: &[u64]) -> Vec<u64> {
        let is_open = |id: &u64| {
            let order = self.book.orders.get(id);
            order.is_some_and(|order| order.status.is_open())
        };
        orders.iter().copied().filter(is_open).collect()
    }

    fn open_legs(&self, order: &OrderRecord) -> Vec<u64> {
        let list = order.list_id.and_then(|id| self.book.lists.get(&id));
        list.map_or_else(|| vec![order.order_id], |list| self.open_of(&list.orders))
    }

    fn cancel_orders(&mut self, orders: &[u64], cancel_id: &str) -> Result<(), VenueError> {
        for order_id in orders {
            self.withdraw(*order_id)?;
            self.order_mut(*order_id)?.cancel_id = Some(cancel_id.to_owned());
            self.report(*order_id, Happening::Canceled)?;
            self.relock(*order_id)?;
        }
        Ok(())
    }

    /// An order ends by itself.
    pub(super) fn expire(&mut self, order_id: u64, reason: ExpiryReason) -> Result<(), VenueError> {
        self.withdraw(order_id)?;
        self.order_mut(order_id)?.expiry_reason = Some(reason);
        self.report(order_id, Happening::Expired)?;
        self.relock(order_id)?;
        match reason {
            // Those two are what an end means for the other legs; they go no further.
            ExpiryReason::OcoTrigger | ExpiryReason::OtoPhaseOneExpired => Ok(()),
            _ => self.after_change(order_id),
        }
    }

    /// Takes an order off the book or out of the waiting stops, wherever it is.
    fn withdraw(&mut self, order_id: u64) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (market, side, price) = (order.market, order.side, order.terms.limit_price());
        let pit = self.pit(market)?;
        if pit.stops.remove(&order_id).is_some() {
            return Ok(());
        }
        let Some(price) = price else { return Ok(()) };
        if pit.depth.ladder_mut(side).remove(price, order_id).is_some() {
            self.touch(market, side, price)?;
        }
        Ok(())
    }

    /// What the end of an order means for its list.
    pub(super) fn after_change(&mut self, order_id: u64) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (status, sibling) = (order.status, self.sibling(order));
        let list = order.list_id.and_then(|id| self.book.lists.get(&id));
        let Some(list) = list.filter(|_| !status.is_open()) else {
            return Ok(());
        };
        let is_working =
            list.contingency == Contingency::Oto && list.orders.first() == Some(&order_id);
        let (list_id, legs) = (list.list_id, list.orders.clone());
        if is_working && status == Status::Filled {
            self.auction.due.push_back(Due::Pending { list_id });
            return Ok(());
        }
        let (rest, reason) = if is_working {
            (self.open_of(&legs), ExpiryReason::OtoPhaseOneExpired)
        } else {
            let sibling: Vec<u64> = sibling.into_iter().collect();
            (self.open_of(&sibling), ExpiryReason::OcoTrigger)
        };
        rest.into_iter()
            .try_for_each(|order_id| self.expire(order_id, reason))
    }

    /// The given client id, or one made from the number of this input.
    pub(super) fn name(&self, account: AccountId, given: Option<&str>, suffix: &str) -> String {
        if let Some(given) = given {
            return given.to_owned();
        }
        let mut made = format!("sim-{}-{suffix}", self.number);
        while self.book.is_open_id(account, &made) || self.book.is_open_list_id(account, &made) {
            made.push('x');
        }
        made
    }
}
