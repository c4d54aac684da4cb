//! What the model venue tells: reports, queries, complete lists, parts of a reconciliation.

use rust_common::{
    ClientOrderId, LiquiditySide, Money, OrderType, Price, Quantity, TimeInForce, UnixMillis,
};

use super::{Kind, Stage, Venue, VenueOrder};
use crate::models::venue::{
    AssetBalance, Outcome, ReportExtra, Snapshot, Sweep, VenueAnswer, VenueReport, VenueStatus,
    VenueTrade as Told,
};

pub const EPOCH_MS: i64 = 1_700_000_000_000;

fn millis(at: i64) -> UnixMillis {
    UnixMillis::new(EPOCH_MS + at).unwrap_or_default()
}

fn quantity(steps: i64) -> Quantity {
    Quantity::new(steps.max(0), 5).unwrap_or_else(|_| Quantity::zero(5))
}

fn status(order: &VenueOrder) -> VenueStatus {
    match order.stage {
        Stage::Working => VenueStatus::Working,
        Stage::Triggered => VenueStatus::Triggered,
        Stage::Filled => VenueStatus::Filled,
        Stage::Canceled => VenueStatus::Canceled,
        Stage::Expired => VenueStatus::Expired,
    }
}

fn order_type(kind: Kind) -> OrderType {
    match kind {
        Kind::Market => OrderType::Market,
        Kind::Limit(_) => OrderType::Limit,
        Kind::Stop => OrderType::StopMarket,
    }
}

impl Venue {
    /// Where an order stands, with these of its trades.
    pub fn report(
        &self,
        index: usize,
        trades: &[usize],
        with_executions: bool,
    ) -> Option<VenueReport> {
        let order = self.orders.get(index)?;
        let market = self.markets.get(order.market)?;
        let price = |cents: i64| (cents > 0).then(|| Price::new(cents, 2).ok()).flatten();
        Some(VenueReport {
            client_order_id: order.client.clone(),
            venue_order_id: order.number.to_string(),
            instrument_id: market.instrument.instrument_id.clone(),
            order_type: order_type(order.kind),
            order_side: order.side,
            quantity: quantity(order.quantity),
            price: price(order.price),
            trigger_price: price(order.trigger),
            status: status(order),
            executed: quantity(order.executed),
            trades: trades
                .iter()
                .filter_map(|trade| self.told(*trade, with_executions))
                .collect(),
            execution_id: None,
            at: millis(order.updated_at),
            reason: None,
            extra: ReportExtra {
                prevented: (order.prevented > 0).then(|| quantity(order.prevented)),
                ..ReportExtra::default()
            },
        })
    }

    fn told(&self, index: usize, with_execution: bool) -> Option<Told> {
        let trade = self.trades.get(index)?;
        let market = self.markets.get(trade.market)?;
        let order = self.orders.get(trade.order)?;
        let is_maker = order.kind == Kind::Limit(TimeInForce::Gtc { post_only: true });
        Some(Told {
            trade_id: trade.id.to_string(),
            execution_id: with_execution.then_some(trade.execution),
            price: Price::new(trade.price, 2).ok()?,
            quantity: quantity(trade.quantity),
            fee: Money::from_mantissa(trade.fee),
            fee_asset: match trade.fee_is_base {
                true => market.base.clone(),
                false => self.quote_asset.clone(),
            },
            liquidity_side: if is_maker {
                LiquiditySide::Maker
            } else {
                LiquiditySide::Taker
            },
            at: millis(trade.at),
        })
    }

    /// A reply to place, cancel and amend: the orders with every trade so far.
    pub fn reply(&self, indexes: &[usize]) -> Vec<VenueReport> {
        let tell = |index: &usize| {
            let trades = self.orders.get(*index)?.trades.clone();
            self.report(*index, &trades, true)
        };
        indexes.iter().filter_map(tell).collect()
    }

    fn is_visible(&self, now: i64, index: usize) -> bool {
        self.orders
            .get(index)
            .is_some_and(|order| order.visible_at <= now && !order.is_forgotten)
    }

    /// Trades of an order that the database holds by now.
    fn stored_trades(&self, now: i64, index: usize) -> Vec<usize> {
        let Some(order) = self.orders.get(index) else {
            return Vec::new();
        };
        let is_stored = |trade: &usize| {
            self.trades
                .get(*trade)
                .is_some_and(|trade| trade.at + self.trade_lag <= now)
        };
        order.trades.iter().copied().filter(is_stored).collect()
    }

    pub fn query(&self, now: i64, client: &ClientOrderId) -> Outcome {
        match self
            .find(client)
            .filter(|index| self.is_visible(now, *index))
        {
            Some(index) => {
                let trades = self.stored_trades(now, index);
                let reports = self.report(index, &trades, false).into_iter().collect();
                Outcome::Done(VenueAnswer::Reports(reports))
            }
            None => Outcome::Missing,
        }
    }

    /// Complete lists of open and past orders, searched for one id.
    pub fn absence(&self, now: i64, client: &ClientOrderId) -> Outcome {
        let found = self
            .orders
            .iter()
            .enumerate()
            .any(|(index, order)| order.client == *client && self.is_visible(now, index));
        Outcome::Done(VenueAnswer::Absent(!found))
    }

    /// First part of a reconciliation.
    pub fn balances(&self) -> Vec<AssetBalance> {
        let mut all: Vec<AssetBalance> = Vec::new();
        for (index, market) in self.markets.iter().enumerate() {
            let (locked, free) = self.base_balance(index);
            all.push(AssetBalance {
                asset: market.base.clone(),
                free: Money::from_mantissa(free),
                locked: Money::from_mantissa(locked),
            });
        }
        all.push(AssetBalance {
            asset: self.quote_asset.clone(),
            free: Money::from_mantissa(self.quote),
            locked: Money::ZERO,
        });
        all
    }

    /// Second part: open orders, and own orders that are not among them.
    pub fn open_part(
        &self,
        now: i64,
        own_open: &[(rust_common::InstrumentId, ClientOrderId)],
        snapshot: &mut Snapshot,
    ) {
        let open = self
            .open
            .iter()
            .copied()
            .filter(|index| self.is_visible(now, *index));
        let states: Vec<VenueReport> = open
            .filter_map(|index| self.report(index, &[], false))
            .collect();
        let mut more = Vec::new();
        for (_, client) in own_open {
            if states
                .iter()
                .any(|report| report.client_order_id == *client)
            {
                continue;
            }
            match self
                .find(client)
                .filter(|index| self.is_visible(now, *index))
            {
                Some(index) => more.extend(self.report(index, &[], false)),
                None => snapshot.missing.push(client.clone()),
            }
        }
        snapshot.reports.extend(states);
        snapshot.reports.extend(more);
    }

    /// Third part: trades since the last sweep, in the order of their ids, before the states.
    pub fn trades_part(&self, now: i64, sweeps: &[Sweep], snapshot: &mut Snapshot) {
        let mut told = Vec::new();
        for sweep in sweeps {
            let Some(market) = self.market_of(&sweep.instrument_id) else {
                continue;
            };
            let after = sweep.after_trade_id.unwrap_or(0);
            let mut last = after;
            for (index, trade) in self.trades.iter().enumerate() {
                let is_stored = trade.at + self.trade_lag <= now && !trade.is_forgotten;
                if trade.market != market || trade.id <= after || !is_stored {
                    continue;
                }
                last = last.max(trade.id);
                if sweep.after_trade_id.is_none() {
                    continue;
                }
                if let Some(mut report) = self.report(trade.order, &[index], false) {
                    report.status = VenueStatus::Working;
                    report.executed = quantity(trade.quantity);
                    report.at = millis(trade.at);
                    report.extra = ReportExtra::default();
                    told.push(report);
                }
            }
            snapshot.swept.push((sweep.instrument_id.clone(), last));
        }
        told.append(&mut snapshot.reports);
        snapshot.reports = told;
    }
}
