//! New orders.

use super::Floor;
use super::checking::Incoming;
use super::rules::Proposal;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{OrderRecord, OrderTicket, Status, Terms};
use crate::services::core::matching::Happening;

impl Floor<'_> {
    /// A single order (rest-api.md, "New order").
    pub(super) fn place(&mut self, ticket: &OrderTicket) -> Result<u64, VenueError> {
        self.view().check_order(ticket)?;
        let proposal = Proposal::from(ticket);
        let name = self.name(ticket.account, ticket.client_order_id.as_deref(), "o");
        let order_id = self.record(ticket.account, ticket.market, &proposal, name, None);
        if let Terms::MarketQuote { quote_quantity } = ticket.terms {
            let view = self.view();
            let walk = view.walk(ticket.market, &Incoming::new(ticket.account, &proposal))?;
            let quantity = self.quantity_of(ticket.market, &walk, i128::from(quote_quantity))?;
            self.order_mut(order_id)?.quantity = quantity;
        }
        self.report(order_id, Happening::New)?;
        self.activate(order_id)?;
        Ok(order_id)
    }

    /// An accepted order waits for its trigger or comes to the book.
    pub(super) fn activate(&mut self, order_id: u64) -> Result<(), VenueError> {
        if self.order(order_id)?.terms.trigger().is_some() {
            self.wait(order_id)
        } else {
            self.enter(order_id)
        }
    }

    /// Puts a new order into the records under the next number.
    pub(super) fn record(
        &mut self,
        account: AccountId,
        market: usize,
        order: &Proposal,
        client_order_id: String,
        list_id: Option<u64>,
    ) -> u64 {
        self.auction.last_order_id += 1;
        let order_id = self.auction.last_order_id;
        let now = self.auction.clock;
        self.book.insert(OrderRecord {
            account,
            order_id,
            list_id,
            market,
            side: order.side,
            quantity: order.quantity,
            terms: order.terms,
            options: order.options,
            client_order_id,
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
        });
        order_id
    }
}
