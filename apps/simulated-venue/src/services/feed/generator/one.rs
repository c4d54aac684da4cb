//! One generated market.

use std::collections::{BTreeMap, VecDeque};

use super::START_MS;
use crate::models::feed::{FeedEvent, Level};
use crate::models::orders::Side;
use crate::services::feed::FeedMarket;
use crate::services::feed::calibration as fitted;
use crate::services::feed::random::Random;

/// Levels of each side.
const LEVELS: usize = 1_000;
/// A level change sets a new quantity this often in 1000; else it adds or deletes.
const UPDATE_PER_MILLE: u64 = 113;
/// The best level's quantity is set anew this often in 1000 while its price stays.
const REFRESH_PER_MILLE: u64 = 500;
const RELATIVE_UNIT: i128 = 10_000_000_000;
const AMOUNT_SCALE: u32 = 4;

/// One side: levels by price, negative for bids, so that the best is always the first.
type Levels = BTreeMap<i64, i64>;

#[derive(Debug)]
pub(super) struct Generator {
    market: usize,
    random: Random,
    tick: i64,
    step: i64,
    /// Quantity mantissas per quote amount of 1e-4 at a price mantissa of 1, as a fraction.
    amount_to_quantity: (i128, i128),
    /// Events per second; the market's time is stretched by natural rate / this.
    rate: i64,
    now_us: i64,
    order_due_us: i64,
    taker: Side,
    /// Bids, then asks.
    sides: [Levels; 2],
    changed: [Levels; 2],
    pub(super) pending: VecDeque<FeedEvent>,
}

impl Generator {
    pub(super) fn new(seed: u64, rate: i64, (number, market): (usize, &FeedMarket)) -> Self {
        let instrument = &market.instrument;
        let power = |scale: u32| 10_i128.pow(scale);
        let (price_scale, quantity_scale) = (
            u32::from(instrument.price_scale),
            u32::from(instrument.quantity_scale),
        );
        // quantity = amount / 10^4 / (price / 10^price_scale) x 10^quantity_scale
        let fraction = (power(price_scale + quantity_scale), power(AMOUNT_SCALE));
        let mut generator = Self {
            market: number,
            random: Random::new(seed.wrapping_mul(0x1_0001).wrapping_add(number as u64)),
            tick: instrument.tick_size.mantissa().max(1),
            step: instrument.step_size.mantissa().max(1),
            amount_to_quantity: fraction,
            rate,
            now_us: START_MS * 1_000,
            order_due_us: START_MS * 1_000,
            taker: Side::Buy,
            sides: [Levels::new(), Levels::new()],
            changed: [Levels::new(), Levels::new()],
            pending: VecDeque::new(),
        };
        let default = i128::from(fitted::START_PRICE) * power(price_scale) / power(8);
        let default = i64::try_from(default).unwrap_or(i64::MAX / 2);
        let start = market
            .start_price
            .unwrap_or(default)
            .max(generator.tick * 2);
        generator.open(start / generator.tick * generator.tick);
        generator
    }

    /// The first book, as a snapshot.
    fn open(&mut self, bid: i64) {
        let ask = bid + self.relative(fitted::SPREAD.as_slice(), bid).max(self.tick);
        for (side, best) in [(0, -bid), (1, ask)] {
            let quantity = self.level_quantity(0, bid);
            self.set(side, best, quantity);
            self.extend(side);
        }
        let [bids, asks] = std::mem::take(&mut self.changed);
        self.pending.push_back(FeedEvent::Snapshot {
            market: self.market,
            last_update_id: 0,
            bids: bids
                .into_iter()
                .map(|(price, quantity)| level(-price, quantity))
                .collect(),
            asks: asks
                .into_iter()
                .map(|(price, quantity)| level(price, quantity))
                .collect(),
            at: self.now_us / 1_000,
        });
        self.order_due_us = self.now_us + self.stretched(fitted::ORDER_WAIT_US.as_slice());
    }

    pub(super) fn next(&mut self) -> Option<FeedEvent> {
        let event = self.pending.pop_front();
        while self.pending.is_empty() {
            self.interval();
        }
        event
    }

    /// One depth interval: the orders that arrive in it, then the book's changes.
    fn interval(&mut self) {
        let natural = fitted::NATURAL_EVENTS_PER_SECOND;
        let end = self.now_us + (fitted::DEPTH_EVERY_US * natural / self.rate).max(1_000);
        while self.order_due_us < end {
            self.now_us = self.now_us.max(self.order_due_us);
            self.taker_order();
            self.order_due_us += self.stretched(fitted::ORDER_WAIT_US.as_slice());
        }
        self.now_us = end;
        self.move_touch();
        self.churn();
        for side in 0..2 {
            self.extend(side);
        }
        self.tell_depth();
    }

    fn stretched(&mut self, waits_us: &[i64]) -> i64 {
        self.random.pick(waits_us) * fitted::NATURAL_EVENTS_PER_SECOND / self.rate
    }

    /// A run of trades at the touch and beyond it. What they consume is gone with the next depth
    /// message.
    fn taker_order(&mut self) {
        if !self.random.chance(fitted::SAME_SIDE_PER_MILLE) {
            self.taker = self.taker.opposite();
        }
        let (side, sign) = match self.taker {
            Side::Buy => (1, 1),
            Side::Sell => (0, -1),
        };
        let trades = self
            .random
            .count(fitted::TRADES_PER_ORDER_MILLI.as_slice())
            .max(1);
        let mut depth = 0;
        for number in 0..trades {
            if number > 0 && self.random.chance(fitted::NEXT_LEVEL_PER_MILLE) {
                depth += 1;
            }
            let Some((key, resting)) = self.level_at(side, depth) else {
                return;
            };
            let price = key * sign;
            let amount = self.random.pick(fitted::TRADE_AMOUNT.as_slice());
            let quantity = self.quantity(amount, price);
            let left = (resting - quantity).max(self.step);
            self.set(side, key, left);
            self.pending.push_back(FeedEvent::Print {
                market: self.market,
                price,
                quantity,
                taker: self.taker,
                at: self.now_us / 1_000,
                trade_id: 0,
            });
        }
    }

    /// Moves the mid price and sets best bid and ask around it.
    fn move_touch(&mut self) {
        let (Some(bid), Some(ask)) = (self.best(0), self.best(1)) else {
            return;
        };
        let (bid, ask) = (-bid, ask);
        let mid = i64::midpoint(bid, ask);
        let step = self.relative(fitted::MID_MOVE.as_slice(), mid);
        let spread = self.relative(fitted::SPREAD.as_slice(), mid).max(self.tick);
        if step == 0 && spread == ask - bid {
            for (side, key) in [(0, -bid), (1, ask)] {
                if self.random.chance(REFRESH_PER_MILLE) {
                    let quantity = self.level_quantity(0, mid);
                    self.set(side, key, quantity);
                }
            }
            return;
        }
        // A spread that changes without a move of the mid gives way on both sides.
        let target = mid + step;
        let bid = ((target - spread / 2).div_euclid(self.tick) * self.tick).max(self.tick);
        let ask = bid + spread;
        for (side, key) in [(0, -bid), (1, ask)] {
            self.set_touch(side, key);
        }
    }

    /// Makes `key` the best price of a side: better levels go, the hole behind it is filled.
    fn set_touch(&mut self, side: usize, key: i64) {
        let levels = side_of(&self.sides, side);
        let better: Vec<i64> = levels.range(..key).map(|(key, _)| *key).collect();
        for gone in better {
            self.set(side, gone, 0);
        }
        let next = side_of(&self.sides, side).range(key + 1..).next();
        let next = next.map_or(key, |(next, _)| *next);
        let quantity = self.level_quantity(0, key.abs());
        self.set(side, key, quantity);
        let mut at = key;
        for rank in 0..LEVELS {
            at += self.gap(rank, key.abs());
            if at >= next {
                return;
            }
            let quantity = self.level_quantity(rank + 1, key.abs());
            self.set(side, at, quantity);
        }
    }

    /// Changes levels beyond the touch, as many as a fitted message does.
    fn churn(&mut self) {
        let wanted = self.random.count(fitted::CHANGES_MILLI.as_slice());
        let made: usize = self.changed.iter().map(BTreeMap::len).sum();
        // The last levels come and go with the touch; they are not counted in the recording.
        let most = wanted.saturating_sub(made as u64);
        for _ in 0..most {
            let side = usize::from(self.random.chance(500));
            let drawn = self.random.pick(fitted::CHANGE_RANK.as_slice());
            let rank = usize::try_from(drawn).unwrap_or(0);
            self.change_level(side, rank.clamp(1, LEVELS - 2));
        }
    }

    /// A level at `rank` gets a new quantity, is deleted, or gets a new one behind it, so that gaps
    /// keep their fitted sizes: too wide ones are divided, too narrow ones joined.
    fn change_level(&mut self, side: usize, rank: usize) {
        let Some((key, _)) = self.level_at(side, rank) else {
            return;
        };
        let price = key.abs();
        if self.random.chance(UPDATE_PER_MILLE) {
            let quantity = self.level_quantity(rank, price);
            self.set(side, key, quantity);
            return;
        }
        let following = side_of(&self.sides, side).range(key + 1..).next();
        let room = following.map_or(i64::MAX, |(next, _)| *next - key);
        let gap = self.gap(rank, price);
        if gap < room {
            let quantity = self.level_quantity(rank + 1, price);
            self.set(side, key + gap, quantity);
        } else {
            self.set(side, key, 0);
        }
    }

    /// Adds levels at the far end until the side is full, and cuts what is too much.
    fn extend(&mut self, side: usize) {
        while side_of(&self.sides, side).len() < LEVELS {
            let rank = side_of(&self.sides, side).len();
            let Some((last, _)) = side_of(&self.sides, side).last_key_value() else {
                return;
            };
            let last = *last;
            let key = last + self.gap(rank, last.abs());
            // A bid below one tick does not exist.
            if side == 0 && key > -self.tick {
                return;
            }
            let quantity = self.level_quantity(rank, key.abs());
            self.set(side, key, quantity);
        }
        while side_of(&self.sides, side).len() > LEVELS {
            let last = side_of(&self.sides, side).last_key_value();
            let Some(last) = last.map(|(key, _)| *key) else {
                return;
            };
            self.set(side, last, 0);
        }
    }

    fn tell_depth(&mut self) {
        let [bids, asks] = std::mem::take(&mut self.changed);
        self.pending.push_back(FeedEvent::Depth {
            market: self.market,
            first_update_id: 0,
            final_update_id: 0,
            bids: bids
                .into_iter()
                .map(|(key, quantity)| level(-key, quantity))
                .collect(),
            asks: asks
                .into_iter()
                .map(|(key, quantity)| level(key, quantity))
                .collect(),
            at: self.now_us / 1_000,
        });
    }

    fn set(&mut self, side: usize, key: i64, quantity: i64) {
        if let (Some(levels), Some(changed)) =
            (self.sides.get_mut(side), self.changed.get_mut(side))
        {
            if quantity == 0 {
                levels.remove(&key);
            } else {
                levels.insert(key, quantity);
            }
            changed.insert(key, quantity);
        }
    }

    fn best(&self, side: usize) -> Option<i64> {
        side_of(&self.sides, side)
            .first_key_value()
            .map(|(key, _)| *key)
    }

    fn level_at(&self, side: usize, rank: usize) -> Option<(i64, i64)> {
        let mut levels = side_of(&self.sides, side).iter();
        levels.nth(rank).map(|(key, quantity)| (*key, *quantity))
    }

    /// A drawn share of a price, in whole ticks, rounded to the nearest.
    fn relative(&mut self, table: &[i64], price: i64) -> i64 {
        let share = i128::from(self.random.pick(table)) * i128::from(price);
        let unit = RELATIVE_UNIT * i128::from(self.tick);
        let ticks = (share + unit / 2).div_euclid(unit);
        i64::try_from(ticks).unwrap_or(0) * self.tick
    }

    fn gap(&mut self, rank: usize, price: i64) -> i64 {
        let table = bucket(&fitted::LEVEL_GAP, rank);
        self.relative(table, price).max(self.tick)
    }

    fn level_quantity(&mut self, rank: usize, price: i64) -> i64 {
        let amount = self.random.pick(bucket(&fitted::LEVEL_AMOUNT, rank));
        self.quantity(amount, price)
    }

    /// The quantity that an amount of quote currency buys, in whole steps, at least one.
    fn quantity(&self, amount: i64, price: i64) -> i64 {
        let (above, below) = self.amount_to_quantity;
        let exact = i128::from(amount) * above / (below * i128::from(price.max(1)));
        let steps = (exact + i128::from(self.step) / 2) / i128::from(self.step);
        i64::try_from(steps)
            .unwrap_or(1)
            .max(1)
            .saturating_mul(self.step)
    }
}

fn side_of(sides: &[Levels; 2], side: usize) -> &Levels {
    let [bids, asks] = sides;
    if side == 0 { bids } else { asks }
}

fn level(price: i64, quantity: i64) -> Level {
    Level { price, quantity }
}

fn bucket<const N: usize, const B: usize>(tables: &[[i64; N]; B], rank: usize) -> &[i64] {
    let reached = fitted::BUCKETS
        .iter()
        .filter(|first| **first <= rank)
        .count();
    tables
        .get(reached.saturating_sub(1))
        .map_or(&[], |table| table.as_slice())
}
