//! Everything that can make the venue refuse an order, asked before anything changes.

use super::Auction;
use super::rules::{self, Prices, Proposal};
use super::triggers;
use super::walk::{self, Size, Taker, Walk};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{
    Leg, OrderOptions, OrderRecord, OrderTicket, SelfTradePrevention, Side, Terms,
};
use crate::services::core::book::Book;
use crate::services::core::market::Market;

const INSUFFICIENT: &str = "Account has insufficient balance for requested action.";

/// The auction, only to look at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) auction: &'a Auction,
    pub(crate) book: &'a Book,
    pub(crate) markets: &'a [Market],
}

impl From<&OrderTicket> for Proposal {
    fn from(ticket: &OrderTicket) -> Self {
        Self {
            side: ticket.side,
            quantity: ticket.quantity,
            terms: ticket.terms,
            options: ticket.options,
        }
    }
}

impl From<&Leg> for Proposal {
    fn from(leg: &Leg) -> Self {
        Self {
            side: leg.side,
            quantity: leg.quantity,
            terms: leg.terms,
            options: leg.options,
        }
    }
}

impl From<&OrderRecord> for Proposal {
    fn from(order: &OrderRecord) -> Self {
        Self {
            side: order.side,
            quantity: order.remaining(),
            terms: order.terms,
            options: order.options,
        }
    }
}

struct MarketPrices<'a> {
    view: View<'a>,
    index: usize,
}

impl Prices for MarketPrices<'_> {
    fn mean(&self, minutes: u32) -> Option<i128> {
        let market = self.view.markets.get(self.index)?;
        let scale = u32::from(8_u8.saturating_sub(market.instrument.price_scale));
        let at_eight = |price: i64| i128::from(price) * 10_i128.pow(scale);
        let mean = self.view.auction.mean_price(market, self.index, minutes);
        let last = market.last_price();
        let traded = (last > 0).then(|| at_eight(last));
        let standing = || {
            let (bid, ask) = self.view.auction.depth(self.index)?.best();
            rules::standing(bid, ask).map(at_eight)
        };
        mean.filter(|_| minutes > 0).or(traded).or_else(standing)
    }
}

impl<'a> View<'a> {
    pub(crate) fn market(&self, index: usize) -> Result<&'a Market, VenueError> {
        self.markets.get(index).ok_or_else(VenueError::internal)
    }

    /// A market that takes orders.
    pub(super) fn open_market(&self, index: usize) -> Result<&'a Market, VenueError> {
        let market = self.market(index)?;
        if market.status().allows_orders() {
            Ok(market)
        } else {
            Err(VenueError::rejected("Market is closed."))
        }
    }

    /// Everything that would make a single order be refused.
    pub(crate) fn check_order(&self, ticket: &OrderTicket) -> Result<(), VenueError> {
        self.open_market(ticket.market)?;
        self.check_filters(ticket)?;
        self.unused(ticket.account, ticket.client_order_id.as_deref())?;
        self.check_entry(ticket.account, ticket.market, &ticket.into())
    }

    /// The filters of a single order; cancelReplace asks them first, and whether the market takes
    /// orders only when it comes to the new one.
    pub(super) fn check_filters(&self, ticket: &OrderTicket) -> Result<(), VenueError> {
        self.check_rules(ticket.account, ticket.market, &[ticket.into()], false)
    }

    /// Filters of all orders of one request together.
    pub(super) fn check_rules(
        &self,
        account: AccountId,
        index: usize,
        orders: &[Proposal],
        is_list: bool,
    ) -> Result<(), VenueError> {
        let market = self.market(index)?;
        let view = *self;
        let prices = MarketPrices { view, index };
        for order in orders {
            if order
                .options
                .iceberg_quantity
                .is_some_and(|slice| slice > order.quantity)
            {
                return Err(VenueError::bad_request(-1013, "IcebergQty exceeds QTY."));
            }
            rules::check(market, order, &prices)?;
        }
        self.check_counts(account, index, orders, is_list)?;
        self.check_position(account, index, orders)?;
        for order in orders {
            let quote = rules::notional_of(market, order, &prices);
            let base = market.base_amount(order.quantity);
            rules::check_assets(self.auction.exchange_filters(), market, (base, quote))?;
        }
        Ok(())
    }

    /// The filters that an amended quantity must pass.
    pub(super) fn check_amended(&self, index: usize, order: &Proposal) -> Result<(), VenueError> {
        let view = *self;
        rules::check_quantity(self.market(index)?, order, &MarketPrices { view, index })
    }

    /// MAX_NUM_* of the symbol, then EXCHANGE_MAX_NUM_* of the account.
    fn check_counts(
        &self,
        account: AccountId,
        index: usize,
        orders: &[Proposal],
        is_list: bool,
    ) -> Result<(), VenueError> {
        let filters = &self.market(index)?.filters;
        let exchange = self.auction.exchange_filters();
        let is_algo = |terms: Terms| terms.trigger().is_some();
        let is_iceberg = |options: OrderOptions| options.iceberg_quantity.is_some();
        let algos = orders.iter().filter(|order| is_algo(order.terms)).count();
        let icebergs = orders
            .iter()
            .filter(|order| is_iceberg(order.options))
            .count();
        let check = |name: &str, limit: Option<u32>, open: usize, more: usize| match limit {
            Some(limit) if more > 0 && open + more > limit as usize => {
                Err(VenueError::filter(name))
            }
            _ => Ok(()),
        };
        let scopes = [
            (
                Some(index),
                "",
                filters.max_num_orders,
                filters.max_num_algo_orders,
                filters.max_num_iceberg_orders,
                filters.max_num_order_lists,
            ),
            (
                None,
                "EXCHANGE_",
                exchange.max_num_orders,
                exchange.max_num_algo_orders,
                exchange.max_num_iceberg_orders,
                exchange.max_num_order_lists,
            ),
        ];
        for (scope, prefix, most_orders, most_algos, most_icebergs, most_lists) in scopes {
            let limits = [most_orders, most_algos, most_icebergs, most_lists];
            if limits.iter().all(Option::is_none) {
                continue;
            }
            let open = self.book.open_orders(account, scope);
            let open_algos = open.iter().filter(|order| is_algo(order.terms)).count();
            let open_icebergs = open.iter().filter(|order| is_iceberg(order.options));
            let lists = self.book.open_lists(account);
            let open_lists = lists
                .iter()
                .filter(|list| scope.is_none_or(|market| market == list.market));
            let name = |name: &str| format!("{prefix}MAX_NUM_{name}");
            check(&name("ORDERS"), most_orders, open.len(), orders.len())?;
            check(&name("ALGO_ORDERS"), most_algos, open_algos, algos)?;
            check(
                &name("ICEBERG_ORDERS"),
                most_icebergs,
                open_icebergs.count(),
                icebergs,
            )?;
            let lists = usize::from(is_list);
            check(&name("ORDER_LISTS"), most_lists, open_lists.count(), lists)?;
        }
        Ok(())
    }

    /// MAX_POSITION: free + locked base + what open and new buys may still add.
    fn check_position(
        &self,
        account: AccountId,
        index: usize,
        orders: &[Proposal],
    ) -> Result<(), VenueError> {
        let market = self.market(index)?;
        let Some(most) = market.filters.max_position else {
            return Ok(());
        };
        let buys = orders.iter().filter(|order| order.side == Side::Buy);
        let new: i128 = buys.map(|order| i128::from(order.quantity)).sum();
        if new == 0 {
            return Ok(());
        }
        let open = self.book.open_orders(account, Some(index));
        let open: i128 = open
            .iter()
            .filter(|order| order.side == Side::Buy)
            .map(|order| i128::from(order.remaining()))
            .sum();
        let base = market.instrument.base_currency.as_str();
        let held = self.auction.funds.balance(account, base).total();
        let unit = market.base_amount(1);
        if held + (open + new) * unit > i128::from(most) * unit {
            return Err(VenueError::filter("MAX_POSITION"));
        }
        Ok(())
    }

    pub(super) fn unused(
        &self,
        account: AccountId,
        client_order_id: Option<&str>,
    ) -> Result<(), VenueError> {
        match client_order_id {
            Some(id) if self.book.is_open_id(account, id) => {
                Err(VenueError::rejected("Duplicate order sent."))
            }
            _ => Ok(()),
        }
    }

    /// What the matching engine itself refuses: triggers, post-only, balances.
    pub(super) fn check_entry(
        &self,
        account: AccountId,
        index: usize,
        order: &Proposal,
    ) -> Result<(), VenueError> {
        self.check_prices(index, order)?;
        self.check_funds(account, index, order)
    }

    /// "Order would trigger immediately." and "Order would immediately match and take."
    pub(super) fn check_prices(&self, index: usize, order: &Proposal) -> Result<(), VenueError> {
        let last = self.market(index)?.last_price();
        if triggers::would_trigger(order.side, order.terms, last) {
            return Err(VenueError::rejected("Order would trigger immediately."));
        }
        let Terms::LimitMaker { price } = order.terms else {
            return Ok(());
        };
        let depth = self.auction.depth(index).ok_or_else(VenueError::internal)?;
        let opposite = depth.ladder(order.side.opposite());
        let best = opposite.best();
        if best.quantity > 0 && opposite.reaches(Some(price), best.price) {
            let text = "Order would immediately match and take.";
            return Err(VenueError::rejected(text));
        }
        Ok(())
    }

    fn check_funds(
        &self,
        account: AccountId,
        index: usize,
        order: &Proposal,
    ) -> Result<(), VenueError> {
        if let Terms::MarketQuote { .. } = order.terms {
            self.check_liquidity(account, index, order)?;
        }
        let (asset, amount) = self.needs(account, index, order)?;
        if self.auction.funds.balance(account, asset).free < amount {
            return Err(VenueError::rejected(INSUFFICIENT));
        }
        Ok(())
    }

    /// What a new order needs free: asset and amount.
    pub(super) fn needs(
        &self,
        account: AccountId,
        index: usize,
        order: &Proposal,
    ) -> Result<(&'a str, i128), VenueError> {
        let market = self.market(index)?;
        let instrument = &market.instrument;
        let walk = || self.walk(index, &Incoming::new(account, order));
        let base = instrument.base_currency.as_str();
        let quote = instrument.quote_currency.as_str();
        Ok(match (order.side, order.terms) {
            (Side::Sell, Terms::MarketQuote { .. }) => {
                let walk = walk()?;
                (base, market.base_amount(walk.filled + walk.prevented))
            }
            (Side::Sell, _) => (base, market.base_amount(order.quantity)),
            (Side::Buy, Terms::MarketQuote { quote_quantity }) => {
                (quote, i128::from(quote_quantity))
            }
            (Side::Buy, Terms::Market) => (quote, walk()?.cost),
            (Side::Buy, terms) => {
                let waiting = || triggers::lock_price(terms, market.last_price());
                let price = terms.limit_price().unwrap_or_else(waiting);
                (quote, market.locked_amount(price, order.quantity))
            }
        })
    }

    /// errors.md: "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."
    fn check_liquidity(
        &self,
        account: AccountId,
        index: usize,
        order: &Proposal,
    ) -> Result<(), VenueError> {
        let filters = &self.market(index)?.filters;
        let walk = self.walk(index, &Incoming::new(account, order))?;
        let found = walk.filled + walk.prevented;
        let least_market = filters.market_lot_size.map_or(0, |lot| lot.min_quantity);
        let text = if found == 0 {
            "Order book liquidity is less than symbol minimum quantity."
        } else if found < filters.lot_size.min_quantity {
            "Order book liquidity is less than `LOT_SIZE` filter minimum quantity."
        } else if found < least_market {
            "Order book liquidity is less than `MARKET_LOT_SIZE` filter minimum quantity."
        } else {
            return Ok(());
        };
        Err(VenueError::rejected(text))
    }

    pub(super) fn walk(&self, index: usize, incoming: &Incoming) -> Result<Walk, VenueError> {
        let depth = self.auction.depth(index).ok_or_else(VenueError::internal)?;
        let opposite = depth.ladder(incoming.side.opposite());
        let modes = |id: u64| {
            let order = self.book.orders.get(&id);
            order.map_or(SelfTradePrevention::None, |order| {
                order.options.self_trade_prevention
            })
        };
        let market = self.market(index)?;
        Ok(walk::walk(
            &incoming.taker,
            opposite,
            market,
            (&self.auction.funds, &modes),
        ))
    }
}

/// An incoming order and its side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    pub(super) taker: Taker,
    pub(super) side: Side,
}

impl Incoming {
    /// The order as it comes to the book.
    pub(super) fn new(account: AccountId, order: &Proposal) -> Self {
        let size = match order.terms {
            Terms::MarketQuote { quote_quantity } => Size::Quote(i128::from(quote_quantity)),
            _ => Size::Base(order.quantity),
        };
        Self {
            side: order.side,
            taker: Taker {
                account,
                limit: order.terms.limit_price(),
                size,
                funds: None,
                prevention: order.options.self_trade_prevention,
            },
        }
    }
}
