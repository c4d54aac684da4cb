//! The vocabulary of the trading system: ids, fixed-point values, orders, events, wire messages.
//!
//! Everything here is a value: no I/O, no clock, no floats on a money path. Deserialisation is
//! strict (unknown fields are refused) and validates, so a value that exists is a legal value.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::float_arithmetic))]

pub mod canonical;
pub mod client_order_id;
pub mod control;
pub mod error;
pub mod fill;
pub mod fixed;
pub mod ids;
pub mod instrument;
pub mod market;
pub mod money;
pub mod order;
pub mod position;
pub mod risk;
pub mod signal;
pub mod time;

pub use canonical::canonical_json;
pub use control::{StopLevel, TradingState};
pub use error::DomainError;
pub use fill::{Fill, LiquiditySide};
pub use fixed::Rounding;
pub use ids::{
    AccountId, ClientOrderId, Currency, DecisionId, InstrumentId, Leg, StrategyId, Symbol,
};
pub use instrument::Instrument;
pub use market::{Bar, BarFlag, BarFlags, Timeframe};
pub use money::{Decimal, Figure, Money, Price, Quantity, Ratio};
pub use order::{
    BracketOrder, LimitOrder, MarketOrder, OcoOrder, Order, OrderEvent, OrderEventKind, OrderSide,
    OrderStatus, OrderType, StopMarketOrder, TimeInForce,
};
pub use position::{Position, PositionSide};
pub use risk::{ApprovalKey, ApprovedOrder, Intent, RiskDecision, RiskVerdict};
pub use signal::{Contribution, Direction, Opinion, Signal};
pub use time::UnixMillis;
