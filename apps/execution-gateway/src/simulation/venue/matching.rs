//! Executions at the model venue: new orders against the price, resting ones when it moves.

use rust_common::{OrderSide, TimeInForce};

use super::{
    ASSET_PER_STEP, FEE_PER_MILLE, Kind, MONEY_PER_UNIT, Stage, UserEvent, Venue, VenueTrade, Whims,
};

impl Venue {
    pub(super) fn match_new(&mut self, now: i64, index: usize, whims: Whims) {
        let Some(order) = self.orders.get(index).cloned() else {
            return;
        };
        let price = self
            .markets
            .get(order.market)
            .map_or(0, |market| market.price);
        let crosses = match order.side {
            OrderSide::Buy => order.price >= price,
            OrderSide::Sell => order.price <= price,
        };
        match order.kind {
            Kind::Market => self.take(now, index, price, true),
            Kind::Limit(TimeInForce::Ioc {} | TimeInForce::Fok {}) if crosses => {
                let is_partial = order.kind == Kind::Limit(TimeInForce::Ioc {});
                self.take(now, index, price, is_partial);
            }
            Kind::Limit(TimeInForce::Ioc {} | TimeInForce::Fok {}) => {
                self.end(now, index, Stage::Expired);
            }
            Kind::Limit(_) if crosses => self.fill_some(now, index, price, whims.fill_in_parts),
            Kind::Limit(_) | Kind::Stop => {}
        }
    }

    /// Takes what the book holds, in one to four trades; a rest expires.
    fn take(&mut self, now: i64, index: usize, price: i64, may_run_dry: bool) {
        let trades = self.random.between(1, 4);
        let runs_dry = may_run_dry && self.random.chance(8);
        for number in 0..trades {
            let Some(left) = self.orders.get(index).map(super::VenueOrder::remaining) else {
                return;
            };
            let is_last = number + 1 == trades && !runs_dry;
            let part = if is_last {
                left
            } else {
                (left / 2).max(1).min(left)
            };
            if part == 0 {
                break;
            }
            self.execute(now, index, part, price + number, false);
        }
        if self
            .orders
            .get(index)
            .is_some_and(|order| order.is_open() && order.remaining() > 0)
        {
            self.end(now, index, Stage::Expired);
        }
    }

    /// A first part now, the rest later; or all at once.
    pub fn fill_some(&mut self, now: i64, index: usize, price: i64, in_parts: bool) {
        let in_parts = in_parts || self.random.chance(40);
        let wait = self.random.between(100, 2_500);
        let Some(order) = self.orders.get_mut(index).filter(|order| order.is_open()) else {
            return;
        };
        let left = order.remaining();
        if in_parts && left > 1 {
            order.more_fills_at = Some(now + wait);
            self.execute(now, index, (left + 1) / 2, price, false);
        } else {
            order.more_fills_at = None;
            self.execute(now, index, left, price, false);
        }
    }

    /// The time of the next part of a fill.
    pub fn next_work(&self) -> Option<i64> {
        let open = self.open.iter().filter_map(|index| self.orders.get(*index));
        open.filter_map(|order| order.more_fills_at).min()
    }

    /// Continues fills in parts and triggered stops.
    pub fn work(&mut self, now: i64) {
        for index in self.open.clone() {
            let Some(order) = self.orders.get(index) else {
                continue;
            };
            if order.is_open() && order.more_fills_at.is_some_and(|at| at <= now) {
                let price = match order.kind {
                    Kind::Limit(_) => order.price,
                    _ => self
                        .markets
                        .get(order.market)
                        .map_or(1, |market| market.price),
                };
                self.fill_some(now, index, price, false);
            }
        }
    }

    /// Moves a price and fills and triggers what it reaches.
    pub fn move_price(&mut self, now: i64, market: usize, price: i64) {
        let Some(entry) = self.markets.get_mut(market) else {
            return;
        };
        entry.price = price.max(100);
        if entry.status != super::MarketStatus::Trading {
            return;
        }
        for index in self.open.clone() {
            let Some(order) = self.orders.get(index) else {
                continue;
            };
            if order.market != market || !order.is_open() || order.more_fills_at.is_some() {
                continue;
            }
            let (limit, trigger) = (order.price, order.trigger);
            let is_buy = order.side == OrderSide::Buy;
            match order.kind {
                Kind::Limit(_) if is_buy == (price <= limit) || price == limit => {
                    self.fill_some(now, index, limit, false);
                }
                Kind::Stop if is_buy == (price >= trigger) || price == trigger => {
                    self.trigger(now, index);
                }
                _ => {}
            }
        }
    }

    fn trigger(&mut self, now: i64, index: usize) {
        let wait = self.random.between(20, 1_500);
        let Some(order) = self.orders.get_mut(index) else {
            return;
        };
        order.stage = Stage::Triggered;
        order.more_fills_at = Some(now + wait);
        order.updated_at = now;
        let list = order.list;
        self.tell(index, None, false);
        self.end_siblings(now, index, list);
    }

    fn end_siblings(&mut self, now: i64, index: usize, list: Option<u64>) {
        if list.is_none() {
            return;
        }
        for other in self.open.clone() {
            let is_sibling = self
                .orders
                .get(other)
                .is_some_and(|order| order.list == list);
            if other != index && is_sibling {
                self.end(now, other, Stage::Expired);
            }
        }
    }

    /// Ends an open order.
    pub fn end(&mut self, now: i64, index: usize, stage: Stage) {
        let Some(order) = self.orders.get_mut(index).filter(|order| order.is_open()) else {
            return;
        };
        order.stage = stage;
        order.updated_at = now;
        order.more_fills_at = None;
        self.open.retain(|open| *open != index);
        self.tell(index, None, false);
    }

    /// One execution. A late one is told only by an event marked so, after the order's end.
    pub fn execute(&mut self, now: i64, index: usize, quantity: i64, price: i64, is_late: bool) {
        let execution = self.next_execution();
        let Some(order) = self.orders.get_mut(index) else {
            return;
        };
        let Some(market) = self.markets.get_mut(order.market) else {
            return;
        };
        let base = i128::from(quantity) * ASSET_PER_STEP;
        let quote = i128::from(quantity) * i128::from(price) * MONEY_PER_UNIT;
        let fee_is_base = order.side == OrderSide::Buy;
        let fee = if fee_is_base { base } else { quote } * FEE_PER_MILLE / 1_000;
        if fee_is_base {
            market.held += base - fee;
            self.quote -= quote;
        } else {
            market.held -= base;
            self.quote += quote - fee;
        }
        let trade = self.trades.len();
        self.trades.push(VenueTrade {
            id: market.next_trade,
            order: index,
            market: order.market,
            price,
            quantity,
            fee,
            fee_is_base,
            at: now,
            execution,
            is_forgotten: false,
            is_late,
        });
        market.next_trade += 1;
        order.executed += quantity;
        order.trades.push(trade);
        order.updated_at = now;
        let list = order.list;
        if order.remaining() <= 0 {
            order.more_fills_at = None;
            order.stage = Stage::Filled;
            self.open.retain(|open| *open != index);
        }
        self.tell(index, Some(trade), is_late);
        self.end_siblings(now, index, list);
    }

    /// Queues an event about the present state of an order.
    pub(super) fn tell(&mut self, index: usize, trade: Option<usize>, is_late: bool) {
        let execution = match trade.and_then(|trade| self.trades.get(trade)) {
            Some(trade) => trade.execution,
            None => self.next_execution(),
        };
        let trades = trade.map(|trade| vec![trade]).unwrap_or_default();
        if let Some(mut report) = self.report(index, &trades, true) {
            report.execution_id = Some(execution);
            self.events.push(UserEvent { report, is_late });
        }
    }
}
