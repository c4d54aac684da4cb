//! What happens to accepted orders: trades, cancels, expiry, and the executions that tell of it.

use rust_common::{
    DomainError, LiquiditySide, Money, OrderSide, OrderStatus, Price, Rounding, UnixMillis,
};

use super::{CancelRefused, Exchange};
use crate::models::{ExchangeOrder, Execution, ExecutionKind, OrderId, TradeDetails};

const LOST: DomainError = DomainError::Overflow {
    operation: "order number",
};

impl Exchange {
    /// Cancels an order, and with it the other leg of its list. Returns what was canceled.
    pub fn cancel(&mut self, id: OrderId) -> Result<Vec<OrderId>, CancelRefused> {
        let order = *self.order(id).ok_or(CancelRefused::UnknownOrder(id))?;
        if order.status.is_terminal() {
            return Err(CancelRefused::NotOpen(order.status));
        }
        let at = self
            .market_time(order.instrument)
            .unwrap_or(order.updated_at);
        let mut ids: Vec<_> = order.sibling_id.into_iter().chain([id]).collect();
        ids.sort_unstable();
        for id in &ids {
            self.end(*id, OrderStatus::Canceled, at);
        }
        Ok(ids)
    }

    pub(super) fn next_order_id(&self) -> OrderId {
        OrderId(self.orders.len() as u64 + 1)
    }

    /// Numbers an order, opens it and tells so.
    pub(super) fn accept(&mut self, draft: ExchangeOrder) -> OrderId {
        let id = self.next_order_id();
        let order = ExchangeOrder {
            order_id: id,
            ..draft
        };
        self.orders.push(order);
        self.open.push(id);
        self.tell(&order, ExecutionKind::New, order.submitted_at);
        id
    }

    /// Ends an open order without a trade and releases what it locked.
    pub(super) fn end(&mut self, id: OrderId, status: OrderStatus, at: UnixMillis) {
        self.release(id);
        self.shut(id);
        let kind = match status {
            OrderStatus::Canceled => ExecutionKind::Canceled,
            _ => ExecutionKind::Expired,
        };
        let changed = self.order_mut(id).map(|order| {
            order.status = status;
            order.is_working = false;
            order.updated_at = at;
            *order
        });
        if let Some(order) = changed {
            self.tell(&order, kind, at);
        }
    }

    /// Marks a stop as touched.
    pub(super) fn trigger(&mut self, id: OrderId, at: UnixMillis) {
        let changed = self.order_mut(id).map(|order| {
            order.status = OrderStatus::Triggered;
            order.is_working = true;
            order.updated_at = at;
            *order
        });
        if let Some(order) = changed {
            self.tell(&order, ExecutionKind::Triggered, at);
        }
    }

    /// Fills an order in full at a price; the other leg of its list expires first. An order that
    /// cannot be paid for (a gap beyond what a BUY stop locked) expires instead.
    pub(super) fn execute(
        &mut self,
        id: OrderId,
        price: Price,
        liquidity_side: LiquiditySide,
        at: UnixMillis,
    ) {
        let sibling_id = self.order(id).and_then(|order| order.sibling_id);
        self.release(id);
        if let Some(sibling_id) = sibling_id {
            self.end(sibling_id, OrderStatus::Expired, at);
        }
        match self.trade(id, price, liquidity_side, at) {
            Ok((order, details)) => {
                self.shut(id);
                self.tell(&order, ExecutionKind::Trade(details), at);
            }
            Err(_) => self.end(id, OrderStatus::Expired, at),
        }
    }

    fn trade(
        &mut self,
        id: OrderId,
        price: Price,
        liquidity_side: LiquiditySide,
        at: UnixMillis,
    ) -> Result<(ExchangeOrder, TradeDetails), DomainError> {
        let order = *self.order(id).ok_or(LOST)?;
        let market = self.markets.get(order.instrument.0).ok_or(LOST)?;
        let quote = price.notional(order.quantity)?;
        let (paid, (asset, gross)) = match order.side {
            OrderSide::Buy => (
                (market.quote, quote),
                (market.base, Money::from(order.quantity)),
            ),
            OrderSide::Sell => (
                (market.base, Money::from(order.quantity)),
                (market.quote, quote),
            ),
        };
        let rate = match liquidity_side {
            LiquiditySide::Maker => self.config.maker_fee_rate,
            LiquiditySide::Taker => self.config.taker_fee_rate,
        };
        let fee = gross.checked_mul(rate, Rounding::HalfEven)?;
        let fee_asset = self.account.currency(asset)?.clone();
        let filled_quote = order.filled_quote.checked_add(quote)?;
        self.account.swap(paid, (asset, gross.checked_sub(fee)?))?;
        self.last_trade_id += 1;
        let details = TradeDetails {
            trade_id: self.last_trade_id,
            price,
            quantity: order.quantity,
            quote,
            fee,
            fee_asset,
            liquidity_side,
        };
        let order = self.order_mut(id).ok_or(LOST)?;
        order.status = OrderStatus::Filled;
        order.filled_quantity = order.quantity;
        order.filled_quote = filled_quote;
        order.is_working = false;
        order.updated_at = at;
        Ok((*order, details))
    }

    /// Gives back what an order (and the other leg of its list) locked.
    fn release(&mut self, id: OrderId) {
        let Some(order) = self.order(id).copied() else {
            return;
        };
        for id in order.sibling_id.into_iter().chain([id]) {
            let Some(locked) = self.order_mut(id).map(|o| std::mem::take(&mut o.locked)) else {
                continue;
            };
            let Some(market) = self.markets.get(order.instrument.0) else {
                continue;
            };
            let asset = match order.side {
                OrderSide::Buy => market.quote,
                OrderSide::Sell => market.base,
            };
            let returned = self
                .account
                .lock(asset, Money::from_mantissa(-locked.mantissa()));
            debug_assert!(
                returned.is_ok(),
                "invariant: what was locked can be released"
            );
        }
    }

    fn shut(&mut self, id: OrderId) {
        if let Ok(position) = self.open.binary_search(&id) {
            self.open.remove(position);
        }
    }

    fn tell(&mut self, order: &ExchangeOrder, kind: ExecutionKind, at: UnixMillis) {
        self.last_execution_id += 1;
        self.executions.push(Execution {
            execution_id: self.last_execution_id,
            kind,
            at,
            order_id: order.order_id,
            list_id: order.list_id,
            instrument: order.instrument,
            side: order.side,
            order_type: order.order_type,
            time_in_force: order.time_in_force,
            price: order.price,
            trigger_price: order.trigger_price,
            quantity: order.quantity,
            status: order.status,
            filled_quantity: order.filled_quantity,
            filled_quote: order.filled_quote,
            is_working: order.is_working,
        });
    }
}
