use rust_common::{
    Currency, LiquiditySide, Money, OrderSide, OrderStatus, OrderType, Price, Quantity,
    TimeInForce, UnixMillis,
};

use super::{InstrumentIndex, ListId, OrderId};

/// The trade of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeDetails {
    /// Contiguous from 1.
    pub trade_id: u64,
    pub price: Price,
    pub quantity: Quantity,
    /// `price x quantity`.
    pub quote: Money,
    pub fee: Money,
    /// The received asset: base of a BUY, quote of a SELL.
    pub fee_asset: Currency,
    pub liquidity_side: LiquiditySide,
}

/// What happened to the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionKind {
    New,
    /// A stop was touched; its trade follows (or its expiry, if the balance does not suffice).
    Triggered,
    Trade(TradeDetails),
    Canceled,
    Expired,
}

/// One step in the life of an order, with the order as it stands afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Contiguous from 1 over the account.
    pub execution_id: u64,
    pub kind: ExecutionKind,
    /// Market time: `closed_at` of the matched bar, or the time the market was set to.
    pub at: UnixMillis,
    pub order_id: OrderId,
    pub list_id: Option<ListId>,
    pub instrument: InstrumentIndex,
    pub side: OrderSide,
    pub order_type: OrderType,
    pub time_in_force: Option<TimeInForce>,
    pub price: Option<Price>,
    pub trigger_price: Option<Price>,
    pub quantity: Quantity,
    pub status: OrderStatus,
    pub filled_quantity: Quantity,
    pub filled_quote: Money,
    pub is_working: bool,
}
