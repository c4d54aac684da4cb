//! Closed vocabularies (enums.md).

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
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

/// Order status. PENDING_CANCEL is documented as unused and does not occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    New,
    /// A pending leg whose working leg is not completely filled.
    PendingNew,
    PartiallyFilled,
    Filled,
    Canceled,
    /// A pending leg that could not be placed.
    Rejected,
    Expired,
    /// Ended by self-trade prevention.
    ExpiredInMatch,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PendingNew => "PENDING_NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::ExpiredInMatch => "EXPIRED_IN_MATCH",
        }
    }

    /// Still at the venue; a pending leg is.
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PendingNew | Self::PartiallyFilled)
    }
}

/// Why an order ended by itself: `expiryReason`, `eR` (enums.md, "Order Expiry Reason").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExpiryReason {
    Rejected,
    ExchangeCanceled,
    OcoTrigger,
    OtoPhaseOneExpired,
    UnfilledIocQuantityExpired,
    UnfilledFokOrderExpired,
    InsufficientLiquidity,
    ExecutionRulePriceRangeExceeded,
}

impl ExpiryReason {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rejected => "REJECTED",
            Self::ExchangeCanceled => "EXCHANGE_CANCELED",
            Self::OcoTrigger => "OCO_TRIGGER",
            Self::OtoPhaseOneExpired => "OTO_PHASE_ONE_EXPIRED",
            Self::UnfilledIocQuantityExpired => "UNFILLED_IOC_QUANTITY_EXPIRED",
            Self::UnfilledFokOrderExpired => "UNFILLED_FOK_ORDER_EXPIRED",
            Self::InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
            Self::ExecutionRulePriceRangeExceeded => "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
        }
    }
}

/// What happens instead of a trade of an account with itself (faqs/stp_faq.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SelfTradePrevention {
    #[default]
    None,
    ExpireTaker,
    ExpireMaker,
    ExpireBoth,
    Decrement,
    Transfer,
}

impl SelfTradePrevention {
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::ExpireTaker,
        Self::ExpireMaker,
        Self::ExpireBoth,
        Self::Decrement,
        Self::Transfer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::ExpireTaker => "EXPIRE_TAKER",
            Self::ExpireMaker => "EXPIRE_MAKER",
            Self::ExpireBoth => "EXPIRE_BOTH",
            Self::Decrement => "DECREMENT",
            Self::Transfer => "TRANSFER",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// `cancelRestrictions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CancelRestriction {
    OnlyNew,
    OnlyPartiallyFilled,
}

/// `cancelReplaceMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReplaceMode {
    StopOnFailure,
    AllowFailure,
}

/// `contingencyType` of a list. An OTOCO is an OTO whose pending orders are an OCO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Contingency {
    Oco,
    Oto,
}

impl Contingency {
    pub fn name(self) -> &'static str {
        match self {
            Self::Oco => "OCO",
            Self::Oto => "OTO",
        }
    }
}

/// Where a list stands: `listStatusType` and `listOrderStatus` (enums.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ListStatus {
    /// EXEC_STARTED, EXECUTING.
    Executing,
    /// An amend changed the client order id of a leg: UPDATED, EXECUTING.
    Updated,
    /// ALL_DONE, ALL_DONE.
    AllDone,
}

impl ListStatus {
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Executing => "EXEC_STARTED",
            Self::Updated => "UPDATED",
            Self::AllDone => "ALL_DONE",
        }
    }

    pub fn order_status(self) -> &'static str {
        match self {
            Self::Executing | Self::Updated => "EXECUTING",
            Self::AllDone => "ALL_DONE",
        }
    }
}

/// Trading status of a symbol (enums.md, "Symbol status").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SymbolStatus {
    #[default]
    Trading,
    EndOfDay,
    Halt,
    Break,
    CancelOnly,
}

impl SymbolStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Trading => "TRADING",
            Self::EndOfDay => "END_OF_DAY",
            Self::Halt => "HALT",
            Self::Break => "BREAK",
            Self::CancelOnly => "CANCEL_ONLY",
        }
    }

    pub fn allows_orders(self) -> bool {
        self == Self::Trading
    }

    pub fn allows_cancels(self) -> bool {
        matches!(self, Self::Trading | Self::CancelOnly)
    }
}
