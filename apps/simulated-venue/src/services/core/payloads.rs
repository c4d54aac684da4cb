//! Records as the JSON that Binance's documents show.

use serde_json::{Value, json};

use super::market::Market;
use crate::models::decimal::format8;
use crate::models::orders::{ListRecord, OrderRecord, Side, TradeRecord};
use crate::services::replay::Row;

/// How much of an order a reply tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Ack,
    Result,
    Full,
}

pub fn price_text(market: &Market, mantissa: i64) -> String {
    format8(i128::from(mantissa), market.instrument.price_scale)
}

pub fn quantity_text(market: &Market, mantissa: i64) -> String {
    format8(i128::from(mantissa), market.instrument.quantity_scale)
}

pub fn money_text(mantissa: i128) -> String {
    format8(mantissa, 8)
}

fn list_number(list_id: Option<u64>) -> i64 {
    list_id.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
}

/// Adds the fields of `extra` to `base`.
fn extend(base: &mut Value, extra: Value) {
    if let (Some(base), Value::Object(extra)) = (base.as_object_mut(), extra) {
        base.extend(extra);
    }
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
    if let Some(stop_price) = order.terms.stop_price() {
        extend(
            &mut body,
            json!({"stopPrice": price_text(market, stop_price)}),
        );
    }
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

/// The reply to a cancel: the cancel's own id comes first, the order's id is the original.
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
    extend(
        &mut body,
        json!({
            "stopPrice": price_text(market, order.terms.stop_price().unwrap_or(0)),
            "icebergQty": quantity_text(market, order.options.iceberg_quantity.unwrap_or(0)),
            "time": order.created_at,
            "updateTime": order.updated_at,
            "isWorking": order.working_at.is_some(),
            "workingTime": order.working_at.unwrap_or(-1),
        }),
    );
    body
}

/// An order list; `orders` are its legs, stop first.
pub fn list(list: &ListRecord, market: &Market, orders: &[&OrderRecord]) -> Value {
    let status = list.status();
    let legs: Vec<Value> = orders
        .iter()
        .map(|order| {
            json!({
                "symbol": market.symbol(),
                "orderId": order.order_id,
                "clientOrderId": order.client_order_id,
            })
        })
        .collect();
    json!({
        "orderListId": list.list_id,
        "contingencyType": list.contingency.name(),
        "listStatusType": status.type_name(),
        "listOrderStatus": status.order_status(),
        "listClientOrderId": list.client_order_id,
        "transactionTime": list.updated_at,
        "symbol": market.symbol(),
        "orders": legs,
    })
}

/// A list with full reports of its legs, as placing and cancelling answer.
pub fn list_with_reports(list_body: Value, reports: &[Value]) -> Value {
    let mut body = list_body;
    extend(&mut body, json!({"orderReports": reports}));
    body
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

/// A closed bar as one row of `/klines`. What the recording does not hold is zero.
pub fn kline_row(market: &Market, row: &Row, interval_ms: i64) -> Value {
    json!([
        row.opened_at,
        price_text(market, row.open),
        price_text(market, row.high),
        price_text(market, row.low),
        price_text(market, row.close),
        row.volume.to_string(),
        row.opened_at + interval_ms - 1,
        "0",
        0,
        "0",
        "0",
        "0",
    ])
}

/// A closed bar as a `kline` event.
pub fn kline_event(market: &Market, row: &Row) -> Value {
    let closed_at = row.opened_at + market.interval_ms;
    json!({
        "e": "kline",
        "E": closed_at,
        "s": market.symbol(),
        "k": {
            "t": row.opened_at,
            "T": closed_at - 1,
            "s": market.symbol(),
            "i": market.interval,
            "f": -1,
            "L": -1,
            "o": price_text(market, row.open),
            "c": price_text(market, row.close),
            "h": price_text(market, row.high),
            "l": price_text(market, row.low),
            "v": row.volume.to_string(),
            "n": 0,
            "x": true,
            "q": "0",
            "V": "0",
            "Q": "0",
            "B": "0",
        },
    })
}
