//! Public trades and the aggregates that Binance makes of them.

use std::collections::VecDeque;

use crate::models::orders::Side;

/// What the tape is told of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    pub trade_id: u64,
    pub price: i64,
    pub quantity: i64,
    pub taker: Side,
    /// The order that took, where it is known.
    pub taker_order: Option<u64>,
    pub at: i64,
}

/// A trade as the public sees it. `quote` is at scale 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    pub trade_id: u64,
    pub price: i64,
    pub quantity: i64,
    pub quote: i128,
    pub is_buyer_maker: bool,
    pub at: i64,
}

/// Trades of one taker order at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregateTrade {
    pub aggregate_id: u64,
    pub price: i64,
    pub quantity: i128,
    pub first_trade_id: u64,
    pub last_trade_id: u64,
    pub is_buyer_maker: bool,
    pub at: i64,
}

/// The latest trades and aggregates, oldest first; older ones are forgotten.
#[derive(Debug, Clone)]
pub struct TradeLog {
    capacity: usize,
    trades: VecDeque<PublicTrade>,
    aggregates: VecDeque<AggregateTrade>,
    /// The aggregate that may still grow, and the order that it belongs to.
    open: Option<(AggregateTrade, Option<u64>)>,
    aggregated: u64,
}

impl TradeLog {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            trades: VecDeque::new(),
            aggregates: VecDeque::new(),
            open: None,
            aggregated: 0,
        }
    }

    /// Adds a trade; hands back the aggregate that it ends.
    ///
    /// Fills of the same taker order at the same price make one aggregate (rest-api.md,
    /// "Compressed/Aggregate trades list"). Where the order is not known (recordings do not name
    /// it) the same millisecond, side and price stand for it.
    pub fn record(
        &mut self,
        trade: PublicTrade,
        taker_order: Option<u64>,
    ) -> Option<AggregateTrade> {
        if self.trades.len() == self.capacity {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
        if let Some((open, order)) = &mut self.open
            && *order == taker_order
            && open.at == trade.at
            && open.price == trade.price
            && open.is_buyer_maker == trade.is_buyer_maker
        {
            open.quantity += i128::from(trade.quantity);
            open.last_trade_id = trade.trade_id;
            return None;
        }
        let ended = self.seal();
        self.aggregated += 1;
        let aggregate = AggregateTrade {
            aggregate_id: self.aggregated,
            price: trade.price,
            quantity: i128::from(trade.quantity),
            first_trade_id: trade.trade_id,
            last_trade_id: trade.trade_id,
            is_buyer_maker: trade.is_buyer_maker,
            at: trade.at,
        };
        self.open = Some((aggregate, taker_order));
        ended
    }

    /// Ends the open aggregate: its order can no longer trade.
    pub fn seal(&mut self) -> Option<AggregateTrade> {
        let (aggregate, _) = self.open.take()?;
        if self.aggregates.len() == self.capacity {
            self.aggregates.pop_front();
        }
        self.aggregates.push_back(aggregate);
        Some(aggregate)
    }

    /// Ends the open aggregate if market time has moved past it.
    pub fn seal_before(&mut self, at: i64) -> Option<AggregateTrade> {
        let is_past = self.open.is_some_and(|(aggregate, _)| aggregate.at < at);
        if is_past { self.seal() } else { None }
    }

    pub fn last(&self) -> Option<&PublicTrade> {
        self.trades.back()
    }

    pub fn trades(&self) -> &VecDeque<PublicTrade> {
        &self.trades
    }

    /// The trades from `trade_id` on.
    pub fn trades_from(&self, trade_id: u64) -> impl Iterator<Item = &PublicTrade> {
        let start = self.trades.partition_point(|t| t.trade_id < trade_id);
        self.trades.range(start..)
    }

    /// All aggregates, the open one included, oldest first.
    pub fn aggregates(&self) -> impl DoubleEndedIterator<Item = &AggregateTrade> {
        let open = self.open.iter().map(|(aggregate, _)| aggregate);
        self.aggregates.iter().chain(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trade(trade_id: u64, price: i64, at: i64, is_buyer_maker: bool) -> PublicTrade {
        PublicTrade {
            trade_id,
            price,
            quantity: 3,
            quote: 0,
            is_buyer_maker,
            at,
        }
    }

    #[test]
    fn one_taker_order_at_one_price_is_one_aggregate() {
        let mut log = TradeLog::new(10);
        assert_eq!(log.record(trade(1, 100, 5, false), Some(7)), None);
        assert_eq!(log.record(trade(2, 100, 5, false), Some(7)), None);
        let first = log.record(trade(3, 101, 5, false), Some(7)).unwrap();
        assert_eq!(
            (first.quantity, first.first_trade_id, first.last_trade_id),
            (6, 1, 2)
        );
        assert!(
            log.record(trade(4, 101, 5, false), Some(8)).is_some(),
            "another order"
        );
        assert!(log.seal_before(5).is_none());
        assert!(log.seal_before(6).is_some());
        assert_eq!(log.aggregates().count(), 3);
    }

    proptest! {
        /// Aggregates cover every trade once, in order, and differ from their neighbour.
        #[test]
        fn aggregates_partition_the_trades(
            steps in prop::collection::vec((0_i64..3, 0_i64..2, any::<bool>()), 1..200),
        ) {
            let mut log = TradeLog::new(1_000);
            let mut at = 0;
            for (index, (price, wait, maker)) in steps.iter().enumerate() {
                at += wait;
                log.seal_before(at);
                log.record(trade(index as u64 + 1, 100 + price, at, *maker), None);
            }
            let aggregates: Vec<_> = log.aggregates().copied().collect();
            let mut next = 1;
            for aggregate in &aggregates {
                prop_assert_eq!(aggregate.first_trade_id, next);
                let inside = log.trades_from(next)
                    .take_while(|t| t.trade_id <= aggregate.last_trade_id);
                let mut quantity = 0;
                for t in inside {
                    prop_assert_eq!(
                        (t.price, t.at, t.is_buyer_maker),
                        (aggregate.price, aggregate.at, aggregate.is_buyer_maker)
                    );
                    quantity += i128::from(t.quantity);
                }
                prop_assert_eq!(quantity, aggregate.quantity);
                next = aggregate.last_trade_id + 1;
            }
            prop_assert_eq!(next, steps.len() as u64 + 1);
            for pair in aggregates.windows(2) {
                prop_assert!(
                    (pair[0].price, pair[0].at, pair[0].is_buyer_maker)
                        != (pair[1].price, pair[1].at, pair[1].is_buyer_maker)
                );
            }
        }
    }
}
