//! What the backtest submits at an open, and how its fills are booked.

use rust_common::{BracketOrder, DomainError, OrderSide, Price, Quantity, Rounding, UnixMillis};

use super::trades::OpenTrade;
use super::{Backtest, MARKET, RefusedOrder};
use crate::models::{Execution, ExecutionKind, NewOco, NewOrder, NewOrderKind, OrderId};
use crate::services::exchange::OrderRefused;
use crate::services::ledger::{FillReason, LedgerFill};
use crate::services::position_manager::PositionAction;

impl Backtest {
    /// Runs what the last close queued: the PositionManager's action, then the decision's order.
    pub(super) fn flush_queue(&mut self, at: UnixMillis) -> Result<(), DomainError> {
        match self.queued_action.take() {
            // Who leaves at this open does not move the stop first.
            Some(PositionAction::MoveStop(_)) if self.queued_exit.is_some() => {}
            Some(PositionAction::MoveStop(stop)) => self.move_stop(stop, at)?,
            Some(PositionAction::TimeStop) => self.close_position(FillReason::TimeStop, at)?,
            None => {}
        }
        if let Some(reason) = self.queued_exit.take() {
            self.close_position(reason, at)?;
        }
        if let Some(entry) = self.queued_entry.take() {
            self.open_position(&entry, at)?;
        }
        Ok(())
    }

    fn open_position(&mut self, entry: &BracketOrder, at: UnixMillis) -> Result<(), DomainError> {
        let trade = OpenTrade::new(self.done, at, entry.stop_offset, &self.instrument);
        self.open_trade = Some(trade);
        self.submit_market(OrderSide::Buy, entry.quantity, FillReason::Entry, at)?;
        let quantity = self.position_quantity()?;
        if quantity.is_zero() {
            self.open_trade = None;
            return Ok(());
        }
        let tick = self.instrument.tick_size;
        let Some(trade) = self.open_trade.as_ref() else {
            return Ok(());
        };
        let average = trade.average_entry_price(tick)?;
        let stop = average
            .checked_sub(entry.stop_offset)?
            .round_to_tick(tick, Rounding::Floor)?;
        let target = average
            .checked_add(entry.target_offset)?
            .round_to_tick(tick, Rounding::Ceil)?;
        if self.protect(quantity, stop, target, at)? {
            self.manager
                .open(average.mantissa(), stop.mantissa(), target.mantissa())?;
        }
        Ok(())
    }

    fn move_stop(&mut self, stop: i64, at: UnixMillis) -> Result<(), DomainError> {
        let Some(target) = self.manager.target() else {
            return Ok(());
        };
        self.cancel_protection();
        let quantity = self.position_quantity()?;
        let (stop, target) = (self.instrument.price(stop)?, self.instrument.price(target)?);
        if self.protect(quantity, stop, target, at)? {
            self.manager.stop_moved(stop.mantissa())?;
        }
        Ok(())
    }

    /// Rests the protection, or closes the position at the same open when it is refused.
    fn protect(
        &mut self,
        quantity: Quantity,
        trigger_price: Price,
        price: Price,
        at: UnixMillis,
    ) -> Result<bool, DomainError> {
        let oco = NewOco {
            instrument: MARKET,
            side: OrderSide::Sell,
            quantity,
            trigger_price,
            price,
        };
        match self.exchange.submit_oco(oco) {
            Ok(accepted) => {
                self.protection = Some(accepted);
                self.exchange.drain_executions();
                Ok(true)
            }
            Err(refusal) => {
                self.note_refused(FillReason::Unprotected, &refusal, at);
                self.close_position(FillReason::Unprotected, at)?;
                Ok(false)
            }
        }
    }

    /// Cancels the protection and sells the position; does nothing when flat.
    fn close_position(&mut self, reason: FillReason, at: UnixMillis) -> Result<(), DomainError> {
        let quantity = self.position_quantity()?;
        if quantity.is_zero() {
            return Ok(());
        }
        self.cancel_protection();
        self.submit_market(OrderSide::Sell, quantity, reason, at)
    }

    fn cancel_protection(&mut self) {
        if let Some(protection) = self.protection.take() {
            // A refusal means that the list is over already, which is what is wanted.
            let _ = self.exchange.cancel(protection.stop_id);
            self.exchange.drain_executions();
        }
    }

    fn submit_market(
        &mut self,
        side: OrderSide,
        quantity: Quantity,
        reason: FillReason,
        at: UnixMillis,
    ) -> Result<(), DomainError> {
        let order = NewOrder {
            instrument: MARKET,
            side,
            quantity,
            kind: NewOrderKind::Market,
        };
        match self.exchange.submit(order) {
            Ok(_) => self.book_fills(Some(reason)),
            Err(refusal) => {
                self.note_refused(reason, &refusal, at);
                Ok(())
            }
        }
    }

    fn note_refused(&mut self, reason: FillReason, refusal: &OrderRefused, at: UnixMillis) {
        let detail = refusal.to_string();
        self.refused.push(RefusedOrder {
            market_time: at,
            reason,
            detail,
        });
    }

    fn position_quantity(&self) -> Result<Quantity, DomainError> {
        let step = self.instrument.step_size;
        match &self.open_trade {
            Some(trade) => trade.quantity(step),
            None => Ok(Quantity::zero(step.scale())),
        }
    }

    /// Books what the exchange executed. Fills of the protection name their own reason.
    pub(super) fn book_fills(&mut self, reason: Option<FillReason>) -> Result<(), DomainError> {
        for execution in self.exchange.drain_executions() {
            if matches!(execution.kind, ExecutionKind::Trade(_)) {
                let leg = self.protection_reason(execution.order_id);
                let reason = leg.or(reason).ok_or_else(|| DomainError::Inconsistent {
                    message: format!("invariant: order {:?} is not ours", execution.order_id),
                })?;
                self.book_fill(&execution, reason)?;
            }
        }
        Ok(())
    }

    fn protection_reason(&self, id: OrderId) -> Option<FillReason> {
        let protection = self.protection?;
        if id == protection.stop_id {
            Some(FillReason::Stop)
        } else if id == protection.limit_id {
            Some(FillReason::Target)
        } else {
            None
        }
    }

    fn book_fill(&mut self, execution: &Execution, reason: FillReason) -> Result<(), DomainError> {
        let ExecutionKind::Trade(details) = &execution.kind else {
            return Ok(());
        };
        self.ledger.push(LedgerFill {
            market_time: execution.at,
            instrument_id: self.instrument.instrument_id.clone(),
            order_side: execution.side,
            quantity: details.quantity,
            price: details.price,
            fee: details.fee,
            fee_asset: details.fee_asset.clone(),
            liquidity_side: details.liquidity_side,
            reason,
        })?;
        if let Some(trade) = self.open_trade.as_mut() {
            trade.apply(execution.side, details)?;
        }
        let is_flat = self.position_quantity()?.is_zero();
        if execution.side == OrderSide::Sell && is_flat {
            self.finish_trade(execution.at, reason)?;
        }
        Ok(())
    }

    fn finish_trade(&mut self, at: UnixMillis, reason: FillReason) -> Result<(), DomainError> {
        self.protection = None;
        self.manager.close();
        let Some(trade) = self.open_trade.take() else {
            return Ok(());
        };
        let trade_no = self.trades.len() as u64 + 1;
        self.trades
            .push(trade.finish(trade_no, &self.instrument, (self.done, at, reason))?);
        Ok(())
    }
}
