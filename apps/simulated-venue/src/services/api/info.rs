//! What can be traded here, and under which rules: `exchangeInfo`, `executionRules`, `myFilters`.

use serde_json::{Value, json};

use super::dispatch::Caller;
use super::market::selected;
use super::params::Params;
use crate::error::VenueError;
use crate::models::orders::SelfTradePrevention;
use crate::services::core::auction::describing::{describe_assets, describe_exchange};
use crate::services::core::filters;
use crate::services::core::market::Market;
use crate::services::limits;
use crate::services::shell::Shell;

const STATUSES: [&str; 5] = ["TRADING", "END_OF_DAY", "HALT", "BREAK", "CANCEL_ONLY"];

/// `GET /api/v3/exchangeInfo`.
pub fn exchange_info(shell: &Shell, params: &mut Params, now: i64) -> Result<Value, VenueError> {
    let is_narrowed = params.has("symbol") || params.has("symbols");
    let is_filtered = params.has("permissions") || params.has("symbolStatus");
    if is_narrowed && is_filtered {
        return Err(VenueError::bad_combination());
    }
    // Every symbol asks for the permission SPOT; other selections are empty.
    let permissions = params.take("permissions")?;
    let is_spot = permissions.is_none_or(|text| text.contains("SPOT"));
    let status = read_status(params)?;
    let shows_sets = params.boolean("showPermissionSets")?.unwrap_or(true);
    let markets = selected(shell, params)?;
    params.finish()?;
    let is_shown =
        |market: &Market| is_spot && status.is_none_or(|status| status == market.status().name());
    let symbols: Vec<Value> = markets
        .iter()
        .filter(|market| is_shown(market))
        .map(|market| {
            let mut symbol = symbol_info(shell, market);
            if let (false, Some(fields)) = (shows_sets, symbol.as_object_mut()) {
                fields.insert("permissionSets".into(), json!([]));
            }
            symbol
        })
        .collect();
    Ok(json!({
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": limits::describe(shell.limits.ceilings()),
        "exchangeFilters": exchange_filters(shell),
        "symbols": symbols,
    }))
}

fn read_status(params: &mut Params) -> Result<Option<&'static str>, VenueError> {
    let invalid = |_| VenueError::bad_request(-1122, "Invalid symbolStatus.");
    params.word("symbolStatus", &STATUSES).map_err(invalid)
}

fn symbol_info(shell: &Shell, market: &Market) -> Value {
    let instrument = &market.instrument;
    let is_live = market.is_live();
    let prevention = shell
        .state
        .market_index(market.symbol())
        .map(|index| shell.default_prevention(index))
        .unwrap_or_default();
    let modes: Vec<&str> = SelfTradePrevention::ALL
        .iter()
        .filter(|mode| is_live || **mode == SelfTradePrevention::None)
        .map(|mode| mode.name())
        .collect();
    json!({
        "symbol": market.symbol(), "status": market.status().name(),
        "baseAsset": instrument.base_currency, "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote_currency, "quotePrecision": 8, "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
        "orderTypes": shell.state.order_types(),
        "icebergAllowed": is_live, "ocoAllowed": true, "otoAllowed": is_live, "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": is_live, "allowTrailingStop": is_live,
        "cancelReplaceAllowed": is_live, "amendAllowed": is_live, "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true, "isMarginTradingAllowed": false,
        "filters": filters::describe(market), "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": prevention.name(),
        "allowedSelfTradePreventionModes": modes,
    })
}

/// `GET /api/v3/executionRules`. No symbol of this venue has a price-range rule.
pub fn execution_rules(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let is_narrowed = params.has("symbol") || params.has("symbols");
    if is_narrowed && params.has("symbolStatus") {
        return Err(VenueError::bad_combination());
    }
    let status = read_status(params)?;
    let markets = selected(shell, params)?;
    params.finish()?;
    let rows: Vec<Value> = markets
        .iter()
        .filter(|market| status.is_none_or(|status| status == market.status().name()))
        .map(|market| json!({"symbol": market.symbol(), "rules": []}))
        .collect();
    Ok(json!({"symbolRules": rows}))
}

/// `GET /api/v3/myFilters`: what limits this account on a symbol; the only place for MAX_ASSET.
pub fn my_filters(
    shell: &Shell,
    params: &mut Params,
    _caller: &Caller,
) -> Result<Value, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    params.finish()?;
    let market = shell.state.market(shell.state.market_index(&symbol)?)?;
    let all = filters::describe(market);
    let is_own = |filter: &&Value| {
        let kind = filter.get("filterType").and_then(Value::as_str);
        kind.is_some_and(|kind| kind.starts_with("MAX_"))
    };
    let own: Vec<&Value> = all
        .as_array()
        .into_iter()
        .flatten()
        .filter(is_own)
        .collect();
    let assets = shell.state.exchange_filters();
    let assets = assets.map_or_else(|| json!([]), |filters| describe_assets(filters, market));
    Ok(json!({
        "exchangeFilters": exchange_filters(shell),
        "symbolFilters": own,
        "assetFilters": assets,
    }))
}

/// The bar modes have no filters over all symbols.
fn exchange_filters(shell: &Shell) -> Value {
    let filters = shell.state.exchange_filters();
    filters.map_or_else(|| json!([]), describe_exchange)
}
