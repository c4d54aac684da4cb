//! What the doors may ask of the venue. Nothing here changes anything.
//!
//! In market mode every question about orders and money names its account; the bar modes have one,
//! [`AccountId::FIRST`].

use serde_json::Value;

use super::VenueState;
use super::auction::checking::View;
use super::auction::{Auction, Depth, Funds};
use super::matching::Matching;
use crate::error::VenueError;
use crate::models::accounts::{AccountConfig, AccountId};
use crate::models::feed::Level;
use crate::models::filters::ExchangeFilters;
use crate::models::orders::{CancelListTicket, CancelTicket};

impl VenueState {
    pub fn is_market_mode(&self) -> bool {
        self.auction().is_some()
    }

    pub(super) fn auction(&self) -> Option<&Auction> {
        match &self.matching {
            Matching::Auction(auction) => Some(auction),
            Matching::Bars(_) => None,
        }
    }

    pub(super) fn view(&self) -> Option<View<'_>> {
        self.auction().map(|auction| View {
            auction,
            book: &self.book,
            markets: &self.markets,
        })
    }

    /// Market mode: accounts in the order of the configuration.
    pub fn accounts(&self) -> Vec<(AccountId, &AccountConfig)> {
        let accounts = self.auction().map(|auction| auction.funds().accounts());
        accounts.into_iter().flatten().collect()
    }

    pub fn account_by_name(&self, name: &str) -> Option<AccountId> {
        let accounts = self.accounts();
        let found = accounts.iter().find(|(_, config)| config.name == name);
        found.map(|(account, _)| *account)
    }

    /// Market mode: what every account, the fee box and the outside market hold.
    pub fn funds(&self) -> Option<&Funds> {
        self.auction().map(Auction::funds)
    }

    /// Free and locked amounts of an account at scale 8, by asset.
    pub fn balances_of(&self, account: AccountId) -> Vec<(String, i128, i128)> {
        self.matching.balances(account)
    }

    /// Maker and taker rate of an account in 1e-8.
    pub fn fee_rates_of(&self, account: AccountId) -> (i64, i64) {
        self.matching.fee_rates(account)
    }

    /// Execution ids are contiguous for each account.
    pub fn last_execution_id_of(&self, account: AccountId) -> u64 {
        self.auction().map_or(self.last_execution_id, |auction| {
            auction.last_execution_id(account)
        })
    }

    /// `orderTypes` of `exchangeInfo`: what this mode matches.
    pub fn order_types(&self) -> &'static [&'static str] {
        if self.is_market_mode() {
            &[
                "LIMIT",
                "LIMIT_MAKER",
                "MARKET",
                "STOP_LOSS",
                "STOP_LOSS_LIMIT",
                "TAKE_PROFIT",
                "TAKE_PROFIT_LIMIT",
            ]
        } else {
            &["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS"]
        }
    }

    /// Market mode: filters over all symbols.
    pub fn exchange_filters(&self) -> Option<&ExchangeFilters> {
        self.auction().map(Auction::exchange_filters)
    }

    /// Market mode: the order book of a market. [`Depth::published`] and
    /// [`Depth::last_update_id`] are what `GET /api/v3/depth` shows.
    pub fn depth(&self, market: usize) -> Option<&Depth> {
        self.auction().and_then(|auction| auction.depth(market))
    }

    /// Market mode: best bid and ask as they stand, own orders included.
    pub fn best(&self, market: usize) -> Option<(Level, Level)> {
        self.depth(market).map(Depth::best)
    }

    /// Market mode: volume-weighted mean price of the last `minutes` at scale 8.
    pub fn mean_price(&self, market: usize, minutes: u32) -> Option<i128> {
        let auction = self.auction()?;
        auction.mean_price(self.markets.get(market)?, market, minutes)
    }

    /// Market mode: the number of the last public trade.
    pub fn last_trade_id(&self, market: usize) -> u64 {
        let pit = self.auction().and_then(|auction| auction.pits.get(market));
        pit.map_or(0, |pit| pit.last_trade_id)
    }

    /// Market mode: feed events taken so far.
    pub fn feed_position(&self) -> u64 {
        self.auction().map_or(0, Auction::position)
    }

    /// Market mode: when the feed's next event happens; `None` at its end.
    pub fn next_feed_at(&self) -> Option<i64> {
        self.auction().and_then(Auction::next_feed_at)
    }

    /// Market mode: the ledger of one account, for `GET /sim/v1/ledger`.
    pub fn ledger(&self, account: AccountId) -> Result<Value, VenueError> {
        let view = self.view().ok_or_else(VenueError::unsupported)?;
        view.ledger(account)
    }

    /// Market mode: SHA-256 of all ledgers without ids and times.
    pub fn ledger_hash(&self) -> Result<String, VenueError> {
        let view = self.view().ok_or_else(VenueError::unsupported)?;
        view.ledger_hash()
    }

    /// The bar modes cancel a list through one of its open orders.
    pub(super) fn cancel_of_list(&self, ticket: &CancelListTicket) -> Option<CancelTicket> {
        let list = self.book.list_of(ticket.account, ticket.list_id)?;
        let is_open = |id: &&u64| {
            let order = self.book.orders.get(id);
            order.is_some_and(|order| order.status.is_open())
        };
        let order_id = *list.orders.iter().find(is_open)?;
        Some(CancelTicket {
            order_id,
            cancel_id: ticket.cancel_id.clone(),
            account: ticket.account,
            restriction: None,
        })
    }
}
