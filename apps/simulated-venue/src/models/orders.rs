//! Inputs of the core and the records it keeps. Prices and quantities are mantissas at the
//! instrument's scales.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeInForce {
    Gtc,
    Ioc,
    Fok,
}

impl TimeInForce {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
        }
    }
}

/// The order types this venue trades, each with exactly the fields it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Terms {
    Market,
    Limit {
        price: i64,
        time_in_force: TimeInForce,
    },
    LimitMaker {
        price: i64,
    },
    StopLoss {
        stop_price: i64,
    },
}

impl Terms {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Limit { .. } => "LIMIT",
            Self::LimitMaker { .. } => "LIMIT_MAKER",
            Self::StopLoss { .. } => "STOP_LOSS",
        }
    }

    pub fn price(self) -> i64 {
        match self {
            Self::Limit { price, .. } | Self::LimitMaker { price } => price,
            Self::Market | Self::StopLoss { .. } => 0,
        }
    }

    pub fn stop_price(self) -> Option<i64> {
        match self {
            Self::StopLoss { stop_price } => Some(stop_price),
            _ => None,
        }
    }

    pub fn time_in_force(self) -> TimeInForce {
        match self {
            Self::Limit { time_in_force, .. } => time_in_force,
            _ => TimeInForce::Gtc,
        }
    }
}

/// Everything that changes the venue. The log of these is its whole state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    Order(OrderTicket),
    Oco(OcoTicket),
    Cancel(CancelTicket),
    CancelAll {
        market: usize,
        cancel_id: Option<String>,
    },
    Step {
        step: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTicket {
    pub market: usize,
    pub side: Side,
    pub quantity: i64,
    pub terms: Terms,
    pub client_order_id: Option<String>,
}

/// A pair of a LIMIT_MAKER and a STOP_LOSS of the same side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OcoTicket {
    pub market: usize,
    pub side: Side,
    pub quantity: i64,
    pub limit_price: i64,
    pub stop_price: i64,
    pub list_client_order_id: Option<String>,
    pub limit_client_order_id: Option<String>,
    pub stop_client_order_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelTicket {
    pub order_id: u64,
    /// The client order id of the cancel itself.
    pub cancel_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    New,
    PartiallyFilled,
    Filled,
    Canceled,
    Expired,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
        }
    }

    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

/// One order as the venue reports it. Times are market time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    pub order_id: u64,
    pub list_id: Option<u64>,
    pub market: usize,
    pub side: Side,
    pub quantity: i64,
    pub terms: Terms,
    pub client_order_id: String,
    /// Client order id of the cancel that ended the order.
    pub cancel_id: Option<String>,
    pub status: Status,
    pub executed: i64,
    /// At scale 8.
    pub quote: i128,
    pub created_at: i64,
    pub updated_at: i64,
    /// When the order began to work; a stop works from its trigger on.
    pub working_at: Option<i64>,
}

/// A one-cancels-the-other pair: the stop leg first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRecord {
    pub list_id: u64,
    pub market: usize,
    pub client_order_id: String,
    pub orders: [u64; 2],
    pub is_done: bool,
    pub updated_at: i64,
}

/// One execution of an order. Amounts are at scale 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRecord {
    pub trade_id: u64,
    pub order_id: u64,
    pub list_id: Option<u64>,
    pub market: usize,
    pub side: Side,
    pub price: i64,
    pub quantity: i64,
    pub quote: i128,
    pub fee: i128,
    pub fee_asset: String,
    pub is_maker: bool,
    pub at: i64,
}

/// The answer to a step; kept and repeated when the same step is asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReply {
    pub step: u64,
    pub market_time: i64,
    pub last_execution_id: u64,
    pub done: bool,
    /// Bars this step closed.
    pub bars: u64,
}
