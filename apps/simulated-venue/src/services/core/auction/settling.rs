//! Orders meeting the book: taking, resting, and the money of each trade.

use super::Floor;
use super::checking::{Incoming, View};
use super::ladder::Resting;
use super::rules::Proposal;
use super::walk::{End, Step, Walk};
use crate::error::VenueError;
use crate::models::events::{Event, PublicTrade};
use crate::models::orders::{
    ExpiryReason, PreventedMatch, SelfTradePrevention, Side, Terms, TimeInForce,
};
use crate::services::core::matching::{FillReport, Happening, PreventedReport};

/// A trade about to happen. `None` stands for the outside market.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deal {
    pub(super) market: usize,
    pub(super) price: i64,
    pub(super) quantity: i64,
    pub(super) taker_side: Side,
    pub(super) maker: Option<u64>,
    pub(super) taker: Option<u64>,
    /// The recorded id, where a feed's print is behind it.
    pub(super) trade_id: Option<u64>,
}

impl Floor<'_> {
    pub(super) fn view(&self) -> View<'_> {
        View {
            auction: self.auction,
            book: self.book,
            markets: self.markets,
        }
    }

    /// An order comes to the book: it takes what it can, then rests, expires or is done. Its lock is
    /// free at this moment.
    pub(super) fn enter(&mut self, order_id: u64) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (account, market, terms) = (order.account, order.market, order.terms);
        let view = self.view();
        let mut incoming = Incoming::new(account, &Proposal::from(order));
        if order.side == Side::Buy && incoming.taker.limit.is_none() {
            let quote = self.market(market)?.instrument.quote_currency.as_str();
            incoming.taker.funds = Some(self.auction.funds.balance(account, quote).free);
        }
        let walk = view.walk(market, &incoming)?;
        let is_fok = terms.time_in_force() == TimeInForce::Fok;
        if is_fok && (walk.filled < self.order(order_id)?.remaining() || walk.prevented > 0) {
            return self.expire(order_id, ExpiryReason::UnfilledFokOrderExpired);
        }
        if let Terms::MarketQuote { quote_quantity } = terms {
            self.order_mut(order_id)?.quantity =
                self.quantity_of(market, &walk, i128::from(quote_quantity))?;
        }
        for step in &walk.steps {
            self.take(order_id, *step)?;
        }
        self.settle_rest(order_id, walk.end)
    }

    /// `origQty` of a MARKET by quote quantity: what it takes, plus, when the book ends before the
    /// money does, what the rest would buy at the last price taken.
    pub(super) fn quantity_of(
        &self,
        market: usize,
        walk: &Walk,
        wanted: i128,
    ) -> Result<i64, VenueError> {
        let taken = walk.filled + walk.prevented;
        if walk.end != End::Exhausted && walk.end != End::Funds {
            return Ok(taken);
        }
        let market = self.market(market)?;
        let price = walk.steps.last().map_or(0, |step| match step {
            Step::External { price, .. }
            | Step::Order { price, .. }
            | Step::Prevented { price, .. } => *price,
        });
        let step = market.filters.lot_size.step_size.max(1);
        let one = market.trade_amount(price, step).max(1);
        let more = i64::try_from((wanted - walk.cost).max(0) / one).unwrap_or(0);
        Ok(taken + more.max(1).saturating_mul(step))
    }

    fn take(&mut self, taker: u64, step: Step) -> Result<(), VenueError> {
        let order = self.order(taker)?;
        let (market, taker_side) = (order.market, order.side);
        let opposite = taker_side.opposite();
        let deal = |price, quantity, maker| Deal {
            market,
            price,
            quantity,
            taker_side,
            maker,
            taker: Some(taker),
            trade_id: None,
        };
        match step {
            Step::External { price, quantity } => {
                let depth = &mut self.pit(market)?.depth;
                depth.ladder_mut(opposite).take_external(price, quantity);
                self.touch(market, opposite, price)?;
                self.trade(deal(price, quantity, None))
            }
            Step::Order {
                price,
                order_id,
                quantity,
            } => self.fill_maker(deal(price, quantity, Some(order_id))),
            Step::Prevented { .. } => self.prevent(taker, step),
        }
    }

    /// A resting order trades: it leaves the book by that much, and its pair ends.
    pub(super) fn fill_maker(&mut self, deal: Deal) -> Result<(), VenueError> {
        let maker = deal.maker.ok_or_else(VenueError::internal)?;
        let side = deal.taker_side.opposite();
        self.pit(deal.market)?
            .depth
            .ladder_mut(side)
            .take_order(deal.price, maker, deal.quantity)
            .ok_or_else(VenueError::internal)?;
        self.touch(deal.market, side, deal.price)?;
        if let Some(sibling) = self.sibling(self.order(maker)?) {
            self.expire(sibling, ExpiryReason::OcoTrigger)?;
        }
        self.trade(deal)
    }

    /// The trade itself: reports, money, public print, triggers.
    pub(super) fn trade(&mut self, deal: Deal) -> Result<(), VenueError> {
        let at = self.auction.clock;
        let pit = self.pit(deal.market)?;
        let next = pit.last_trade_id + 1;
        let trade_id = deal.trade_id.map_or(next, |recorded| recorded.max(next));
        pit.last_trade_id = trade_id;
        for (order_id, is_maker) in [(deal.maker, true), (deal.taker, false)] {
            match order_id {
                Some(order_id) => self.settle(order_id, (deal, trade_id), is_maker)?,
                None => self.settle_outside(deal, is_maker)?,
            }
        }
        let trade = PublicTrade {
            trade_id,
            price: deal.price,
            quantity: deal.quantity,
            taker: deal.taker_side,
            at,
        };
        self.print(deal.market, trade)?;
        for order_id in [deal.maker, deal.taker].into_iter().flatten() {
            self.after_change(order_id)?;
        }
        Ok(())
    }

    /// A public trade reaches the tape, the average price and the waiting orders.
    pub(super) fn print(&mut self, market: usize, trade: PublicTrade) -> Result<(), VenueError> {
        let pit = self.pit(market)?;
        pit.vwap.add(trade.price, trade.quantity, trade.at);
        let entry = self.markets.get_mut(market);
        entry
            .ok_or_else(VenueError::internal)?
            .live_mut()
            .last_price = trade.price;
        self.effects.events.push(Event::Print { market, trade });
        self.show_price(market, trade.price)
    }

    /// One order's side of a trade. The fee comes out of the received asset.
    fn settle(
        &mut self,
        order_id: u64,
        (deal, trade_id): (Deal, u64),
        is_maker: bool,
    ) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (account, side) = (order.account, order.side);
        let market = self.market(deal.market)?;
        let base_amount = market.base_amount(deal.quantity);
        let quote_amount = market.trade_amount(deal.price, deal.quantity);
        let base = market.instrument.base_currency.to_string();
        let quote = market.instrument.quote_currency.to_string();
        let (paid, received) = match side {
            Side::Buy => ((quote, quote_amount), (base, base_amount)),
            Side::Sell => ((base, base_amount), (quote, quote_amount)),
        };
        let fee = self.auction.funds.fee(account, received.1, is_maker);
        self.report(
            order_id,
            Happening::Trade(FillReport {
                trade_id,
                price: deal.price,
                quantity: deal.quantity,
                fee,
                fee_asset: received.0.clone(),
                is_maker,
            }),
        )?;
        if is_maker {
            self.relock(order_id)?;
        }
        let funds = &mut self.auction.funds;
        funds.add(account, &paid.0, -paid.1)?;
        funds.add(account, &received.0, received.1 - fee)?;
        funds.take_fee(&received.0, fee);
        self.auction.touched.insert((account, paid.0));
        self.auction.touched.insert((account, received.0));
        Ok(())
    }

    fn settle_outside(&mut self, deal: Deal, is_maker: bool) -> Result<(), VenueError> {
        let market = self.market(deal.market)?;
        let side = if is_maker {
            deal.taker_side.opposite()
        } else {
            deal.taker_side
        };
        let sign = if side == Side::Buy { 1 } else { -1 };
        let base_amount = sign * market.base_amount(deal.quantity);
        let quote_amount = -sign * market.trade_amount(deal.price, deal.quantity);
        let base = market.instrument.base_currency.to_string();
        let quote = market.instrument.quote_currency.to_string();
        self.auction.funds.to_outside(&base, base_amount);
        self.auction.funds.to_outside(&quote, quote_amount);
        Ok(())
    }

    /// A trade with oneself that does not happen (faqs/stp_faq.md).
    fn prevent(&mut self, taker_id: u64, step: Step) -> Result<(), VenueError> {
        let Step::Prevented {
            price,
            order_id: maker_id,
            mode,
            taker,
            maker,
        } = step
        else {
            return Err(VenueError::internal());
        };
        let order = self.order(taker_id)?;
        let (market, side, account) = (order.market, order.side, order.account);
        let maker_account = self.order(maker_id)?.account;
        let at = self.auction.clock;
        let trade_group_id = self.auction.funds.group(account).unwrap_or(-1);
        let pit = self.pit(market)?;
        let match_id = pit.prevented_matches;
        pit.prevented_matches += 1;
        self.book.prevented.push(PreventedMatch {
            prevented_match_id: match_id,
            market,
            taker_account: account,
            taker_order_id: taker_id,
            maker_account,
            maker_order_id: maker_id,
            trade_group_id,
            mode,
            price,
            taker_prevented: taker,
            maker_prevented: maker,
            at,
        });
        let report = |quantity, counter_order_id| {
            Happening::Prevented(PreventedReport {
                match_id,
                quantity,
                price,
                counter_order_id,
                trade_group_id,
            })
        };
        if maker > 0 {
            self.leave(maker_id, side.opposite(), (price, maker))?;
            self.report(maker_id, report(maker, taker_id))?;
            self.relock(maker_id)?;
        }
        if taker > 0 {
            self.report(taker_id, report(taker, maker_id))?;
        }
        if mode == SelfTradePrevention::Transfer && account != maker_account {
            self.hand_over((taker_id, maker_id), (market, price, taker))?;
        }
        self.after_change(maker_id)?;
        self.after_change(taker_id)
    }

    /// Takes prevented quantity of a maker off the book.
    fn leave(
        &mut self,
        order_id: u64,
        side: Side,
        (price, quantity): (i64, i64),
    ) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (market, is_all) = (order.market, quantity == order.remaining());
        let ladder = self.pit(market)?.depth.ladder_mut(side);
        let done = if is_all {
            ladder.remove(price, order_id).map(drop)
        } else {
            ladder.take_order(price, order_id, quantity)
        };
        done.ok_or_else(VenueError::internal)?;
        self.touch(market, side, price)
    }

    /// TRANSFER: the prevented quantity and its notional change hands without a trade or a fee.
    fn hand_over(
        &mut self,
        orders: (u64, u64),
        (market, price, quantity): (usize, i64, i64),
    ) -> Result<(), VenueError> {
        let market = self.market(market)?;
        let base_amount = market.base_amount(quantity);
        let quote_amount = market.trade_amount(price, quantity);
        let base = market.instrument.base_currency.to_string();
        let quote = market.instrument.quote_currency.to_string();
        for order_id in [orders.0, orders.1] {
            let order = self.order(order_id)?;
            let (account, sign) = (order.account, if order.side == Side::Buy { 1 } else { -1 });
            self.auction.funds.add(account, &base, sign * base_amount)?;
            self.auction
                .funds
                .add(account, &quote, -sign * quote_amount)?;
            self.auction.touched.insert((account, base.clone()));
            self.auction.touched.insert((account, quote.clone()));
        }
        Ok(())
    }

    /// What becomes of the part that did not trade.
    fn settle_rest(&mut self, order_id: u64, end: End) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        if !order.status.is_open() || order.remaining() <= 0 {
            return Ok(());
        }
        let reason = match (order.terms.limit_price(), order.terms.time_in_force()) {
            (None, _) if end == End::Funds => ExpiryReason::Rejected,
            (None, _) => ExpiryReason::InsufficientLiquidity,
            (Some(_), TimeInForce::Ioc) => ExpiryReason::UnfilledIocQuantityExpired,
            (Some(_), TimeInForce::Fok) => ExpiryReason::UnfilledFokOrderExpired,
            (Some(price), TimeInForce::Gtc) => return self.rest(order_id, price),
        };
        self.expire(order_id, reason)
    }

    fn rest(&mut self, order_id: u64, price: i64) -> Result<(), VenueError> {
        let order = self.order(order_id)?;
        let (market, side, remaining) = (order.market, order.side, order.remaining());
        let slice = order.options.iceberg_quantity.unwrap_or(i64::MAX);
        let visible = slice.min(remaining);
        let resting = Resting {
            order_id,
            account: order.account,
            visible,
            hidden: remaining - visible,
            slice,
            ahead: 0,
        };
        self.pit(market)?
            .depth
            .ladder_mut(side)
            .join(price, resting);
        self.touch(market, side, price)?;
        self.relock(order_id)
    }

    pub(super) fn touch(
        &mut self,
        market: usize,
        side: Side,
        price: i64,
    ) -> Result<(), VenueError> {
        let pit = self.pit(market)?;
        pit.depth.touch(side, price);
        pit.is_touched = true;
        Ok(())
    }
}
