//! cancelReplace and Order Amend Keep Priority.

use serde_json::{Value, json};

use super::dispatch::Caller;
use super::params::Params;
use super::payloads::{self, Detail, extend};
use super::tickets::{read_market, read_order, read_quantity};
use super::trade::{cancel_reply, find_in, placed, read_restriction};
use crate::error::VenueError;
use crate::models::orders::{
    AmendRecord, AmendTicket, CancelReplaceTicket, CancelTicket, Input, ReplaceMode,
};
use crate::services::core::{Outcome, Replaced};
use crate::services::shell::Shell;

const DO_NOTHING: &str = "DO_NOTHING";
const CANCEL_ONLY: &str = "CANCEL_ONLY";

/// `POST /api/v3/order/cancelReplace`.
pub fn cancel_replace(
    shell: &mut Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<Value, VenueError> {
    let modes = ["STOP_ON_FAILURE", "ALLOW_FAILURE"];
    let mode = match params.word("cancelReplaceMode", &modes)? {
        Some("STOP_ON_FAILURE") => ReplaceMode::StopOnFailure,
        Some(_) => ReplaceMode::AllowFailure,
        None => return Err(VenueError::missing("cancelReplaceMode")),
    };
    let excess = params.word("orderRateLimitExceededMode", &[DO_NOTHING, CANCEL_ONLY])?;
    let mut cancel = CancelTicket {
        order_id: 0,
        cancel_id: params.client_id("cancelNewClientOrderId")?,
        account: caller.account,
        restriction: read_restriction(params)?,
    };
    let (order, detail) = read_order(shell, params, caller)?;
    if !shell.state.market(order.market)?.is_live() {
        let text = "Order cancel-replace is not supported for this symbol.";
        return Err(VenueError::rejected(text));
    }
    let names = ["cancelOrderId", "cancelOrigClientOrderId"];
    let found = find_in(shell, params, (caller.account, order.market), names);
    let found = match found {
        // Two names for different orders: there is no such order to cancel.
        Err(e) if e.code == -2039 => None,
        other => other?,
    };
    cancel.order_id = found.map_or(0, |order| order.order_id);
    params.finish()?;
    let canceled_id = cancel.order_id;
    let now = shell.clock.now_ms();
    if let Err(refusal) = shell.limits.count_orders(caller.account, 1, now) {
        if excess == Some(CANCEL_ONLY) {
            return cancel_only(shell, cancel, caller, refusal);
        }
        return Err(refusal);
    }
    let ticket = CancelReplaceTicket {
        cancel,
        mode,
        order,
    };
    match shell.apply(&Input::CancelReplace(ticket), Some(caller.valid_until))? {
        Outcome::Replaced(both) => answer(shell, canceled_id, &both, detail),
        _ => Err(VenueError::internal()),
    }
}

/// The order count is used up and the caller wants at least the cancel.
fn cancel_only(
    shell: &mut Shell,
    cancel: CancelTicket,
    caller: &Caller,
    refusal: VenueError,
) -> Result<Value, VenueError> {
    let order_id = cancel.order_id;
    let canceled = shell.apply(&Input::Cancel(cancel), Some(caller.valid_until));
    if canceled.is_err() {
        return Err(refusal);
    }
    Err(partial(json!({
        "cancelResult": "SUCCESS",
        "newOrderResult": "FAILURE",
        "cancelResponse": cancel_reply(shell, order_id)?,
        "newOrderResponse": refusal.body(),
    })))
}

fn partial(data: Value) -> VenueError {
    with_data(409, -2021, "Order cancel-replace partially failed.", data)
}

fn with_data(status: u16, code: i32, text: &str, data: Value) -> VenueError {
    VenueError {
        data: Some(Box::new(data)),
        ..VenueError::new(status, code, text)
    }
}

/// 200 if both went well, 409 -2021 if one did, 400 -2022 if none.
fn answer(
    shell: &Shell,
    canceled_id: u64,
    both: &Replaced,
    detail: Detail,
) -> Result<Value, VenueError> {
    let word = |is_ok: bool| if is_ok { "SUCCESS" } else { "FAILURE" };
    let cancel_reply = match &both.canceled {
        Ok(_) => cancel_reply(shell, canceled_id)?,
        Err(e) => e.body(),
    };
    let (new_result, new_reply) = match &both.placed {
        None => ("NOT_ATTEMPTED", Value::Null),
        Some(Ok(order_id)) => ("SUCCESS", placed(shell, *order_id, detail)?),
        Some(Err(e)) => ("FAILURE", e.body()),
    };
    let body = json!({
        "cancelResult": word(both.canceled.is_ok()),
        "newOrderResult": new_result,
        "cancelResponse": cancel_reply,
        "newOrderResponse": new_reply,
    });
    let is_placed = matches!(both.placed, Some(Ok(_)));
    match (both.canceled.is_ok(), is_placed) {
        (true, true) => Ok(body),
        (false, false) => Err(with_data(400, -2022, "Order cancel-replace failed.", body)),
        _ => Err(partial(body)),
    }
}

/// `PUT /api/v3/order/amend/keepPriority`.
pub fn amend(shell: &mut Shell, params: &mut Params, caller: &Caller) -> Result<Value, VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    if !market.is_live() {
        let text = "Order amend is not supported for this symbol.";
        return Err(VenueError::bad_request(-2038, text));
    }
    let new_quantity = read_quantity(market, params, "newQty")?;
    let new_client_order_id = params.client_id("newClientOrderId")?;
    let names = ["orderId", "origClientOrderId"];
    let order = find_in(shell, params, (caller.account, index), names)?;
    let order_id = order.map(|order| order.order_id);
    params.finish()?;
    let unknown = || VenueError::bad_request(-2038, "Unknown order sent.");
    let ticket = AmendTicket {
        account: caller.account,
        order_id: order_id.ok_or_else(unknown)?,
        new_quantity,
        new_client_order_id,
    };
    match shell.apply(&Input::Amend(ticket), Some(caller.valid_until))? {
        Outcome::Amended(order_id) => amended(shell, order_id),
        _ => Err(VenueError::internal()),
    }
}

fn amended(shell: &Shell, order_id: u64) -> Result<Value, VenueError> {
    let book = shell.state.book();
    let order = book.orders.get(&order_id);
    let order = order.ok_or_else(VenueError::internal)?;
    let market = shell.state.market(order.market)?;
    let is_own = |amend: &&AmendRecord| amend.order_id == order_id;
    let amend = book.amends.iter().rev().find(is_own);
    let amend = amend.ok_or_else(VenueError::internal)?;
    let mut body = json!({
        "transactTime": amend.at,
        "executionId": amend.execution_id,
        "amendedOrder": payloads::amended(order, market, amend),
    });
    if let Some(list) = order.list_id.and_then(|id| book.lists.get(&id)) {
        let legs = shell.state.legs(list);
        let list = payloads::amended_list(list, market, &legs);
        extend(&mut body, json!({"listStatus": list}));
    }
    Ok(body)
}
