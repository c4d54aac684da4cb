//! What matches orders, and what it tells of each execution.

use rust_common::{Currency, DomainError, Instrument};
use serde::Serialize;

use super::auction::Auction;
use super::bars::BarEngine;
use crate::error::VenueError;
use crate::models::accounts::AccountId;

/// One execution, in the venue's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub execution_id: u64,
    pub order_id: u64,
    /// Market time in milliseconds.
    pub at: i64,
    pub happening: Happening,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Happening {
    New,
    /// A stop was touched and begins to work.
    Triggered,
    Trade(FillReport),
    Canceled,
    Expired,
    /// A pending leg was taken in; it waits for its working leg.
    PendingNew,
    /// Self-trade prevention took quantity away.
    Prevented(PreventedReport),
    /// Quantity or client order id were amended.
    Amended {
        original_client_order_id: String,
    },
    /// A pending leg could not be placed.
    Rejected,
}

/// The order's part in a prevented match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PreventedReport {
    pub match_id: u64,
    pub quantity: i64,
    pub price: i64,
    /// The other order.
    pub counter_order_id: u64,
    /// -1 if the taker's account has no group.
    pub trade_group_id: i64,
}

impl Happening {
    /// The `x` of an executionReport. A triggered stop is reported as NEW once more, now working.
    pub fn execution_type(&self) -> &'static str {
        match self {
            Self::New | Self::Triggered | Self::PendingNew => "NEW",
            Self::Trade(_) => "TRADE",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
            Self::Prevented(_) => "TRADE_PREVENTION",
            Self::Amended { .. } => "REPLACED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// Price and quantity at instrument scale, fee at scale 8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FillReport {
    pub trade_id: u64,
    pub price: i64,
    pub quantity: i64,
    pub fee: i128,
    pub fee_asset: String,
    pub is_maker: bool,
}

/// What matches orders: recorded bars, or an order book.
#[derive(Debug)]
pub enum Matching {
    /// Lock-step and free mode (K13 to K16).
    Bars(Box<BarEngine>),
    /// Market mode: a continuous double auction.
    Auction(Box<Auction>),
}

impl Matching {
    /// A bar engine; rates are in 1e-8, balances at scale 8.
    pub fn new(
        instruments: Vec<Instrument>,
        rates: (i64, i64, i64),
        balances: &[(Currency, i128)],
    ) -> Result<Self, DomainError> {
        let engine = BarEngine::new(instruments, rates, balances)?;
        Ok(Self::Bars(Box::new(engine)))
    }

    /// The bar engine; inputs of the bar modes do nothing in market mode.
    pub(super) fn bars(&mut self) -> Result<&mut BarEngine, VenueError> {
        match self {
            Self::Bars(engine) => Ok(engine),
            Self::Auction(_) => Err(VenueError::unsupported()),
        }
    }

    /// Free and locked amounts of an account by asset, at scale 8.
    pub fn balances(&self, account: AccountId) -> Vec<(String, i128, i128)> {
        match self {
            Self::Bars(engine) => engine.balances(),
            Self::Auction(auction) => auction.funds.balances(account),
        }
    }

    /// Maker and taker fee rate of an account in 1e-8.
    pub fn fee_rates(&self, account: AccountId) -> (i64, i64) {
        match self {
            Self::Bars(engine) => engine.fee_rates(),
            Self::Auction(auction) => auction.funds.fee_rates(account),
        }
    }
}
