//! Ends of orders that their owner did not ask for, and filters that change under them.

use super::{Context, fills, inputs, orders};
use crate::models::accounts::AccountId;
use crate::models::feed::Level;
use crate::models::orders::{
    Input, OrderOptions, OrderRecord, OrderTicket, SelfTradePrevention, Side, Status, Terms,
    TimeInForce, TransferTicket,
};
use crate::services::core::market::Market;
use crate::services::faults::params::FilterChange;
use crate::services::shell::Shell;

type Done = Result<(), String>;

pub(super) fn change_filters(shell: &mut Shell, params: &FilterChange) -> Done {
    let market = orders::market_index(shell, &params.symbol)?;
    let entry = shell.state.market(market).map_err(|e| e.to_string())?;
    let scales = (
        entry.instrument.price_scale,
        entry.instrument.quantity_scale,
    );
    let mut filters = entry.filters.clone();
    let read = |name: &str, text: &Option<String>, scale: u8| {
        text.as_ref()
            .map(|text| orders::mantissa(name, text, scale))
            .transpose()
    };
    if let Some(tick) = read("tick_size", &params.tick_size, scales.0)? {
        filters.price.tick_size = tick;
    }
    if let Some(step) = read("step_size", &params.step_size, scales.1)? {
        filters.lot_size.step_size = step;
    }
    if let Some(least) = read("min_quantity", &params.min_quantity, scales.1)? {
        filters.lot_size.min_quantity = least;
    }
    if let Some(least) = read("min_notional", &params.min_notional, 8)? {
        match (&mut filters.notional, &mut filters.min_notional) {
            (Some(rule), _) => rule.min_notional = least,
            (None, Some(rule)) => rule.min_notional = least,
            (None, None) => return Err("the symbol has no notional filter".to_owned()),
        }
    }
    let filters = Box::new(filters);
    inputs::apply(shell, &Input::Filters { market, filters })
}

/// The smallest order at `price` that the filters let pass.
fn smallest(market: &Market, price: i64) -> i64 {
    let step = market.filters.lot_size.step_size.max(1);
    let least = market.filters.notional.map_or(0, |rule| rule.min_notional);
    let one = market.trade_amount(price, step).max(1);
    let steps = i128::from(least).div_euclid(one) + 1;
    let by_value = i64::try_from(steps)
        .unwrap_or(i64::MAX)
        .saturating_mul(step);
    by_value.max(market.filters.lot_size.min_quantity)
}

/// An opposite order of the same account meets the placed one, whose place at the top of the book
/// is cleared of outside volume before.
pub(super) fn expire_by_self_trade(shell: &mut Shell, context: &Context) -> Done {
    let order = orders::placed(shell, context.account, &context.call)?;
    let price = order.terms.limit_price().filter(|_| order.status.is_open());
    let price = price.ok_or("only an order that rests with a limit price can expire this way")?;
    let entry = shell
        .state
        .market(order.market)
        .map_err(|e| e.to_string())?;
    let quantity = smallest(entry, price);
    let depth = shell.state.depth(order.market);
    let ladder = depth
        .ok_or("the venue has no order book; use mode = \"market\"")?
        .ladder(order.side);
    let outside: Vec<Level> = ladder
        .from_best()
        .take_while(|(found, _)| ladder.reaches(Some(price), *found))
        .filter(|(_, rung)| rung.external > 0)
        .map(|(price, _)| Level { price, quantity: 0 })
        .collect();
    fills::set_outside(shell, order.market, order.side, outside)?;
    let (asset, amount) = cost(shell, &order, (price, quantity))?;
    let transfer = TransferTicket {
        account: order.account,
        asset,
        amount,
    };
    inputs::apply(shell, &Input::Deposit(transfer.clone()))?;
    let ticket = OrderTicket {
        market: order.market,
        side: order.side.opposite(),
        quantity,
        terms: Terms::Limit {
            price,
            time_in_force: TimeInForce::Ioc,
        },
        client_order_id: None,
        account: order.account,
        options: OrderOptions {
            self_trade_prevention: SelfTradePrevention::ExpireMaker,
            ..OrderOptions::default()
        },
    };
    inputs::apply(shell, &Input::Order(ticket))?;
    inputs::apply(shell, &Input::Withdraw(transfer))?;
    let now = shell.state.book().orders.get(&order.order_id);
    if now.is_some_and(|now| now.status == Status::ExpiredInMatch) {
        return Ok(());
    }
    Err("other orders stood before the placed one".to_owned())
}

/// What an order against `order` needs free.
fn cost(
    shell: &Shell,
    order: &OrderRecord,
    (price, quantity): (i64, i64),
) -> Result<(String, i64), String> {
    let entry = shell
        .state
        .market(order.market)
        .map_err(|e| e.to_string())?;
    let instrument = &entry.instrument;
    let (asset, amount) = match order.side {
        Side::Buy => {
            let unit = 10_i128.pow(u32::from(8_u8.saturating_sub(instrument.quantity_scale)));
            (
                instrument.base_currency.to_string(),
                i128::from(quantity) * unit,
            )
        }
        Side::Sell => (
            instrument.quote_currency.to_string(),
            entry.trade_amount(price, quantity),
        ),
    };
    Ok((
        asset,
        i64::try_from(amount).map_err(|_| "the order is too large")?,
    ))
}

/// The list's working leg fills when its pending leg cannot be placed: the account has nothing free
/// of what that leg sells, and the price has run through its trigger.
pub(super) fn starve_pending_leg(shell: &mut Shell, context: &Context) -> Done {
    let symbol = context
        .call
        .params
        .get("symbol")
        .ok_or("the request names no symbol")?;
    let market = orders::market_index(shell, symbol)?;
    let newest = shell.state.book().lists.values().rev();
    let list = newest
        .into_iter()
        .find(|list| list.account == context.account && list.market == market && !list.is_done);
    let legs = list
        .ok_or("the request placed no list that is open")?
        .orders
        .clone();
    let order = |shell: &Shell, id: &u64| shell.state.book().orders.get(id).cloned();
    let legs: Vec<OrderRecord> = legs.iter().filter_map(|id| order(shell, id)).collect();
    let (Some(working), Some(pending)) = (
        legs.first()
            .filter(|leg| matches!(leg.status, Status::New | Status::PartiallyFilled)),
        legs.iter().find(|leg| leg.status == Status::PendingNew),
    ) else {
        return Err("the list has no working leg that rests and no pending leg".to_owned());
    };
    withdraw_free(shell, context.account, pending)?;
    let price = working
        .terms
        .limit_price()
        .ok_or("the working leg has no limit price")?;
    let (tick, _) = fills::units(shell, market)?;
    let beyond = fills::through(working.side, price, tick);
    let trigger = pending
        .terms
        .stop_price()
        .map(|stop| fills::through(working.side, stop, tick));
    let price = match (working.side, trigger) {
        (Side::Buy, Some(trigger)) => beyond.min(trigger),
        (Side::Sell, Some(trigger)) => beyond.max(trigger),
        (_, None) => beyond,
    };
    let quantity = working.remaining();
    // The trigger price is that of the last trade: one more than the working leg takes.
    let (_, step) = fills::units(shell, market)?;
    let at = Level {
        price,
        quantity: quantity + step,
    };
    fills::print(shell, working.side, market, at)?;
    let now = order(shell, &pending.order_id).map(|leg| leg.status);
    if now == Some(Status::Rejected) {
        return Ok(());
    }
    Err(
        "the pending leg could be placed: what the working leg brought was enough for it"
            .to_owned(),
    )
}

fn withdraw_free(shell: &mut Shell, account: AccountId, pending: &OrderRecord) -> Done {
    let entry = shell
        .state
        .market(pending.market)
        .map_err(|e| e.to_string())?;
    let asset = match pending.side {
        Side::Buy => entry.instrument.quote_currency.to_string(),
        Side::Sell => entry.instrument.base_currency.to_string(),
    };
    let balances = shell.state.balances_of(account);
    let free = balances
        .iter()
        .find(|(name, ..)| *name == asset)
        .map_or(0, |(_, free, _)| *free);
    let amount = i64::try_from(free).map_err(|_| "the balance is too large to move")?;
    if amount == 0 {
        return Ok(());
    }
    inputs::apply(
        shell,
        &Input::Withdraw(TransferTicket {
            account,
            asset,
            amount,
        }),
    )
}
