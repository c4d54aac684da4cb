//! Placing and cancelling: tickets to the engine, outcomes to replies.

use serde_json::{Value, json};

use super::params::Params;
use super::tickets::{read_oco, read_order};
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{CancelTicket, Input, OrderRecord, Status, TradeRecord};
use crate::services::core::Outcome;
use crate::services::core::payloads::{self, Detail};
use crate::services::shell::Shell;

/// `POST /api/v3/order`.
pub fn place_order(
    shell: &mut Shell,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    let (ticket, detail) = read_order(shell, params)?;
    params.finish()?;
    shell.limits.count_orders(1, shell.clock.now_ms())?;
    match shell.apply(&Input::Order(ticket), Some(valid_until))? {
        Outcome::Order(order_id) => placed(shell, order_id, detail),
        _ => Err(VenueError::internal()),
    }
}

/// `POST /api/v3/order/test`: everything but the engine.
pub fn test_order(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let wants_rates = params.boolean("computeCommissionRates")?.unwrap_or(false);
    let (ticket, _) = read_order(shell, params)?;
    params.finish()?;
    shell.state.check_order(&ticket)?;
    if !wants_rates {
        return Ok(json!({}));
    }
    let (maker, taker) = shell.state.fee_rates();
    let rates = |maker: i64, taker: i64| {
        json!({
            "maker": payloads::money_text(i128::from(maker)),
            "taker": payloads::money_text(i128::from(taker)),
        })
    };
    Ok(json!({
        "standardCommissionForOrder": rates(maker, taker),
        "specialCommissionForOrder": rates(0, 0),
        "taxCommissionForOrder": rates(0, 0),
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "",
            "discount": payloads::money_text(0),
        },
    }))
}

fn placed(shell: &Shell, order_id: u64, detail: Detail) -> Result<Value, VenueError> {
    let book = shell.state.book();
    let order = book
        .orders
        .get(&order_id)
        .ok_or_else(VenueError::internal)?;
    let trades: Vec<&TradeRecord> = book
        .trades
        .iter()
        .rev()
        .take_while(|trade| trade.order_id == order_id)
        .collect();
    Ok(payloads::placed(
        order,
        shell.state.market(order.market)?,
        &trades,
        detail,
    ))
}

/// `POST /api/v3/orderList/oco`: a LIMIT_MAKER on one side of the price, a STOP_LOSS on the other.
pub fn place_oco(
    shell: &mut Shell,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    let (ticket, detail) = read_oco(shell, params)?;
    params.finish()?;
    shell.limits.count_orders(2, shell.clock.now_ms())?;
    match shell.apply(&Input::Oco(ticket), Some(valid_until))? {
        Outcome::List(list_id) => {
            let reports = |shell: &Shell, order: &OrderRecord| {
                let market = shell.state.market(order.market)?;
                Ok(payloads::placed(order, market, &[], detail))
            };
            list_reply(shell, list_id, reports)
        }
        _ => Err(VenueError::internal()),
    }
}

/// `DELETE /api/v3/order`; an order of a list takes its list with it.
pub fn cancel_order(
    shell: &mut Shell,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    let order = find_order(shell, params)?.ok_or_else(VenueError::unknown_order)?;
    let (order_id, list, status) = (order.order_id, order.list_id, order.status);
    let cancel_id = params.client_id("newClientOrderId")?;
    let restriction = params.take("cancelRestrictions")?;
    params.finish()?;
    let allowed = match restriction.as_deref() {
        None => true,
        Some("ONLY_NEW") => status == Status::New,
        Some("ONLY_PARTIALLY_FILLED") => status == Status::PartiallyFilled,
        Some(_) => return Err(VenueError::bad_request(-1145, "Invalid cancelRestrictions")),
    };
    if status.is_open() && !allowed {
        let text = "Order was not canceled due to cancel restrictions.";
        return Err(VenueError::bad_request(-2011, text));
    }
    shell.apply(
        &Input::Cancel(CancelTicket {
            order_id,
            cancel_id,
            account: AccountId::FIRST,
            restriction: None,
        }),
        Some(valid_until),
    )?;
    match list {
        Some(list_id) => list_reply(shell, list_id, canceled),
        None => canceled_by_id(shell, order_id),
    }
}

/// Finds the order that `symbol` and `orderId` or `origClientOrderId` name.
pub fn find_order<'a>(
    shell: &'a Shell,
    params: &mut Params,
) -> Result<Option<&'a OrderRecord>, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    let order_id = params.integer("orderId")?;
    let client_order_id = params.take("origClientOrderId")?;
    let book = shell.state.book();
    match (order_id, client_order_id) {
        (Some(id), client_order_id) => {
            let id = u64::try_from(id).unwrap_or(0);
            let order = book.orders.get(&id).filter(|order| order.market == market);
            let names = |order: &&OrderRecord| {
                client_order_id
                    .as_ref()
                    .is_none_or(|name| *name == order.client_order_id)
            };
            if order.is_some_and(|order| !names(&order)) {
                let text = "Client order ID is not correct for this order ID.";
                return Err(VenueError::bad_request(-2039, text));
            }
            Ok(order)
        }
        (None, Some(name)) => Ok(book.by_client_id(AccountId::FIRST, market, &name)),
        (None, None) => Err(VenueError::missing_both("origClientOrderId", "orderId")),
    }
}

/// `DELETE /api/v3/openOrders`: every open order and list of a symbol.
pub fn cancel_open_orders(
    shell: &mut Shell,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    params.finish()?;
    let input = Input::CancelAll {
        market,
        cancel_id: None,
        account: AccountId::FIRST,
    };
    let Outcome::Canceled(ids) = shell.apply(&input, Some(valid_until))? else {
        return Err(VenueError::internal());
    };
    let mut rows = Vec::new();
    let mut lists = Vec::new();
    for id in ids {
        let order = shell
            .state
            .book()
            .orders
            .get(&id)
            .ok_or_else(VenueError::internal)?;
        match order.list_id {
            None => rows.push(canceled(shell, order)?),
            Some(list_id) if !lists.contains(&list_id) => {
                lists.push(list_id);
                rows.push(list_reply(shell, list_id, canceled)?);
            }
            Some(_) => {}
        }
    }
    Ok(Value::Array(rows))
}

/// `DELETE /api/v3/orderList`.
pub fn cancel_list(
    shell: &mut Shell,
    params: &mut Params,
    valid_until: i64,
) -> Result<Value, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    let list_id = params
        .integer("orderListId")?
        .and_then(|id| u64::try_from(id).ok());
    let name = params.take("listClientOrderId")?;
    let cancel_id = params.client_id("newClientOrderId")?;
    params.finish()?;
    let book = shell.state.book();
    let list = match (list_id, name) {
        (Some(id), _) => book.lists.get(&id),
        (None, Some(name)) => book.list_by_client_id(AccountId::FIRST, &name),
        (None, None) => {
            return Err(VenueError::missing_both("orderListId", "listClientOrderId"));
        }
    };
    let list = list.filter(|list| list.market == market && !list.is_done);
    let list = list.ok_or_else(VenueError::unknown_order)?;
    let list_id = list.list_id;
    let is_open = |id: &&u64| {
        book.orders
            .get(id)
            .is_some_and(|order| order.status.is_open())
    };
    let order_id = *list
        .orders
        .iter()
        .find(is_open)
        .ok_or_else(VenueError::unknown_order)?;
    shell.apply(
        &Input::Cancel(CancelTicket {
            order_id,
            cancel_id,
            account: AccountId::FIRST,
            restriction: None,
        }),
        Some(valid_until),
    )?;
    list_reply(shell, list_id, canceled)
}

fn canceled_by_id(shell: &Shell, order_id: u64) -> Result<Value, VenueError> {
    let order = shell
        .state
        .book()
        .orders
        .get(&order_id)
        .ok_or_else(VenueError::internal)?;
    canceled(shell, order)
}

fn canceled(shell: &Shell, order: &OrderRecord) -> Result<Value, VenueError> {
    Ok(payloads::canceled(order, shell.state.market(order.market)?))
}

fn list_reply(
    shell: &Shell,
    list_id: u64,
    report: impl Fn(&Shell, &OrderRecord) -> Result<Value, VenueError>,
) -> Result<Value, VenueError> {
    let list = shell
        .state
        .book()
        .lists
        .get(&list_id)
        .ok_or_else(VenueError::internal)?;
    let legs = shell.state.legs(list);
    let reports: Vec<Value> = legs
        .iter()
        .map(|order| report(shell, order))
        .collect::<Result<_, _>>()?;
    let body = payloads::list(list, shell.state.market(list.market)?, &legs);
    Ok(payloads::list_with_reports(body, &reports))
}
