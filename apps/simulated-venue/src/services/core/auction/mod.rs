//! Market mode: a continuous double auction on an order book of outside volume and the orders of
//! several accounts.
//!
//! An order is checked completely before anything changes, so a refusal leaves the state as it was.
//! What an execution leads to (a stop that triggers, a pending leg that is placed) waits in a queue
//! until the execution itself is done.

mod changing;
pub(super) mod checking;
mod depth;
pub mod describing;
mod ending;
mod feeding;
mod funds;
mod ladder;
pub mod ledger;
mod listing;
mod locking;
mod placing;
mod rules;
mod settling;
mod telling;
mod triggers;
mod vwap;
mod walk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use depth::Depth;
pub use funds::{Funds, Holder};
pub use ladder::{Ladder, Resting};

use super::book::Book;
use super::market::Market;
use super::{Effects, Outcome};
use crate::error::VenueError;
use crate::models::accounts::{AccountConfig, AccountId};
use crate::models::feed::Feed;
use crate::models::filters::ExchangeFilters;
use crate::models::orders::{Input, OrderRecord};
use triggers::Waiting;
use vwap::Vwap;

/// What a venue in market mode begins with.
#[derive(Debug)]
pub struct AuctionConfig {
    pub accounts: Vec<AccountConfig>,
    pub exchange_filters: ExchangeFilters,
    pub feed: Box<dyn Feed>,
    /// Market time before the first event of the feed.
    pub opens_at: i64,
}

/// One market's book and what belongs to it.
#[derive(Debug, Default)]
pub(super) struct Pit {
    pub(super) depth: Depth,
    /// Contingent orders that have not triggered.
    stops: BTreeMap<u64, Waiting>,
    vwap: Vwap,
    pub(super) last_trade_id: u64,
    prevented_matches: u64,
    /// Something here changed since the last publication.
    is_touched: bool,
}

/// What waits until the execution at hand is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Triggered { market: usize, order_id: u64 },
    Pending { list_id: u64 },
}

/// The whole auction beside the records.
#[derive(Debug)]
pub struct Auction {
    pub(super) funds: Funds,
    pub(super) pits: Vec<Pit>,
    pub(super) exchange_filters: ExchangeFilters,
    feed: Box<dyn Feed>,
    position: u64,
    is_feed_done: bool,
    pub(super) clock: i64,
    last_order_id: u64,
    last_list_id: u64,
    /// By account: contiguous for each.
    execution_ids: Vec<u64>,
    due: VecDeque<Due>,
    touched: BTreeSet<(AccountId, String)>,
}

impl Auction {
    pub fn new(config: AuctionConfig, markets: &mut [Market]) -> Self {
        for market in markets.iter_mut() {
            market.live_mut().at = config.opens_at;
        }
        Self {
            execution_ids: vec![0; config.accounts.len()],
            funds: Funds::new(config.accounts),
            pits: markets.iter().map(|_| Pit::default()).collect(),
            exchange_filters: config.exchange_filters,
            feed: config.feed,
            position: 0,
            is_feed_done: false,
            clock: config.opens_at,
            last_order_id: 0,
            last_list_id: 0,
            due: VecDeque::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Feed events taken so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The time of the feed's next event.
    pub fn next_feed_at(&self) -> Option<i64> {
        self.feed.next_at()
    }

    pub fn is_feed_done(&self) -> bool {
        self.is_feed_done
    }

    pub fn depth(&self, market: usize) -> Option<&Depth> {
        self.pits.get(market).map(|pit| &pit.depth)
    }

    pub fn funds(&self) -> &Funds {
        &self.funds
    }

    pub fn exchange_filters(&self) -> &ExchangeFilters {
        &self.exchange_filters
    }

    /// Mean trade price of the last `minutes` at scale 8; `None` without a trade in them.
    pub fn mean_price(&self, market: &Market, index: usize, minutes: u32) -> Option<i128> {
        let vwap = &self.pits.get(index)?.vwap;
        vwap.mean(minutes, self.clock, market.instrument.price_scale)
    }

    pub fn last_execution_id(&self, account: AccountId) -> u64 {
        let id = self.execution_ids.get(account.index());
        id.copied().unwrap_or(0)
    }

    /// What the chain hash covers beside inputs and executions: where every market stands.
    pub(super) fn mark(&self, markets: &[Market]) -> Vec<(u64, u64, i64)> {
        let prices = markets.iter().map(Market::last_price);
        self.pits
            .iter()
            .zip(prices)
            .map(|(pit, price)| (pit.last_trade_id, pit.depth.last_update_id(), price))
            .collect()
    }
}

/// The auction at work on one input: everything it may change, borrowed together.
pub(super) struct Floor<'a> {
    pub(super) auction: &'a mut Auction,
    pub(super) book: &'a mut Book,
    pub(super) markets: &'a mut [Market],
    pub(super) effects: &'a mut Effects,
    /// Number of this input: part of the client order ids the venue makes.
    pub(super) number: u64,
}

impl Floor<'_> {
    /// Applies one input of market mode.
    pub(super) fn apply(&mut self, input: &Input) -> Result<Outcome, VenueError> {
        let outcome = match input {
            Input::Order(ticket) => Outcome::Order(self.place(ticket)?),
            Input::List(ticket) => Outcome::List(self.place_list(ticket)?),
            Input::Cancel(ticket) => Outcome::Canceled(self.cancel(ticket)?),
            Input::CancelList(ticket) => Outcome::Canceled(self.cancel_list(ticket)?),
            Input::CancelAll {
                market,
                cancel_id,
                account,
            } => Outcome::Canceled(self.cancel_all(*account, *market, cancel_id.as_deref())?),
            Input::CancelReplace(ticket) => Outcome::Replaced(self.replace(ticket)?),
            Input::Amend(ticket) => Outcome::Amended(self.amend(ticket)?),
            Input::Deposit(ticket) => self.transfer(ticket, 1)?,
            Input::Withdraw(ticket) => self.transfer(ticket, -1)?,
            Input::SymbolStatus { market, status } => self.set_status(*market, *status)?,
            Input::Filters { market, filters } => self.set_filters(*market, filters)?,
            Input::Forget => self.forget()?,
            Input::Feed { through } => self.feed_through(*through)?,
            Input::Mirror { happened } => {
                self.happen(happened)?;
                Outcome::Done
            }
            Input::Oco(_) | Input::Step { .. } => return Err(VenueError::unsupported()),
        };
        self.finish()?;
        Ok(outcome)
    }

    /// Runs what the execution led to, then publishes levels and balances.
    fn finish(&mut self) -> Result<(), VenueError> {
        while let Some(due) = self.auction.due.pop_front() {
            match due {
                Due::Triggered { market, order_id } => self.trigger(market, order_id)?,
                Due::Pending { list_id } => self.place_pending(list_id)?,
            }
        }
        self.publish();
        Ok(())
    }

    fn market(&self, index: usize) -> Result<&Market, VenueError> {
        self.markets.get(index).ok_or_else(VenueError::internal)
    }

    fn pit(&mut self, index: usize) -> Result<&mut Pit, VenueError> {
        let pit = self.auction.pits.get_mut(index);
        pit.ok_or_else(VenueError::internal)
    }

    /// An order that must exist; anything else means that the state is broken.
    fn order(&self, order_id: u64) -> Result<&OrderRecord, VenueError> {
        let order = self.book.orders.get(&order_id);
        order.ok_or_else(VenueError::internal)
    }

    fn order_mut(&mut self, order_id: u64) -> Result<&mut OrderRecord, VenueError> {
        let order = self.book.orders.get_mut(&order_id);
        order.ok_or_else(VenueError::internal)
    }
}
