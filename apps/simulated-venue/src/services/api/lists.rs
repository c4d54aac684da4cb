//! Order lists: OCO, OTO, OTOCO, placed, cancelled and queried.

use serde_json::{Value, json};

use super::dispatch::Caller;
use super::history::Range;
use super::market::{limit, newest_or_oldest};
use super::params::Params;
use super::payloads::{self, Detail, extend};
use super::tickets::{
    Names, read_detail, read_leg, read_market, read_prevention, read_quantity, read_side,
};
use super::trade::canceled;
use crate::error::VenueError;
use crate::models::orders::{
    CancelListTicket, CancelTicket, Input, Leg, ListRecord, ListShape, ListTicket, OrderRecord,
    SelfTradePrevention, Side,
};
use crate::services::core::Outcome;
use crate::services::core::market::Market;
use crate::services::shell::Shell;

/// `POST /api/v3/orderList/oco`: one leg above the price, one below it.
pub fn place_oco(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let side = read_side(params, "side")?;
    let quantity = read_quantity(market, params, "quantity")?;
    let prevention = read_prevention(shell, params, index)?;
    let (above, below) = read_pair(
        market,
        params,
        ("above", "below"),
        (side, quantity),
        prevention,
    )?;
    let detail = read_detail(params, Detail::Result)?;
    let shape = ListShape::Oco { above, below };
    place(shell, params, caller, (index, shape, detail))
}

/// `POST /api/v3/order/oco`: the same list in its deprecated form.
pub fn place_old_oco(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let side = read_side(params, "side")?;
    let quantity = read_quantity(market, params, "quantity")?;
    let prevention = read_prevention(shell, params, index)?;
    let stop_kind = if params.has("stopLimitPrice") {
        "STOP_LOSS_LIMIT"
    } else {
        "STOP_LOSS"
    };
    check_old_names(params)?;
    params.rename(&[
        ("price", "limitPrice"),
        ("stopPrice", "stopStopPrice"),
        ("trailingDelta", "stopTrailingDelta"),
        ("stopLimitPrice", "stopPrice"),
        ("stopLimitTimeInForce", "stopTimeInForce"),
    ]);
    let what = ("LIMIT_MAKER", side, quantity);
    let limit = read_leg(market, params, Names("limit"), what, prevention)?;
    let what = (stop_kind, side, quantity);
    let stop = read_leg(market, params, Names("stop"), what, prevention)?;
    let detail = read_detail(params, Detail::Result)?;
    let (above, below) = match side {
        Side::Sell => (limit, stop),
        Side::Buy => (stop, limit),
    };
    let shape = ListShape::Oco { above, below };
    place(shell, params, caller, (index, shape, detail))
}

/// What is missing is named as the caller knows it.
fn check_old_names(params: &Params) -> Result<(), VenueError> {
    if !params.has("price") {
        return Err(VenueError::missing("price"));
    }
    if !params.has("stopPrice") && !params.has("trailingDelta") {
        return Err(VenueError::missing_both("stopPrice", "trailingDelta"));
    }
    let is_limited = params.has("stopLimitPrice");
    if is_limited && !params.has("stopLimitTimeInForce") {
        return Err(VenueError::missing("stopLimitTimeInForce"));
    }
    if !is_limited && params.has("stopLimitTimeInForce") {
        return Err(VenueError::time_in_force_not_required());
    }
    Ok(())
}

/// `POST /api/v3/orderList/oto`: a pending order that waits for a working one.
pub fn place_oto(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let prevention = read_prevention(shell, params, index)?;
    let working = read_working(market, params, prevention)?;
    let kind = params.required("pendingType")?;
    let side = read_side(params, "pendingSide")?;
    let quantity = read_quantity(market, params, "pendingQuantity")?;
    let what = (kind.as_str(), side, quantity);
    let pending = read_leg(market, params, Names("pending"), what, prevention)?;
    let detail = read_detail(params, Detail::Result)?;
    let shape = ListShape::Oto { working, pending };
    place(shell, params, caller, (index, shape, detail))
}

/// `POST /api/v3/orderList/otoco`: a pending OCO that waits for a working order.
pub fn place_otoco(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let prevention = read_prevention(shell, params, index)?;
    let working = read_working(market, params, prevention)?;
    let side = read_side(params, "pendingSide")?;
    let quantity = read_quantity(market, params, "pendingQuantity")?;
    let prefixes = ("pendingAbove", "pendingBelow");
    let (above, below) = read_pair(market, params, prefixes, (side, quantity), prevention)?;
    let detail = read_detail(params, Detail::Result)?;
    let shape = ListShape::Otoco {
        working,
        above,
        below,
    };
    place(shell, params, caller, (index, shape, detail))
}

fn read_working(
    market: &Market,
    params: &mut Params,
    prevention: SelfTradePrevention,
) -> Result<Leg, VenueError> {
    let kind = params.required("workingType")?;
    if !matches!(kind.as_str(), "LIMIT" | "LIMIT_MAKER") {
        return Err(VenueError::bad_request(-1116, "Invalid orderType."));
    }
    let side = read_side(params, "workingSide")?;
    let quantity = read_quantity(market, params, "workingQuantity")?;
    let what = (kind.as_str(), side, quantity);
    read_leg(market, params, Names("working"), what, prevention)
}

fn read_pair(
    market: &Market,
    params: &mut Params,
    (above, below): (&'static str, &'static str),
    (side, quantity): (Side, i64),
    prevention: SelfTradePrevention,
) -> Result<(Leg, Leg), VenueError> {
    let above_kind = params.required(&format!("{above}Type"))?;
    let below_kind = params.required(&format!("{below}Type"))?;
    check_pair(side, &above_kind, &below_kind)?;
    let is_plain = |kind: &String| matches!(kind.as_str(), "LIMIT_MAKER" | "STOP_LOSS");
    let is_pair = is_plain(&above_kind) && is_plain(&below_kind);
    if !market.is_live() && !is_pair {
        let text = "Order type not supported in OCO.";
        return Err(VenueError::bad_request(-1158, text));
    }
    let what = (above_kind.as_str(), side, quantity);
    let first = read_leg(market, params, Names(above), what, prevention)?;
    let what = (below_kind.as_str(), side, quantity);
    let second = read_leg(market, params, Names(below), what, prevention)?;
    Ok((first, second))
}

/// Which types may stand above and below the price (rest-api.md, "New Order list - OCO").
fn check_pair(side: Side, above: &str, below: &str) -> Result<(), VenueError> {
    let is_stop = |kind: &str| matches!(kind, "STOP_LOSS" | "STOP_LOSS_LIMIT");
    let is_profit = |kind: &str| matches!(kind, "TAKE_PROFIT" | "TAKE_PROFIT_LIMIT");
    let is_limit = |kind: &str| kind == "LIMIT_MAKER";
    let is_known = |kind: &str| is_stop(kind) || is_profit(kind) || is_limit(kind);
    let (winning, losing) = match side {
        Side::Sell => (above, below),
        Side::Buy => (below, above),
    };
    let is_buy = side == Side::Buy;
    let (code, text) = if !is_known(above) || !is_known(below) {
        (-1158, "Order type not supported in OCO.")
    } else if is_limit(above) && is_limit(below) {
        (-1168, "At least one OCO order must be contingent.")
    } else if is_limit(losing) && is_buy {
        (-1165, "A limit order in a buy OCO must be below.")
    } else if is_limit(losing) {
        (-1166, "A limit order in a sell OCO must be above.")
    } else if is_stop(winning) && is_buy {
        (-1196, "A stop loss order in a buy OCO must be above.")
    } else if is_stop(winning) {
        (-1197, "A stop loss order in a sell OCO must be below.")
    } else if is_profit(losing) && is_buy {
        (-1198, "A take profit order in a buy OCO must be below.")
    } else if is_profit(losing) {
        (-1199, "A take profit order in a sell OCO must be above.")
    } else {
        return Ok(());
    };
    Err(VenueError::bad_request(code, text))
}

fn place(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
    (market, shape, detail): (usize, ListShape, Detail),
) -> Result<Value, VenueError> {
    let count = shape.legs().len();
    let is_waiting = |leg: usize| leg > 0 && !matches!(shape, ListShape::Oco { .. });
    let waits: Vec<bool> = (0..count).map(is_waiting).collect();
    let ticket = ListTicket {
        account: caller.account,
        market,
        client_order_id: params.client_id("listClientOrderId")?,
        shape,
    };
    params.finish()?;
    let input = if shell.state.market(market)?.is_live() {
        Input::List(ticket)
    } else {
        // The bar modes know this one pair, and their log only its own form.
        let unsupported = || VenueError::bad_request(-1158, "Order type not supported in OCO.");
        Input::Oco(ticket.as_plain_oco().ok_or_else(unsupported)?)
    };
    let now = shell.clock.now_ms();
    let placed = u32::try_from(count).unwrap_or(u32::MAX);
    shell.limits.count_orders(caller.account, placed, now)?;
    let Outcome::List(list_id) = shell.apply(&input, Some(caller.valid_until))? else {
        return Err(VenueError::internal());
    };
    let book = shell.state.book();
    let list = book.lists.get(&list_id).ok_or_else(VenueError::internal)?;
    let market = shell.state.market(market)?;
    let legs = shell.state.legs(list);
    let reports: Vec<Value> = legs
        .iter()
        .zip(waits)
        .map(|(order, waits)| {
            if waits {
                let order = payloads::as_placed_pending(order);
                return payloads::placed(&order, market, &[], detail);
            }
            let trades = book.trades_of(order.order_id);
            payloads::placed(order, market, &trades, detail)
        })
        .collect();
    let mut body = payloads::list(list, market, &legs);
    if waits_for_more(list, &legs) {
        extend(
            &mut body,
            json!({"listStatusType": "EXEC_STARTED", "listOrderStatus": "EXECUTING"}),
        );
    }
    extend(&mut body, json!({"orderReports": reports}));
    Ok(body)
}

/// A list whose pending orders began within the request is shown as it was accepted.
fn waits_for_more(list: &ListRecord, legs: &[&OrderRecord]) -> bool {
    list.is_done && legs.len() > 1
}

/// `DELETE /api/v3/orderList`.
pub fn cancel_list(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let is_live = market.is_live();
    let list_id = params.id("orderListId")?;
    let name = params.take("listClientOrderId")?;
    let cancel_id = params.client_id("newClientOrderId")?;
    params.finish()?;
    let book = shell.state.book();
    let list = match (list_id, name) {
        (Some(id), _) => book.list_of(caller.account, id),
        (None, Some(name)) => book.list_by_client_id(caller.account, &name),
        (None, None) => {
            return Err(VenueError::missing_both("orderListId", "listClientOrderId"));
        }
    };
    let list = list.filter(|list| list.market == index && !list.is_done);
    let list = list.ok_or_else(VenueError::unknown_order)?;
    let list_id = list.list_id;
    let input = if is_live {
        Input::CancelList(CancelListTicket {
            account: caller.account,
            list_id,
            cancel_id,
        })
    } else {
        let legs = shell.state.legs(list);
        let mut open = legs.iter().filter(|order| order.status.is_open());
        let leg = open.next().ok_or_else(VenueError::unknown_order)?;
        Input::Cancel(CancelTicket {
            order_id: leg.order_id,
            cancel_id,
            account: caller.account,
            restriction: None,
        })
    };
    shell.apply(&input, Some(caller.valid_until))?;
    list_reply(shell, list_id, canceled)
}

/// A list with full reports of its legs, as placing and cancelling answer.
pub(super) fn list_reply(
    shell: &Shell,
    list_id: u64,
    report: impl Fn(&Shell, &OrderRecord) -> Result<Value, VenueError>,
) -> Result<Value, VenueError> {
    let list = shell.state.book().lists.get(&list_id);
    let list = list.ok_or_else(VenueError::internal)?;
    let legs = shell.state.legs(list);
    let reports: Vec<Value> = legs
        .iter()
        .map(|order| report(shell, order))
        .collect::<Result<_, _>>()?;
    let mut body = payloads::list(list, shell.state.market(list.market)?, &legs);
    extend(&mut body, json!({"orderReports": reports}));
    Ok(body)
}

/// `GET /api/v3/orderList`.
pub fn query_list(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let list_id = params.id("orderListId")?;
    let name = params.take("origClientOrderId")?;
    params.finish()?;
    let book = shell.state.book();
    let list = match (list_id, name) {
        (Some(id), _) => book.list_of(caller.account, id),
        (None, Some(name)) => book.list_by_client_id(caller.account, &name),
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

/// `GET /api/v3/openOrderList`.
pub fn open_lists(shell: &Shell, params: &Params, caller: &Caller) -> Result<Value, VenueError> {
    params.finish()?;
    let lists = shell.state.book().open_lists(caller.account);
    lists
        .into_iter()
        .map(|list| show_list(shell, list))
        .collect()
}

/// `GET /api/v3/allOrderList`.
pub fn all_lists(shell: &Shell, params: &mut Params, caller: &Caller) -> Result<Value, VenueError> {
    let from_id = params.id("fromId")?;
    let range = Range::read(params)?;
    let limit = limit(params, 500, 1_000)?;
    params.finish()?;
    if range.is_given() && from_id.is_some() {
        return Err(VenueError::bad_combination());
    }
    let lists: Vec<&ListRecord> = shell
        .state
        .book()
        .lists
        .range(from_id.unwrap_or(0)..)
        .map(|(_, list)| list)
        .filter(|list| list.account == caller.account && range.contains(list.updated_at))
        .collect();
    let from_start = from_id.is_some() || range.has_start();
    let rows = newest_or_oldest(&lists, from_start, limit);
    rows.iter().map(|list| show_list(shell, list)).collect()
}
