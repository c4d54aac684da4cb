//! Faults as inputs of the venue.

use super::{Context, accidents, fills, orders};
use crate::models::orders::{
    Input, OrderOptions, OrderTicket, Side, SymbolStatus, Terms, TimeInForce, TransferTicket,
};
use crate::services::faults::catalogue::Fault;
use crate::services::faults::params::{
    ExternalWeight, Half, OutsiderOrder, OutsiderSide, Phase, SymbolChange, Trading, Transfer,
    While,
};
use crate::services::shell::Shell;

type Done = Result<(), String>;

/// Applies an input of the fault itself.
pub(super) fn apply(shell: &mut Shell, input: &Input) -> Done {
    match shell.apply(input, None) {
        Ok(_) => Ok(()),
        Err(e) if e.code == -1020 => Err(format!(
            "{e} The venue's mode does not know this input; use mode = \"market\"."
        )),
        Err(e) => Err(e.to_string()),
    }
}

pub(super) fn before(shell: &mut Shell, context: &Context) -> Done {
    match &context.fault {
        Fault::CancelRace(_) => fill_target(shell, context, 100, 1),
        Fault::LateFill(params) => fill_target(shell, context, params.percent, 1),
        Fault::PartialFill(params) if params.during == While::Placed => {
            fills::spread(shell, context, params)
        }
        Fault::PartialFill(params) => fill_target(shell, context, params.percent, params.parts),
        Fault::CancelReplace(params) => {
            if params.cancel == Half::Failed {
                fill_target(shell, context, 100, 1)?;
            }
            if params.new == Half::Failed {
                change_status(shell, symbol(context)?, SymbolStatus::CancelOnly)?;
            }
            Ok(())
        }
        Fault::OutsiderOrder(params) if params.at == Phase::Before => {
            outsider(shell, context, params)
        }
        Fault::SymbolStatus(params) if params.at == Phase::Before => symbol_status(shell, params),
        Fault::FilterChange(params) if params.at == Phase::Before => {
            accidents::change_filters(shell, params)
        }
        Fault::ExternalDeposit(params) => transfer(shell, context, params, true),
        Fault::ExternalWithdraw(params) => transfer(shell, context, params, false),
        Fault::ExternalWeight(params) => external_weight(shell, context, params),
        _ => Ok(()),
    }
}

pub(super) fn after(shell: &mut Shell, context: &Context) -> Done {
    match &context.fault {
        Fault::PartialFill(params) if params.during == While::Placed => {
            fills::finish(shell, context, params)
        }
        Fault::CancelReplace(params) if params.new == Half::Failed => {
            change_status(shell, symbol(context)?, SymbolStatus::Trading)
        }
        Fault::OutsiderOrder(params) if params.at == Phase::After => {
            outsider(shell, context, params)
        }
        Fault::SymbolStatus(params) if params.at == Phase::After => symbol_status(shell, params),
        Fault::FilterChange(params) if params.at == Phase::After => {
            accidents::change_filters(shell, params)
        }
        Fault::StpExpiry(_) => accidents::expire_by_self_trade(shell, context),
        Fault::PendingLegFailure(_) => accidents::starve_pending_leg(shell, context),
        _ => Ok(()),
    }
}

fn symbol(context: &Context) -> Result<&str, String> {
    let symbol = context.call.params.get("symbol");
    symbol
        .map(String::as_str)
        .ok_or_else(|| "the request names no symbol".to_owned())
}

fn fill_target(shell: &mut Shell, context: &Context, percent: u32, parts: u32) -> Done {
    let order = orders::target(shell, context.account, &context.call)?;
    if !order.status.is_open() {
        return Err(format!("order {} is no longer open", order.order_id));
    }
    fills::fill(shell, &order, (percent, parts))
}

fn change_status(shell: &mut Shell, symbol: &str, status: SymbolStatus) -> Done {
    let market = orders::market_index(shell, symbol)?;
    apply(shell, &Input::SymbolStatus { market, status })
}

fn symbol_status(shell: &mut Shell, params: &SymbolChange) -> Done {
    let status = match params.status {
        Trading::Trading => SymbolStatus::Trading,
        Trading::EndOfDay => SymbolStatus::EndOfDay,
        Trading::Halt => SymbolStatus::Halt,
        Trading::Break => SymbolStatus::Break,
        Trading::CancelOnly => SymbolStatus::CancelOnly,
    };
    change_status(shell, &params.symbol, status)
}

/// An order of the account that its owner's system did not send.
fn outsider(shell: &mut Shell, context: &Context, params: &OutsiderOrder) -> Done {
    let market = orders::market_index(shell, &params.symbol)?;
    let entry = shell.state.market(market).map_err(|e| e.to_string())?;
    let scales = (
        entry.instrument.price_scale,
        entry.instrument.quantity_scale,
    );
    let quantity = orders::mantissa("quantity", &params.quantity, scales.1)?;
    let terms = match &params.price {
        None => Terms::Market,
        Some(price) => Terms::Limit {
            price: orders::mantissa("price", price, scales.0)?,
            time_in_force: TimeInForce::Gtc,
        },
    };
    let own_id = || context.call.client_order_ids.first().cloned();
    let ticket = OrderTicket {
        market,
        side: match params.side {
            OutsiderSide::Buy => Side::Buy,
            OutsiderSide::Sell => Side::Sell,
        },
        quantity,
        terms,
        client_order_id: params.client_order_id.clone().or_else(own_id),
        account: context.account,
        options: OrderOptions::default(),
    };
    apply(shell, &Input::Order(ticket))
}

fn transfer(shell: &mut Shell, context: &Context, params: &Transfer, is_deposit: bool) -> Done {
    let ticket = TransferTicket {
        account: context.account,
        asset: params.asset.clone(),
        amount: orders::mantissa("amount", &params.amount, 8)?,
    };
    let input = if is_deposit {
        Input::Deposit(ticket)
    } else {
        Input::Withdraw(ticket)
    };
    apply(shell, &input)
}

/// Somebody else behind the same address uses up request weight.
fn external_weight(shell: &mut Shell, context: &Context, params: &ExternalWeight) -> Done {
    let address = context.address.ok_or("the request came from no address")?;
    let now = shell.clock.now_ms();
    // Charging past the limit is what the fault is for; the request itself meets the refusal.
    let _ = shell.limits.charge(address, params.weight, now);
    Ok(())
}
