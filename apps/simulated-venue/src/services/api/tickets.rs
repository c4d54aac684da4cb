//! Order parameters to tickets: what each order type needs, allows and refuses.
//!
//! The legs of a list have the parameters of an order behind a prefix, so that one reader serves
//! all: `price`, `workingPrice`, `pendingBelowPrice`.

use super::dispatch::Caller;
use super::params::Params;
use super::payloads::Detail;
use crate::error::VenueError;
use crate::models::decimal::rescale;
use crate::models::orders::{
    Leg, OrderOptions, OrderTicket, SelfTradePrevention, Side, Terms, TimeInForce, Trigger,
};
use crate::services::core::filters;
use crate::services::core::market::Market;
use crate::services::shell::Shell;

/// The smallest `strategyType` (rest-api.md, "New order").
const LEAST_STRATEGY_TYPE: i64 = 1_000_000;
const PEG_FIELDS: [&str; 3] = ["pegPriceType", "pegOffsetValue", "pegOffsetType"];
/// The permission that every symbol of this venue asks for.
const PERMISSION: &str = "SPOT";

/// The parameter names of one order, with the prefix of its leg.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names(pub(super) &'static str);

impl Names {
    fn of(self, name: &str) -> String {
        let mut letters = name.chars();
        match (self.0, letters.next()) {
            ("", _) | (_, None) => name.to_owned(),
            (prefix, Some(first)) => {
                format!("{prefix}{}{}", first.to_ascii_uppercase(), letters.as_str())
            }
        }
    }

    fn forbid(self, params: &Params, names: &[&str]) -> Result<(), VenueError> {
        for name in names {
            if params.has(&self.of(name)) {
                return Err(match *name {
                    "timeInForce" => VenueError::time_in_force_not_required(),
                    _ => VenueError::not_required(&self.of(name)),
                });
            }
        }
        Ok(())
    }
}

/// The symbol an order is for, which its account must be allowed to trade.
pub(super) fn read_market<'a>(
    shell: &'a Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<(usize, &'a Market), VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let index = shell.state.market_index(&symbol)?;
    let profile = shell.accounts.profile(caller.account);
    if !profile.is_some_and(|profile| profile.permissions.iter().any(|name| name == PERMISSION)) {
        let text = "This symbol is not permitted for this account.";
        return Err(VenueError::rejected(text));
    }
    Ok((index, shell.state.market(index)?))
}

pub(super) fn read_order(
    shell: &Shell,
    params: &mut Params,
    caller: &Caller,
) -> Result<(OrderTicket, Detail), VenueError> {
    let (index, market) = read_market(shell, params, caller)?;
    let side = read_side(params, "side")?;
    let names = Names("");
    let kind = params.required("type")?;
    let terms = read_terms(market, params, names, &kind)?;
    let quantity = match terms {
        Terms::MarketQuote { .. } => 0,
        _ => read_quantity(market, params, "quantity")?,
    };
    let prevention = read_prevention(shell, params, index)?;
    let options = read_options(market, params, names, &terms, prevention)?;
    let client_order_id = params.client_id("newClientOrderId")?;
    let is_full = matches!(
        terms,
        Terms::Market | Terms::MarketQuote { .. } | Terms::Limit { .. }
    );
    let detail = read_detail(params, if is_full { Detail::Full } else { Detail::Ack })?;
    let ticket = OrderTicket {
        market: index,
        side,
        quantity,
        terms,
        client_order_id,
        account: caller.account,
        options,
    };
    Ok((ticket, detail))
}

/// One leg of a list. Its quantity may be given under another name.
pub(super) fn read_leg(
    market: &Market,
    params: &mut Params,
    names: Names,
    (kind, side, quantity): (&str, Side, i64),
    prevention: SelfTradePrevention,
) -> Result<Leg, VenueError> {
    let terms = read_terms(market, params, names, kind)?;
    Ok(Leg {
        side,
        quantity,
        options: read_options(market, params, names, &terms, prevention)?,
        client_order_id: params.client_id(&names.of("clientOrderId"))?,
        terms,
    })
}

pub(super) fn read_side(params: &mut Params, name: &str) -> Result<Side, VenueError> {
    match params.required(name)?.as_str() {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(VenueError::bad_request(-1117, "Invalid side.")),
    }
}

pub(super) fn read_quantity(
    market: &Market,
    params: &mut Params,
    name: &str,
) -> Result<i64, VenueError> {
    let wire = params
        .decimal(name)?
        .ok_or_else(|| VenueError::missing(name))?;
    quantity_of(market, wire)
}

/// The bar modes check here; in market mode the core checks LOT_SIZE.
fn quantity_of(market: &Market, wire: i128) -> Result<i64, VenueError> {
    if !market.is_live() {
        return filters::quantity(market, wire);
    }
    rescale(wire, market.instrument.quantity_scale).ok_or_else(|| VenueError::filter("LOT_SIZE"))
}

fn read_price(market: &Market, params: &mut Params, name: &str) -> Result<i64, VenueError> {
    let wire = params
        .decimal(name)?
        .ok_or_else(|| VenueError::missing(name))?;
    if !market.is_live() {
        return filters::price(market, wire);
    }
    rescale(wire, market.instrument.price_scale).ok_or_else(|| VenueError::filter("PRICE_FILTER"))
}

/// `stopPrice`, `trailingDelta`, or both.
fn read_trigger(market: &Market, params: &mut Params, names: Names) -> Result<Trigger, VenueError> {
    let (stop, delta) = (names.of("stopPrice"), names.of("trailingDelta"));
    if !market.is_live() && params.has(&delta) {
        let text = "Trailing stop orders are not supported for this symbol.";
        return Err(VenueError::rejected(text));
    }
    if !params.has(&delta) && !params.has(&stop) {
        // A symbol without trailing stops can only mean the price.
        return Err(if market.is_live() {
            VenueError::missing_both(&stop, &delta)
        } else {
            VenueError::missing(&stop)
        });
    }
    let stop_price = if params.has(&stop) {
        Some(read_price(market, params, &stop)?)
    } else {
        None
    };
    let trailing_delta = match params.integer(&delta)? {
        Some(points) => {
            Some(u32::try_from(points).map_err(|_| VenueError::filter("TRAILING_DELTA"))?)
        }
        None => None,
    };
    Trigger::new(stop_price, trailing_delta).ok_or_else(|| VenueError::missing_both(&stop, &delta))
}

fn read_time_in_force(params: &mut Params, name: &str) -> Result<TimeInForce, VenueError> {
    match params.required(name)?.as_str() {
        "GTC" => Ok(TimeInForce::Gtc),
        "IOC" => Ok(TimeInForce::Ioc),
        "FOK" => Ok(TimeInForce::Fok),
        _ => Err(VenueError::bad_request(-1115, "Invalid timeInForce.")),
    }
}

/// The fields that this order type needs; those of other types are refused.
pub(super) fn read_terms(
    market: &Market,
    params: &mut Params,
    names: Names,
    kind: &str,
) -> Result<Terms, VenueError> {
    if let (false, Some(refusal)) = (market.is_live(), unsupported_in_bars(params, names, kind)) {
        return Err(refusal);
    }
    let price_name = names.of("price");
    let force_name = names.of("timeInForce");
    if PEG_FIELDS.iter().any(|name| params.has(&names.of(name))) {
        let text = "Pegged orders are not supported for this symbol.";
        return Err(VenueError::rejected(text));
    }
    if kind != "MARKET" {
        names.forbid(params, &["quoteOrderQty"])?;
    }
    match kind {
        "MARKET" => {
            names.forbid(
                params,
                &["price", "stopPrice", "trailingDelta", "timeInForce"],
            )?;
            read_market_terms(params, names)
        }
        "LIMIT" => {
            names.forbid(params, &["stopPrice", "trailingDelta"])?;
            Ok(Terms::Limit {
                time_in_force: read_time_in_force(params, &force_name)?,
                price: read_price(market, params, &price_name)?,
            })
        }
        "LIMIT_MAKER" => {
            names.forbid(params, &["stopPrice", "trailingDelta", "timeInForce"])?;
            let price = read_price(market, params, &price_name)?;
            Ok(Terms::LimitMaker { price })
        }
        "STOP_LOSS" | "TAKE_PROFIT" => {
            names.forbid(params, &["price", "timeInForce"])?;
            let trigger = read_trigger(market, params, names)?;
            Ok(if kind == "STOP_LOSS" {
                Terms::StopLoss { trigger }
            } else {
                Terms::TakeProfit { trigger }
            })
        }
        "STOP_LOSS_LIMIT" | "TAKE_PROFIT_LIMIT" => {
            let time_in_force = read_time_in_force(params, &force_name)?;
            let price = read_price(market, params, &price_name)?;
            let trigger = read_trigger(market, params, names)?;
            Ok(if kind == "STOP_LOSS_LIMIT" {
                Terms::StopLossLimit {
                    price,
                    time_in_force,
                    trigger,
                }
            } else {
                Terms::TakeProfitLimit {
                    price,
                    time_in_force,
                    trigger,
                }
            })
        }
        _ => Err(VenueError::bad_request(-1116, "Invalid orderType.")),
    }
}

/// By quantity or by quote quantity; only a single order has the choice.
fn read_market_terms(params: &mut Params, names: Names) -> Result<Terms, VenueError> {
    if !names.0.is_empty() {
        return Ok(Terms::Market);
    }
    match (params.has("quantity"), params.has("quoteOrderQty")) {
        (true, false) => Ok(Terms::Market),
        (true, true) => Err(VenueError::not_required("quoteOrderQty")),
        (false, false) => Err(VenueError::missing_both("quantity", "quoteOrderQty")),
        (false, true) => {
            let wire = params.decimal("quoteOrderQty")?.unwrap_or(0);
            let quote_quantity =
                i64::try_from(wire).map_err(|_| VenueError::overflow("quoteOrderQty"))?;
            Ok(Terms::MarketQuote { quote_quantity })
        }
    }
}

/// What `exchangeInfo` says a symbol of the bar modes does not have.
fn unsupported_in_bars(params: &Params, names: Names, kind: &str) -> Option<VenueError> {
    let text = if params.has(&names.of("icebergQty")) {
        "Iceberg orders are not supported for this symbol."
    } else if params.has(&names.of("trailingDelta")) {
        "Trailing stop orders are not supported for this symbol."
    } else if params.has("quoteOrderQty") && !params.has("price") {
        "Quote order qty market orders are not support for this symbol."
    } else {
        match kind {
            "STOP_LOSS_LIMIT" => "Stop loss limit orders are not supported for this symbol.",
            "TAKE_PROFIT" => "Take profit orders are not supported for this symbol.",
            "TAKE_PROFIT_LIMIT" => "Take profit limit orders are not supported for this symbol.",
            _ => return None,
        }
    };
    Some(VenueError::rejected(text))
}

/// The mode a request names, or the symbol's default.
pub(super) fn read_prevention(
    shell: &Shell,
    params: &mut Params,
    market: usize,
) -> Result<SelfTradePrevention, VenueError> {
    let Some(name) = params.take("selfTradePreventionMode")? else {
        return Ok(shell.default_prevention(market));
    };
    let mode = SelfTradePrevention::from_name(&name)
        .ok_or_else(|| VenueError::invalid_data("selfTradePreventionMode"))?;
    let is_live = shell.state.market(market)?.is_live();
    if !is_live && mode != SelfTradePrevention::None {
        let text = "This symbol does not allow the specified self-trade prevention mode.";
        return Err(VenueError::rejected(text));
    }
    Ok(mode)
}

fn read_options(
    market: &Market,
    params: &mut Params,
    names: Names,
    terms: &Terms,
    self_trade_prevention: SelfTradePrevention,
) -> Result<OrderOptions, VenueError> {
    let iceberg = names.of("icebergQty");
    let iceberg_quantity = match params.decimal(&iceberg)? {
        None => None,
        Some(_) if terms.limit_price().is_none() => {
            return Err(VenueError::not_required(&iceberg));
        }
        Some(_) if terms.time_in_force() != TimeInForce::Gtc => {
            return Err(not_gtc(names, &iceberg));
        }
        Some(wire) => Some(quantity_of(market, wire)?),
    };
    let kind_name = names.of("strategyType");
    let strategy_type = params.integer(&kind_name)?;
    if strategy_type.is_some_and(|kind| kind < LEAST_STRATEGY_TYPE) {
        let text = format!("{kind_name} was less than {LEAST_STRATEGY_TYPE}.");
        return Err(VenueError::bad_request(-1134, text));
    }
    Ok(OrderOptions {
        iceberg_quantity,
        strategy_id: params.integer(&names.of("strategyId"))?,
        strategy_type,
        self_trade_prevention,
    })
}

fn not_gtc(names: Names, iceberg: &str) -> VenueError {
    if names.0.is_empty() {
        return VenueError::bad_request(-1014, "Unsupported order combination.");
    }
    let force = names.of("timeInForce");
    let text = format!("Parameter '{iceberg}' is not supported if '{force}' is not GTC.");
    VenueError::bad_request(-1160, text)
}

pub(super) fn read_detail(params: &mut Params, default: Detail) -> Result<Detail, VenueError> {
    let word = params.word("newOrderRespType", &["ACK", "RESULT", "FULL"])?;
    Ok(match word {
        None => default,
        Some("ACK") => Detail::Ack,
        Some("RESULT") => Detail::Result,
        Some(_) => Detail::Full,
    })
}
