//! Round trips, flat to flat. Below one step of quantity a position counts as flat.

use rust_common::fixed::divide;
use rust_common::{
    DomainError, Figure, Instrument, InstrumentId, Money, OrderSide, PositionSide, Price, Quantity,
    Rounding, UnixMillis,
};
use serde::Serialize;

use crate::models::TradeDetails;
use crate::services::ledger::FillReason;

const OVERFLOW: DomainError = DomainError::Overflow {
    operation: "trade figures",
};

/// A finished round trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trade {
    pub trade_no: u64,
    pub instrument_id: InstrumentId,
    pub position_side: PositionSide,
    /// What the entry bought, before fees.
    pub quantity: Quantity,
    pub entry_at: UnixMillis,
    /// Volume-weighted, half-even to the tick.
    pub entry_price: Price,
    pub exit_at: UnixMillis,
    pub exit_price: Price,
    pub exit_reason: FillReason,
    /// Quote received less quote paid less quote fees. Dust that stays behind counts as nothing.
    pub realized_pnl: Money,
    /// In quote terms; a base fee is valued at the price of its fill.
    pub fees: Money,
    /// `realized_pnl` in percent of the quote paid.
    pub return_pct: Figure,
    /// `realized_pnl` in units of the initial risk, quantity x stop offset.
    pub r_multiple: Figure,
    /// Bar closes between entry and exit.
    pub bars_held: u64,
}

/// The open trade of one instrument, long.
#[derive(Debug, Clone)]
pub(super) struct OpenTrade {
    entry_index: usize,
    entry_at: UnixMillis,
    stop_offset: Price,
    bought: Quantity,
    paid: Money,
    sold: Quantity,
    received: Money,
    base_fees: Money,
    quote_fees: Money,
    fees: Money,
}

impl OpenTrade {
    pub(super) fn new(
        entry_index: usize,
        entry_at: UnixMillis,
        stop_offset: Price,
        instrument: &Instrument,
    ) -> Self {
        let none = Quantity::zero(instrument.quantity_scale);
        Self {
            entry_index,
            entry_at,
            stop_offset,
            bought: none,
            paid: Money::ZERO,
            sold: none,
            received: Money::ZERO,
            base_fees: Money::ZERO,
            quote_fees: Money::ZERO,
            fees: Money::ZERO,
        }
    }

    /// Books a fill of this trade.
    pub(super) fn apply(
        &mut self,
        side: OrderSide,
        details: &TradeDetails,
    ) -> Result<(), DomainError> {
        match side {
            OrderSide::Buy => {
                self.bought = self.bought.checked_add(details.quantity)?;
                self.paid = self.paid.checked_add(details.quote)?;
                self.base_fees = self.base_fees.checked_add(details.fee)?;
                self.fees = self.fees.checked_add(valued(details.fee, details.price)?)?;
            }
            OrderSide::Sell => {
                self.sold = self.sold.checked_add(details.quantity)?;
                self.received = self.received.checked_add(details.quote)?;
                self.quote_fees = self.quote_fees.checked_add(details.fee)?;
                self.fees = self.fees.checked_add(details.fee)?;
            }
        }
        Ok(())
    }

    /// What can be sold: bought less base fees less sold, floored to step.
    pub(super) fn quantity(&self, step: Quantity) -> Result<Quantity, DomainError> {
        let net = Money::from(self.bought)
            .checked_sub(self.base_fees)?
            .checked_sub(Money::from(self.sold))?;
        net.floor_to_step(step)
    }

    pub(super) fn average_entry_price(&self, tick: Price) -> Result<Price, DomainError> {
        Price::average(self.paid, self.bought, tick)
    }

    pub(super) fn finish(
        &self,
        trade_no: u64,
        instrument: &Instrument,
        exit: (usize, UnixMillis, FillReason),
    ) -> Result<Trade, DomainError> {
        let (exit_index, exit_at, exit_reason) = exit;
        let tick = instrument.tick_size;
        let realized_pnl = self
            .received
            .checked_sub(self.paid)?
            .checked_sub(self.quote_fees)?;
        let risk = self.stop_offset.notional(self.bought)?;
        Ok(Trade {
            trade_no,
            instrument_id: instrument.instrument_id.clone(),
            position_side: PositionSide::Long,
            quantity: self.bought,
            entry_at: self.entry_at,
            entry_price: self.average_entry_price(tick)?,
            exit_at,
            exit_price: Price::average(self.received, self.sold, tick)?,
            exit_reason,
            realized_pnl,
            fees: self.fees,
            return_pct: figure(realized_pnl, self.paid, 100)?,
            r_multiple: figure(realized_pnl, risk, 1)?,
            bars_held: (exit_index - self.entry_index) as u64,
        })
    }
}

/// A base amount in quote at a price, half-even to 8 places.
pub(super) fn valued(base: Money, price: Price) -> Result<Money, DomainError> {
    let unit = 10_i128
        .checked_pow(u32::from(price.scale()))
        .ok_or(OVERFLOW)?;
    base.mantissa()
        .checked_mul(i128::from(price.mantissa()))
        .and_then(|product| divide(product, unit, Rounding::HalfEven))
        .map(Money::from_mantissa)
        .ok_or(OVERFLOW)
}

/// `part / whole x factor` with 6 decimals, half-even; 0 of nothing.
fn figure(part: Money, whole: Money, factor: i128) -> Result<Figure, DomainError> {
    if whole.mantissa() <= 0 {
        return Ok(Figure::default());
    }
    part.mantissa()
        .checked_mul(1_000_000 * factor)
        .and_then(|scaled| divide(scaled, whole.mantissa(), Rounding::HalfEven))
        .and_then(|mantissa| i64::try_from(mantissa).ok())
        .map(Figure::from_mantissa)
        .ok_or(OVERFLOW)
}
