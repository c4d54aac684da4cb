//! Hard limits, re-checked on every order (K25). The observed value is always told.

use rust_common::{
    ApprovedOrder, Instrument, Intent, Money, Order, OrderSide, Price, Quantity, StopLevel,
};

use super::State;
use crate::models::problem::Problem;
use crate::models::record::Denial;

const MINUTE_MS: i64 = 60_000;

fn denial(rule: &str, limit: &dyn std::fmt::Display, observed: &dyn std::fmt::Display) -> Denial {
    Denial {
        rule: rule.to_owned(),
        limit: limit.to_string(),
        observed: observed.to_string(),
    }
}

/// The first limit the order breaks, if any.
pub fn check(state: &mut State, order: &ApprovedOrder, now: i64) -> Option<Denial> {
    let Some(instrument) = state.live.instruments.get(order.instrument_id()).cloned() else {
        let known: Vec<&str> = state.live.instruments.keys().map(AsRef::as_ref).collect();
        return Some(denial("symbols", &known.join(" "), order.instrument_id()));
    };
    let quantity = order.order().quantity();
    if let Some(denial) = check_units(order.order(), &instrument) {
        return Some(denial);
    }
    match order.intent() {
        Intent::Reduce => check_reduce(state, order, quantity),
        Intent::Open => check_rate(state, now).or_else(|| {
            check_open(state, order, &instrument).unwrap_or_else(|e| Some(overflow(&e)))
        }),
    }
}

fn overflow(error: &rust_common::DomainError) -> Denial {
    denial("notional", &"the fixed-point range", error)
}

fn check_rate(state: &mut State, now: i64) -> Option<Denial> {
    let limit = state.config.limits.max_orders_per_minute;
    let recent = &mut state.live.accepted_at;
    while recent.front().is_some_and(|at| now - at >= MINUTE_MS) {
        recent.pop_front();
    }
    (recent.len() >= limit as usize)
        .then(|| denial("max_orders_per_minute", &limit, &(recent.len() + 1)))
}

/// What an exit may reduce: all that is held; under `reduce_only` only what our fills built.
fn reducible(state: &State, order: &ApprovedOrder) -> Money {
    let held = state.held(order.instrument_id());
    let level = state.book.stop.as_ref().map(|stop| stop.level);
    if level < Some(StopLevel::ReduceOnly) {
        return held;
    }
    let position = state.book.positions.get(order.instrument_id());
    let position = position.copied().unwrap_or(Money::ZERO);
    match order.order().order_side() {
        OrderSide::Sell => position.min(held),
        OrderSide::Buy => position.max(held),
    }
}

/// An exit may not sell more than is held: then it would open the other side.
fn check_reduce(state: &State, order: &ApprovedOrder, quantity: Quantity) -> Option<Denial> {
    let held = reducible(state, order);
    let wanted = Money::from(quantity);
    let fits = match order.order().order_side() {
        OrderSide::Sell => wanted <= held,
        OrderSide::Buy => held
            .checked_add(wanted)
            .is_ok_and(|after| after <= Money::ZERO),
    };
    (!fits).then(|| denial("reduce_only", &held, &quantity))
}

fn check_open(
    state: &State,
    order: &ApprovedOrder,
    instrument: &Instrument,
) -> Result<Option<Denial>, rust_common::DomainError> {
    let limits = &state.config.limits;
    let quantity = order.order().quantity();
    let Some(price) = reference_price(state, order) else {
        return Ok(Some(denial("reference_price", &"a known price", &"none")));
    };
    let notional = price.notional(quantity)?;
    if notional < instrument.min_notional {
        return Ok(Some(denial(
            "min_notional",
            &instrument.min_notional,
            &notional,
        )));
    }
    if notional > limits.max_order_notional {
        return Ok(Some(denial(
            "max_order_notional",
            &limits.max_order_notional,
            &notional,
        )));
    }
    let id = order.instrument_id();
    let side = order.order().order_side();
    let held = state.held(id);
    if side == OrderSide::Sell && Money::from(quantity) > held && !state.config.rules.is_derivative
    {
        // A spot venue lends nothing: leverage is 1 and what is sold must be held.
        return Ok(Some(denial("leverage", &held, &quantity)));
    }
    let is_same_direction = match side {
        OrderSide::Buy => held > Money::ZERO,
        OrderSide::Sell => held < Money::ZERO && state.config.rules.is_derivative,
    };
    let mut after = Money::ZERO;
    if is_same_direction || (side == OrderSide::Sell && !state.config.rules.is_derivative) {
        after = value_of(held, price, instrument)?;
    }
    let opens = side == OrderSide::Buy || state.config.rules.is_derivative;
    let growing = if opens { side } else { OrderSide::Buy };
    // Reserved in full until proven over, at the worst price it may have (C5.1, I15).
    for open in state
        .book
        .open_orders(id)
        .filter(|o| o.terms.order_side == growing)
    {
        let worst = open.terms.price.map_or(price, |limit| limit.max(price));
        after = after.checked_add(worst.notional(open.remaining())?)?;
    }
    if opens {
        after = after.checked_add(notional)?;
    }
    if after > limits.max_instrument_notional {
        let limit = &limits.max_instrument_notional;
        return Ok(Some(denial("max_instrument_notional", limit, &after)));
    }
    Ok(None)
}

fn value_of(
    held: Money,
    price: Price,
    instrument: &Instrument,
) -> Result<Money, rust_common::DomainError> {
    let size = Money::from_mantissa(held.mantissa().abs());
    price.notional(size.floor_to_step(instrument.step_size)?)
}

fn reference_price(state: &State, order: &ApprovedOrder) -> Option<Price> {
    match order.order() {
        Order::Limit(limit) => Some(limit.price),
        Order::Oco(oco) => Some(oco.price),
        Order::StopMarket(stop) => Some(stop.trigger_price),
        Order::Market(_) | Order::Bracket(_) => state
            .live
            .prices
            .get(order.instrument_id())
            .map(|(price, _)| *price),
    }
}

fn prices_of(order: &Order) -> Vec<(&'static str, Price)> {
    match order {
        Order::Market(_) => Vec::new(),
        Order::Limit(limit) => vec![("order.price", limit.price)],
        Order::StopMarket(stop) => vec![("order.trigger_price", stop.trigger_price)],
        Order::Bracket(bracket) => vec![
            ("order.stop_offset", bracket.stop_offset),
            ("order.target_offset", bracket.target_offset),
        ],
        Order::Oco(oco) => {
            vec![
                ("order.price", oco.price),
                ("order.trigger_price", oco.trigger_price),
            ]
        }
    }
}

/// Wire rule: prices and quantities carry exactly the instrument's decimals.
pub fn check_scales(order: &Order, instrument: &Instrument) -> Result<(), Box<Problem>> {
    let mut values = vec![(
        "order.quantity",
        order.quantity().to_string(),
        order.quantity().scale(),
        instrument.quantity_scale,
    )];
    for (field, price) in prices_of(order) {
        values.push((
            field,
            price.to_string(),
            price.scale(),
            instrument.price_scale,
        ));
    }
    match values.iter().find(|(_, _, scale, wanted)| scale != wanted) {
        None => Ok(()),
        Some((field, text, _, wanted)) => {
            let detail = format!("{field} is {text}");
            let allowed = format!("a decimal string with exactly {wanted} decimals");
            Err(Box::new(Problem::malformed(field, detail, &allowed)))
        }
    }
}

fn check_units(order: &Order, instrument: &Instrument) -> Option<Denial> {
    let quantity = order.quantity();
    if !quantity.is_on_step(instrument.step_size) {
        return Some(denial("step_size", &instrument.step_size, &quantity));
    }
    if quantity < instrument.min_quantity {
        return Some(denial("min_quantity", &instrument.min_quantity, &quantity));
    }
    if matches!(order, Order::Bracket(_)) {
        return None; // Distances are rounded to the tick when the stop and target are made.
    }
    prices_of(order)
        .into_iter()
        .find(|(_, price)| !price.is_on_tick(instrument.tick_size))
        .map(|(_, price)| denial("tick_size", &instrument.tick_size, &price))
}
