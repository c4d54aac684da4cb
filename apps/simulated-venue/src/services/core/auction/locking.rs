//! What an open order keeps locked: a sell its quantity, a buy what it may cost. The two legs of a
//! pair share one lock, because only one of them can execute.

use super::Floor;
use super::funds::Holder;
use crate::error::VenueError;
use crate::models::orders::{Contingency, ListRecord, OrderRecord, Side, Status};

/// The legs of which only one can execute.
pub(super) fn pair(list: &ListRecord) -> &[u64] {
    match (list.contingency, list.orders.as_slice()) {
        (Contingency::Oco, legs) => legs,
        (Contingency::Oto, [_, pending @ ..]) if pending.len() == 2 => pending,
        (Contingency::Oto, _) => &[],
    }
}

/// An order that rests or waits for its trigger; a pending leg has nothing locked.
fn keeps_lock(order: &OrderRecord) -> bool {
    order.status.is_open() && order.status != Status::PendingNew
}

impl Floor<'_> {
    fn list_of(&self, order: &OrderRecord) -> Option<&ListRecord> {
        order.list_id.and_then(|id| self.book.lists.get(&id))
    }

    /// The other leg of an order's pair.
    pub(super) fn sibling(&self, order: &OrderRecord) -> Option<u64> {
        let legs = pair(self.list_of(order)?);
        if !legs.contains(&order.order_id) {
            return None;
        }
        legs.iter().copied().find(|id| *id != order.order_id)
    }

    pub(super) fn holder(&self, order: &OrderRecord) -> Holder {
        match (self.sibling(order), order.list_id) {
            (Some(_), Some(list_id)) => Holder::Pair(list_id),
            _ => Holder::Order(order.order_id),
        }
    }

    /// What an order needs locked: asset and amount.
    pub(super) fn need(&self, order: &OrderRecord) -> Result<(String, i128), VenueError> {
        let market = self.market(order.market)?;
        let instrument = &market.instrument;
        let remaining = order.remaining();
        if order.side == Side::Sell {
            let asset = instrument.base_currency.to_string();
            return Ok((asset, market.base_amount(remaining)));
        }
        let waiting = self
            .auction
            .pits
            .get(order.market)
            .and_then(|pit| pit.stops.get(&order.order_id))
            .map(|waiting| waiting.lock_price);
        let price = order.terms.limit_price().or(waiting).unwrap_or(0);
        let asset = instrument.quote_currency.to_string();
        Ok((asset, market.locked_amount(price, remaining)))
    }

    /// Locks exactly what an order, or its pair, needs now.
    pub(super) fn relock(&mut self, order_id: u64) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let holder = self.holder(order);
        let account = order.account;
        let legs = [Some(order_id), self.sibling(order)];
        let (asset, mut amount) = self.need(order)?;
        if !keeps_lock(order) {
            amount = 0;
        }
        if let [_, Some(sibling)] = legs {
            let sibling = self.order(sibling)?;
            if keeps_lock(sibling) {
                amount = amount.max(self.need(sibling)?.1);
            }
        }
        self.auction.funds.lock(holder, account, (&asset, amount))?;
        self.auction.touched.insert((account, asset));
        Ok(())
    }

    /// Sets an order's own lock free before it takes.
    pub(super) fn unlock(&mut self, order_id: u64) -> Result<(), VenueError> {
        let holder = self.holder(self.order(order_id)?);
        self.auction.funds.release(holder)
    }
}
