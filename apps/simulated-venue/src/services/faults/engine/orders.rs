//! Finding what a request is about in the venue's own records.

use crate::models::accounts::AccountId;
use crate::models::decimal;
use crate::models::orders::OrderRecord;
use crate::services::core::market::Market;
use crate::services::faults::calls::Call;
use crate::services::shell::Shell;

/// The market of a symbol.
pub(super) fn market_index(shell: &Shell, symbol: &str) -> Result<usize, String> {
    shell.state.market_index(symbol).map_err(|_| {
        let known: Vec<&str> = shell.state.markets().iter().map(Market::symbol).collect();
        format!(
            "symbol \"{symbol}\" is not traded here: {}",
            known.join(", ")
        )
    })
}

fn belongs(order: &OrderRecord, account: AccountId, market: usize) -> bool {
    order.account == account && order.market == market
}

/// The order that a cancel, a cancelReplace, an amend or a query names.
pub(super) fn target(
    shell: &Shell,
    account: AccountId,
    call: &Call,
) -> Result<OrderRecord, String> {
    let param = |names: [&str; 2]| names.iter().find_map(|name| call.params.get(*name));
    let symbol = call
        .params
        .get("symbol")
        .ok_or("the request names no symbol")?;
    let market = market_index(shell, symbol)?;
    let book = shell.state.book();
    let by_id = param(["orderId", "cancelOrderId"]).and_then(|id| id.parse::<u64>().ok());
    let by_name = param(["origClientOrderId", "cancelOrigClientOrderId"]);
    let found = match (by_id, by_name) {
        (Some(id), _) => book
            .orders
            .get(&id)
            .filter(|order| belongs(order, account, market)),
        (None, Some(name)) => {
            let is_it = |order: &&OrderRecord| {
                belongs(order, account, market) && order.client_order_id == *name
            };
            let mut newest = book.orders.values().rev();
            newest
                .clone()
                .filter(|order| order.status.is_open())
                .find(is_it)
                .or_else(|| newest.find(is_it))
        }
        (None, None) => None,
    };
    found
        .cloned()
        .ok_or_else(|| "the request names no order that the venue knows".to_owned())
}

/// The order that a placement has just made: by its client order id, else the newest.
pub(super) fn placed(
    shell: &Shell,
    account: AccountId,
    call: &Call,
) -> Result<OrderRecord, String> {
    let symbol = call
        .params
        .get("symbol")
        .ok_or("the request names no symbol")?;
    let market = market_index(shell, symbol)?;
    let name = call.params.get("newClientOrderId");
    let mut newest = shell.state.book().orders.values().rev();
    let found = newest.find(|order| {
        belongs(order, account, market) && name.is_none_or(|name| order.client_order_id == *name)
    });
    found
        .cloned()
        .ok_or_else(|| "the request placed no order".to_owned())
}

/// A decimal as a mantissa at `scale`.
pub(super) fn mantissa(name: &str, text: &str, scale: u8) -> Result<i64, String> {
    let unit = 10_i128.pow(u32::from(8_u8.saturating_sub(scale)));
    let value = decimal::parse(text).map_err(|_| format!("{name} = \"{text}\" is no decimal"))?;
    if value % unit != 0 {
        return Err(format!(
            "{name} = \"{text}\" has more than {scale} decimals"
        ));
    }
    i64::try_from(value / unit).map_err(|_| format!("{name} = \"{text}\" is too large"))
}
