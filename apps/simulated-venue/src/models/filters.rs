//! The numbers of the symbol and exchange filters (filters.md). `None` means that a filter is off.
//!
//! Prices are mantissas at the price scale, quantities at the quantity scale, amounts of quote
//! currency at scale 8, multipliers in 1e-8.

use std::collections::BTreeMap;

use rust_common::Instrument;
use serde::{Deserialize, Serialize};

/// 1 as a multiplier.
pub const ONE: i64 = 100_000_000;

/// PRICE_FILTER: a bound of 0 disables its rule; applies to `price` and `stopPrice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFilter {
    pub min_price: i64,
    pub max_price: i64,
    pub tick_size: i64,
}

/// PERCENT_PRICE: bounds around the mean price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPrice {
    pub multiplier_up: i64,
    pub multiplier_down: i64,
    pub avg_price_mins: u32,
}

/// PERCENT_PRICE_BY_SIDE: bids and asks have their own bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPriceBySide {
    pub bid_multiplier_up: i64,
    pub bid_multiplier_down: i64,
    pub ask_multiplier_up: i64,
    pub ask_multiplier_down: i64,
    pub avg_price_mins: u32,
}

/// LOT_SIZE and MARKET_LOT_SIZE. A step of 0 disables that rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotSize {
    pub min_quantity: i64,
    pub max_quantity: i64,
    pub step_size: i64,
}

/// MIN_NOTIONAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinNotional {
    pub min_notional: i64,
    pub apply_to_market: bool,
    pub avg_price_mins: u32,
}

/// NOTIONAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notional {
    pub min_notional: i64,
    pub apply_min_to_market: bool,
    pub max_notional: i64,
    pub apply_max_to_market: bool,
    pub avg_price_mins: u32,
}

/// TRAILING_DELTA, in basis points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailingDelta {
    pub min_trailing_above_delta: u32,
    pub max_trailing_above_delta: u32,
    pub min_trailing_below_delta: u32,
    pub max_trailing_below_delta: u32,
}

/// All filters of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterConfig {
    pub price: PriceFilter,
    pub lot_size: LotSize,
    pub market_lot_size: Option<LotSize>,
    pub percent_price: Option<PercentPrice>,
    pub percent_price_by_side: Option<PercentPriceBySide>,
    pub min_notional: Option<MinNotional>,
    pub notional: Option<Notional>,
    pub iceberg_parts: Option<u32>,
    pub max_num_orders: Option<u32>,
    pub max_num_algo_orders: Option<u32>,
    pub max_num_iceberg_orders: Option<u32>,
    pub max_num_order_amends: Option<u32>,
    pub max_num_order_lists: Option<u32>,
    /// Base asset, at the quantity scale.
    pub max_position: Option<i64>,
    pub trailing_delta: Option<TrailingDelta>,
}

/// Prices and quantities up to here, at scale 8: one million and nine million.
const HIGHEST_PRICE: i64 = 100_000_000_000_000;
const LARGEST_QUANTITY: i64 = 900_000_000_000_000;
const LARGEST_NOTIONAL: i64 = 900_000_000_000_000;

impl FilterConfig {
    /// The filters that Binance's large symbols have, with the instrument's own steps and minima.
    pub fn for_instrument(instrument: &Instrument) -> Self {
        let at = |wire: i64, scale: u8| wire / 10_i64.pow(u32::from(8_u8.saturating_sub(scale)));
        let tick = instrument.tick_size.mantissa();
        let step = instrument.step_size.mantissa();
        let lot = LotSize {
            min_quantity: instrument.min_quantity.mantissa(),
            max_quantity: at(LARGEST_QUANTITY, instrument.quantity_scale),
            step_size: step,
        };
        let least = i64::try_from(instrument.min_notional.mantissa()).unwrap_or(i64::MAX);
        Self {
            price: PriceFilter {
                min_price: tick,
                max_price: at(HIGHEST_PRICE, instrument.price_scale),
                tick_size: tick,
            },
            lot_size: lot,
            market_lot_size: Some(LotSize {
                min_quantity: 0,
                step_size: 0,
                ..lot
            }),
            percent_price: None,
            percent_price_by_side: Some(PercentPriceBySide {
                bid_multiplier_up: 5 * ONE,
                bid_multiplier_down: ONE / 5,
                ask_multiplier_up: 5 * ONE,
                ask_multiplier_down: ONE / 5,
                avg_price_mins: 5,
            }),
            min_notional: None,
            notional: Some(Notional {
                min_notional: least,
                apply_min_to_market: true,
                max_notional: LARGEST_NOTIONAL,
                apply_max_to_market: false,
                avg_price_mins: 5,
            }),
            iceberg_parts: Some(100),
            max_num_orders: Some(200),
            max_num_algo_orders: Some(5),
            max_num_iceberg_orders: None,
            max_num_order_amends: Some(10),
            max_num_order_lists: Some(20),
            max_position: None,
            trailing_delta: Some(TrailingDelta {
                min_trailing_above_delta: 10,
                max_trailing_above_delta: 2_000,
                min_trailing_below_delta: 10,
                max_trailing_below_delta: 2_000,
            }),
        }
    }
}

/// Filters over all symbols of the exchange, per account, and the asset filter MAX_ASSET.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExchangeFilters {
    pub max_num_orders: Option<u32>,
    pub max_num_algo_orders: Option<u32>,
    pub max_num_iceberg_orders: Option<u32>,
    pub max_num_order_lists: Option<u32>,
    /// MAX_ASSET: the most of an asset that one order may move, at scale 8; only `myFilters` shows
    /// it.
    pub max_asset: BTreeMap<String, i64>,
}
