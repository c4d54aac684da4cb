//! Binance JSON to our types.

use serde_json::Value;

use rust_common::{
    ClientOrderId, Currency, Instrument, LiquiditySide, Money, OrderSide, OrderType, Price,
    Quantity, UnixMillis,
};

use crate::models::venue::{
    AssetBalance, ReportExtra, StreamEvent, VenueReport, VenueStatus, VenueTrade,
};

/// A field is absent or not what the documents say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field}: {detail}")]
pub(super) struct ParseError {
    pub(super) field: &'static str,
    pub(super) detail: String,
}

pub(super) type Parsed<T> = Result<T, ParseError>;

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers hand over an error or a literal"
)]
pub(super) fn fail<T>(field: &'static str, detail: impl ToString) -> Parsed<T> {
    Err(ParseError {
        field,
        detail: detail.to_string(),
    })
}

pub(super) fn text<'a>(body: &'a Value, field: &'static str) -> Parsed<&'a str> {
    match body.get(field).and_then(Value::as_str) {
        Some(text) => Ok(text),
        None => fail(field, "missing or not a string"),
    }
}

pub(super) fn integer(body: &Value, field: &'static str) -> Parsed<i64> {
    match body.get(field).and_then(Value::as_i64) {
        Some(number) => Ok(number),
        None => fail(field, "missing or not an integer"),
    }
}

pub(super) fn time(body: &Value, field: &'static str) -> Parsed<UnixMillis> {
    UnixMillis::new(integer(body, field)?).or_else(|error| fail(field, error))
}

/// Venues pad decimals with zeros; our types carry the instrument's scale.
pub(super) fn trim(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

pub(super) fn price(body: &Value, field: &'static str, instrument: &Instrument) -> Parsed<Price> {
    let parsed = trim(text(body, field)?).parse::<Price>();
    parsed
        .and_then(|price| price.to_scale(instrument.price_scale))
        .or_else(|e| fail(field, e))
}

pub(super) fn quantity(
    body: &Value,
    field: &'static str,
    instrument: &Instrument,
) -> Parsed<Quantity> {
    let parsed = trim(text(body, field)?).parse::<Quantity>();
    parsed
        .and_then(|q| q.to_scale(instrument.quantity_scale))
        .or_else(|e| fail(field, e))
}

pub(super) fn money(body: &Value, field: &'static str) -> Parsed<Money> {
    trim(text(body, field)?)
        .parse::<Money>()
        .or_else(|error| fail(field, error))
}

/// A price that is zero when the order has none.
fn optional_price(
    body: &Value,
    field: &'static str,
    instrument: &Instrument,
) -> Parsed<Option<Price>> {
    if body.get(field).is_none() {
        return Ok(None);
    }
    price(body, field, instrument).map(|price| Some(price).filter(|price| price.mantissa() > 0))
}

fn client_id(text: &str, field: &'static str) -> Parsed<ClientOrderId> {
    ClientOrderId::new(text).or_else(|error| fail(field, error))
}

fn order_side(body: &Value, field: &'static str) -> Parsed<OrderSide> {
    match text(body, field)? {
        "BUY" => Ok(OrderSide::Buy),
        "SELL" => Ok(OrderSide::Sell),
        other => fail(field, other),
    }
}

/// Types that we never send (but another client of the account may) map to their nearest kin.
fn order_type(body: &Value, field: &'static str) -> Parsed<OrderType> {
    Ok(match text(body, field)? {
        "MARKET" => OrderType::Market,
        "STOP_LOSS" | "TAKE_PROFIT" => OrderType::StopMarket,
        _ => OrderType::Limit,
    })
}

fn status(word: &str, is_triggered: bool) -> Parsed<VenueStatus> {
    Ok(match word {
        "NEW" if is_triggered => VenueStatus::Triggered,
        "NEW" | "PENDING_NEW" | "PARTIALLY_FILLED" | "PENDING_CANCEL" => VenueStatus::Working,
        "FILLED" => VenueStatus::Filled,
        "CANCELED" => VenueStatus::Canceled,
        "REJECTED" => VenueStatus::Rejected,
        "EXPIRED" | "EXPIRED_IN_MATCH" => VenueStatus::Expired,
        other => return fail("status", other),
    })
}

pub(super) fn flag(body: &Value, field: &str) -> bool {
    body.get(field).and_then(Value::as_bool).unwrap_or(false)
}

fn liquidity(is_maker: bool) -> LiquiditySide {
    if is_maker {
        LiquiditySide::Maker
    } else {
        LiquiditySide::Taker
    }
}

/// An order in a reply (place, cancel) or a query.
pub(super) fn order(body: &Value, instrument: &Instrument) -> Parsed<VenueReport> {
    let at = match ["transactTime", "updateTime", "time"]
        .into_iter()
        .find(|f| body.get(f).is_some())
    {
        Some(field) => time(body, field)?,
        None => return fail("transactTime", "no time in the order"),
    };
    // A cancel carries its own id in clientOrderId and the order's in origClientOrderId.
    let id = match body.get("origClientOrderId").and_then(Value::as_str) {
        Some(original) if !original.is_empty() => original,
        _ => text(body, "clientOrderId")?,
    };
    let kind = order_type(body, "type")?;
    let is_triggered = kind == OrderType::StopMarket && flag(body, "isWorking");
    let mut trades = Vec::new();
    for fill in body
        .get("fills")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        trades.push(VenueTrade {
            trade_id: integer(fill, "tradeId")?.to_string(),
            execution_id: None,
            price: price(fill, "price", instrument)?,
            quantity: quantity(fill, "qty", instrument)?,
            fee: money(fill, "commission")?,
            fee_asset: currency(text(fill, "commissionAsset")?)?,
            // Only an order that takes at once has fills in its reply.
            liquidity_side: LiquiditySide::Taker,
            at,
        });
    }
    Ok(VenueReport {
        client_order_id: client_id(id, "clientOrderId")?,
        venue_order_id: integer(body, "orderId")?.to_string(),
        instrument_id: instrument.instrument_id.clone(),
        order_type: kind,
        order_side: order_side(body, "side")?,
        quantity: quantity(body, "origQty", instrument)?,
        price: optional_price(body, "price", instrument)?,
        trigger_price: optional_price(body, "stopPrice", instrument)?,
        status: status(text(body, "status")?, is_triggered)?,
        executed: quantity(body, "executedQty", instrument)?,
        trades,
        execution_id: None,
        at,
        reason: body
            .get("expiryReason")
            .and_then(Value::as_str)
            .map(str::to_owned),
        extra: ReportExtra::default(),
    })
}

pub(super) fn currency(text: &str) -> Parsed<Currency> {
    Currency::new(text).or_else(|error| fail("asset", error))
}

/// A row of `myTrades`, with the id of its order.
pub(super) fn account_trade(
    body: &Value,
    instrument: &Instrument,
) -> Parsed<(u64, i64, VenueTrade)> {
    let id = integer(body, "id")?;
    let trade = VenueTrade {
        trade_id: id.to_string(),
        execution_id: None,
        price: price(body, "price", instrument)?,
        quantity: quantity(body, "qty", instrument)?,
        fee: money(body, "commission")?,
        fee_asset: currency(text(body, "commissionAsset")?)?,
        liquidity_side: liquidity(flag(body, "isMaker")),
        at: time(body, "time")?,
    };
    let id = u64::try_from(id).or_else(|error| fail("id", error))?;
    Ok((id, integer(body, "orderId")?, trade))
}

/// `executionReport` of the user stream.
pub(super) fn execution_report(event: &Value, instrument: &Instrument) -> Parsed<VenueReport> {
    let original = event.get("C").and_then(Value::as_str).unwrap_or("");
    let id = if original.is_empty() {
        text(event, "c")?
    } else {
        original
    };
    let at = time(event, "T")?;
    let kind = order_type(event, "o")?;
    let execution_id = event.get("I").and_then(Value::as_u64);
    let mut trades = Vec::new();
    if text(event, "x")? == "TRADE" {
        trades.push(VenueTrade {
            trade_id: integer(event, "t")?.to_string(),
            execution_id,
            price: price(event, "L", instrument)?,
            quantity: quantity(event, "l", instrument)?,
            fee: money(event, "n")?,
            fee_asset: currency(text(event, "N")?)?,
            liquidity_side: liquidity(flag(event, "m")),
            at,
        });
    }
    let is_triggered = kind == OrderType::StopMarket && flag(event, "w");
    let reject = event
        .get("r")
        .and_then(Value::as_str)
        .filter(|reason| *reason != "NONE");
    let expiry = event.get("eR").and_then(Value::as_str);
    Ok(VenueReport {
        client_order_id: client_id(id, "c")?,
        venue_order_id: integer(event, "i")?.to_string(),
        instrument_id: instrument.instrument_id.clone(),
        order_type: kind,
        order_side: order_side(event, "S")?,
        quantity: quantity(event, "q", instrument)?,
        price: optional_price(event, "p", instrument)?,
        trigger_price: optional_price(event, "P", instrument)?,
        status: status(text(event, "X")?, is_triggered)?,
        executed: quantity(event, "z", instrument)?,
        trades,
        execution_id,
        at,
        reason: reject.or(expiry).map(str::to_owned),
        extra: ReportExtra::default(),
    })
}

/// `outboundAccountPosition`.
pub(super) fn account_position(event: &Value) -> Parsed<StreamEvent> {
    let rows = event
        .get("B")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let balances = rows
        .map(|row| balance(row, ["a", "f", "l"]))
        .collect::<Parsed<Vec<_>>>()?;
    Ok(StreamEvent::Balances(balances))
}

/// One balance; field names differ between stream and query.
pub(super) fn balance(
    row: &Value,
    [asset, free, locked]: [&'static str; 3],
) -> Parsed<AssetBalance> {
    Ok(AssetBalance {
        asset: currency(text(row, asset)?)?,
        free: money(row, free)?,
        locked: money(row, locked)?,
    })
}
