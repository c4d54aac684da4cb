//! Placing and cancelling single orders: tickets to the engine, outcomes to replies.

use serde_json::{Value, json};

use super::dispatch::Caller;
use super::lists::list_reply;
use super::params::Params;
use super::payloads::{self, Detail};
use super::tickets::read_order;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{CancelRestriction, CancelTicket, Input, OrderRecord, Status};
use crate::services::core::Outcome;
use crate::services::core::payloads::money_text;
use crate::services::shell::Shell;

/// `POST /api/v3/order`.
pub fn place_order(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let (ticket, detail) = read_order(shell, params, caller)?;
    params.finish()?;
    let now = shell.clock.now_ms();
    shell.limits.count_orders(caller.account, 1, now)?;
    match shell.apply(&Input::Order(ticket), Some(caller.valid_until))? {
        Outcome::Order(order_id) => placed(shell, order_id, detail),
        _ => Err(VenueError::internal()),
    }
}

/// `POST /api/v3/order/test`: everything but the engine.
pub fn test_order(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let wants_rates = params.boolean("computeCommissionRates")?.unwrap_or(false);
    let (ticket, _) = read_order(shell, params, caller)?;
    params.finish()?;
    shell.state.check_order(&ticket)?;
    if !wants_rates {
        return Ok(json!({}));
    }
    let (maker, taker) = shell.state.fee_rates_of(caller.account);
    let rates = |maker: i64, taker: i64| {
        json!({
            "maker": money_text(i128::from(maker)),
            "taker": money_text(i128::from(taker)),
        })
    };
    Ok(json!({
        "standardCommissionForOrder": rates(maker, taker),
        "specialCommissionForOrder": rates(0, 0),
        "taxCommissionForOrder": rates(0, 0),
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "",
            "discount": money_text(0),
        },
    }))
}

pub(super) fn placed(shell: &Shell, order_id: u64, detail: Detail) -> Result<Value, VenueError> {
    let book = shell.state.book();
    let order = book
        .orders
        .get(&order_id)
        .ok_or_else(VenueError::internal)?;
    let market = shell.state.market(order.market)?;
    let trades = book.trades_of(order_id);
    Ok(payloads::placed(order, market, &trades, detail))
}

/// What a cancel request names beside the order.
pub(super) fn read_restriction(
    params: &mut Params,
) -> Result<Option<CancelRestriction>, VenueError> {
    match params.take("cancelRestrictions")?.as_deref() {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(CancelRestriction::OnlyNew)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(CancelRestriction::OnlyPartiallyFilled)),
        Some(_) => Err(VenueError::bad_request(-1145, "Invalid cancelRestrictions")),
    }
}

/// `DELETE /api/v3/order`; an order of a list takes its list with it.
pub fn cancel_order(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let names = ["orderId", "origClientOrderId"];
    let order = find_order(shell, params, caller.account, names)?;
    let order = order.ok_or_else(VenueError::unknown_order)?;
    let (order_id, status) = (order.order_id, order.status);
    let is_live = shell.state.market(order.market)?.is_live();
    let cancel_id = params.client_id("newClientOrderId")?;
    let restriction = read_restriction(params)?;
    params.finish()?;
    let allowed = match restriction {
        None => true,
        Some(CancelRestriction::OnlyNew) => status == Status::New,
        Some(CancelRestriction::OnlyPartiallyFilled) => status == Status::PartiallyFilled,
    };
    if status.is_open() && !allowed {
        let text = "Order was not canceled due to cancel restrictions.";
        return Err(VenueError::bad_request(-2011, text));
    }
    let ticket = CancelTicket {
        order_id,
        cancel_id,
        account: caller.account,
        // The bar modes leave the check to this door; their log does not know it.
        restriction: restriction.filter(|_| is_live),
    };
    shell.apply(&Input::Cancel(ticket), Some(caller.valid_until))?;
    cancel_reply(shell, order_id)
}

/// The order, or the whole list it belonged to.
pub(super) fn cancel_reply(shell: &Shell, order_id: u64) -> Result<Value, VenueError> {
    let order = shell.state.book().orders.get(&order_id);
    let order = order.ok_or_else(VenueError::internal)?;
    match order.list_id {
        Some(list_id) => list_reply(shell, list_id, canceled),
        None => canceled(shell, order),
    }
}

/// Finds the order of an account that `symbol` and one of `names` (number, client id) name.
///
/// # Errors
/// `-1102` if neither is sent, `-2039` if they name different orders.
pub fn find_order<'a>(
    shell: &'a Shell,
    params: &mut Params,
    account: AccountId,
    names: [&str; 2],
) -> Result<Option<&'a OrderRecord>, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    find_in(shell, params, (account, market), names)
}

/// [`find_order`] where the symbol has been read.
pub(super) fn find_in<'a>(
    shell: &'a Shell,
    params: &mut Params,
    (account, market): (AccountId, usize),
    [number, name]: [&str; 2],
) -> Result<Option<&'a OrderRecord>, VenueError> {
    let order_id = params.integer(number)?;
    let client_order_id = params.take(name)?;
    let book = shell.state.book();
    match (order_id, client_order_id) {
        (Some(id), client_order_id) => {
            let id = u64::try_from(id).unwrap_or(0);
            let order = book
                .order_of(account, id)
                .filter(|order| order.market == market);
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
        (None, Some(name)) => Ok(book.by_client_id(account, market, &name)),
        (None, None) => Err(VenueError::missing_both(name, number)),
    }
}

/// `DELETE /api/v3/openOrders`: every open order and list of a symbol.
pub fn cancel_open_orders(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    params.finish()?;
    let input = Input::CancelAll {
        market,
        cancel_id: None,
        account: caller.account,
    };
    let Outcome::Canceled(ids) = shell.apply(&input, Some(caller.valid_until))? else {
        return Err(VenueError::internal());
    };
    let mut rows = Vec::new();
    let mut lists = Vec::new();
    for id in ids {
        let order = shell.state.book().orders.get(&id);
        let order = order.ok_or_else(VenueError::internal)?;
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

pub(super) fn canceled(shell: &Shell, order: &OrderRecord) -> Result<Value, VenueError> {
    Ok(payloads::canceled(order, shell.state.market(order.market)?))
}
