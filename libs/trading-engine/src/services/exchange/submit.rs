//! Taking orders in: trading rules, funds, what runs at once.

use rust_common::{
    DomainError, LiquiditySide, Money, OrderSide, OrderStatus, OrderType, Price, Quantity,
    Rounding, TimeInForce, UnixMillis,
};

use super::account::AssetIndex;
use super::{Exchange, FilterName, Market, OrderRefused};
use crate::models::{
    ExchangeOrder, InstrumentIndex, ListId, NewOco, NewOrder, NewOrderKind, OcoAccepted, OrderId,
};

const PRICE_FILTER: OrderRefused = OrderRefused::Filter {
    name: FilterName::PriceFilter,
};
const LOT_SIZE: OrderRefused = OrderRefused::Filter {
    name: FilterName::LotSize,
};
const NOTIONAL: OrderRefused = OrderRefused::Filter {
    name: FilterName::Notional,
};

impl Market {
    /// The price at the instrument's scale, if the rules allow it.
    fn legal_price(&self, price: Price) -> Result<Price, OrderRefused> {
        let price = price
            .to_scale(self.instrument.price_scale)
            .map_err(|_| PRICE_FILTER)?;
        if price.mantissa() > 0 && price.is_on_tick(self.instrument.tick_size) {
            return Ok(price);
        }
        Err(PRICE_FILTER)
    }

    /// The quantity at the instrument's scale, if the rules allow it.
    fn legal_quantity(&self, quantity: Quantity) -> Result<Quantity, OrderRefused> {
        let rules = &self.instrument;
        let quantity = quantity
            .to_scale(rules.quantity_scale)
            .map_err(|_| LOT_SIZE)?;
        let is_legal = !quantity.is_zero()
            && quantity >= rules.min_quantity
            && quantity.is_on_step(rules.step_size);
        if is_legal {
            Ok(quantity)
        } else {
            Err(LOT_SIZE)
        }
    }

    fn check_notional(&self, price: Price, quantity: Quantity) -> Result<(), OrderRefused> {
        if price.notional(quantity)? < self.instrument.min_notional {
            return Err(NOTIONAL);
        }
        Ok(())
    }

    /// What an order gives: quote of a BUY at a price, base of a SELL.
    pub(super) fn given(
        &self,
        side: OrderSide,
        price: Price,
        quantity: Quantity,
    ) -> Result<(AssetIndex, Money), DomainError> {
        Ok(match side {
            OrderSide::Buy => (self.quote, price.notional(quantity)?),
            OrderSide::Sell => (self.base, Money::from(quantity)),
        })
    }
}

/// Whether an order at `price` would trade against the market price now.
fn is_marketable(side: OrderSide, price: Price, last: Price) -> bool {
    match side {
        OrderSide::Buy => price >= last,
        OrderSide::Sell => price <= last,
    }
}

/// Whether a stop would trigger at the market price now.
fn would_trigger(side: OrderSide, trigger_price: Price, last: Price) -> bool {
    match side {
        OrderSide::Buy => trigger_price <= last,
        OrderSide::Sell => trigger_price >= last,
    }
}

fn draft(
    instrument: InstrumentIndex,
    side: OrderSide,
    quantity: Quantity,
    at: UnixMillis,
) -> ExchangeOrder {
    ExchangeOrder {
        order_id: OrderId(0),
        list_id: None,
        sibling_id: None,
        instrument,
        side,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        trigger_price: None,
        quantity,
        status: OrderStatus::Accepted,
        filled_quantity: Quantity::zero(quantity.scale()),
        filled_quote: Money::ZERO,
        is_working: true,
        submitted_at: at,
        updated_at: at,
        locked: Money::ZERO,
    }
}

impl Exchange {
    /// Takes a single order; what it causes at once is queued as executions.
    pub fn submit(&mut self, order: NewOrder) -> Result<OrderId, OrderRefused> {
        let (market, last) = self.open_market(order.instrument)?;
        let quantity = market.legal_quantity(order.quantity)?;
        let draft = draft(order.instrument, order.side, quantity, market.at);
        match order.kind {
            NewOrderKind::Market => self.submit_market(draft, last),
            NewOrderKind::Limit {
                price,
                time_in_force,
            } => {
                let price = market.legal_price(price)?;
                market.check_notional(price, quantity)?;
                let draft = ExchangeOrder {
                    order_type: OrderType::Limit,
                    price: Some(price),
                    time_in_force: Some(time_in_force),
                    ..draft
                };
                self.submit_limit(draft, price, time_in_force, last)
            }
            NewOrderKind::StopMarket { trigger_price } => {
                let trigger_price = market.legal_price(trigger_price)?;
                market.check_notional(last, quantity)?;
                if would_trigger(order.side, trigger_price, last) {
                    return Err(OrderRefused::WouldTriggerImmediately);
                }
                let given = market.given(order.side, trigger_price, quantity)?;
                let draft = ExchangeOrder {
                    order_type: OrderType::StopMarket,
                    trigger_price: Some(trigger_price),
                    is_working: false,
                    ..draft
                };
                self.rest(draft, given)
            }
        }
    }

    /// Takes a stop leg and a limit leg that lock their funds once.
    pub fn submit_oco(&mut self, oco: NewOco) -> Result<OcoAccepted, OrderRefused> {
        let (market, last) = self.open_market(oco.instrument)?;
        let quantity = market.legal_quantity(oco.quantity)?;
        let trigger_price = market.legal_price(oco.trigger_price)?;
        let price = market.legal_price(oco.price)?;
        market.check_notional(price, quantity)?;
        market.check_notional(last, quantity)?;
        if would_trigger(oco.side, trigger_price, last) {
            return Err(OrderRefused::WouldTriggerImmediately);
        }
        if is_marketable(oco.side, price, last) {
            return Err(OrderRefused::WouldTakeImmediately);
        }
        // The dearer leg decides what a BUY locks; a SELL locks the base quantity either way.
        let (asset, amount) = market.given(oco.side, trigger_price.max(price), quantity)?;
        let draft = draft(oco.instrument, oco.side, quantity, market.at);
        self.lock(asset, amount)?;
        self.last_list_id += 1;
        let list_id = ListId(self.last_list_id);
        let next = self.next_order_id();
        let (stop_id, limit_id) = (next, OrderId(next.0 + 1));
        self.accept(ExchangeOrder {
            list_id: Some(list_id),
            sibling_id: Some(limit_id),
            order_type: OrderType::StopMarket,
            trigger_price: Some(trigger_price),
            is_working: false,
            locked: amount,
            ..draft
        });
        self.accept(ExchangeOrder {
            list_id: Some(list_id),
            sibling_id: Some(stop_id),
            order_type: OrderType::Limit,
            price: Some(price),
            time_in_force: Some(TimeInForce::Gtc { post_only: true }),
            ..draft
        });
        Ok(OcoAccepted {
            list_id,
            stop_id,
            limit_id,
        })
    }

    fn submit_market(
        &mut self,
        draft: ExchangeOrder,
        last: Price,
    ) -> Result<OrderId, OrderRefused> {
        let (market, _) = self.open_market(draft.instrument)?;
        market.check_notional(last, draft.quantity)?;
        let price = self.taker_price(draft.instrument, draft.side, last)?;
        let (asset, needed) = market.given(draft.side, price, draft.quantity)?;
        self.require(asset, needed)?;
        let id = self.accept(draft);
        self.execute(id, price, LiquiditySide::Taker, draft.submitted_at);
        Ok(id)
    }

    fn submit_limit(
        &mut self,
        draft: ExchangeOrder,
        price: Price,
        time_in_force: TimeInForce,
        last: Price,
    ) -> Result<OrderId, OrderRefused> {
        let (market, _) = self.open_market(draft.instrument)?;
        let given = market.given(draft.side, price, draft.quantity)?;
        let takes = is_marketable(draft.side, price, last);
        match time_in_force {
            TimeInForce::Gtc { post_only: true } if takes => {
                Err(OrderRefused::WouldTakeImmediately)
            }
            TimeInForce::Gtc { .. } if !takes => self.rest(draft, given),
            _ => {
                self.require(given.0, given.1)?;
                let id = self.accept(draft);
                if takes {
                    self.execute(id, last, LiquiditySide::Taker, draft.submitted_at);
                } else {
                    self.end(id, OrderStatus::Expired, draft.submitted_at);
                }
                Ok(id)
            }
        }
    }

    /// Accepts an order that waits, locking what it would give.
    fn rest(
        &mut self,
        draft: ExchangeOrder,
        given: (AssetIndex, Money),
    ) -> Result<OrderId, OrderRefused> {
        self.lock(given.0, given.1)?;
        Ok(self.accept(ExchangeOrder {
            locked: given.1,
            ..draft
        }))
    }

    fn lock(&mut self, asset: AssetIndex, amount: Money) -> Result<(), OrderRefused> {
        self.require(asset, amount)?;
        Ok(self.account.lock(asset, amount)?)
    }

    fn require(&self, asset: AssetIndex, needed: Money) -> Result<(), OrderRefused> {
        let free = self.account.at(asset).free;
        if free >= needed {
            return Ok(());
        }
        let asset = self.account.currency(asset)?.clone();
        Err(OrderRefused::InsufficientBalance {
            asset,
            needed,
            free,
        })
    }

    fn open_market(&self, i: InstrumentIndex) -> Result<(&Market, Price), OrderRefused> {
        let market = self
            .markets
            .get(i.0)
            .ok_or(OrderRefused::UnknownInstrument(i))?;
        match market.price {
            Some(last) if market.is_open => Ok((market, last)),
            _ => Err(OrderRefused::MarketClosed),
        }
    }

    /// A price worse by the slippage, rounded against the taker to the tick.
    pub(super) fn taker_price(
        &self,
        i: InstrumentIndex,
        side: OrderSide,
        price: Price,
    ) -> Result<Price, OrderRefused> {
        let market = self
            .markets
            .get(i.0)
            .ok_or(OrderRefused::UnknownInstrument(i))?;
        let tick = market.instrument.tick_size;
        let price = match side {
            OrderSide::Buy => price.moved(self.config.slippage, true, tick, Rounding::Ceil),
            OrderSide::Sell => price.moved(self.config.slippage, false, tick, Rounding::Floor),
        }?;
        market.legal_price(price)
    }
}
