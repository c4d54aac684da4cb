//! The engine's types: bars as mantissas, orders as the exchange keeps them, executions.

mod bar;
mod execution;
mod order;

pub use bar::Bar;
pub use execution::{Execution, ExecutionKind, TradeDetails};
pub use order::{
    ExchangeOrder, InstrumentIndex, ListId, NewOco, NewOrder, NewOrderKind, OcoAccepted, OrderId,
};
