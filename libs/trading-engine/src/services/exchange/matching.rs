//! Resting orders against a bar.

use rust_common::{LiquiditySide, OrderSide, OrderStatus, OrderType, Price};

use super::Exchange;
use crate::models::{Bar, ExchangeOrder, InstrumentIndex, OrderId};

/// The price a stop starts from when the bar touches it: the worse of trigger and open.
fn stop_price(side: OrderSide, trigger: i64, bar: &Bar) -> Option<i64> {
    match side {
        OrderSide::Sell => (bar.low <= trigger).then(|| trigger.min(bar.open)),
        OrderSide::Buy => (bar.high >= trigger).then(|| trigger.max(bar.open)),
    }
}

/// The price a limit fills at when the bar trades through it: the better of price and open.
fn limit_price(side: OrderSide, price: i64, bar: &Bar) -> Option<i64> {
    match side {
        OrderSide::Sell => (bar.high > price).then(|| price.max(bar.open)),
        OrderSide::Buy => (bar.low < price).then(|| price.min(bar.open)),
    }
}

impl Exchange {
    /// Matches resting orders on a bar whose prices are at the instrument's scale, in order of
    /// acceptance; executions carry `bar.closed_at`. The market is closed afterwards, at the
    /// bar's close, until it is set to the next open.
    pub fn match_bar(&mut self, i: InstrumentIndex, bar: &Bar) {
        let mut cursor = OrderId(0);
        while let Some(order) = self.next_open_after(cursor) {
            cursor = order.order_id;
            if order.instrument == i {
                self.match_order(&order, bar);
            }
        }
        if let Some(market) = self.markets.get_mut(i.0) {
            market.price = Price::new(bar.close, market.instrument.price_scale).ok();
            market.at = bar.closed_at;
            market.is_open = false;
        }
    }

    fn next_open_after(&self, id: OrderId) -> Option<ExchangeOrder> {
        let position = self.open.partition_point(|open| *open <= id);
        self.order(*self.open.get(position)?).copied()
    }

    fn match_order(&mut self, order: &ExchangeOrder, bar: &Bar) {
        let (id, side) = (order.order_id, order.side);
        match (order.order_type, order.price, order.trigger_price) {
            (OrderType::StopMarket, _, Some(trigger)) => {
                let Some(mantissa) = stop_price(side, trigger.mantissa(), bar) else {
                    return;
                };
                self.trigger(id, bar.closed_at);
                let price = Price::new(mantissa, trigger.scale())
                    .map_err(Into::into)
                    .and_then(|price| self.taker_price(order.instrument, side, price));
                match price {
                    Ok(price) => self.execute(id, price, LiquiditySide::Taker, bar.closed_at),
                    Err(_) => self.end_list(order, bar),
                }
            }
            (OrderType::Limit, Some(price), _) => {
                let Some(mantissa) = limit_price(side, price.mantissa(), bar) else {
                    return;
                };
                if let Ok(price) = Price::new(mantissa, price.scale()) {
                    self.execute(id, price, LiquiditySide::Maker, bar.closed_at);
                }
            }
            _ => {}
        }
    }

    /// A triggered stop whose price leaves the legal range cannot trade: the list is over.
    fn end_list(&mut self, order: &ExchangeOrder, bar: &Bar) {
        for id in order.sibling_id.into_iter().chain([order.order_id]) {
            self.end(id, OrderStatus::Expired, bar.closed_at);
        }
    }
}
