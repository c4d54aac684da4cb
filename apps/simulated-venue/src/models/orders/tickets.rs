//! What the venue is asked for: every input that may change it.

use serde::{Deserialize, Serialize};

use super::enums::{CancelRestriction, Contingency, ReplaceMode, Side, SymbolStatus};
use super::terms::{OrderOptions, Terms, Trigger};
use crate::models::accounts::AccountId;
use crate::models::feed::FeedEvent;
use crate::models::filters::FilterConfig;

/// Everything that changes the venue. The log of these is its whole state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "inputs come one at a time")]
pub enum Input {
    Order(OrderTicket),
    /// The pair that the bar modes know; [`Input::List`] is the general form.
    Oco(OcoTicket),
    List(ListTicket),
    Cancel(CancelTicket),
    CancelList(CancelListTicket),
    CancelAll {
        market: usize,
        cancel_id: Option<String>,
        #[serde(default, skip_serializing_if = "AccountId::is_first")]
        account: AccountId,
    },
    CancelReplace(CancelReplaceTicket),
    Amend(AmendTicket),
    Deposit(TransferTicket),
    Withdraw(TransferTicket),
    SymbolStatus {
        market: usize,
        status: SymbolStatus,
    },
    /// The symbol's filters are these from now on; orders that rest stay as they are.
    Filters {
        market: usize,
        filters: Box<FilterConfig>,
    },
    /// Drops every order, list and trade; balances stay, nothing is locked.
    Forget,
    /// Feed events up to and including position `through` happen.
    Feed {
        through: u64,
    },
    /// An event of a live market, logged whole because it cannot be had again.
    Mirror {
        happened: FeedEvent,
    },
    Step {
        step: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTicket {
    pub market: usize,
    pub side: Side,
    /// 0 for `Terms::MarketQuote`.
    pub quantity: i64,
    pub terms: Terms,
    pub client_order_id: Option<String>,
    #[serde(default, skip_serializing_if = "AccountId::is_first")]
    pub account: AccountId,
    #[serde(default, skip_serializing_if = "OrderOptions::is_plain")]
    pub options: OrderOptions,
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

/// One order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    pub side: Side,
    pub quantity: i64,
    pub terms: Terms,
    pub client_order_id: Option<String>,
    #[serde(default, skip_serializing_if = "OrderOptions::is_plain")]
    pub options: OrderOptions,
}

/// The kinds of order lists (rest-api.md, "Order lists").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum ListShape {
    /// Both legs have one side and one quantity.
    Oco {
        above: Leg,
        below: Leg,
    },
    Oto {
        working: Leg,
        pending: Leg,
    },
    Otoco {
        working: Leg,
        above: Leg,
        below: Leg,
    },
}

impl ListShape {
    pub fn contingency(&self) -> Contingency {
        match self {
            Self::Oco { .. } => Contingency::Oco,
            Self::Oto { .. } | Self::Otoco { .. } => Contingency::Oto,
        }
    }

    /// The legs in the order in which replies show them: a working leg first; in a pair the
    /// contingent leg before the limit.
    pub fn legs(&self) -> Vec<&Leg> {
        let pair = |above, below| -> [&Leg; 2] {
            let is_limit = |leg: &Leg| leg.terms.trigger().is_none();
            if is_limit(above) {
                [below, above]
            } else {
                [above, below]
            }
        };
        match self {
            Self::Oco { above, below } => pair(above, below).to_vec(),
            Self::Oto { working, pending } => vec![working, pending],
            Self::Otoco {
                working,
                above,
                below,
            } => std::iter::once(working).chain(pair(above, below)).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListTicket {
    pub account: AccountId,
    pub market: usize,
    pub client_order_id: Option<String>,
    pub shape: ListShape,
}

impl ListTicket {
    /// The same pair as the bar modes write it; `None` for any other list.
    pub fn as_plain_oco(&self) -> Option<OcoTicket> {
        let ListShape::Oco { above, below } = &self.shape else {
            return None;
        };
        let (limit, stop) = match above.side {
            Side::Sell => (above, below),
            Side::Buy => (below, above),
        };
        let is_same = limit.side == stop.side && limit.quantity == stop.quantity;
        let is_plain = limit.options.is_plain() && stop.options.is_plain();
        match (limit.terms, stop.terms) {
            (
                Terms::LimitMaker { price },
                Terms::StopLoss {
                    trigger: Trigger::Price { stop_price },
                },
            ) if is_same && is_plain && self.account == AccountId::FIRST => Some(OcoTicket {
                market: self.market,
                side: limit.side,
                quantity: limit.quantity,
                limit_price: price,
                stop_price,
                list_client_order_id: self.client_order_id.clone(),
                limit_client_order_id: limit.client_order_id.clone(),
                stop_client_order_id: stop.client_order_id.clone(),
            }),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelTicket {
    pub order_id: u64,
    /// The client order id of the cancel itself.
    pub cancel_id: Option<String>,
    #[serde(default, skip_serializing_if = "AccountId::is_first")]
    pub account: AccountId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restriction: Option<CancelRestriction>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelListTicket {
    pub account: AccountId,
    pub list_id: u64,
    pub cancel_id: Option<String>,
}

/// Cancel an order and place another on the same symbol (rest-api.md, "Cancel an Existing Order and
/// Send a New Order"). `cancel.order_id` 0 stands for an order that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelReplaceTicket {
    pub cancel: CancelTicket,
    pub mode: ReplaceMode,
    pub order: OrderTicket,
}

/// Order Amend Keep Priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendTicket {
    pub account: AccountId,
    pub order_id: u64,
    pub new_quantity: i64,
    pub new_client_order_id: Option<String>,
}

/// A deposit or a withdrawal, at scale 8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferTicket {
    pub account: AccountId,
    pub asset: String,
    pub amount: i64,
}
