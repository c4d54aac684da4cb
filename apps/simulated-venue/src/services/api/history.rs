//! Queries about an account's orders and trades.

use serde_json::Value;

use super::dispatch::Caller;
use super::market::{limit, newest_or_oldest};
use super::params::Params;
use super::payloads;
use super::trade::find_order;
use crate::error::VenueError;
use crate::models::orders::{AmendRecord, OrderRecord, PreventedMatch, Status, TradeRecord};
use crate::services::shell::Shell;

const DAY_MS: i64 = 86_400_000;
/// Orders that ended without a fill longer ago than this are archived (errors.md, -2026).
const ARCHIVED_AFTER_MS: i64 = 90 * DAY_MS;
/// Times beyond this are microseconds: it is the year 5138 in milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// `GET /api/v3/order`.
pub fn query_order(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let names = ["orderId", "origClientOrderId"];
    let order = find_order(shell, params, caller.account, names)?;
    params.finish()?;
    let order = order.ok_or_else(VenueError::no_such_order)?;
    let ended = matches!(order.status, Status::Canceled | Status::Expired);
    let age = shell.state.market_time() - order.updated_at;
    let is_live = shell.state.market(order.market)?.is_live();
    if is_live && ended && order.executed == 0 && age > ARCHIVED_AFTER_MS {
        let text = "Order was canceled or expired with no executed qty over 90 days ago and has been \
             archived.";
        return Err(VenueError::bad_request(-2026, text));
    }
    show_order(shell, order)
}

fn show_order(shell: &Shell, order: &OrderRecord) -> Result<Value, VenueError> {
    Ok(payloads::queried(order, shell.state.market(order.market)?))
}

/// `GET /api/v3/openOrders`.
pub fn open_orders(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let symbol = params.symbol()?;
    params.finish()?;
    let market = symbol
        .map(|symbol| shell.state.market_index(&symbol))
        .transpose()?;
    let orders = shell.state.book().open_orders(caller.account, market);
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

/// A time range in market time, at most 24 hours long.
pub(super) struct Range {
    start: Option<i64>,
    end: Option<i64>,
}

impl Range {
    pub(super) fn read(params: &mut Params) -> Result<Self, VenueError> {
        let mut read = |name: &str| {
            let time = params.integer(name)?;
            let in_ms = |time: i64| {
                if time >= MICROSECONDS_FROM {
                    time / 1_000
                } else {
                    time
                }
            };
            Ok::<_, VenueError>(time.map(in_ms))
        };
        let range = Self {
            start: read("startTime")?,
            end: read("endTime")?,
        };
        match (range.start, range.end) {
            (Some(start), Some(end)) if end < start || end - start > DAY_MS => {
                let text = "More than 24 hours between startTime and endTime.";
                Err(VenueError::bad_request(-1127, text))
            }
            _ => Ok(range),
        }
    }

    pub(super) fn contains(&self, at: i64) -> bool {
        self.start.is_none_or(|start| at >= start) && self.end.is_none_or(|end| at <= end)
    }

    pub(super) fn is_given(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }

    /// A start asks for the oldest rows first.
    pub(super) fn has_start(&self) -> bool {
        self.start.is_some()
    }
}

/// `GET /api/v3/allOrders`: `orderId` means this order and later ones.
pub fn all_orders(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let market = market_of(shell, params)?;
    let from_id = params.id("orderId")?;
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    let orders: Vec<&OrderRecord> = shell
        .state
        .book()
        .orders
        .range(from_id.unwrap_or(0)..)
        .map(|(_, order)| order)
        .filter(|order| order.account == caller.account && order.market == market)
        .filter(|order| range.contains(order.created_at))
        .collect();
    let from_start = from_id.is_some() || range.has_start();
    let rows = newest_or_oldest(&orders, from_start, limit);
    rows.iter().map(|order| show_order(shell, order)).collect()
}

/// `GET /api/v3/myTrades`. Only the combinations that Binance lists are legal; others are `-1128`.
pub fn my_trades(shell: &Shell, params: &mut Params, caller: &Caller) -> Result<Value, VenueError> {
    let index = market_of(shell, params)?;
    let order_id = params.id("orderId")?;
    let from_id = params.id("fromId")?;
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    if range.is_given() && (from_id.is_some() || order_id.is_some()) {
        return Err(VenueError::bad_combination());
    }
    let is_asked = |trade: &&TradeRecord| {
        trade.market == index
            && trade.account == caller.account
            && order_id.is_none_or(|id| trade.order_id == id)
            && from_id.is_none_or(|id| trade.trade_id >= id)
            && range.contains(trade.at)
    };
    let trades: Vec<&TradeRecord> = shell.state.book().trades.iter().filter(is_asked).collect();
    let from_start = from_id.is_some() || range.has_start();
    let rows = newest_or_oldest(&trades, from_start, limit);
    let market = shell.state.market(index)?;
    Ok(rows
        .iter()
        .map(|trade| payloads::account_trade(trade, market))
        .collect())
}

/// `GET /api/v3/myPreventedMatches`: by match, by order, or by order from a match on.
pub fn prevented_matches(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let index = market_of(shell, params)?;
    let match_id = params.id("preventedMatchId")?;
    let order_id = params.id("orderId")?;
    let from_id = params.id("fromPreventedMatchId")?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    match (match_id, order_id, from_id) {
        (Some(_), None, None) | (None, Some(_), _) => {}
        (None, None, None) => {
            return Err(VenueError::missing_both("preventedMatchId", "orderId"));
        }
        _ => return Err(VenueError::bad_combination()),
    }
    let is_asked = |record: &&PreventedMatch| {
        let id = record.prevented_match_id;
        let takes_part =
            |order: u64| record.taker_order_id == order || record.maker_order_id == order;
        let is_own =
            record.taker_account == caller.account || record.maker_account == caller.account;
        record.market == index
            && is_own
            && match_id.is_none_or(|wanted| id == wanted)
            && order_id.is_none_or(takes_part)
            && from_id.is_none_or(|from| id >= from)
    };
    let market = shell.state.market(index)?;
    let records = shell.state.book().prevented.iter().filter(is_asked);
    Ok(records
        .take(limit)
        .map(|record| payloads::prevented_match(record, market))
        .collect())
}

/// `GET /api/v3/order/amendments`.
pub fn amendments(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let index = market_of(shell, params)?;
    let order_id = params
        .id("orderId")?
        .ok_or_else(|| VenueError::missing("orderId"))?;
    let from_id = params.id("fromExecutionId")?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    let is_asked = |amend: &&AmendRecord| {
        amend.account == caller.account
            && amend.market == index
            && amend.order_id == order_id
            && from_id.is_none_or(|from| amend.execution_id >= from)
    };
    let market = shell.state.market(index)?;
    let amends = shell.state.book().amends.iter().filter(is_asked);
    Ok(amends
        .take(limit)
        .map(|amend| payloads::amendment(amend, market))
        .collect())
}

/// `GET /api/v3/myAllocations`. Allocations come from smart order routing, which this venue does
/// not have: the empty list is the truth.
pub fn allocations(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    market_of(shell, params)?;
    Range::read(params)?;
    params.id("fromAllocationId")?;
    params.id("orderId")?;
    limit(params, 500, 1_000)?;
    params.finish()?;
    Ok(Value::Array(Vec::new()))
}
