//! Stop and target of a filled bracket entry (interfaces, section 1).

use rust_common::{DomainError, Instrument, Money, OrderSide, OrderType, Price, Rounding};

use super::holdings::base_currency;
use super::making::{leg_terms, list_ids};
use crate::models::order::{OrderState, Role, Terms};
use crate::models::record::ProtectionTerms;

/// Protection for what an entry has bought or sold, or why there can be none.
///
/// The average fill is quote / quantity, half-even to tick. Stop = average -/+ offset rounded down
/// (BUY) to tick, target = average +/- offset rounded up (BUY), mirrored for SELL. Quantity: filled
/// less commission in the base asset, floored to step.
///
/// # Errors
/// The reason in words.
pub fn protection_of(
    entry: &OrderState,
    instrument: &Instrument,
) -> Result<ProtectionTerms, String> {
    build(entry, instrument)
        .map_err(|error| error.to_string())
        .and_then(|terms| check(terms, instrument))
}

fn check(terms: ProtectionTerms, instrument: &Instrument) -> Result<ProtectionTerms, String> {
    let quantity = terms.stop.quantity;
    if quantity < instrument.min_quantity || quantity.is_zero() {
        return Err(format!(
            "{quantity} is below the smallest quantity {}",
            instrument.min_quantity
        ));
    }
    let prices = [terms.stop.trigger_price, terms.target.price];
    if prices
        .into_iter()
        .flatten()
        .any(|price| price.mantissa() <= 0)
    {
        return Err("a protective price would not be above 0".to_owned());
    }
    Ok(terms)
}

fn build(entry: &OrderState, instrument: &Instrument) -> Result<ProtectionTerms, DomainError> {
    let Role::BracketEntry {
        stop_offset,
        target_offset,
        ..
    } = &entry.role
    else {
        return Err(DomainError::Inconsistent {
            message: "not a bracket entry".to_owned(),
        });
    };
    let tick = instrument.tick_size;
    let totals = entry.fills_total;
    let average = Price::average(totals.quote, totals.quantity, tick)?;
    let (stop, target) = match entry.terms.order_side {
        OrderSide::Buy => (
            average
                .checked_sub(*stop_offset)?
                .round_to_tick(tick, Rounding::Floor)?,
            average
                .checked_add(*target_offset)?
                .round_to_tick(tick, Rounding::Ceil)?,
        ),
        OrderSide::Sell => (
            average
                .checked_add(*stop_offset)?
                .round_to_tick(tick, Rounding::Ceil)?,
            average
                .checked_sub(*target_offset)?
                .round_to_tick(tick, Rounding::Floor)?,
        ),
    };
    let fee = match base_currency(&entry.identity.instrument_id) {
        Some(base) => entry.fees_in(&base),
        None => Money::ZERO,
    };
    let quantity = Money::from(totals.quantity)
        .checked_sub(fee)?
        .floor_to_step(instrument.step_size)?;
    let list = Terms {
        order_type: OrderType::Oco,
        order_side: entry.terms.order_side.opposite(),
        quantity,
        price: Some(target),
        trigger_price: Some(stop),
        time_in_force: None,
    };
    let [stop, target] = leg_terms(list.order_side, &list);
    Ok(ProtectionTerms {
        ids: list_ids(&entry.identity)?,
        stop,
        target,
    })
}
