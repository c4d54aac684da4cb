//! Contingent orders: when they begin to work (rest-api.md, "New order"; faqs/trailing-stop-faq.md).

use super::{Due, Floor};
use crate::error::VenueError;
use crate::models::orders::{ExpiryReason, OrderRecord, Side, Status, Terms};
use crate::services::core::matching::Happening;

const BIPS: i128 = 10_000;

/// A contingent order that has not triggered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    side: Side,
    terms: Terms,
    /// Highest (sell) or lowest (buy) trade since the order began to trail.
    extreme: Option<i64>,
    /// What a buy without a limit price counts as when its funds are locked.
    pub(super) lock_price: i64,
}

/// STOP_LOSS BUY and TAKE_PROFIT SELL trigger above the market, the others below.
pub(super) fn is_above(side: Side, terms: Terms) -> bool {
    (side == Side::Buy) != terms.is_take_profit()
}

/// The stop price would be met at once.
pub(super) fn would_trigger(side: Side, terms: Terms, last_price: i64) -> bool {
    let is_met = |stop: i64| is_reached(is_above(side, terms), stop, last_price);
    last_price > 0 && terms.stop_price().is_some_and(is_met)
}

fn is_reached(is_above: bool, stop: i64, price: i64) -> bool {
    if is_above {
        price >= stop
    } else {
        price <= stop
    }
}

/// The price at which a contingent buy without a limit price is counted.
pub(super) fn lock_price(terms: Terms, last_price: i64) -> i64 {
    let delta = i128::from(terms.trailing_delta().unwrap_or(0));
    let raised = i128::from(last_price) * (BIPS + delta);
    let trailing = i64::try_from((raised + BIPS - 1) / BIPS).unwrap_or(i64::MAX);
    terms.stop_price().unwrap_or(trailing)
}

impl Waiting {
    /// An order that begins to wait at `last_price` (0 if nothing traded yet).
    pub(super) fn new(order: &OrderRecord, last_price: i64) -> Self {
        let trails_at_once = order.terms.stop_price().is_none() && last_price > 0;
        Self {
            side: order.side,
            terms: order.terms,
            extreme: trails_at_once.then_some(last_price),
            lock_price: lock_price(order.terms, last_price),
        }
    }

    pub(super) fn is_trailing(&self) -> bool {
        self.extreme.is_some()
    }

    /// A trade at `price`. Returns whether the order triggers.
    pub(super) fn see(&mut self, price: i64) -> bool {
        let is_above = is_above(self.side, self.terms);
        let stop = self.terms.stop_price();
        let is_met = stop.is_none_or(|stop| is_reached(is_above, stop, price));
        let Some(delta) = self.terms.trailing_delta() else {
            return is_met;
        };
        let Some(extreme) = self.extreme else {
            self.extreme = is_met.then_some(price);
            return false;
        };
        let (price_bips, delta) = (i128::from(price) * BIPS, i128::from(delta));
        match self.side {
            Side::Sell => {
                self.extreme = Some(extreme.max(price));
                price_bips <= i128::from(extreme) * (BIPS - delta)
            }
            Side::Buy => {
                self.extreme = Some(extreme.min(price));
                price_bips >= i128::from(extreme) * (BIPS + delta)
            }
        }
    }
}

impl Floor<'_> {
    /// Shows a trade price to the orders that wait for one.
    pub(super) fn show_price(&mut self, market: usize, price: i64) -> Result<(), VenueError> {
        let clock = self.auction.clock;
        let pit = self.pit(market)?;
        let (mut triggered, mut began) = (Vec::new(), Vec::new());
        for (order_id, waiting) in &mut pit.stops {
            let was_trailing = waiting.is_trailing();
            if waiting.see(price) {
                triggered.push(*order_id);
            }
            if waiting.is_trailing() && !was_trailing {
                began.push(*order_id);
            }
        }
        for order_id in began {
            self.order_mut(order_id)?.trailing_at = Some(clock);
        }
        for order_id in triggered {
            let due = Due::Triggered { market, order_id };
            if !self.auction.due.contains(&due) {
                self.auction.due.push_back(due);
            }
        }
        Ok(())
    }

    /// Makes an order wait for its trigger.
    pub(super) fn wait(&mut self, order_id: u64) -> Result<(), VenueError> {
        let clock = self.auction.clock;
        let order = self.order(order_id)?;
        let index = order.market;
        let waiting = Waiting::new(order, self.market(index)?.last_price());
        if waiting.is_trailing() {
            self.order_mut(order_id)?.trailing_at = Some(clock);
        }
        self.pit(index)?.stops.insert(order_id, waiting);
        self.relock(order_id)
    }

    /// A contingent order begins to work. It may have ended since its price was seen.
    pub(super) fn trigger(&mut self, market: usize, order_id: u64) -> Result<(), VenueError> {
        if !self.pit(market)?.stops.contains_key(&order_id) {
            return Ok(());
        }
        let sibling = self.sibling(self.order(order_id)?);
        if let Some(sibling) = sibling {
            self.expire(sibling, ExpiryReason::OcoTrigger)?;
        }
        self.unlock(order_id)?;
        self.pit(market)?.stops.remove(&order_id);
        self.report(order_id, Happening::Triggered)?;
        debug_assert!(matches!(self.order(order_id)?.status, Status::New));
        self.enter(order_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::orders::Trigger;

    fn sees(side: Side, terms: Terms, last: i64, prices: &[i64]) -> Option<usize> {
        let stop = terms.stop_price().is_none() && last > 0;
        let mut waiting = Waiting {
            side,
            terms,
            extreme: stop.then_some(last),
            lock_price: 0,
        };
        prices.iter().position(|price| waiting.see(*price))
    }

    fn loss(stop: Option<i64>, delta: Option<u32>) -> Terms {
        Terms::StopLoss {
            trigger: Trigger::new(stop, delta).unwrap(),
        }
    }

    fn profit(stop: Option<i64>, delta: Option<u32>) -> Terms {
        Terms::TakeProfit {
            trigger: Trigger::new(stop, delta).unwrap(),
        }
    }

    /// Scenarios A to E of faqs/trailing-stop-faq.md.
    #[test]
    fn trailing_orders_trigger_as_the_document_tells() {
        let scenarios: [(Side, Terms, &[i64]); 5] = [
            (
                Side::Buy,
                loss(Some(44_000), Some(500)),
                &[37_000, 44_000, 45_000, 46_000, 42_000, 44_000, 44_100],
            ),
            (
                Side::Sell,
                loss(Some(39_000), Some(1_000)),
                &[41_500, 39_000, 37_000, 41_000, 37_000, 36_900],
            ),
            (
                Side::Buy,
                profit(Some(38_000), Some(850)),
                &[42_000, 38_000, 37_000, 39_000, 38_000, 40_144, 40_145],
            ),
            (
                Side::Sell,
                profit(Some(42_000), Some(750)),
                &[
                    41_500, 39_000, 42_000, 45_000, 44_000, 46_500, 43_013, 43_012,
                ],
            ),
            (
                Side::Sell,
                loss(None, Some(700)),
                &[42_000, 39_500, 45_500, 42_316, 42_315],
            ),
        ];
        for (side, terms, prices) in scenarios {
            let last = prices.len() - 1;
            assert_eq!(sees(side, terms, 40_000, prices), Some(last), "{terms:?}");
        }
    }

    #[test]
    fn stops_and_take_profits_trigger_on_their_side() {
        for (side, terms, last, trigger) in [
            (Side::Buy, loss(Some(110), None), 100, 110),
            (Side::Sell, loss(Some(90), None), 100, 90),
            (Side::Buy, profit(Some(90), None), 100, 90),
            (Side::Sell, profit(Some(110), None), 100, 110),
        ] {
            let toward = i64::signum(trigger - last);
            assert!(!would_trigger(side, terms, last));
            assert!(would_trigger(side, terms, trigger));
            assert!(would_trigger(side, terms, trigger + toward));
            assert_eq!(
                sees(side, terms, last, &[last, trigger - toward, trigger]),
                Some(2)
            );
        }
    }
}
