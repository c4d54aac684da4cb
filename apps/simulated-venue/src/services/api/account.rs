//! Queries about the one account: orders, trades, lists, balances.

use serde_json::{Value, json};

use super::market::{limit, newest_or_oldest};
use super::params::Params;
use super::trade::find_order;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{ListRecord, OrderRecord, TradeRecord};
use crate::services::core::payloads::{self, money_text};
use crate::services::shell::Shell;

const DAY_MS: i64 = 86_400_000;

pub fn query_order(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let order = find_order(shell, params)?;
    params.finish()?;
    show_order(shell, order.ok_or_else(VenueError::no_such_order)?)
}

fn show_order(shell: &Shell, order: &OrderRecord) -> Result<Value, VenueError> {
    Ok(payloads::queried(order, shell.state.market(order.market)?))
}

pub fn open_orders(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let symbol = params.symbol()?;
    params.finish()?;
    let market = symbol
        .map(|symbol| shell.state.market_index(&symbol))
        .transpose()?;
    let orders = shell.state.book().open_orders(AccountId::FIRST, market);
    orders
        .into_iter()
        .map(|order| show_order(shell, order))
        .collect()
}

fn market_of(shell: &Shell, params: &mut Params) -> Result<usize, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    shell.state.market_index(&symbol)
}

/// A time range in market time.
struct Range {
    start: Option<i64>,
    end: Option<i64>,
}

impl Range {
    fn read(params: &mut Params) -> Result<Self, VenueError> {
        let range = Self {
            start: params.integer("startTime")?,
            end: params.integer("endTime")?,
        };
        match (range.start, range.end) {
            (Some(start), Some(end)) if end < start || end - start > DAY_MS => {
                let text = "More than 24 hours between startTime and endTime.";
                Err(VenueError::bad_request(-1127, text))
            }
            _ => Ok(range),
        }
    }

    fn contains(&self, at: i64) -> bool {
        self.start.is_none_or(|start| at >= start) && self.end.is_none_or(|end| at <= end)
    }

    fn is_given(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}

pub fn all_orders(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let market = market_of(shell, params)?;
    let from_id = params
        .integer("orderId")?
        .and_then(|id| u64::try_from(id).ok());
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    let orders: Vec<&OrderRecord> = shell
        .state
        .book()
        .orders
        .range(from_id.unwrap_or(0)..)
        .map(|(_, order)| order)
        .filter(|order| order.market == market && range.contains(order.created_at))
        .collect();
    let from_start = from_id.is_some() || range.start.is_some();
    let rows = newest_or_oldest(&orders, from_start, limit);
    rows.iter().map(|order| show_order(shell, order)).collect()
}

/// Only the combinations that Binance lists are legal; others are `-1128`.
pub fn my_trades(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let market = market_of(shell, params)?;
    let order_id = params
        .integer("orderId")?
        .and_then(|id| u64::try_from(id).ok());
    let from_id = params
        .integer("fromId")?
        .and_then(|id| u64::try_from(id).ok());
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    if range.is_given() && (from_id.is_some() || order_id.is_some()) {
        return Err(VenueError::bad_request(
            -1128,
            "Combination of optional parameters invalid.",
        ));
    }
    let trades: Vec<&TradeRecord> = shell
        .state
        .book()
        .trades
        .iter()
        .filter(|trade| trade.market == market)
        .filter(|trade| order_id.is_none_or(|id| trade.order_id == id))
        .filter(|trade| from_id.is_none_or(|id| trade.trade_id >= id))
        .filter(|trade| range.contains(trade.at))
        .collect();
    let from_start = from_id.is_some() || range.start.is_some();
    let rows = newest_or_oldest(&trades, from_start, limit);
    let market = shell.state.market(market)?;
    Ok(rows
        .iter()
        .map(|trade| payloads::account_trade(trade, market))
        .collect())
}

pub fn account(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let omits_zero = params.boolean("omitZeroBalances")?.unwrap_or(false);
    params.finish()?;
    let (maker, taker) = shell.state.fee_rates();
    let balances: Vec<Value> = shell
        .state
        .balances()
        .iter()
        .filter(|(_, free, locked)| !omits_zero || *free != 0 || *locked != 0)
        .map(|(asset, free, locked)| {
            json!({"asset": asset, "free": money_text(*free), "locked": money_text(*locked)})
        })
        .collect();
    Ok(json!({
        // In basis points, as the oldest clients still read them.
        "makerCommission": maker / 10_000, "takerCommission": taker / 10_000,
        "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {
            "maker": money_text(i128::from(maker)), "taker": money_text(i128::from(taker)),
            "buyer": money_text(0), "seller": money_text(0),
        },
        "canTrade": !shell.state.is_done(), "canWithdraw": false, "canDeposit": false,
        "brokered": false, "requireSelfTradePrevention": false, "preventSor": true,
        "updateTime": shell.state.market_time(), "accountType": "SPOT", "balances": balances,
        "permissions": ["SPOT"], "uid": 1,
    }))
}

pub fn order_counts(shell: &mut Shell, params: &Params) -> Result<Value, VenueError> {
    params.finish()?;
    let now = shell.clock.now_ms();
    let (ten_seconds, day) = shell.limits.order_counts(now);
    let mut rows = shell.limits.ceilings().describe();
    let rows = rows.as_array_mut().map(std::mem::take).unwrap_or_default();
    let counted = rows
        .into_iter()
        .filter(|row| row.get("rateLimitType").and_then(Value::as_str) == Some("ORDERS"));
    let counts = [ten_seconds, day];
    Ok(counted
        .zip(counts)
        .map(|(mut row, count)| {
            if let Some(fields) = row.as_object_mut() {
                fields.insert("count".into(), json!(count));
            }
            row
        })
        .collect())
}

pub fn query_list(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let list_id = params
        .integer("orderListId")?
        .and_then(|id| u64::try_from(id).ok());
    let name = params.take("origClientOrderId")?;
    params.finish()?;
    let book = shell.state.book();
    let list = match (list_id, name) {
        (Some(id), _) => book.lists.get(&id),
        (None, Some(name)) => book.list_by_client_id(AccountId::FIRST, &name),
        (None, None) => {
            return Err(VenueError::missing_both("orderListId", "origClientOrderId"));
        }
    };
    let missing = || VenueError::bad_request(-2018, "Order list does not exist.");
    show_list(shell, list.ok_or_else(missing)?)
}

fn show_list(shell: &Shell, list: &ListRecord) -> Result<Value, VenueError> {
    let market = shell.state.market(list.market)?;
    Ok(payloads::list(list, market, &shell.state.legs(list)))
}

pub fn open_lists(shell: &Shell, params: &Params) -> Result<Value, VenueError> {
    params.finish()?;
    let lists = shell.state.book().open_lists(AccountId::FIRST);
    lists
        .into_iter()
        .map(|list| show_list(shell, list))
        .collect()
}

pub fn all_lists(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let from_id = params
        .integer("fromId")?
        .and_then(|id| u64::try_from(id).ok());
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    if range.is_given() && from_id.is_some() {
        return Err(VenueError::bad_request(
            -1128,
            "Combination of optional parameters invalid.",
        ));
    }
    let lists: Vec<&ListRecord> = shell
        .state
        .book()
        .lists
        .range(from_id.unwrap_or(0)..)
        .map(|(_, list)| list)
        .filter(|list| range.contains(list.updated_at))
        .collect();
    let from_start = from_id.is_some() || range.start.is_some();
    let rows = newest_or_oldest(&lists, from_start, limit);
    rows.iter().map(|list| show_list(shell, list)).collect()
}
