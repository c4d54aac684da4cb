//! The model venue: its own orders, trades, balances and prices. It shares no code with the
//! gateway's core, so that both can only agree when both are right.

pub mod answers;
pub mod ledger;
pub mod matching;
pub mod orders;

use std::collections::BTreeMap;

use rust_common::{ClientOrderId, Currency, Instrument, OrderSide, TimeInForce};

use super::random::Random;
use crate::models::venue::VenueReport;

/// Base asset, and first price in cents.
const LISTED: [(&str, i64); 3] = [("BTC", 4_000_000), ("ETH", 250_000), ("SOL", 15_000)];
/// Mantissa of money per cent and step: 8 decimals against 2 + 5.
pub const MONEY_PER_UNIT: i128 = 10;
/// Mantissa of an asset amount (8 decimals) per step of quantity (5 decimals).
pub const ASSET_PER_STEP: i128 = 1_000;
/// Commission per mille.
const FEE_PER_MILLE: i128 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Market,
    Limit(TimeInForce),
    Stop,
}

/// Where an order stands at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Working,
    Triggered,
    Filled,
    Canceled,
    Expired,
}

/// An order at the venue; quantities in steps, prices in cents.
#[derive(Debug, Clone)]
pub struct VenueOrder {
    pub number: u64,
    pub client: ClientOrderId,
    pub market: usize,
    pub side: OrderSide,
    pub kind: Kind,
    pub quantity: i64,
    pub price: i64,
    pub trigger: i64,
    pub executed: i64,
    pub stage: Stage,
    pub list: Option<u64>,
    pub is_external: bool,
    /// Queries by the database see it from here on.
    pub visible_at: i64,
    pub trades: Vec<usize>,
    pub updated_at: i64,
    pub is_forgotten: bool,
    /// The rest of a fill in parts.
    pub more_fills_at: Option<i64>,
    pub prevented: i64,
}

impl VenueOrder {
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Working | Stage::Triggered) && !self.is_forgotten
    }

    pub fn remaining(&self) -> i64 {
        self.quantity - self.executed - self.prevented
    }
}

#[derive(Debug, Clone)]
pub struct VenueTrade {
    pub id: u64,
    pub order: usize,
    pub market: usize,
    pub price: i64,
    pub quantity: i64,
    pub fee: i128,
    pub fee_is_base: bool,
    pub at: i64,
    pub execution: u64,
    pub is_forgotten: bool,
    pub is_late: bool,
}

/// One event of the user stream.
#[derive(Debug, Clone)]
pub struct UserEvent {
    pub report: VenueReport,
    /// It tells of a fill after the end of its order.
    pub is_late: bool,
}

/// Whether a market takes orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketStatus {
    Trading,
    Halt,
    CancelOnly,
}

#[derive(Debug, Clone)]
pub struct Market {
    pub instrument: Instrument,
    pub base: Currency,
    pub price: i64,
    pub status: MarketStatus,
    /// Smallest quantity in steps (a filter that may change).
    pub min_quantity: i64,
    pub next_trade: u64,
    pub held: i128,
    /// Deposits less withdrawals.
    pub outside: i128,
    pub deposited: i128,
}

/// What the venue does to the next order, on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Whims {
    pub fill_in_parts: bool,
    pub prevent: bool,
    pub refuse_list: bool,
}

#[derive(Debug, Clone)]
pub struct Venue {
    pub markets: Vec<Market>,
    pub orders: Vec<VenueOrder>,
    pub trades: Vec<VenueTrade>,
    pub quote: i128,
    /// Newest order of each client id.
    by_client: BTreeMap<ClientOrderId, usize>,
    pub open: Vec<usize>,
    pub events: Vec<UserEvent>,
    next_order: u64,
    pub next_execution: u64,
    next_list: u64,
    pub quote_asset: Currency,
    pub random: Random,
    /// Trades executed later than this long ago are not in the database yet.
    pub trade_lag: i64,
    pub requests: u64,
}

/// What cannot happen with the fixed lists of this file.
fn unlisted(error: &dyn std::fmt::Display) -> String {
    format!("the model venue's instruments are not valid: {error}")
}

impl Venue {
    /// # Errors
    /// When the listed instruments are not valid (a mistake in this file).
    pub fn new(random: Random) -> Result<Self, String> {
        let quote_asset = Currency::new("USD").map_err(|e| unlisted(&e))?;
        let mut markets = Vec::new();
        for (base, price) in LISTED {
            let instrument = serde_json::from_value(serde_json::json!({
                "instrument_id": format!("{base}-USD.SIM"), "symbol": format!("{base}USD"),
                "base_currency": base, "quote_currency": "USD", "price_scale": 2,
                "quantity_scale": 5, "tick_size": "0.01", "step_size": "0.00001",
                "min_quantity": "0.00001", "min_notional": "1.00000000",
            }))
            .map_err(|e| unlisted(&e))?;
            markets.push(Market {
                instrument,
                base: Currency::new(base).map_err(|e| unlisted(&e))?,
                price,
                status: MarketStatus::Trading,
                min_quantity: 1,
                next_trade: 1,
                held: 0,
                outside: 0,
                deposited: 0,
            });
        }
        Ok(Self {
            markets,
            orders: Vec::new(),
            trades: Vec::new(),
            quote: 10_000_000_000 * 100_000_000,
            by_client: BTreeMap::new(),
            open: Vec::new(),
            events: Vec::new(),
            next_order: 1,
            next_execution: 1,
            next_list: 1,
            quote_asset,
            random,
            trade_lag: 0,
            requests: 0,
        })
    }

    pub fn market_of(&self, id: &rust_common::InstrumentId) -> Option<usize> {
        self.markets
            .iter()
            .position(|market| market.instrument.instrument_id == *id)
    }

    pub fn newest(&self, client: &ClientOrderId) -> Option<usize> {
        self.by_client.get(client).copied()
    }

    /// The open order of a client id, else its newest one.
    pub fn find(&self, client: &ClientOrderId) -> Option<usize> {
        let is_it = |index: &&usize| {
            self.orders
                .get(**index)
                .is_some_and(|order| order.client == *client && order.is_open())
        };
        let open = self.open.iter().find(is_it).copied();
        open.or_else(|| self.newest(client)).filter(|index| {
            self.orders
                .get(*index)
                .is_some_and(|order| !order.is_forgotten)
        })
    }

    /// Locked and free amount of a base asset.
    pub fn base_balance(&self, market: usize) -> (i128, i128) {
        let locked: i128 = self
            .open
            .iter()
            .filter_map(|index| self.orders.get(*index))
            .filter(|order| order.market == market && order.side == OrderSide::Sell)
            .filter(|order| order.list.is_none() || matches!(order.kind, Kind::Limit(_)))
            .map(|order| i128::from(order.remaining()) * ASSET_PER_STEP)
            .sum();
        let held = self.markets.get(market).map_or(0, |market| market.held);
        (locked, held - locked)
    }

    /// Forgets every order and trade; balances stay (a testnet reset with refunded accounts).
    pub fn forget(&mut self) {
        for order in &mut self.orders {
            order.is_forgotten = true;
        }
        for trade in &mut self.trades {
            trade.is_forgotten = true;
        }
        self.by_client.clear();
        self.open.clear();
    }

    pub(super) fn next_execution(&mut self) -> u64 {
        let id = self.next_execution;
        self.next_execution += 1;
        id
    }
}
