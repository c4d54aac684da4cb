//! Order parameters to tickets: what each order type needs, allows and refuses.

use super::params::Params;
use crate::error::VenueError;
use crate::models::accounts::AccountId;
use crate::models::orders::{
    OcoTicket, OrderOptions, OrderTicket, Side, Terms, TimeInForce, Trigger,
};
use crate::services::core::filters;
use crate::services::core::payloads::Detail;
use crate::services::shell::Shell;

pub(super) fn read_order(
    shell: &Shell,
    params: &mut Params,
) -> Result<(OrderTicket, Detail), VenueError> {
    let (market, side) = read_market_and_side(shell, params)?;
    let kind = params.required("type")?;
    refuse_unsupported(params, &["icebergQty", "trailingDelta"])?;
    let terms = read_terms(shell, params, market, &kind)?;
    if params.take("quoteOrderQty")?.is_some() {
        let text = "Quote order qty market orders are not support for this symbol.";
        return Err(VenueError::rejected(text));
    }
    let quantity = read_quantity(shell, params, market)?;
    let client_order_id = params.client_id("newClientOrderId")?;
    let is_short = matches!(terms, Terms::LimitMaker { .. } | Terms::StopLoss { .. });
    let detail = read_detail(params, if is_short { Detail::Ack } else { Detail::Full })?;
    Ok((
        OrderTicket {
            market,
            side,
            quantity,
            terms,
            client_order_id,
            account: AccountId::FIRST,
            options: OrderOptions::default(),
        },
        detail,
    ))
}

fn read_market_and_side(shell: &Shell, params: &mut Params) -> Result<(usize, Side), VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    let market = shell.state.market_index(&symbol)?;
    let side = match params.required("side")?.as_str() {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(VenueError::bad_request(-1117, "Invalid side.")),
    };
    Ok((market, side))
}

fn read_quantity(shell: &Shell, params: &mut Params, market: usize) -> Result<i64, VenueError> {
    let wire = params
        .decimal("quantity")?
        .ok_or_else(|| VenueError::missing("quantity"))?;
    filters::quantity(shell.state.market(market)?, wire)
}

fn read_price(
    shell: &Shell,
    params: &mut Params,
    market: usize,
    name: &str,
) -> Result<i64, VenueError> {
    let wire = params
        .decimal(name)?
        .ok_or_else(|| VenueError::missing(name))?;
    filters::price(shell.state.market(market)?, wire)
}

fn read_terms(
    shell: &Shell,
    params: &mut Params,
    market: usize,
    kind: &str,
) -> Result<Terms, VenueError> {
    let forbid = |params: &Params, names: &[&str]| match names.iter().find(|name| params.has(name))
    {
        Some(name) => Err(VenueError::not_required(name)),
        None => Ok(()),
    };
    match kind {
        "MARKET" => {
            forbid(params, &["price", "stopPrice", "timeInForce"])?;
            if !params.has("quantity") && !params.has("quoteOrderQty") {
                return Err(VenueError::missing_both("quantity", "quoteOrderQty"));
            }
            Ok(Terms::Market)
        }
        "LIMIT" => {
            forbid(params, &["stopPrice"])?;
            let time_in_force = match params.required("timeInForce")?.as_str() {
                "GTC" => TimeInForce::Gtc,
                "IOC" => TimeInForce::Ioc,
                "FOK" => TimeInForce::Fok,
                _ => return Err(VenueError::bad_request(-1115, "Invalid timeInForce.")),
            };
            Ok(Terms::Limit {
                price: read_price(shell, params, market, "price")?,
                time_in_force,
            })
        }
        "LIMIT_MAKER" => {
            forbid(params, &["stopPrice", "timeInForce"])?;
            Ok(Terms::LimitMaker {
                price: read_price(shell, params, market, "price")?,
            })
        }
        "STOP_LOSS" => {
            forbid(params, &["price", "timeInForce"])?;
            Ok(Terms::StopLoss {
                trigger: Trigger::Price {
                    stop_price: read_price(shell, params, market, "stopPrice")?,
                },
            })
        }
        other => Err(unsupported_type(other)),
    }
}

fn unsupported_type(kind: &str) -> VenueError {
    match kind {
        "STOP_LOSS_LIMIT" => {
            VenueError::rejected("Stop loss limit orders are not supported for this symbol.")
        }
        "TAKE_PROFIT" => {
            VenueError::rejected("Take profit orders are not supported for this symbol.")
        }
        "TAKE_PROFIT_LIMIT" => {
            VenueError::rejected("Take profit limit orders are not supported for this symbol.")
        }
        _ => VenueError::bad_request(-1116, "Invalid orderType."),
    }
}

/// Documented parameters that `exchangeInfo` says are not allowed here.
fn refuse_unsupported(params: &mut Params, names: &[&str]) -> Result<(), VenueError> {
    for name in names {
        if params.take(name)?.is_some() {
            let text = if name.ends_with("railingDelta") {
                "Trailing stop orders are not supported for this symbol."
            } else {
                "Iceberg orders are not supported for this symbol."
            };
            return Err(VenueError::rejected(text));
        }
    }
    match params.take("selfTradePreventionMode")?.as_deref() {
        None | Some("NONE") => Ok(()),
        Some(_) => Err(VenueError::rejected(
            "This symbol does not allow the specified self-trade prevention mode.",
        )),
    }
}

fn read_detail(params: &mut Params, default: Detail) -> Result<Detail, VenueError> {
    match params.take("newOrderRespType")?.as_deref() {
        None => Ok(default),
        Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(VenueError::bad_request(
            -1130,
            "Data sent for parameter 'newOrderRespType' is not valid.",
        )),
    }
}

pub(super) fn read_oco(
    shell: &Shell,
    params: &mut Params,
) -> Result<(OcoTicket, Detail), VenueError> {
    let (market, side) = read_market_and_side(shell, params)?;
    let quantity = read_quantity(shell, params, market)?;
    let above = params.required("aboveType")?;
    let below = params.required("belowType")?;
    refuse_unsupported(
        params,
        &[
            "aboveIcebergQty",
            "belowIcebergQty",
            "aboveTrailingDelta",
            "belowTrailingDelta",
        ],
    )?;
    check_oco_types(side, &above, &below)?;
    let (limit, stop) = match side {
        Side::Sell => ("above", "below"),
        Side::Buy => ("below", "above"),
    };
    let detail = read_detail(params, Detail::Result)?;
    let ticket = OcoTicket {
        market,
        side,
        quantity,
        limit_price: read_price(shell, params, market, &format!("{limit}Price"))?,
        stop_price: read_price(shell, params, market, &format!("{stop}StopPrice"))?,
        list_client_order_id: params.client_id("listClientOrderId")?,
        limit_client_order_id: params.client_id(&format!("{limit}ClientOrderId"))?,
        stop_client_order_id: params.client_id(&format!("{stop}ClientOrderId"))?,
    };
    let odd = [
        format!("{stop}Price"),
        format!("{limit}StopPrice"),
        format!("{stop}TimeInForce"),
        format!("{limit}TimeInForce"),
    ];
    match odd.iter().find(|name| params.has(name)) {
        Some(name) => Err(VenueError::not_required(name)),
        None => Ok((ticket, detail)),
    }
}

fn check_oco_types(side: Side, above: &str, below: &str) -> Result<(), VenueError> {
    let is_known = |kind: &str| matches!(kind, "LIMIT_MAKER" | "STOP_LOSS");
    let (code, text) = match (side, above, below) {
        (_, "LIMIT_MAKER", "LIMIT_MAKER") => (-1168, "At least one OCO order must be contingent."),
        (Side::Sell, "LIMIT_MAKER", "STOP_LOSS") | (Side::Buy, "STOP_LOSS", "LIMIT_MAKER") => {
            return Ok(());
        }
        _ if !is_known(above) || !is_known(below) => (-1158, "Order type not supported in OCO."),
        (Side::Buy, "LIMIT_MAKER", _) => (-1165, "A limit order in a buy OCO must be below."),
        (Side::Sell, _, "LIMIT_MAKER") => (-1166, "A limit order in a sell OCO must be above."),
        (Side::Buy, _, _) => (-1196, "A stop loss order in a buy OCO must be above."),
        (Side::Sell, _, _) => (-1197, "A stop loss order in a sell OCO must be below."),
    };
    Err(VenueError::bad_request(code, text))
}
