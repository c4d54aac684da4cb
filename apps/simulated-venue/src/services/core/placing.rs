//! Placing and cancelling orders and lists.

use super::market::Market;
use super::{Effects, Outcome, VenueState, filters};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{
    CancelTicket, Contingency, ListRecord, OcoTicket, OrderOptions, OrderRecord, OrderTicket, Side,
    Status, Terms, Trigger,
};

impl VenueState {
    /// Everything that would make `ticket` be refused, without placing it.
    pub fn check_order(&self, ticket: &OrderTicket) -> Result<(), VenueError> {
        if let Some(view) = self.view() {
            return view.check_order(ticket);
        }
        let market = self.open_market(ticket.market)?;
        filters::notional(market, ticket.terms, ticket.quantity)?;
        filters::room(&self.book, ticket.market, &[ticket.terms], false)?;
        self.unused(ticket.client_order_id.as_deref())
    }

    pub(super) fn place(
        &mut self,
        ticket: &OrderTicket,
        effects: &mut Effects,
    ) -> Result<Outcome, VenueError> {
        self.check_order(ticket)?;
        let order_id = self.matching.bars()?.submit(ticket)?;
        let client_order_id = self.name(ticket.client_order_id.as_deref(), "o");
        let record = self.record(
            order_id,
            (ticket.market, ticket.side, ticket.quantity),
            ticket.terms,
        );
        self.book.insert(OrderRecord {
            client_order_id,
            ..record
        });
        self.collect(effects)?;
        self.tell_balances(ticket.market, effects)?;
        Ok(Outcome::Order(order_id))
    }

    pub(super) fn place_oco(
        &mut self,
        ticket: &OcoTicket,
        effects: &mut Effects,
    ) -> Result<Outcome, VenueError> {
        self.open_market(ticket.market)?;
        let limit = Terms::LimitMaker {
            price: ticket.limit_price,
        };
        let stop = Terms::StopLoss {
            trigger: Trigger::Price {
                stop_price: ticket.stop_price,
            },
        };
        filters::room(&self.book, ticket.market, &[limit, stop], true)?;
        self.check_oco_ids(ticket)?;
        let ids = self.matching.bars()?.submit_oco(ticket)?;
        let now = self.market(ticket.market)?.time();
        let list_name = self.name(ticket.list_client_order_id.as_deref(), "l");
        self.book.insert_list(ListRecord {
            account: AccountId::FIRST,
            list_id: ids.list,
            market: ticket.market,
            contingency: Contingency::Oco,
            client_order_id: list_name,
            orders: vec![ids.stop, ids.limit],
            is_done: false,
            updated_at: now,
        });
        let legs = [
            (ids.stop, stop, &ticket.stop_client_order_id, "s"),
            (ids.limit, limit, &ticket.limit_client_order_id, "t"),
        ];
        for (order_id, terms, client_id, suffix) in legs {
            let client_order_id = self.name(client_id.as_deref(), suffix);
            let what = (ticket.market, ticket.side, ticket.quantity);
            let record = self.record(order_id, what, terms);
            self.book.insert(OrderRecord {
                client_order_id,
                list_id: Some(ids.list),
                ..record
            });
        }
        self.collect(effects)?;
        self.tell_list(ids.list, effects)?;
        self.tell_balances(ticket.market, effects)?;
        Ok(Outcome::List(ids.list))
    }

    fn check_oco_ids(&self, ticket: &OcoTicket) -> Result<(), VenueError> {
        let (limit, stop) = (&ticket.limit_client_order_id, &ticket.stop_client_order_id);
        self.unused(limit.as_deref())?;
        self.unused(stop.as_deref())?;
        let list = ticket.list_client_order_id.as_deref();
        let is_twin = limit.is_some() && limit == stop;
        if is_twin || list.is_some_and(|id| self.book.is_open_list_id(AccountId::FIRST, id)) {
            return Err(VenueError::rejected("Duplicate order sent."));
        }
        Ok(())
    }

    pub(super) fn cancel(
        &mut self,
        ticket: &CancelTicket,
        effects: &mut Effects,
    ) -> Result<Outcome, VenueError> {
        let order = self.book.orders.get(&ticket.order_id);
        let order = order.filter(|order| order.status.is_open());
        let (market, list) = match order {
            Some(order) => (order.market, order.list_id),
            None => return Err(VenueError::unknown_order()),
        };
        let cancel_id = self.name(ticket.cancel_id.as_deref(), "c");
        let ended = self.cancel_one(ticket.order_id, list, &cancel_id)?;
        self.collect(effects)?;
        self.tell_balances(market, effects)?;
        Ok(Outcome::Canceled(ended))
    }

    pub(super) fn cancel_all(
        &mut self,
        market: usize,
        cancel_id: Option<&str>,
        effects: &mut Effects,
    ) -> Result<Outcome, VenueError> {
        let open: Vec<(u64, Option<u64>)> = self
            .book
            .open_orders(AccountId::FIRST, Some(market))
            .iter()
            .map(|order| (order.order_id, order.list_id))
            .collect();
        if open.is_empty() {
            return Err(VenueError::unknown_order());
        }
        let cancel_id = self.name(cancel_id, "c");
        let mut ended: Vec<u64> = Vec::new();
        for (order_id, list) in open {
            if !ended.contains(&order_id) {
                ended.extend(self.cancel_one(order_id, list, &cancel_id)?);
            }
        }
        self.collect(effects)?;
        self.tell_balances(market, effects)?;
        Ok(Outcome::Canceled(ended))
    }

    /// Cancels an order, and with it the list it belongs to. The records follow in `collect`.
    fn cancel_one(
        &mut self,
        order_id: u64,
        list: Option<u64>,
        cancel_id: &str,
    ) -> Result<Vec<u64>, VenueError> {
        // The record says open; an engine that disagrees means that the state is broken.
        self.matching
            .bars()?
            .cancel(order_id)
            .map_err(|_| VenueError::internal())?;
        let legs = list
            .and_then(|list| self.book.lists.get(&list))
            .map(|list| list.orders.clone());
        let ended = legs.unwrap_or_else(|| vec![order_id]);
        for id in &ended {
            if let Some(order) = self.book.orders.get_mut(id) {
                order.cancel_id = Some(cancel_id.to_owned());
            }
        }
        Ok(ended)
    }

    pub(super) fn open_market(&self, index: usize) -> Result<&Market, VenueError> {
        let market = self.market(index)?;
        if self.is_done() || market.market().is_none() {
            return Err(VenueError::rejected("Market is closed."));
        }
        Ok(market)
    }

    fn unused(&self, client_order_id: Option<&str>) -> Result<(), VenueError> {
        match client_order_id {
            Some(id) if self.book.is_open_id(AccountId::FIRST, id) => {
                Err(VenueError::rejected("Duplicate order sent."))
            }
            _ => Ok(()),
        }
    }

    /// The given client id, or one made from the number of this input.
    fn name(&self, given: Option<&str>, suffix: &str) -> String {
        if let Some(given) = given {
            return given.to_owned();
        }
        let mut made = format!("sim-{}-{suffix}", self.inputs + 1);
        while self.book.is_open_id(AccountId::FIRST, &made) {
            made.push('x');
        }
        made
    }

    fn record(
        &self,
        order_id: u64,
        (market, side, quantity): (usize, Side, i64),
        terms: Terms,
    ) -> OrderRecord {
        let now = self.markets.get(market).map_or(0, Market::time);
        OrderRecord {
            account: AccountId::FIRST,
            order_id,
            list_id: None,
            market,
            side,
            quantity,
            terms,
            options: OrderOptions::default(),
            client_order_id: String::new(),
            cancel_id: None,
            status: Status::New,
            expiry_reason: None,
            executed: 0,
            quote: 0,
            prevented: 0,
            prevented_match_id: None,
            created_at: now,
            updated_at: now,
            working_at: None,
            trailing_at: None,
            amends: 0,
        }
    }
}
