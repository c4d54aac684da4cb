//! The outside market happens: depth, prints, and what they mean for the orders of accounts.

use super::Floor;
use super::depth::UpdateIds;
use super::settling::Deal;
use crate::error::VenueError;
use crate::models::events::{Event, PublicTrade};
use crate::models::feed::{FeedEvent, Level};
use crate::models::orders::{FeedReply, Side};
use crate::services::core::Outcome;

impl Floor<'_> {
    /// Takes feed events until position `through`, or the end of the recording.
    pub(super) fn feed_through(&mut self, through: u64) -> Result<Outcome, VenueError> {
        let position = self.auction.position;
        if through < position {
            let text = format!("the feed stands at {position}; it cannot go back to {through}");
            return Err(VenueError::new(409, -1020, text));
        }
        while self.auction.position < through {
            let Some(event) = self.auction.feed.next() else {
                self.end_feed();
                break;
            };
            self.auction.position += 1;
            self.happen(&event)?;
            self.finish()?;
        }
        Ok(Outcome::Advanced(FeedReply {
            position: self.auction.position,
            market_time: self.auction.clock,
            done: self.auction.is_feed_done,
        }))
    }

    fn end_feed(&mut self) {
        self.auction.is_feed_done = true;
        for pit in &mut self.auction.pits {
            pit.depth.count_alone();
            pit.is_touched = true;
        }
    }

    /// One event of the outside market.
    pub(super) fn happen(&mut self, event: &FeedEvent) -> Result<(), VenueError> {
        let index = event.market();
        if index >= self.markets.len() {
            return Err(VenueError::invalid_symbol());
        }
        self.auction.clock = self.auction.clock.max(event.at());
        for market in self.markets.iter_mut() {
            market.live_mut().at = self.auction.clock;
        }
        match event {
            FeedEvent::Snapshot {
                last_update_id,
                bids,
                asks,
                at,
                ..
            } => {
                let depth = &mut self.pit(index)?.depth;
                depth.snapshot(Side::Buy, bids, *at);
                depth.snapshot(Side::Sell, asks, *at);
                self.after_depth(index, (0, *last_update_id))
            }
            FeedEvent::Depth {
                first_update_id,
                final_update_id,
                bids,
                asks,
                at,
                ..
            } => {
                let depth = &mut self.pit(index)?.depth;
                depth.set_external(Side::Buy, bids, *at);
                depth.set_external(Side::Sell, asks, *at);
                self.after_depth(index, (*first_update_id, *final_update_id))
            }
            FeedEvent::Print {
                price,
                quantity,
                taker,
                trade_id,
                ..
            } => self.outside_print(index, (*price, *quantity), *taker, *trade_id),
            FeedEvent::Best {
                update_id,
                bid,
                ask,
                ..
            } => self.outside_best(index, *update_id, (*bid, *ask)),
        }
    }

    fn after_depth(&mut self, index: usize, (first, last): (u64, u64)) -> Result<(), VenueError> {
        self.uncross(index)?;
        let at = self.auction.clock;
        let ids = (last > 0).then_some(UpdateIds { first, last });
        let pit = self.pit(index)?;
        let depth = pit.depth.publish(index, ids, at);
        let best = pit.depth.publish_best(index, !pit.is_touched, at);
        pit.is_touched = false;
        self.effects.events.extend(depth);
        self.effects.events.extend(best);
        Ok(())
    }

    /// A recorded best bid and ask goes out with the orders of accounts that change it.
    fn outside_best(
        &mut self,
        market: usize,
        update_id: u64,
        top: (Level, Level),
    ) -> Result<(), VenueError> {
        let at = self.auction.clock;
        let (bid, ask) = self.pit(market)?.depth.recorded_best(top);
        self.effects.events.push(Event::Best {
            market,
            update_id,
            bid,
            ask,
            at,
        });
        Ok(())
    }

    /// A public trade of the outside market: an incoming order of that size, which meets the orders
    /// of accounts that stand before or at its price. The rest traded outside.
    fn outside_print(
        &mut self,
        market: usize,
        (price, quantity): (i64, i64),
        taker: Side,
        recorded: u64,
    ) -> Result<(), VenueError> {
        let at = self.auction.clock;
        let is_open = self.market(market)?.status().allows_orders();
        let mut trade_id = (recorded > 0).then_some(recorded);
        let mut outside = quantity;
        if is_open {
            let ladder = self.pit(market)?.depth.ladder_mut(taker.opposite());
            for (price, maker, quantity) in ladder.printed(price, quantity, at) {
                outside -= quantity;
                self.fill_maker(Deal {
                    market,
                    price,
                    quantity,
                    taker_side: taker,
                    maker: Some(maker),
                    taker: None,
                    trade_id: trade_id.take(),
                })?;
            }
        }
        if outside == 0 {
            return Ok(());
        }
        let pit = self.pit(market)?;
        let next = pit.last_trade_id + 1;
        let trade_id = trade_id.map_or(next, |recorded| recorded.max(next));
        pit.last_trade_id = trade_id;
        let trade = PublicTrade {
            trade_id,
            price,
            quantity: outside,
            taker,
            at,
        };
        self.print(market, trade)
    }

    /// Outside volume has come to stand across orders of accounts: they trade, at their own price.
    pub(super) fn uncross(&mut self, index: usize) -> Result<(), VenueError> {
        if !self.market(index)?.status().allows_orders() {
            return Ok(());
        }
        for side in [Side::Buy, Side::Sell] {
            while let Some((deal, outside_price)) = self.crossing(index, side)? {
                let opposite = side.opposite();
                let depth = &mut self.pit(index)?.depth;
                depth
                    .ladder_mut(opposite)
                    .take_external(outside_price, deal.quantity);
                self.touch(index, opposite, outside_price)?;
                self.fill_maker(deal)?;
            }
        }
        Ok(())
    }

    /// The first resting order of `side` that outside volume crosses.
    fn crossing(&mut self, market: usize, side: Side) -> Result<Option<(Deal, i64)>, VenueError> {
        let depth = &self.pit(market)?.depth;
        let own = depth
            .ladder(side)
            .from_best()
            .find_map(|(price, rung)| rung.queue.front().map(|resting| (price, *resting)));
        let outside = depth
            .ladder(side.opposite())
            .from_best()
            .find(|(_, rung)| rung.external > 0)
            .map(|(price, rung)| (price, rung.external));
        let (Some((price, resting)), Some((outside_price, volume))) = (own, outside) else {
            return Ok(None);
        };
        let crosses = match side {
            Side::Buy => outside_price <= price,
            Side::Sell => outside_price >= price,
        };
        let deal = Deal {
            market,
            price,
            quantity: resting.visible.min(volume),
            taker_side: side.opposite(),
            maker: Some(resting.order_id),
            taker: None,
            trade_id: None,
        };
        Ok(crosses.then_some((deal, outside_price)))
    }
}
