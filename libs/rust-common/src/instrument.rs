//! Trading rules of one instrument.

use serde::{Deserialize, Serialize};

use crate::error::DomainError;
use crate::fixed::SCALE_MAX;
use crate::ids::{Currency, InstrumentId, Symbol};
use crate::money::{Money, Price, Quantity};

/// What may be traded and in which units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", deny_unknown_fields)]
pub struct Instrument {
    pub instrument_id: InstrumentId,
    pub symbol: Symbol,
    pub base_currency: Currency,
    pub quote_currency: Currency,
    /// Decimals of a price.
    pub price_scale: u8,
    /// Decimals of a quantity.
    pub quantity_scale: u8,
    pub tick_size: Price,
    pub step_size: Quantity,
    pub min_quantity: Quantity,
    pub min_notional: Money,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    instrument_id: InstrumentId,
    symbol: Symbol,
    base_currency: Currency,
    quote_currency: Currency,
    price_scale: u8,
    quantity_scale: u8,
    tick_size: Price,
    step_size: Quantity,
    min_quantity: Quantity,
    min_notional: Money,
}

impl TryFrom<Fields> for Instrument {
    type Error = DomainError;

    fn try_from(fields: Fields) -> Result<Self, DomainError> {
        check(&fields)?;
        Ok(Self {
            tick_size: fields.tick_size.to_scale(fields.price_scale)?,
            step_size: fields.step_size.to_scale(fields.quantity_scale)?,
            min_quantity: fields.min_quantity.to_scale(fields.quantity_scale)?,
            instrument_id: fields.instrument_id,
            symbol: fields.symbol,
            base_currency: fields.base_currency,
            quote_currency: fields.quote_currency,
            price_scale: fields.price_scale,
            quantity_scale: fields.quantity_scale,
            min_notional: fields.min_notional,
        })
    }
}

fn check(fields: &Fields) -> Result<(), DomainError> {
    let scale = fields.price_scale.max(fields.quantity_scale);
    if scale > SCALE_MAX {
        return Err(DomainError::out_of_range(
            "instrument scale",
            scale,
            "0 to 8",
        ));
    }
    if fields.tick_size.mantissa() <= 0 {
        return Err(DomainError::out_of_range(
            "tick_size",
            fields.tick_size,
            "above 0",
        ));
    }
    if fields.step_size.is_zero() {
        return Err(DomainError::out_of_range(
            "step_size",
            fields.step_size,
            "above 0",
        ));
    }
    if fields.min_notional < Money::ZERO {
        return Err(DomainError::out_of_range(
            "min_notional",
            fields.min_notional,
            "0 or more",
        ));
    }
    if fields.base_currency == fields.quote_currency {
        let message = format!("base and quote currency are both {}", fields.base_currency);
        return Err(DomainError::Inconsistent { message });
    }
    Ok(())
}

impl Instrument {
    /// A price of this instrument from its mantissa.
    pub fn price(&self, mantissa: i64) -> Result<Price, DomainError> {
        Price::new(mantissa, self.price_scale)
    }
}
