//! Changes to what is there: amend, cancelReplace, money in and out, trading status, a reset.

use super::Floor;
use super::rules::Proposal;
use crate::error::VenueError;
use crate::models::events::Event;
use crate::models::filters::FilterConfig;
use crate::models::orders::{
    AmendRecord, AmendTicket, CancelReplaceTicket, ExpiryReason, OrderRecord, ReplaceMode, Side,
    SymbolStatus, TransferTicket,
};
use crate::services::core::book::Book;
use crate::services::core::matching::Happening;
use crate::services::core::{Outcome, Replaced, reports};

impl Floor<'_> {
    /// rest-api.md, "Cancel an Existing Order and Send a New Order": filters come before everything,
    /// and their failure refuses the request as a whole.
    pub(super) fn replace(&mut self, ticket: &CancelReplaceTicket) -> Result<Replaced, VenueError> {
        self.view().check_filters(&ticket.order)?;
        let canceled = self.cancel(&ticket.cancel);
        if canceled.is_err() && ticket.mode == ReplaceMode::StopOnFailure {
            return Ok(Replaced {
                canceled,
                placed: None,
            });
        }
        let placed = Some(self.place(&ticket.order));
        Ok(Replaced { canceled, placed })
    }

    /// faqs/order_amend_keep_priority.md: only the quantity, only downward, in place. Either leg of
    /// a pair takes the other with it.
    pub(super) fn amend(&mut self, ticket: &AmendTicket) -> Result<u64, VenueError> {
        let order = self.check_amend(ticket)?;
        let (order_id, account, market) = (order.order_id, order.account, order.market);
        let original_client_order_id = order.client_order_id.clone();
        let original_quantity = order.quantity;
        let (list_id, sibling) = (order.list_id, self.sibling(order));
        let name = self.name(account, ticket.new_client_order_id.as_deref(), "a");
        for id in [Some(order_id), sibling].into_iter().flatten() {
            self.shrink(id, ticket.new_quantity)?;
        }
        self.book.rename(order_id, &name);
        self.order_mut(order_id)?.amends += 1;
        let execution_id = self.report(
            order_id,
            Happening::Amended {
                original_client_order_id: original_client_order_id.clone(),
            },
        )?;
        self.relock(order_id)?;
        if name != original_client_order_id
            && let Some(list_id) = list_id
        {
            self.tell_list(list_id, Some("UPDATED"))?;
        }
        self.book.amends.push(AmendRecord {
            account,
            market,
            order_id,
            execution_id,
            original_client_order_id,
            new_client_order_id: name,
            original_quantity,
            new_quantity: ticket.new_quantity,
            at: self.auction.clock,
        });
        if self.order(order_id)?.remaining() == 0 {
            self.expire(order_id, ExpiryReason::ExchangeCanceled)?;
        }
        Ok(order_id)
    }

    fn check_amend(&self, ticket: &AmendTicket) -> Result<&OrderRecord, VenueError> {
        let refuse = |text: &str| VenueError::bad_request(-2038, text);
        let order = self
            .book
            .order_of(ticket.account, ticket.order_id)
            .filter(|order| order.status.is_open())
            .ok_or_else(|| refuse("Unknown order sent."))?;
        let view = self.view();
        let market = view
            .open_market(order.market)
            .map_err(|_| refuse("Market is closed."))?;
        let limit = market.filters.max_num_order_amends;
        if limit.is_some_and(|limit| order.amends >= limit) {
            return Err(refuse("Filter failure: MAX_NUM_ORDER_AMENDS"));
        }
        if ticket.new_quantity > order.quantity {
            return Err(refuse("Order amend (quantity increase) is not supported."));
        }
        if ticket.new_quantity == order.quantity {
            return Err(refuse(
                "The requested action would change no state; rejecting.",
            ));
        }
        if ticket.new_quantity < order.executed + order.prevented {
            return Err(refuse("Quantity is below what has been executed."));
        }
        let name = ticket.new_client_order_id.as_deref();
        if name != Some(order.client_order_id.as_str())
            && view.unused(ticket.account, name).is_err()
        {
            return Err(refuse("Duplicate order sent."));
        }
        view.check_amended(
            order.market,
            &Proposal {
                quantity: ticket.new_quantity,
                ..Proposal::from(order)
            },
        )?;
        Ok(order)
    }

    /// Lowers an order's quantity where it stands.
    fn shrink(&mut self, order_id: u64, quantity: i64) -> Result<(), VenueError> {
        let order = self.order_mut(order_id)?;
        order.quantity = quantity;
        let (market, side, remaining) = (order.market, order.side, order.remaining());
        let Some(price) = order.terms.limit_price() else {
            return Ok(());
        };
        let ladder = self.pit(market)?.depth.ladder_mut(side);
        if remaining > 0 && ladder.shrink(price, order_id, remaining).is_some() {
            self.touch(market, side, price)?;
        }
        Ok(())
    }

    /// A deposit (`sign` 1) or a withdrawal (-1): `balanceUpdate` in user-data-stream.md.
    pub(super) fn transfer(
        &mut self,
        ticket: &TransferTicket,
        sign: i128,
    ) -> Result<Outcome, VenueError> {
        let moved = self.auction.funds.check_transfer(ticket, sign)?;
        self.auction
            .funds
            .add(ticket.account, &ticket.asset, moved)?;
        let at = self.auction.clock;
        self.effects.events.push(Event::User {
            account: ticket.account,
            payload: reports::balance_update(at, &ticket.asset, moved),
        });
        let touched = (ticket.account, ticket.asset.clone());
        self.auction.touched.insert(touched);
        Ok(Outcome::Done)
    }

    /// Halts or reopens a symbol. What the market did meanwhile is caught up with on reopening.
    pub(super) fn set_status(
        &mut self,
        market: usize,
        status: SymbolStatus,
    ) -> Result<Outcome, VenueError> {
        let entry = self.markets.get_mut(market);
        let entry = entry.ok_or_else(VenueError::invalid_symbol)?;
        entry.live_mut().status = status;
        let last = entry.last_price();
        self.effects.events.push(Event::SymbolStatus { market });
        if status.allows_orders() {
            if last > 0 {
                self.show_price(market, last)?;
            }
            self.uncross(market)?;
        }
        Ok(Outcome::Done)
    }

    /// New filters bind new orders, amends and pending legs; what rests stays.
    pub(super) fn set_filters(
        &mut self,
        market: usize,
        filters: &FilterConfig,
    ) -> Result<Outcome, VenueError> {
        let entry = self.markets.get_mut(market);
        entry.ok_or_else(VenueError::invalid_symbol)?.filters = filters.clone();
        Ok(Outcome::Done)
    }

    /// Forgets every order, list and trade, as the testnet does about monthly
    /// (testnet/general-info.md). Balances stay; numbers go on.
    pub(super) fn forget(&mut self) -> Result<Outcome, VenueError> {
        let open: Vec<(usize, u64, Side, Option<i64>)> = self
            .book
            .all_open_orders()
            .map(|order| {
                let price = order.terms.limit_price();
                (order.market, order.order_id, order.side, price)
            })
            .collect();
        for (market, order_id, side, price) in open {
            let pit = self.pit(market)?;
            pit.stops.remove(&order_id);
            if let Some(price) = price
                && pit.depth.ladder_mut(side).remove(price, order_id).is_some()
            {
                self.touch(market, side, price)?;
            }
        }
        self.auction.funds.release_all()?;
        *self.book = Book::default();
        self.effects.events.push(Event::Forgotten);
        Ok(Outcome::Done)
    }
}
