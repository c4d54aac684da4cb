//! What the venue keeps: orders, lists, trades, prevented matches, amendments. Times are market
//! time.

use serde::{Deserialize, Serialize};

use super::enums::{Contingency, ExpiryReason, ListStatus, SelfTradePrevention, Side, Status};
use super::terms::{OrderOptions, Terms};
use crate::models::accounts::AccountId;

/// One order as the venue reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRecord {
    pub account: AccountId,
    pub order_id: u64,
    pub list_id: Option<u64>,
    pub market: usize,
    pub side: Side,
    /// `origQty`; an amend lowers it; of a MARKET by quote quantity what it came to.
    pub quantity: i64,
    pub terms: Terms,
    pub options: OrderOptions,
    pub client_order_id: String,
    /// Client order id of the cancel that ended the order.
    pub cancel_id: Option<String>,
    pub status: Status,
    pub expiry_reason: Option<ExpiryReason>,
    pub executed: i64,
    /// At scale 8.
    pub quote: i128,
    /// `preventedQuantity`: executed + prevented + remaining = quantity (faqs/stp_faq.md).
    pub prevented: i64,
    /// The last prevented match.
    pub prevented_match_id: Option<u64>,
    pub created_at: i64,
    pub updated_at: i64,
    /// When the order began to work; a contingent order works from its trigger on.
    pub working_at: Option<i64>,
    /// `trailingTime`: when a trailing order began to follow the price.
    pub trailing_at: Option<i64>,
    pub amends: u32,
}

impl OrderRecord {
    /// What is neither executed nor prevented.
    pub fn remaining(&self) -> i64 {
        self.quantity - self.executed - self.prevented
    }
}

/// An order list; orders as replies show them (`ListShape::legs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRecord {
    pub account: AccountId,
    pub list_id: u64,
    pub market: usize,
    pub contingency: Contingency,
    pub client_order_id: String,
    pub orders: Vec<u64>,
    pub is_done: bool,
    pub updated_at: i64,
}

impl ListRecord {
    pub fn status(&self) -> ListStatus {
        if self.is_done {
            ListStatus::AllDone
        } else {
            ListStatus::Executing
        }
    }
}

/// One execution of an order. Amounts are at scale 8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRecord {
    pub account: AccountId,
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

/// A trade that self-trade prevention stopped (rest-api.md, "Query Prevented Matches").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreventedMatch {
    pub prevented_match_id: u64,
    pub market: usize,
    pub taker_account: AccountId,
    pub taker_order_id: u64,
    pub maker_account: AccountId,
    pub maker_order_id: u64,
    /// -1 if the account has no group.
    pub trade_group_id: i64,
    pub mode: SelfTradePrevention,
    pub price: i64,
    /// 0 for the side that stays.
    pub taker_prevented: i64,
    pub maker_prevented: i64,
    pub at: i64,
}

/// One Order Amend Keep Priority (rest-api.md, "Query Order Amendments").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmendRecord {
    pub account: AccountId,
    pub market: usize,
    pub order_id: u64,
    pub execution_id: u64,
    pub original_client_order_id: String,
    pub new_client_order_id: String,
    pub original_quantity: i64,
    pub new_quantity: i64,
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

/// The answer to a move of the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedReply {
    pub position: u64,
    pub market_time: i64,
    /// The recording has ended.
    pub done: bool,
}
