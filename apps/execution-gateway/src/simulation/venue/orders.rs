//! Placing and cancelling at the model venue.

use rust_common::{ClientOrderId, OrderSide, OrderType, TimeInForce};

use super::{ASSET_PER_STEP, Kind, MarketStatus, Stage, Venue, VenueOrder, Whims};
use crate::models::venue::{PlaceOco, PlaceOrder};

/// A refusal: code and text.
pub type Refusal = (i64, String);

/// What a new order is made of.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub client: ClientOrderId,
    pub market: usize,
    pub side: OrderSide,
    pub kind: Kind,
    pub quantity: i64,
    pub price: i64,
    pub trigger: i64,
    pub is_external: bool,
}

fn refuse(code: i64, text: &str) -> Refusal {
    (code, text.to_owned())
}

impl Venue {
    /// # Errors
    /// The venue's refusal.
    pub fn place(
        &mut self,
        now: i64,
        order: &PlaceOrder,
        whims: Whims,
    ) -> Result<Vec<usize>, Refusal> {
        let market = self.market_of(&order.instrument_id);
        let market = market.ok_or_else(|| refuse(-1121, "Invalid symbol."))?;
        let kind = match (order.order_type, order.time_in_force) {
            (OrderType::Limit, tif) => {
                Kind::Limit(tif.unwrap_or(TimeInForce::Gtc { post_only: false }))
            }
            (OrderType::StopMarket, _) => Kind::Stop,
            _ => Kind::Market,
        };
        let wanted = Wanted {
            client: order.client_order_id.clone(),
            market,
            side: order.order_side,
            kind,
            quantity: order.quantity.mantissa(),
            price: order.price.map_or(0, |price| price.mantissa()),
            trigger: order.trigger_price.map_or(0, |price| price.mantissa()),
            is_external: false,
        };
        self.check(&wanted)?;
        self.check_funds(&wanted)?;
        let index = self.accept(now, wanted, None, whims);
        Ok(vec![index])
    }

    fn check(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let Some(market) = self.markets.get(wanted.market) else {
            return Err(refuse(-1121, "Invalid symbol."));
        };
        if market.status != MarketStatus::Trading {
            return Err(refuse(-2010, "Market is closed."));
        }
        if wanted.quantity < market.min_quantity {
            return Err(refuse(-1013, "Filter failure: LOT_SIZE"));
        }
        let is_open = |index: &usize| {
            self.orders
                .get(*index)
                .is_some_and(|order| order.client == wanted.client)
        };
        if self.open.iter().any(is_open) {
            return Err(refuse(-2010, "Duplicate order sent."));
        }
        let crosses = match wanted.side {
            OrderSide::Buy => wanted.price >= market.price,
            OrderSide::Sell => wanted.price <= market.price,
        };
        if wanted.kind == Kind::Limit(TimeInForce::Gtc { post_only: true }) && crosses {
            return Err(refuse(-2010, "Order would immediately match and take."));
        }
        let triggers = match wanted.side {
            OrderSide::Buy => wanted.trigger <= market.price,
            OrderSide::Sell => wanted.trigger >= market.price,
        };
        if wanted.kind == Kind::Stop && triggers {
            return Err(refuse(-2010, "Stop price would trigger immediately."));
        }
        Ok(())
    }

    fn check_funds(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let (_, free) = self.base_balance(wanted.market);
        let needed = i128::from(wanted.quantity) * ASSET_PER_STEP;
        if wanted.side == OrderSide::Sell && needed > free {
            return Err(refuse(
                -2010,
                "Account has insufficient balance for requested action.",
            ));
        }
        Ok(())
    }

    /// Both legs or none.
    ///
    /// # Errors
    /// The venue's refusal.
    pub fn place_oco(
        &mut self,
        now: i64,
        oco: &PlaceOco,
        whims: Whims,
    ) -> Result<Vec<usize>, Refusal> {
        let market = self.market_of(&oco.instrument_id);
        let market = market.ok_or_else(|| refuse(-1121, "Invalid symbol."))?;
        if whims.refuse_list {
            return Err(refuse(-2010, "The pending order list was rejected."));
        }
        let stop = Wanted {
            client: oco.stop_id.clone(),
            market,
            side: oco.order_side,
            kind: Kind::Stop,
            quantity: oco.quantity.mantissa(),
            price: 0,
            trigger: oco.trigger_price.mantissa(),
            is_external: false,
        };
        let target = Wanted {
            client: oco.target_id.clone(),
            kind: Kind::Limit(TimeInForce::Gtc { post_only: true }),
            price: oco.price.mantissa(),
            trigger: 0,
            ..stop.clone()
        };
        self.check(&stop)?;
        self.check(&target)?;
        self.check_funds(&target)?;
        let list = Some(self.next_list);
        self.next_list += 1;
        let stop = self.accept(now, stop, list, whims);
        let target = self.accept(now, target, list, Whims::default());
        Ok(vec![stop, target])
    }

    /// An order of another client of the account.
    ///
    /// # Errors
    /// The venue's refusal.
    pub fn place_external(&mut self, now: i64, wanted: Wanted) -> Result<usize, Refusal> {
        self.check(&wanted)?;
        self.check_funds(&wanted)?;
        Ok(self.accept(now, wanted, None, Whims::default()))
    }

    fn accept(&mut self, now: i64, wanted: Wanted, list: Option<u64>, whims: Whims) -> usize {
        let index = self.orders.len();
        self.orders.push(VenueOrder {
            number: self.next_order,
            client: wanted.client.clone(),
            market: wanted.market,
            side: wanted.side,
            kind: wanted.kind,
            quantity: wanted.quantity,
            price: wanted.price,
            trigger: wanted.trigger,
            executed: 0,
            stage: Stage::Working,
            list,
            is_external: wanted.is_external,
            visible_at: now,
            trades: Vec::new(),
            updated_at: now,
            is_forgotten: false,
            more_fills_at: None,
            prevented: 0,
        });
        self.next_order += 1;
        self.by_client.insert(wanted.client, index);
        self.open.push(index);
        self.tell(index, None, false);
        if whims.prevent {
            self.prevent(now, index);
        } else {
            self.match_new(now, index, whims);
        }
        index
    }

    /// Self-trade prevention takes the whole rest away (EXPIRED_IN_MATCH).
    fn prevent(&mut self, now: i64, index: usize) {
        if let Some(order) = self.orders.get_mut(index) {
            order.prevented = order.remaining();
        }
        self.end(now, index, Stage::Expired);
    }

    /// Cancels one order or its whole list; `None` when nothing of it is open.
    pub fn cancel(&mut self, now: i64, index: usize) -> Option<Vec<usize>> {
        let order = self.orders.get(index).filter(|order| order.is_open())?;
        let members: Vec<usize> = match order.list {
            Some(list) => self
                .open
                .iter()
                .copied()
                .filter(|at| self.orders.get(*at).is_some_and(|o| o.list == Some(list)))
                .collect(),
            None => vec![index],
        };
        for member in &members {
            self.end(now, *member, Stage::Canceled);
        }
        Some(members)
    }

    /// Makes an open order smaller.
    ///
    /// # Errors
    /// The venue's refusal.
    pub fn amend(&mut self, now: i64, index: usize, quantity: i64) -> Result<(), Refusal> {
        let order = self.orders.get_mut(index).filter(|order| order.is_open());
        let Some(order) = order else {
            return Err(refuse(-2013, "Order does not exist."));
        };
        if quantity >= order.quantity || quantity <= order.executed {
            return Err(refuse(
                -2038,
                "Order amend (quantity increase) is not supported.",
            ));
        }
        order.quantity = quantity;
        order.updated_at = now;
        self.tell(index, None, false);
        Ok(())
    }
}
