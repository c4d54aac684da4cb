//! Orders: what is asked for, the states they go through, the events that tell of it.

mod event;
mod request;
mod state;

pub use event::{OrderEvent, OrderEventKind};
pub use request::{
    BracketOrder, LimitOrder, MarketOrder, OcoOrder, Order, OrderSide, OrderType, StopMarketOrder,
    TimeInForce,
};
pub use state::OrderStatus;
