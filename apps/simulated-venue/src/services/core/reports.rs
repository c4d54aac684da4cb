//! User events: `executionReport`, `listStatus`, `outboundAccountPosition`.

use serde_json::{Value, json};

use super::market::Market;
use super::matching::{Happening, Report};
use super::payloads::{money_text, price_text, quantity_text};
use crate::models::decimal::format8;
use crate::models::orders::{ListRecord, OrderRecord, TimeInForce, TradeRecord};

/// The order as it stands after `report`, with what the report itself changed.
pub fn execution_report(
    report: &Report,
    order: &OrderRecord,
    market: &Market,
    trade: Option<&TradeRecord>,
) -> Value {
    let (id, original) = match (&report.happening, &order.cancel_id) {
        (Happening::Canceled, Some(cancel_id)) => {
            (cancel_id.as_str(), order.client_order_id.as_str())
        }
        (
            Happening::Amended {
                original_client_order_id,
            },
            _,
        ) => (
            order.client_order_id.as_str(),
            original_client_order_id.as_str(),
        ),
        _ => (order.client_order_id.as_str(), ""),
    };
    let list = order
        .list_id
        .and_then(|id| i64::try_from(id).ok())
        .unwrap_or(-1);
    let mut event = json!({
        "e": "executionReport", "E": report.at, "s": market.symbol(),
        "c": id, "C": original,
        "S": order.side.name(), "o": order.terms.type_name(),
        "f": order.terms.time_in_force().name(),
        "q": quantity_text(market, order.quantity),
        "p": price_text(market, order.terms.price()),
        "P": price_text(market, order.terms.stop_price().unwrap_or(0)),
        "F": quantity_text(market, order.options.iceberg_quantity.unwrap_or(0)), "g": list,
        "x": report.happening.execution_type(), "X": order.status.name(), "r": "NONE",
        "i": order.order_id, "I": report.execution_id,
        "z": quantity_text(market, order.executed), "Z": money_text(order.quote),
        "T": report.at, "O": order.created_at,
        "w": order.working_at.is_some() && order.status.is_open(),
        "v": 0, "M": false,
        "Q": money_text(i128::from(order.terms.quote_quantity())),
        "V": order.options.self_trade_prevention.name(),
    });
    if let Some(fields) = event.as_object_mut() {
        if let Value::Object(fill) = fill_fields(market, trade) {
            fields.extend(fill);
        }
        if let Some(working_at) = order.working_at {
            fields.insert("W".into(), json!(working_at));
        }
        if let Some(reason) = expiry_reason(&report.happening, order) {
            fields.insert("eR".into(), json!(reason));
        }
        if let Value::Object(extra) = conditional_fields(report, order, market) {
            fields.extend(extra);
        }
    }
    event
}

/// "Conditional Fields in Execution Report" of user-data-stream.md: present when they say something.
fn conditional_fields(report: &Report, order: &OrderRecord, market: &Market) -> Value {
    let mut fields = serde_json::Map::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    add("d", order.terms.trailing_delta().map(|delta| json!(delta)));
    add("D", order.trailing_at.map(|at| json!(at)));
    add("j", order.options.strategy_id.map(|id| json!(id)));
    add("J", order.options.strategy_type.map(|kind| json!(kind)));
    if let Some(id) = order.prevented_match_id {
        add("v", Some(json!(id)));
        add("A", Some(json!(quantity_text(market, order.prevented))));
    }
    if let Happening::Prevented(prevented) = &report.happening {
        add("B", Some(json!(quantity_text(market, prevented.quantity))));
        add("u", Some(json!(prevented.trade_group_id)));
        add("U", Some(json!(prevented.counter_order_id)));
        add("Cs", Some(json!(market.symbol())));
        add("pl", Some(json!(quantity_text(market, prevented.quantity))));
        add("pL", Some(json!(price_text(market, prevented.price))));
        let quote = market.trade_amount(prevented.price, prevented.quantity);
        add("pY", Some(json!(money_text(quote))));
    }
    Value::Object(fields)
}

fn fill_fields(market: &Market, trade: Option<&TradeRecord>) -> Value {
    match trade {
        Some(trade) => json!({
            "l": quantity_text(market, trade.quantity), "L": price_text(market, trade.price),
            "Y": money_text(trade.quote), "n": money_text(trade.fee), "N": trade.fee_asset,
            "t": trade.trade_id, "m": trade.is_maker,
        }),
        None => json!({
            "l": money_text(0), "L": money_text(0), "Y": money_text(0), "n": "0", "N": null,
            "t": -1, "m": false,
        }),
    }
}

fn expiry_reason(happening: &Happening, order: &OrderRecord) -> Option<&'static str> {
    if let Some(reason) = order.expiry_reason {
        return Some(reason.name());
    }
    if !matches!(happening, Happening::Expired) {
        return None;
    }
    Some(match (order.list_id, order.terms.time_in_force()) {
        (Some(_), _) => "OCO_TRIGGER",
        (None, TimeInForce::Ioc) => "UNFILLED_IOC_QUANTITY_EXPIRED",
        (None, TimeInForce::Fok) => "UNFILLED_FOK_ORDER_EXPIRED",
        (None, TimeInForce::Gtc) => "EXCHANGE_CANCELED",
    })
}

pub fn list_status(list: &ListRecord, market: &Market, orders: &[&OrderRecord]) -> Value {
    let status = list.status();
    let legs: Vec<Value> = orders
        .iter()
        .map(|order| json!({"s": market.symbol(), "i": order.order_id, "c": order.client_order_id}))
        .collect();
    json!({
        "e": "listStatus", "E": list.updated_at, "s": market.symbol(), "g": list.list_id,
        "c": list.contingency.name(), "l": status.type_name(), "L": status.order_status(),
        "r": "NONE", "C": list.client_order_id,
        "T": list.updated_at, "O": legs,
    })
}

/// A deposit or a withdrawal; `amount` at scale 8, negative for a withdrawal.
pub fn balance_update(at: i64, asset: &str, amount: i128) -> Value {
    json!({"e": "balanceUpdate", "E": at, "a": asset, "d": format8(amount, 8), "T": at})
}

/// `balances` are `(asset, free, locked)` at scale 8.
pub fn account_position(at: i64, balances: &[(String, i128, i128)]) -> Value {
    let rows: Vec<Value> = balances
        .iter()
        .map(|(asset, free, locked)| {
            json!({"a": asset, "f": format8(*free, 8), "l": format8(*locked, 8)})
        })
        .collect();
    json!({"e": "outboundAccountPosition", "E": at, "u": at, "B": rows})
}
