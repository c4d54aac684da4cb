//! Fills that the market brings about: prints and levels as a mirrored market would report them.

use super::{Context, inputs, orders};
use crate::models::feed::{FeedEvent, Level};
use crate::models::orders::{Input, OrderRecord, Side};
use crate::services::core::auction::Resting;
use crate::services::faults::params::PartialFill;
use crate::services::shell::Shell;

type Done = Result<(), String>;

/// Tick and step of a market.
pub(super) fn units(shell: &Shell, market: usize) -> Result<(i64, i64), String> {
    let entry = shell.state.market(market).map_err(|e| e.to_string())?;
    let instrument = &entry.instrument;
    Ok((
        instrument.tick_size.mantissa().max(1),
        instrument.step_size.mantissa().max(1),
    ))
}

/// The price one tick beyond `price` for an order of `side`: what trades there reaches the order.
pub(super) fn through(side: Side, price: i64, tick: i64) -> i64 {
    match side {
        Side::Buy => price - tick,
        Side::Sell => price + tick,
    }
}

/// A public trade against orders of `side` that rest.
pub(super) fn print(shell: &mut Shell, side: Side, market: usize, at: Level) -> Done {
    let happened = FeedEvent::Print {
        market,
        price: at.price,
        quantity: at.quantity,
        taker: side.opposite(),
        at: shell.state.market_time(),
        trade_id: 0,
    };
    inputs::apply(shell, &Input::Mirror { happened })
}

/// Fills `percent` of what is left of a resting order in `parts` trades: prints that go through its
/// price, so that neither outside volume nor its place in the queue matters.
pub(super) fn fill(shell: &mut Shell, order: &OrderRecord, (percent, parts): (u32, u32)) -> Done {
    let price = order
        .terms
        .limit_price()
        .ok_or("only an order with a limit price can be filled")?;
    let (tick, step) = units(shell, order.market)?;
    let mut expected = order.executed;
    for quantity in shares(order.remaining(), percent, (parts, step))? {
        let price = through(order.side, price, tick);
        // What stands before the order is served first, as in any market.
        let at = Level {
            price,
            quantity: quantity + ahead(shell, order),
        };
        print(shell, order.side, order.market, at)?;
        expected += quantity;
        let now = shell.state.book().orders.get(&order.order_id);
        if now.is_none_or(|now| now.executed != expected) {
            return Err(format!(
                "order {} did not take the print: it does not rest in the book",
                order.order_id
            ));
        }
    }
    Ok(())
}

/// What orders of accounts show and hide before `order` in its side of the book.
fn ahead(shell: &Shell, order: &OrderRecord) -> i64 {
    let Some(depth) = shell.state.depth(order.market) else {
        return 0;
    };
    let ladder = depth.ladder(order.side);
    let resting = ladder.from_best().flat_map(|(_, rung)| &rung.queue);
    resting
        .take_while(|resting| resting.order_id != order.order_id)
        .map(Resting::remaining)
        .sum()
}

/// `percent` of `left` in `parts` positive quantities on the step, the last one taking the rest.
fn shares(left: i64, percent: u32, (parts, step): (u32, i64)) -> Result<Vec<i64>, String> {
    let on_step = |quantity: i64| quantity - quantity.rem_euclid(step);
    let exact = i128::from(left) * i128::from(percent) / 100;
    let exact = i64::try_from(exact).unwrap_or(left);
    let total = if percent == 100 { left } else { on_step(exact) };
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

/// Lays out the side that an incoming order will take from: a level per part and no more than
/// `percent` of the order within its limit. An order that will rest needs nothing laid out.
pub(super) fn spread(shell: &mut Shell, context: &Context, params: &PartialFill) -> Done {
    let call = &context.call.params;
    let param = |name: &str| call.get(name).map(String::as_str);
    let kind = param("type").unwrap_or_default();
    if !matches!(kind, "LIMIT" | "MARKET") {
        return Ok(());
    }
    let market = orders::market_index(shell, param("symbol").unwrap_or_default())?;
    let side = if param("side") == Some("SELL") {
        Side::Sell
    } else {
        Side::Buy
    };
    let entry = shell.state.market(market).map_err(|e| e.to_string())?;
    let scales = (
        entry.instrument.price_scale,
        entry.instrument.quantity_scale,
    );
    let quantity = param("quantity").ok_or("an order by quoteOrderQty cannot be laid out")?;
    let quantity = orders::mantissa("quantity", quantity, scales.1)?;
    let limit = param("price").map(|price| orders::mantissa("price", price, scales.0));
    let limit = limit.transpose()?;
    let needs_market = "the venue has no order book; use mode = \"market\"";
    let ladder = shell
        .state
        .depth(market)
        .ok_or(needs_market)?
        .ladder(side.opposite());
    let best = ladder.best();
    if best.quantity == 0 || !ladder.reaches(limit, best.price) {
        return Ok(());
    }
    let (tick, step) = units(shell, market)?;
    // Deeper volume would fill what `percent` leaves open.
    let mut levels: Vec<Level> = ladder
        .from_best()
        .take_while(|(price, _)| params.percent < 100 && ladder.reaches(limit, *price))
        .map(|(price, _)| Level { price, quantity: 0 })
        .collect();
    let mut price = best.price;
    for quantity in shares(quantity, params.percent, (params.parts, step))? {
        if !ladder.reaches(limit, price) {
            return Err(format!(
                "the limit leaves no room for {} price levels",
                params.parts
            ));
        }
        levels.retain(|level| level.price != price);
        levels.push(Level { price, quantity });
        price = through(side.opposite(), price, tick);
    }
    set_outside(shell, market, side.opposite(), levels)
}

/// The outside volume of one side at the named prices.
pub(super) fn set_outside(
    shell: &mut Shell,
    market: usize,
    side: Side,
    levels: Vec<Level>,
) -> Done {
    let (bids, asks) = match side {
        Side::Buy => (levels, Vec::new()),
        Side::Sell => (Vec::new(), levels),
    };
    let happened = FeedEvent::Depth {
        market,
        first_update_id: 0,
        final_update_id: 0,
        bids,
        asks,
        at: shell.state.market_time(),
    };
    inputs::apply(shell, &Input::Mirror { happened })
}

/// After the order was placed: an order that took has its parts, one that rests gets them now.
pub(super) fn finish(shell: &mut Shell, context: &Context, params: &PartialFill) -> Done {
    let order = orders::placed(shell, context.account, &context.call)?;
    if order.status.is_open() && order.executed == 0 {
        return fill(shell, &order, (params.percent, params.parts));
    }
    let parts = shell.state.book().trades_of(order.order_id).len();
    if parts == params.parts as usize {
        return Ok(());
    }
    Err(format!("order {} filled in {parts} parts", order.order_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shares_add_up_on_the_step(
            steps in 1_i64..1_000_000, step in 1_i64..1_000, percent in 1_u32..=100, parts in 1_u32..=20,
        ) {
            let left = steps * step;
            if let Ok(wanted) = shares(left, percent, (parts, step)) {
                prop_assert_eq!(wanted.len(), parts as usize);
                prop_assert!(wanted.iter().all(|part| *part > 0 && part % step == 0));
                let total: i64 = wanted.iter().sum();
                prop_assert!(total <= left);
                prop_assert!(i128::from(total) * 100 <= i128::from(left) * i128::from(percent));
                prop_assert!(percent < 100 || total == left);
            }
        }
    }
}
