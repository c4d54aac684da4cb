//! The filters as `exchangeInfo` and `myFilters` show them (filters.md).

use serde_json::{Value, json};

use crate::models::decimal::format8;
use crate::models::filters::{ExchangeFilters, FilterConfig, LotSize};
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};

/// The `filters` array of one symbol.
pub fn describe(market: &Market) -> Value {
    let filters = &market.filters;
    let mut rows = vec![
        json!({
            "filterType": "PRICE_FILTER",
            "minPrice": price_text(market, filters.price.min_price),
            "maxPrice": price_text(market, filters.price.max_price),
            "tickSize": price_text(market, filters.price.tick_size),
        }),
        lot_row(market, "LOT_SIZE", filters.lot_size),
    ];
    rows.extend(
        filters
            .market_lot_size
            .map(|lot| lot_row(market, "MARKET_LOT_SIZE", lot)),
    );
    rows.extend(price_rows(filters));
    rows.extend(count_rows(market, filters));
    Value::Array(rows)
}

fn lot_row(market: &Market, name: &str, lot: LotSize) -> Value {
    json!({
        "filterType": name,
        "minQty": quantity_text(market, lot.min_quantity),
        "maxQty": quantity_text(market, lot.max_quantity),
        "stepSize": quantity_text(market, lot.step_size),
    })
}

/// A multiplier as plain decimal text.
fn ratio(multiplier: i64) -> String {
    let text = format8(i128::from(multiplier), 8);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn price_rows(filters: &FilterConfig) -> Vec<Value> {
    let percent = filters.percent_price.map(|rule| {
        json!({
            "filterType": "PERCENT_PRICE", "multiplierUp": ratio(rule.multiplier_up),
            "multiplierDown": ratio(rule.multiplier_down), "avgPriceMins": rule.avg_price_mins,
        })
    });
    let by_side = filters.percent_price_by_side.map(|rule| {
        json!({
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": ratio(rule.bid_multiplier_up),
            "bidMultiplierDown": ratio(rule.bid_multiplier_down),
            "askMultiplierUp": ratio(rule.ask_multiplier_up),
            "askMultiplierDown": ratio(rule.ask_multiplier_down),
            "avgPriceMins": rule.avg_price_mins,
        })
    });
    let least = filters.min_notional.map(|rule| {
        json!({
            "filterType": "MIN_NOTIONAL",
            "minNotional": money_text(i128::from(rule.min_notional)),
            "applyToMarket": rule.apply_to_market, "avgPriceMins": rule.avg_price_mins,
        })
    });
    let notional = filters.notional.map(|rule| {
        json!({
            "filterType": "NOTIONAL",
            "minNotional": money_text(i128::from(rule.min_notional)),
            "applyMinToMarket": rule.apply_min_to_market,
            "maxNotional": money_text(i128::from(rule.max_notional)),
            "applyMaxToMarket": rule.apply_max_to_market, "avgPriceMins": rule.avg_price_mins,
        })
    });
    [percent, by_side, least, notional]
        .into_iter()
        .flatten()
        .collect()
}

fn count_rows(market: &Market, filters: &FilterConfig) -> Vec<Value> {
    let count = |name: &str, field: &str, value: Option<u32>| {
        value.map(|value| json!({"filterType": name, field: value}))
    };
    let position = filters.max_position.map(
        |most| json!({"filterType": "MAX_POSITION", "maxPosition": quantity_text(market, most)}),
    );
    let trailing = filters.trailing_delta.map(|rule| {
        json!({
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": rule.min_trailing_above_delta,
            "maxTrailingAboveDelta": rule.max_trailing_above_delta,
            "minTrailingBelowDelta": rule.min_trailing_below_delta,
            "maxTrailingBelowDelta": rule.max_trailing_below_delta,
        })
    });
    [
        count("ICEBERG_PARTS", "limit", filters.iceberg_parts),
        count("MAX_NUM_ORDERS", "maxNumOrders", filters.max_num_orders),
        count(
            "MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders",
            filters.max_num_algo_orders,
        ),
        count(
            "MAX_NUM_ICEBERG_ORDERS",
            "maxNumIcebergOrders",
            filters.max_num_iceberg_orders,
        ),
        position,
        trailing,
        count(
            "MAX_NUM_ORDER_AMENDS",
            "maxNumOrderAmends",
            filters.max_num_order_amends,
        ),
        count(
            "MAX_NUM_ORDER_LISTS",
            "maxNumOrderLists",
            filters.max_num_order_lists,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `exchangeFilters` of `exchangeInfo`.
pub fn describe_exchange(filters: &ExchangeFilters) -> Value {
    let count = |name: &str, field: &str, value: Option<u32>| {
        value.map(|value| json!({"filterType": name, field: value}))
    };
    [
        count(
            "EXCHANGE_MAX_NUM_ORDERS",
            "maxNumOrders",
            filters.max_num_orders,
        ),
        count(
            "EXCHANGE_MAX_NUM_ALGO_ORDERS",
            "maxNumAlgoOrders",
            filters.max_num_algo_orders,
        ),
        count(
            "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
            "maxNumIcebergOrders",
            filters.max_num_iceberg_orders,
        ),
        count(
            "EXCHANGE_MAX_NUM_ORDER_LISTS",
            "maxNumOrderLists",
            filters.max_num_order_lists,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `assetFilters` of `myFilters` for the assets of one symbol.
pub fn describe_assets(filters: &ExchangeFilters, market: &Market) -> Value {
    let instrument = &market.instrument;
    let assets = [
        instrument.base_currency.as_str(),
        instrument.quote_currency.as_str(),
    ];
    assets
        .into_iter()
        .filter_map(|asset| filters.max_asset.get(asset).map(|most| (asset, *most)))
        .map(|(asset, most)| {
            json!({"filterType": "MAX_ASSET", "asset": asset, "limit": money_text(i128::from(most))})
        })
        .collect()
}
