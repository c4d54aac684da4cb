use rust_common::{
    Money, OrderSide, OrderStatus, OrderType, Price, Quantity, TimeInForce, UnixMillis,
};

/// Position of an instrument in the list the exchange was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentIndex(pub usize);

/// Number of an order, from 1, in order of acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// Number of an OCO list, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId(pub u64);

/// What distinguishes the single orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewOrderKind {
    Market,
    Limit {
        price: Price,
        time_in_force: TimeInForce,
    },
    StopMarket {
        trigger_price: Price,
    },
}

/// A single order as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    pub instrument: InstrumentIndex,
    pub side: OrderSide,
    pub quantity: Quantity,
    pub kind: NewOrderKind,
}

/// A stop-market leg and a limit leg for one quantity; one cancels the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOco {
    pub instrument: InstrumentIndex,
    pub side: OrderSide,
    pub quantity: Quantity,
    pub trigger_price: Price,
    pub price: Price,
}

/// The numbers an accepted OCO got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OcoAccepted {
    pub list_id: ListId,
    pub stop_id: OrderId,
    pub limit_id: OrderId,
}

/// An order as it stands. Prices are at the instrument's price scale, quantities at its
/// quantity scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeOrder {
    pub order_id: OrderId,
    pub list_id: Option<ListId>,
    /// The other leg of the list.
    pub sibling_id: Option<OrderId>,
    pub instrument: InstrumentIndex,
    pub side: OrderSide,
    /// `Market`, `Limit` or `StopMarket`.
    pub order_type: OrderType,
    /// Limit orders only; the limit leg of an OCO is `Gtc { post_only: true }`.
    pub time_in_force: Option<TimeInForce>,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub quantity: Quantity,
    pub status: OrderStatus,
    pub filled_quantity: Quantity,
    /// Quote amount of all fills, before fees.
    pub filled_quote: Money,
    /// On the book; a stop is not until it triggers.
    pub is_working: bool,
    pub submitted_at: UnixMillis,
    pub updated_at: UnixMillis,
    /// What this order keeps from being spent; an OCO keeps it on its stop leg, once.
    pub locked: Money,
}
