//! The venue's own records of orders, lists and trades, kept up to date from executions.

use std::collections::{BTreeMap, HashMap};

use super::market::Market;
use super::matching::{Happening, Report};
use crate::models::accounts::AccountId;
use crate::models::orders::{
    AmendRecord, ListRecord, OrderRecord, PreventedMatch, Status, TradeRecord,
};

/// All records since the venue began.
#[derive(Debug, Default)]
pub struct Book {
    pub orders: BTreeMap<u64, OrderRecord>,
    pub lists: BTreeMap<u64, ListRecord>,
    pub trades: Vec<TradeRecord>,
    pub prevented: Vec<PreventedMatch>,
    pub amends: Vec<AmendRecord>,
    open_ids: HashMap<String, u64>,
    open_list_ids: HashMap<String, u64>,
}

/// What one report changed beside the order itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub trade: Option<usize>,
    pub is_first_fill: bool,
    pub finished_list: Option<u64>,
}

impl Book {
    pub fn insert(&mut self, record: OrderRecord) {
        self.open_ids
            .insert(record.client_order_id.clone(), record.order_id);
        self.orders.insert(record.order_id, record);
    }

    pub fn insert_list(&mut self, list: ListRecord) {
        self.open_list_ids
            .insert(list.client_order_id.clone(), list.list_id);
        self.lists.insert(list.list_id, list);
    }

    /// Client order ids are unique among open orders only.
    pub fn is_open_id(&self, client_order_id: &str) -> bool {
        self.open_ids.contains_key(client_order_id)
    }

    pub fn is_open_list_id(&self, client_order_id: &str) -> bool {
        self.open_list_ids.contains_key(client_order_id)
    }

    /// The open order of that client id, else the newest that ever had it.
    pub fn by_client_id(
        &self,
        _account: AccountId,
        market: usize,
        client_order_id: &str,
    ) -> Option<&OrderRecord> {
        let is_it = |order: &&OrderRecord| {
            order.market == market && order.client_order_id == client_order_id
        };
        let open = self
            .open_ids
            .get(client_order_id)
            .and_then(|id| self.orders.get(id));
        open.filter(is_it)
            .or_else(|| self.orders.values().rev().find(is_it))
    }

    pub fn order_of(&self, _account: AccountId, order_id: u64) -> Option<&OrderRecord> {
        self.orders.get(&order_id)
    }
    pub fn list_of(&self, _account: AccountId, id: u64) -> Option<&ListRecord> {
        self.lists.get(&id)
    }
    pub fn trades_of(&self, order_id: u64) -> Vec<&TradeRecord> {
        self.trades
            .iter()
            .filter(|trade| trade.order_id == order_id)
            .collect()
    }
    pub fn list_by_client_id(
        &self,
        _account: AccountId,
        client_order_id: &str,
    ) -> Option<&ListRecord> {
        self.lists
            .values()
            .rev()
            .find(|list| list.client_order_id == client_order_id)
    }

    pub fn open_orders(&self, _account: AccountId, market: Option<usize>) -> Vec<&OrderRecord> {
        let mut ids: Vec<u64> = self.open_ids.values().copied().collect();
        ids.sort_unstable();
        ids.iter()
            .filter_map(|id| self.orders.get(id))
            .filter(|order| market.is_none_or(|market| order.market == market))
            .collect()
    }

    pub fn open_lists(&self, _account: AccountId) -> Vec<&ListRecord> {
        let mut ids: Vec<u64> = self.open_list_ids.values().copied().collect();
        ids.sort_unstable();
        ids.iter().filter_map(|id| self.lists.get(id)).collect()
    }

    /// Applies one report to its order; `None` for an order nobody knows.
    pub fn apply(&mut self, report: &Report, market: &Market) -> Option<Change> {
        let order = self.orders.get_mut(&report.order_id)?;
        order.updated_at = report.at;
        let mut change = Change::default();
        match &report.happening {
            Happening::New | Happening::Triggered => {
                let rests = matches!(report.happening, Happening::New)
                    && order.terms.stop_price().is_some();
                order.working_at = if rests { None } else { Some(report.at) };
            }
            Happening::Trade(fill) => {
                change.is_first_fill = order.executed == 0;
                order.working_at = order.working_at.or(Some(report.at));
                order.executed += fill.quantity;
                let quote = market.quote_amount(fill.price, fill.quantity);
                order.quote += quote;
                order.status = if order.executed >= order.quantity {
                    Status::Filled
                } else {
                    Status::PartiallyFilled
                };
                change.trade = Some(self.trades.len());
                self.trades.push(TradeRecord {
                    account: order.account,
                    trade_id: fill.trade_id,
                    order_id: order.order_id,
                    list_id: order.list_id,
                    market: order.market,
                    side: order.side,
                    price: fill.price,
                    quantity: fill.quantity,
                    quote,
                    fee: fill.fee,
                    fee_asset: fill.fee_asset.clone(),
                    is_maker: fill.is_maker,
                    at: report.at,
                });
            }
            Happening::Canceled => order.status = Status::Canceled,
            Happening::Expired => order.status = Status::Expired,
        }
        let (is_open, list_id) = (order.status.is_open(), order.list_id);
        if !is_open {
            let client_order_id = order.client_order_id.clone();
            self.open_ids.remove(&client_order_id);
            change.finished_list = list_id.and_then(|id| self.finish_list(id, report.at));
        }
        Some(change)
    }

    /// Marks a list done once none of its orders is open.
    fn finish_list(&mut self, list_id: u64, at: i64) -> Option<u64> {
        let list = self.lists.get_mut(&list_id)?;
        let orders = &self.orders;
        let is_open = |id: &u64| orders.get(id).is_some_and(|order| order.status.is_open());
        if list.is_done || list.orders.iter().any(is_open) {
            return None;
        }
        list.is_done = true;
        list.updated_at = at;
        self.open_list_ids.remove(&list.client_order_id);
        Some(list_id)
    }
}
