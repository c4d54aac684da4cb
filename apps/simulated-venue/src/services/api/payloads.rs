//! Orders, lists and trades as the JSON that Binance's documents show (rest-api.md).

use serde_json::{Map, Value, json};

use crate::models::orders::{
    AmendRecord, ListRecord, OrderRecord, PreventedMatch, Side, Status, TradeRecord,
};
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};

/// How much of an order a reply tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Ack,
    Result,
    Full,
}

fn list_number(list_id: Option<u64>) -> i64 {
    list_id.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
}

/// Adds the fields of `extra` to `base`.
pub(super) fn extend(base: &mut Value, extra: Value) {
    if let (Some(base), Value::Object(extra)) = (base.as_object_mut(), extra) {
        base.extend(extra);
    }
}

/// Fields that appear only where they mean something ("Conditional fields in Order Responses").
fn conditional(order: &OrderRecord, market: &Market) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    let price = |price| json!(price_text(market, price));
    let quantity = |quantity| json!(quantity_text(market, quantity));
    let delta = order.terms.trailing_delta();
    put("stopPrice", order.terms.stop_price().map(price));
    put("trailingDelta", delta.map(|delta| json!(delta)));
    put(
        "trailingTime",
        delta.map(|_| json!(order.trailing_at.unwrap_or(-1))),
    );
    put("icebergQty", order.options.iceberg_quantity.map(quantity));
    put("strategyId", order.options.strategy_id.map(|id| json!(id)));
    put(
        "strategyType",
        order.options.strategy_type.map(|kind| json!(kind)),
    );
    put(
        "preventedMatchId",
        order.prevented_match_id.map(|id| json!(id)),
    );
    let is_prevented = order.prevented_match_id.is_some();
    put(
        "preventedQuantity",
        is_prevented.then(|| quantity(order.prevented)),
    );
    put(
        "expiryReason",
        order.expiry_reason.map(|reason| json!(reason.name())),
    );
    Value::Object(fields)
}

/// The fields that every view of an order carries.
fn common(order: &OrderRecord, market: &Market) -> Value {
    let mut body = json!({
        "symbol": market.symbol(),
        "orderId": order.order_id,
        "orderListId": list_number(order.list_id),
        "clientOrderId": order.client_order_id,
        "price": price_text(market, order.terms.price()),
        "origQty": quantity_text(market, order.quantity),
        "executedQty": quantity_text(market, order.executed),
        "origQuoteOrderQty": money_text(i128::from(order.terms.quote_quantity())),
        "cummulativeQuoteQty": money_text(order.quote),
        "status": order.status.name(),
        "timeInForce": order.terms.time_in_force().name(),
        "type": order.terms.type_name(),
        "side": order.side.name(),
        "selfTradePreventionMode": order.options.self_trade_prevention.name(),
    });
    extend(&mut body, conditional(order, market));
    body
}

/// The reply to a new order.
pub fn placed(
    order: &OrderRecord,
    market: &Market,
    trades: &[&TradeRecord],
    detail: Detail,
) -> Value {
    if detail == Detail::Ack {
        return json!({
            "symbol": market.symbol(),
            "orderId": order.order_id,
            "orderListId": list_number(order.list_id),
            "clientOrderId": order.client_order_id,
            "transactTime": order.created_at,
        });
    }
    let mut body = common(order, market);
    let working = order.working_at.unwrap_or(-1);
    extend(
        &mut body,
        json!({"transactTime": order.created_at, "workingTime": working}),
    );
    if detail == Detail::Full {
        let fills: Vec<Value> = trades.iter().map(|trade| fill(trade, market)).collect();
        extend(&mut body, json!({"fills": fills}));
    }
    body
}

fn fill(trade: &TradeRecord, market: &Market) -> Value {
    json!({
        "price": price_text(market, trade.price),
        "qty": quantity_text(market, trade.quantity),
        "commission": money_text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    })
}

/// A pending order as the reply that placed its list shows it: it waits, also where its working
/// order was filled at once ("New Order list - OTO").
pub fn as_placed_pending(order: &OrderRecord) -> OrderRecord {
    OrderRecord {
        status: Status::PendingNew,
        executed: 0,
        quote: 0,
        working_at: None,
        expiry_reason: None,
        ..order.clone()
    }
}

/// The reply to a cancel: `clientOrderId` names the cancel, `origClientOrderId` the order.
pub fn canceled(order: &OrderRecord, market: &Market) -> Value {
    let mut body = common(order, market);
    let cancel_id = order.cancel_id.as_deref().unwrap_or(&order.client_order_id);
    extend(
        &mut body,
        json!({
            "origClientOrderId": order.client_order_id,
            "clientOrderId": cancel_id,
            "transactTime": order.updated_at,
        }),
    );
    body
}

/// An order as the query endpoints show it.
pub fn queried(order: &OrderRecord, market: &Market) -> Value {
    let mut body = common(order, market);
    let iceberg = order.options.iceberg_quantity.unwrap_or(0);
    extend(
        &mut body,
        json!({
            "stopPrice": price_text(market, order.terms.stop_price().unwrap_or(0)),
            "icebergQty": quantity_text(market, iceberg),
            "time": order.created_at,
            "updateTime": order.updated_at,
            "isWorking": order.working_at.is_some(),
            "workingTime": order.working_at.unwrap_or(-1),
        }),
    );
    body
}

/// The order of an amend reply.
pub fn amended(order: &OrderRecord, market: &Market, amend: &AmendRecord) -> Value {
    let mut body = json!({
        "symbol": market.symbol(),
        "orderId": order.order_id,
        "orderListId": list_number(order.list_id),
        "origClientOrderId": amend.original_client_order_id,
        "clientOrderId": amend.new_client_order_id,
        "price": price_text(market, order.terms.price()),
        "qty": quantity_text(market, order.quantity),
        "executedQty": quantity_text(market, order.executed),
        "preventedQty": quantity_text(market, order.prevented),
        "quoteOrderQty": money_text(i128::from(order.terms.quote_quantity())),
        "cumulativeQuoteQty": money_text(order.quote),
        "status": order.status.name(),
        "timeInForce": order.terms.time_in_force().name(),
        "type": order.terms.type_name(),
        "side": order.side.name(),
        "selfTradePreventionMode": order.options.self_trade_prevention.name(),
    });
    extend(&mut body, conditional(order, market));
    if let Some(working_at) = order.working_at {
        extend(&mut body, json!({"workingTime": working_at}));
    }
    body
}

pub fn amendment(amend: &AmendRecord, market: &Market) -> Value {
    json!({
        "symbol": market.symbol(),
        "orderId": amend.order_id,
        "executionId": amend.execution_id,
        "origClientOrderId": amend.original_client_order_id,
        "newClientOrderId": amend.new_client_order_id,
        "origQty": quantity_text(market, amend.original_quantity),
        "newQty": quantity_text(market, amend.new_quantity),
        "time": amend.at,
    })
}

fn leg_names(market: &Market, orders: &[&OrderRecord]) -> Vec<Value> {
    orders
        .iter()
        .map(|order| {
            json!({
                "symbol": market.symbol(),
                "orderId": order.order_id,
                "clientOrderId": order.client_order_id,
            })
        })
        .collect()
}

/// An order list; `orders` are its legs.
pub fn list(list: &ListRecord, market: &Market, orders: &[&OrderRecord]) -> Value {
    let status = list.status();
    json!({
        "orderListId": list.list_id,
        "contingencyType": list.contingency.name(),
        "listStatusType": status.type_name(),
        "listOrderStatus": status.order_status(),
        "listClientOrderId": list.client_order_id,
        "transactionTime": list.updated_at,
        "symbol": market.symbol(),
        "orders": leg_names(market, orders),
    })
}

/// The list of an amend reply: the same without status type and time.
pub fn amended_list(list: &ListRecord, market: &Market, orders: &[&OrderRecord]) -> Value {
    json!({
        "orderListId": list.list_id,
        "contingencyType": list.contingency.name(),
        "listOrderStatus": list.status().order_status(),
        "listClientOrderId": list.client_order_id,
        "symbol": market.symbol(),
        "orders": leg_names(market, orders),
    })
}

pub fn account_trade(trade: &TradeRecord, market: &Market) -> Value {
    json!({
        "symbol": market.symbol(),
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": list_number(trade.list_id),
        "price": price_text(market, trade.price),
        "qty": quantity_text(market, trade.quantity),
        "quoteQty": money_text(trade.quote),
        "commission": money_text(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.at,
        "isBuyer": trade.side == Side::Buy,
        "isMaker": trade.is_maker,
        "isBestMatch": true,
    })
}

/// The side that did not lose anything is left out ("Query Prevented Matches").
pub fn prevented_match(record: &PreventedMatch, market: &Market) -> Value {
    let mut body = json!({
        "symbol": market.symbol(),
        "preventedMatchId": record.prevented_match_id,
        "takerOrderId": record.taker_order_id,
        "makerSymbol": market.symbol(),
        "makerOrderId": record.maker_order_id,
        "tradeGroupId": record.trade_group_id,
        "selfTradePreventionMode": record.mode.name(),
        "price": price_text(market, record.price),
        "transactTime": record.at,
    });
    for (name, quantity) in [
        ("takerPreventedQuantity", record.taker_prevented),
        ("makerPreventedQuantity", record.maker_prevented),
    ] {
        if quantity > 0 {
            extend(&mut body, json!({name: quantity_text(market, quantity)}));
        }
    }
    body
}
