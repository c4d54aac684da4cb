//! Why the exchange does not take an order or a cancel.

use rust_common::{Currency, DomainError, Money, OrderStatus};
use thiserror::Error;

use crate::models::{InstrumentIndex, OrderId};

/// The trading rule an order breaks, by its Binance name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FilterName {
    PriceFilter,
    LotSize,
    Notional,
}

impl FilterName {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceFilter => "PRICE_FILTER",
            Self::LotSize => "LOT_SIZE",
            Self::Notional => "NOTIONAL",
        }
    }
}

/// An order that was not accepted; it has no id and leaves no execution.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderRefused {
    #[error("instrument {0:?} is not traded here")]
    UnknownInstrument(InstrumentIndex),
    #[error("the market is closed; orders are taken between an open and the match of its bar")]
    MarketClosed,
    #[error("the stop price would trigger immediately")]
    WouldTriggerImmediately,
    #[error("the limit price would match immediately and take")]
    WouldTakeImmediately,
    #[error("free balance of {asset} is {free}; {needed} is needed")]
    InsufficientBalance {
        asset: Currency,
        needed: Money,
        free: Money,
    },
    #[error("filter failure: {}", .name.as_str())]
    Filter { name: FilterName },
    #[error(transparent)]
    Value(#[from] DomainError),
}

/// A cancel that had nothing to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CancelRefused {
    #[error("order {0:?} does not exist")]
    UnknownOrder(OrderId),
    #[error("the order is {0} and cannot be canceled")]
    NotOpen(OrderStatus),
}
