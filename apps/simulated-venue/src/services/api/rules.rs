//! Filters as `exchangeInfo` shows them (filters.md).

use rust_common::Instrument;
use serde_json::{Value, json};

use crate::models::filters::{ExchangeFilters, FilterConfig, LotSize};
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};

/// The `filters` array of a symbol of market mode.
pub(super) fn symbol_filters(market: &Market) -> Value {
    let config = &market.filters;
    let price = |price| price_text(market, price);
    let lot = |kind: &str, lot: &LotSize| {
        json!({
            "filterType": kind,
            "minQty": quantity_text(market, lot.min_quantity),
            "maxQty": quantity_text(market, lot.max_quantity),
            "stepSize": quantity_text(market, lot.step_size),
        })
    };
    let mut rows = vec![
        json!({
            "filterType": "PRICE_FILTER", "minPrice": price(config.price.min_price),
            "maxPrice": price(config.price.max_price), "tickSize": price(config.price.tick_size),
        }),
        lot("LOT_SIZE", &config.lot_size),
    ];
    let market_lot = config.market_lot_size.as_ref();
    rows.extend(market_lot.map(|filter| lot("MARKET_LOT_SIZE", filter)));
    rows.extend(prices(config));
    rows.extend(counts(config));
    rows.extend(config.max_position.map(
        |most| json!({"filterType": "MAX_POSITION", "maxPosition": quantity_text(market, most)}),
    ));
    Value::Array(rows)
}

fn ratio(value: i64) -> String {
    money_text(i128::from(value))
}

/// Filters about price and value.
fn prices(config: &FilterConfig) -> Vec<Value> {
    let percent = config.percent_price.map(|filter| {
        json!({
            "filterType": "PERCENT_PRICE", "multiplierUp": ratio(filter.multiplier_up),
            "multiplierDown": ratio(filter.multiplier_down),
            "avgPriceMins": filter.avg_price_mins,
        })
    });
    let by_side = config.percent_price_by_side.map(|filter| {
        json!({
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": ratio(filter.bid_multiplier_up),
            "bidMultiplierDown": ratio(filter.bid_multiplier_down),
            "askMultiplierUp": ratio(filter.ask_multiplier_up),
            "askMultiplierDown": ratio(filter.ask_multiplier_down),
            "avgPriceMins": filter.avg_price_mins,
        })
    });
    let least = config.min_notional.map(|filter| {
        json!({
            "filterType": "MIN_NOTIONAL", "minNotional": ratio(filter.min_notional),
            "applyToMarket": filter.apply_to_market, "avgPriceMins": filter.avg_price_mins,
        })
    });
    let notional = config.notional.map(|filter| {
        json!({
            "filterType": "NOTIONAL", "minNotional": ratio(filter.min_notional),
            "applyMinToMarket": filter.apply_min_to_market,
            "maxNotional": ratio(filter.max_notional),
            "applyMaxToMarket": filter.apply_max_to_market,
            "avgPriceMins": filter.avg_price_mins,
        })
    });
    [percent, by_side, least, notional]
        .into_iter()
        .flatten()
        .collect()
}

/// Filters that count orders.
fn counts(config: &FilterConfig) -> Vec<Value> {
    let named = [
        ("ICEBERG_PARTS", "limit", config.iceberg_parts),
        ("MAX_NUM_ORDERS", "maxNumOrders", config.max_num_orders),
        (
            "MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders",
            config.max_num_algo_orders,
        ),
        (
            "MAX_NUM_ICEBERG_ORDERS",
            "maxNumIcebergOrders",
            config.max_num_iceberg_orders,
        ),
        (
            "MAX_NUM_ORDER_AMENDS",
            "maxNumOrderAmends",
            config.max_num_order_amends,
        ),
        (
            "MAX_NUM_ORDER_LISTS",
            "maxNumOrderLists",
            config.max_num_order_lists,
        ),
    ];
    let trailing = config.trailing_delta.map(|filter| {
        json!({
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": filter.min_trailing_above_delta,
            "maxTrailingAboveDelta": filter.max_trailing_above_delta,
            "minTrailingBelowDelta": filter.min_trailing_below_delta,
            "maxTrailingBelowDelta": filter.max_trailing_below_delta,
        })
    });
    named
        .into_iter()
        .filter_map(|(kind, field, value)| Some(json!({"filterType": kind, field: value?})))
        .chain(trailing)
        .collect()
}

/// The `exchangeFilters` array.
pub(super) fn exchange_filters(filters: &ExchangeFilters) -> Value {
    let named = [
        (
            "EXCHANGE_MAX_NUM_ORDERS",
            "maxNumOrders",
            filters.max_num_orders,
        ),
        (
            "EXCHANGE_MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders",
            filters.max_num_algo_orders,
        ),
        (
            "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
            "maxNumIcebergOrders",
            filters.max_num_iceberg_orders,
        ),
        (
            "EXCHANGE_MAX_NUM_ORDER_LISTS",
            "maxNumOrderLists",
            filters.max_num_order_lists,
        ),
    ];
    named
        .into_iter()
        .filter_map(|(kind, field, value)| Some(json!({"filterType": kind, field: value?})))
        .collect()
}

/// MAX_ASSET of the two assets of a symbol.
pub(super) fn asset_filters(filters: &ExchangeFilters, instrument: &Instrument) -> Value {
    let assets = [&instrument.base_currency, &instrument.quote_currency];
    assets
        .into_iter()
        .filter_map(|asset| {
            let limit = filters.max_asset.get(asset.as_str())?;
            let limit = money_text(i128::from(*limit));
            Some(json!({"filterType": "MAX_ASSET", "asset": asset, "limit": limit}))
        })
        .collect()
}
