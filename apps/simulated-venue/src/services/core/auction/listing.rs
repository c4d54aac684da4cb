//! Order lists: OCO, OTO, OTOCO (rest-api.md, "Order lists").

use super::Floor;
use super::locking::pair;
use super::rules::Proposal;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{Leg, ListRecord, ListShape, ListTicket, Side, Status, Terms};
use crate::services::core::matching::Happening;

const PRICES: &str = "The relationship of the prices for the orders is not correct.";
const COMBINATION: &str = "Unsupported order combination";

impl Floor<'_> {
    /// Places a list as a whole or not at all.
    pub(super) fn place_list(&mut self, ticket: &ListTicket) -> Result<u64, VenueError> {
        self.check_list(ticket)?;
        self.auction.last_list_id += 1;
        let list_id = self.auction.last_list_id;
        let (account, market) = (ticket.account, ticket.market);
        let list_name = self.name(account, ticket.client_order_id.as_deref(), "l");
        let legs = ticket.shape.legs();
        let first = self.auction.last_order_id + 1;
        self.book.insert_list(ListRecord {
            account,
            list_id,
            market,
            contingency: ticket.shape.contingency(),
            client_order_id: list_name,
            orders: (first..).take(legs.len()).collect(),
            is_done: false,
            updated_at: self.auction.clock,
        });
        let is_pair = matches!(ticket.shape, ListShape::Oco { .. });
        for (number, leg) in legs.iter().enumerate() {
            let suffix = format!("o{number}");
            let name = self.name(account, leg.client_order_id.as_deref(), &suffix);
            let order_id = self.record(account, market, &(*leg).into(), name, Some(list_id));
            let happening = if is_pair || number == 0 {
                Happening::New
            } else {
                Happening::PendingNew
            };
            self.report(order_id, happening)?;
        }
        self.tell_list(list_id, None)?;
        let working = if is_pair { legs.len() } else { 1 };
        for order_id in (first..).take(working) {
            self.activate(order_id)?;
        }
        Ok(list_id)
    }

    fn check_list(&self, ticket: &ListTicket) -> Result<(), VenueError> {
        let view = self.view();
        let (account, market) = (ticket.account, ticket.market);
        view.open_market(market)?;
        check_shape(&ticket.shape)?;
        let proposals: Vec<Proposal> = ticket.shape.legs().into_iter().map(Into::into).collect();
        view.check_rules(account, market, &proposals, true)?;
        self.check_names(ticket)?;
        match &ticket.shape {
            ListShape::Oco { .. } => self
                .check_pair(account, market, &proposals)
                .map_err(in_pair),
            ListShape::Oto { working, .. } | ListShape::Otoco { working, .. } => {
                view.check_entry(account, market, &working.into())
            }
        }
    }

    /// Prices of every leg, and funds for the dearer one.
    fn check_pair(
        &self,
        account: AccountId,
        market: usize,
        legs: &[Proposal],
    ) -> Result<(), VenueError> {
        let view = self.view();
        let last = self.market(market)?.last_price();
        for leg in legs {
            let is_beyond = match (leg.terms, leg.side) {
                (Terms::LimitMaker { price }, Side::Sell) => price > last,
                (Terms::LimitMaker { price }, Side::Buy) => price < last || last == 0,
                _ => true,
            };
            if !is_beyond {
                return Err(VenueError::rejected(PRICES));
            }
            view.check_prices(market, leg)?;
        }
        for leg in legs {
            let (asset, amount) = view.needs(account, market, leg)?;
            if self.auction.funds.balance(account, asset).free < amount {
                let text = "Account has insufficient balance for requested action.";
                return Err(VenueError::rejected(text));
            }
        }
        Ok(())
    }

    fn check_names(&self, ticket: &ListTicket) -> Result<(), VenueError> {
        let duplicate = || VenueError::rejected("Duplicate order sent.");
        let names: Vec<&str> = ticket
            .shape
            .legs()
            .into_iter()
            .filter_map(|leg| leg.client_order_id.as_deref())
            .collect();
        for (index, name) in names.iter().enumerate() {
            if names.iter().skip(index + 1).any(|other| other == name) {
                return Err(duplicate());
            }
            self.view().unused(ticket.account, Some(name))?;
        }
        let list = ticket.client_order_id.as_deref();
        if list.is_some_and(|name| self.book.is_open_list_id(ticket.account, name)) {
            return Err(duplicate());
        }
        Ok(())
    }

    /// The working leg is filled: its pending legs are placed, or the list ends with them rejected.
    pub(super) fn place_pending(&mut self, list_id: u64) -> Result<(), VenueError> {
        let list = self.book.lists.get(&list_id);
        let list = list.ok_or_else(VenueError::internal)?;
        let (account, market, is_pair) = (list.account, list.market, !pair(list).is_empty());
        let orders: Vec<u64> = list.orders.iter().skip(1).copied().collect();
        let mut pending = Vec::new();
        for order_id in orders {
            let order = self.order(order_id)?;
            if order.status == Status::PendingNew {
                pending.push((order_id, Proposal::from(order)));
            }
        }
        let proposals: Vec<Proposal> = pending.iter().map(|(_, proposal)| *proposal).collect();
        let verdict = self.view().open_market(market).and_then(|_| {
            if is_pair {
                return self.check_pair(account, market, &proposals);
            }
            let view = self.view();
            proposals
                .iter()
                .try_for_each(|leg| view.check_entry(account, market, leg))
        });
        for (order_id, _) in &pending {
            let happening = match verdict {
                Ok(()) => Happening::New,
                Err(_) => Happening::Rejected,
            };
            self.report(*order_id, happening)?;
        }
        if verdict.is_ok() {
            for (order_id, _) in pending {
                self.activate(order_id)?;
            }
        }
        Ok(())
    }
}

/// A refusal of a pair's prices in the words for pairs.
fn in_pair(refusal: VenueError) -> VenueError {
    if refusal
        .message
        .starts_with("Order would trigger immediately")
    {
        return VenueError::rejected(PRICES);
    }
    refusal
}

/// Which types may stand where. The doors refuse more precisely; this is the last line.
fn check_shape(shape: &ListShape) -> Result<(), VenueError> {
    let is_working =
        |leg: &Leg| matches!(leg.terms, Terms::Limit { .. } | Terms::LimitMaker { .. });
    let is_sound = match shape {
        ListShape::Oco { above, below } => is_couple(above, below),
        ListShape::Oto { working, pending } => {
            is_working(working) && !matches!(pending.terms, Terms::MarketQuote { .. })
        }
        ListShape::Otoco {
            working,
            above,
            below,
        } => is_working(working) && is_couple(above, below),
    };
    if is_sound {
        Ok(())
    } else {
        Err(VenueError::bad_request(-1014, COMBINATION))
    }
}

/// One side, one quantity, at least one contingent leg, each leg on its own side of the market.
fn is_couple(above: &Leg, below: &Leg) -> bool {
    let is_above = |leg: &Leg| match leg.terms {
        Terms::LimitMaker { .. } => Some(leg.side == Side::Sell),
        terms if terms.trigger().is_some() => Some(super::triggers::is_above(leg.side, terms)),
        _ => None,
    };
    let has_trigger = above.terms.trigger().is_some() || below.terms.trigger().is_some();
    above.side == below.side
        && above.quantity == below.quantity
        && has_trigger
        && is_above(above) == Some(true)
        && is_above(below) == Some(false)
}
