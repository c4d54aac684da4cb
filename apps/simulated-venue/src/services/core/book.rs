//! The venue's own records of orders, lists and trades, kept up to date from executions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::market::Market;
use super::matching::{FillReport, Happening, Report};
use crate::models::accounts::AccountId;
use crate::models::orders::{
    AmendRecord, ListRecord, OrderRecord, PreventedMatch, Status, TradeRecord,
};

/// All records since the venue began or last forgot.
#[derive(Debug, Default)]
pub struct Book {
    pub orders: BTreeMap<u64, OrderRecord>,
    pub lists: BTreeMap<u64, ListRecord>,
    pub trades: Vec<TradeRecord>,
    pub prevented: Vec<PreventedMatch>,
    pub amends: Vec<AmendRecord>,
    /// Indices into `trades` by order.
    fills: HashMap<u64, Vec<usize>>,
    open: BTreeSet<(AccountId, usize, u64)>,
    open_ids: HashMap<(AccountId, String), u64>,
    open_lists: BTreeSet<(AccountId, u64)>,
    open_list_ids: HashMap<(AccountId, String), u64>,
    /// The newest order that ever had a client order id.
    newest_ids: HashMap<(AccountId, usize, String), u64>,
    newest_list_ids: HashMap<(AccountId, String), u64>,
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
        let (account, market, id) = (record.account, record.market, record.order_id);
        let name = record.client_order_id.clone();
        self.open.insert((account, market, id));
        self.open_ids.insert((account, name.clone()), id);
        self.newest_ids.insert((account, market, name), id);
        self.orders.insert(id, record);
    }

    pub fn insert_list(&mut self, list: ListRecord) {
        let key = (list.account, list.client_order_id.clone());
        self.open_list_ids.insert(key.clone(), list.list_id);
        self.newest_list_ids.insert(key, list.list_id);
        self.open_lists.insert((list.account, list.list_id));
        self.lists.insert(list.list_id, list);
    }

    /// Client order ids are unique among an account's open orders only.
    pub fn is_open_id(&self, account: AccountId, client_order_id: &str) -> bool {
        let key = (account, client_order_id.to_owned());
        self.open_ids.contains_key(&key)
    }

    pub fn is_open_list_id(&self, account: AccountId, client_order_id: &str) -> bool {
        let key = (account, client_order_id.to_owned());
        self.open_list_ids.contains_key(&key)
    }

    /// The order of an account by its number; others' orders do not exist for it.
    pub fn order_of(&self, account: AccountId, order_id: u64) -> Option<&OrderRecord> {
        let order = self.orders.get(&order_id);
        order.filter(|order| order.account == account)
    }

    /// The open order of that client id, else the newest that ever had it.
    pub fn by_client_id(
        &self,
        account: AccountId,
        market: usize,
        client_order_id: &str,
    ) -> Option<&OrderRecord> {
        let is_it = |order: &&OrderRecord| {
            order.market == market && order.client_order_id == client_order_id
        };
        let open = self
            .open_ids
            .get(&(account, client_order_id.to_owned()))
            .and_then(|id| self.orders.get(id));
        let newest = || {
            let key = (account, market, client_order_id.to_owned());
            self.newest_ids
                .get(&key)
                .and_then(|id| self.orders.get(id))
                .filter(is_it)
        };
        open.filter(is_it).or_else(newest)
    }

    pub fn list_of(&self, account: AccountId, list_id: u64) -> Option<&ListRecord> {
        let list = self.lists.get(&list_id);
        list.filter(|list| list.account == account)
    }

    pub fn list_by_client_id(
        &self,
        account: AccountId,
        client_order_id: &str,
    ) -> Option<&ListRecord> {
        let key = (account, client_order_id.to_owned());
        let id = self.newest_list_ids.get(&key)?;
        self.lists.get(id)
    }

    /// An account's open orders on one market or on all, oldest first.
    pub fn open_orders(&self, account: AccountId, market: Option<usize>) -> Vec<&OrderRecord> {
        let (first, last) = (market.unwrap_or(0), market.unwrap_or(usize::MAX));
        let range = (account, first, 0)..=(account, last, u64::MAX);
        let mut orders: Vec<&OrderRecord> = self
            .open
            .range(range)
            .filter_map(|(_, _, id)| self.orders.get(id))
            .collect();
        orders.sort_unstable_by_key(|order| order.order_id);
        orders
    }

    /// Every open order of every account, by account and market.
    pub fn all_open_orders(&self) -> impl Iterator<Item = &OrderRecord> {
        self.open
            .iter()
            .filter_map(|(_, _, id)| self.orders.get(id))
    }

    pub fn open_lists(&self, account: AccountId) -> Vec<&ListRecord> {
        self.open_lists
            .range((account, 0)..=(account, u64::MAX))
            .filter_map(|(_, id)| self.lists.get(id))
            .collect()
    }

    /// The trades of one order, oldest first.
    pub fn trades_of(&self, order_id: u64) -> Vec<&TradeRecord> {
        let indices = self.fills.get(&order_id).into_iter().flatten();
        indices
            .filter_map(|index| self.trades.get(*index))
            .collect()
    }

    /// Prevented matches in which one order took part, oldest first.
    pub fn prevented_of(&self, order_id: u64) -> impl Iterator<Item = &PreventedMatch> {
        self.prevented.iter().filter(move |record| {
            record.taker_order_id == order_id || record.maker_order_id == order_id
        })
    }

    /// Gives an open order another client order id.
    pub fn rename(&mut self, order_id: u64, client_order_id: &str) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let old = std::mem::replace(&mut order.client_order_id, client_order_id.to_owned());
        let (account, market) = (order.account, order.market);
        self.open_ids.remove(&(account, old));
        let name = client_order_id.to_owned();
        self.open_ids.insert((account, name.clone()), order_id);
        self.newest_ids.insert((account, market, name), order_id);
    }

    /// Applies one report to its order; `None` for an order nobody knows.
    pub fn apply(&mut self, report: &Report, market: &Market) -> Option<Change> {
        let order = self.orders.get_mut(&report.order_id)?;
        order.updated_at = report.at;
        let mut change = Change::default();
        match &report.happening {
            Happening::New => {
                let rests = order.terms.trigger().is_some();
                order.status = Status::New;
                order.working_at = if rests { None } else { Some(report.at) };
            }
            Happening::Triggered => order.working_at = Some(report.at),
            Happening::PendingNew => order.status = Status::PendingNew,
            Happening::Trade(fill) => {
                change.is_first_fill = order.executed == 0;
                change.trade = Some(self.trades.len());
                let trade = record_fill(order, fill, market, report.at);
                self.fills
                    .entry(order.order_id)
                    .or_default()
                    .push(self.trades.len());
                self.trades.push(trade);
            }
            Happening::Prevented(prevented) => {
                order.prevented += prevented.quantity;
                order.prevented_match_id = Some(prevented.match_id);
                if order.remaining() <= 0 {
                    order.status = Status::ExpiredInMatch;
                }
            }
            Happening::Amended { .. } => {}
            Happening::Canceled => order.status = Status::Canceled,
            Happening::Rejected => order.status = Status::Rejected,
            Happening::Expired => order.status = Status::Expired,
        }
        if !order.status.is_open() {
            let list_id = order.list_id;
            let key = (order.account, order.client_order_id.clone());
            self.open
                .remove(&(order.account, order.market, order.order_id));
            self.open_ids.remove(&key);
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
        self.open_lists.remove(&(list.account, list_id));
        self.open_list_ids
            .remove(&(list.account, list.client_order_id.clone()));
        Some(list_id)
    }
}

fn record_fill(
    order: &mut OrderRecord,
    fill: &FillReport,
    market: &Market,
    at: i64,
) -> TradeRecord {
    order.working_at = order.working_at.or(Some(at));
    order.executed += fill.quantity;
    let quote = market.trade_amount(fill.price, fill.quantity);
    order.quote += quote;
    order.status = if order.remaining() > 0 {
        Status::PartiallyFilled
    } else {
        Status::Filled
    };
    TradeRecord {
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
        at,
    }
}
