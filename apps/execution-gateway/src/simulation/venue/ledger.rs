//! The venue's own truth, in the words of the history checker.

use super::{ASSET_PER_STEP, Venue};
use crate::simulation::history::{Ledger, LedgerOrder, LedgerTrade};

impl Venue {
    pub fn ledger(&self) -> Ledger {
        let orders = self
            .orders
            .iter()
            .enumerate()
            .map(|(index, order)| LedgerOrder {
                order: index,
                client_id: order.client.to_string(),
                instrument: self.instrument_name(order.market),
                executed: order.executed,
                is_open: order.is_open(),
                is_external: order.is_external,
                is_forgotten: order.is_forgotten,
            });
        let trades = self.trades.iter().map(|trade| LedgerTrade {
            id: trade.id.to_string(),
            order: trade.order,
            instrument: self.instrument_name(trade.market),
            quantity: trade.quantity,
            is_forgotten: trade.is_forgotten,
        });
        let held = self.markets.iter().map(|market| {
            (
                market.instrument.instrument_id.to_string(),
                (market.held, market.outside),
            )
        });
        Ledger {
            orders: orders.collect(),
            trades: trades.collect(),
            held: held.collect(),
            step: ASSET_PER_STEP,
        }
    }

    fn instrument_name(&self, market: usize) -> String {
        let found = self.markets.get(market);
        found
            .map(|market| market.instrument.instrument_id.to_string())
            .unwrap_or_default()
    }
}
