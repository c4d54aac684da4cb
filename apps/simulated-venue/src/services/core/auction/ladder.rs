//! One side of an order book: outside volume and resting orders by price, in time order.
//!
//! At one price the outside volume that stands there when an order joins is ahead of it; volume that
//! comes later is behind. Prints and decreases of the level take from the front. A print that a
//! decrease has already shown (the print is not newer) moves nobody twice.

use std::collections::{BTreeMap, VecDeque};

use crate::models::accounts::AccountId;
use crate::models::feed::Level;
use crate::models::orders::Side;

/// A resting order's place in the queue of its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    pub order_id: u64,
    pub account: AccountId,
    /// What the book shows of it.
    pub visible: i64,
    /// What an iceberg still holds back.
    pub hidden: i64,
    /// The most an iceberg shows at once; all of it for other orders.
    pub slice: i64,
    /// Outside volume that is served before it.
    pub ahead: i64,
}

impl Resting {
    pub fn remaining(&self) -> i64 {
        self.visible + self.hidden
    }

    /// The next slice of an iceberg, behind everything that stands there.
    #[must_use]
    pub fn refilled(self, external: i64) -> Self {
        let visible = self.slice.min(self.hidden);
        Self {
            visible,
            hidden: self.hidden - visible,
            ahead: external,
            ..self
        }
    }
}

/// What stands at one price.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rung {
    /// Outside volume, as the feed last said, less what orders took since.
    pub external: i64,
    pub queue: VecDeque<Resting>,
    /// Outside volume that decreases took away up to `drained_at` and no print has explained.
    drained: i64,
    drained_at: i64,
}

impl Rung {
    pub fn total(&self) -> i64 {
        let own: i64 = self.queue.iter().map(|resting| resting.visible).sum();
        self.external + own
    }

    fn is_empty(&self) -> bool {
        self.external == 0 && self.queue.is_empty()
    }

    fn advance(&mut self, quantity: i64) {
        for resting in &mut self.queue {
            resting.ahead = (resting.ahead - quantity).max(0);
        }
    }

    fn cap_ahead(&mut self) {
        for resting in &mut self.queue {
            resting.ahead = resting.ahead.min(self.external);
        }
    }

    /// How much of a print of `quantity` at `at` a decrease has not shown already.
    fn unseen(&mut self, quantity: i64, at: i64) -> i64 {
        if at > self.drained_at {
            self.drained = 0;
        }
        let seen = self.drained.min(quantity);
        self.drained -= seen;
        quantity - seen
    }
}

/// One side of the book.
#[derive(Debug, Clone)]
pub struct Ladder {
    pub side: Side,
    rungs: BTreeMap<i64, Rung>,
}

impl Ladder {
    pub fn new(side: Side) -> Self {
        Self {
            side,
            rungs: BTreeMap::new(),
        }
    }

    /// Rungs from the best price on.
    pub fn from_best(&self) -> Box<dyn Iterator<Item = (i64, &Rung)> + '_> {
        let rungs = self.rungs.iter().map(|(price, rung)| (*price, rung));
        match self.side {
            Side::Buy => Box::new(rungs.rev()),
            Side::Sell => Box::new(rungs),
        }
    }

    /// The best price and its total; price and quantity 0 when nothing stands here.
    pub fn best(&self) -> Level {
        let best = self.from_best().next();
        best.map_or(
            Level {
                price: 0,
                quantity: 0,
            },
            |(price, rung)| Level {
                price,
                quantity: rung.total(),
            },
        )
    }

    pub fn total(&self, price: i64) -> i64 {
        self.rungs.get(&price).map_or(0, Rung::total)
    }

    pub fn rung(&self, price: i64) -> Option<&Rung> {
        self.rungs.get(&price)
    }

    pub fn prices(&self) -> Vec<i64> {
        self.rungs.keys().copied().collect()
    }

    /// Whether an incoming order of the other side with this limit reaches `price`.
    pub fn reaches(&self, limit: Option<i64>, price: i64) -> bool {
        match (self.side, limit) {
            (_, None) => true,
            (Side::Sell, Some(limit)) => price <= limit,
            (Side::Buy, Some(limit)) => price >= limit,
        }
    }

    /// Puts an order at the end of its price's queue.
    pub fn join(&mut self, price: i64, resting: Resting) {
        let rung = self.rungs.entry(price).or_default();
        let ahead = rung.external;
        rung.queue.push_back(Resting { ahead, ..resting });
    }

    pub fn find(&self, price: i64, order_id: u64) -> Option<&Resting> {
        let rung = self.rungs.get(&price)?;
        rung.queue
            .iter()
            .find(|resting| resting.order_id == order_id)
    }

    /// Takes an order out of the queue.
    pub fn remove(&mut self, price: i64, order_id: u64) -> Option<Resting> {
        let rung = self.rungs.get_mut(&price)?;
        let at = rung
            .queue
            .iter()
            .position(|resting| resting.order_id == order_id)?;
        let resting = rung.queue.remove(at);
        self.tidy(price);
        resting
    }

    /// Takes `quantity` from what an order shows; an iceberg shows its next slice at the end of the
    /// queue. `None` if the order does not show that much.
    pub fn take_order(&mut self, price: i64, order_id: u64, quantity: i64) -> Option<()> {
        let rung = self.rungs.get_mut(&price)?;
        let at = rung
            .queue
            .iter()
            .position(|resting| resting.order_id == order_id)?;
        let resting = rung.queue.get_mut(at)?;
        if resting.visible < quantity {
            return None;
        }
        resting.visible -= quantity;
        if resting.visible == 0 {
            let resting = rung.queue.remove(at)?;
            if resting.hidden > 0 {
                rung.queue.push_back(resting.refilled(rung.external));
            }
        }
        self.tidy(price);
        Some(())
    }

    /// Lowers what is left of an order to `remaining` where it stands: the hidden part first
    /// (faqs/order_amend_keep_priority.md, "Can Iceberg Orders be amended?").
    pub fn shrink(&mut self, price: i64, order_id: u64, remaining: i64) -> Option<()> {
        let rung = self.rungs.get_mut(&price)?;
        let resting = rung
            .queue
            .iter_mut()
            .find(|resting| resting.order_id == order_id)?;
        resting.visible = resting.visible.min(remaining);
        resting.hidden = remaining - resting.visible;
        Some(())
    }

    /// An order takes outside volume from the front.
    pub fn take_external(&mut self, price: i64, quantity: i64) {
        if let Some(rung) = self.rungs.get_mut(&price) {
            rung.external = (rung.external - quantity).max(0);
            rung.advance(quantity);
        }
        self.tidy(price);
    }

    /// The feed says how much outside volume stands at a price. Returns whether it changed.
    pub fn set_external(&mut self, price: i64, quantity: i64, at: i64) -> bool {
        let rung = self.rungs.entry(price).or_default();
        let old = std::mem::replace(&mut rung.external, quantity);
        let lost = (old - quantity).max(0);
        rung.advance(lost);
        rung.cap_ahead();
        if rung.drained_at < at {
            rung.drained = 0;
        }
        rung.drained += lost;
        rung.drained_at = at;
        self.tidy(price);
        old != quantity
    }

    /// What a public print of `quantity` at `price` does to the orders here: those at better prices
    /// are reached first, at its own price after the volume ahead. Returns the fills in order and
    /// moves the queues; the fills themselves are taken by [`Ladder::take_order`].
    pub fn printed(&mut self, price: i64, quantity: i64, at: i64) -> Vec<(i64, u64, i64)> {
        let mut fills = Vec::new();
        let mut left = quantity;
        for (better, rung) in self.from_best() {
            if better == price || !self.reaches(Some(price), better) {
                break;
            }
            for resting in &rung.queue {
                let (mut open, mut shown) = (resting.remaining(), resting.visible);
                while left > 0 && open > 0 {
                    let slice = shown.min(left);
                    fills.push((better, resting.order_id, slice));
                    open -= slice;
                    left -= slice;
                    shown = resting.slice.min(open);
                }
            }
        }
        if let Some(rung) = self.rungs.get_mut(&price) {
            left = rung.unseen(left, at);
            let mut outside = 0;
            for resting in &rung.queue {
                let before = (resting.ahead - outside).clamp(0, left);
                outside += before;
                left -= before;
                let slice = resting.visible.min(left);
                if slice == 0 {
                    break;
                }
                fills.push((price, resting.order_id, slice));
                left -= slice;
            }
            outside += left;
            rung.advance(outside);
        }
        fills
    }

    fn tidy(&mut self, price: i64) {
        if self.rungs.get(&price).is_some_and(Rung::is_empty) {
            self.rungs.remove(&price);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resting(order_id: u64, quantity: i64, slice: i64) -> Resting {
        let visible = slice.min(quantity);
        Resting {
            order_id,
            account: AccountId::FIRST,
            visible,
            hidden: quantity - visible,
            slice,
            ahead: 0,
        }
    }

    #[test]
    fn the_queue_moves_with_prints_and_decreases_but_not_twice() {
        let mut asks = Ladder::new(Side::Sell);
        asks.set_external(100, 10, 1);
        asks.join(100, resting(1, 5, 5));
        asks.set_external(100, 14, 2);
        assert_eq!(asks.find(100, 1).unwrap().ahead, 10);
        assert_eq!(asks.printed(100, 4, 3), []);
        assert_eq!(asks.find(100, 1).unwrap().ahead, 6);
        // The decrease of the next batch is a cancel at the front.
        asks.set_external(100, 12, 4);
        assert_eq!(asks.find(100, 1).unwrap().ahead, 4);
        // A print that this batch had already shown.
        assert_eq!(asks.printed(100, 2, 4), []);
        assert_eq!(asks.find(100, 1).unwrap().ahead, 4);
        assert_eq!(asks.printed(100, 6, 5), [(100, 1, 2)]);
        asks.take_order(100, 1, 2).unwrap();
        assert_eq!(asks.total(100), 15);
        // Deleting the outside level leaves the order in front.
        asks.set_external(100, 0, 6);
        assert_eq!(asks.find(100, 1).unwrap().ahead, 0);
        assert_eq!(
            asks.best(),
            Level {
                price: 100,
                quantity: 3
            }
        );
    }

    #[test]
    fn a_print_through_a_price_fills_the_orders_there() {
        let mut bids = Ladder::new(Side::Buy);
        bids.set_external(101, 50, 1);
        bids.join(101, resting(1, 5, 2));
        bids.join(100, resting(2, 4, 4));
        let fills = bids.printed(99, 8, 2);
        assert_eq!(fills, [(101, 1, 2), (101, 1, 2), (101, 1, 1), (100, 2, 3)]);
        for (price, order_id, quantity) in fills {
            bids.take_order(price, order_id, quantity).unwrap();
        }
        assert!(bids.find(101, 1).is_none());
        assert_eq!(bids.total(101), 50, "outside volume follows the feed alone");
        assert_eq!(bids.find(100, 2).unwrap().visible, 1);
    }

    #[test]
    fn an_iceberg_shows_its_next_slice_at_the_end() {
        let mut asks = Ladder::new(Side::Sell);
        asks.join(100, resting(1, 5, 2));
        asks.join(100, resting(2, 1, 1));
        assert_eq!(asks.total(100), 3);
        asks.take_order(100, 1, 2).unwrap();
        let order: Vec<u64> = asks
            .rung(100)
            .unwrap()
            .queue
            .iter()
            .map(|r| r.order_id)
            .collect();
        assert_eq!(order, [2, 1]);
        assert_eq!(asks.find(100, 1).unwrap().remaining(), 3);
        asks.shrink(100, 1, 1).unwrap();
        assert_eq!(asks.find(100, 1).unwrap().visible, 1);
        assert!(asks.take_order(100, 1, 2).is_none());
    }
}
