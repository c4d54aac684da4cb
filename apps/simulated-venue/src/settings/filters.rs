//! `[instrument.filters]`, `[exchange_filters]` and `[[asset_filter]]`: the numbers of filters.md.
//!
//! What the file does not name keeps the value of [`FilterConfig::for_instrument`].

use std::collections::BTreeMap;

use rust_common::Instrument;
use serde::Deserialize;

use super::checks::{MOST_UNITS, amount, within};
use crate::models::decimal::rescale;
use crate::models::filters::{
    ExchangeFilters, FilterConfig, LotSize, MinNotional, Notional, PercentPrice,
    PercentPriceBySide, TrailingDelta,
};

/// Filters that `without` may name.
const OPTIONAL: [&str; 13] = [
    "MARKET_LOT_SIZE",
    "PERCENT_PRICE",
    "PERCENT_PRICE_BY_SIDE",
    "MIN_NOTIONAL",
    "NOTIONAL",
    "ICEBERG_PARTS",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ICEBERG_ORDERS",
    "MAX_NUM_ORDER_AMENDS",
    "MAX_NUM_ORDER_LISTS",
    "MAX_POSITION",
    "TRAILING_DELTA",
];
/// The most a count may be.
const MOST: u32 = 1_000_000;

/// The table as it stands in the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterFile {
    /// Names of filters that this symbol does not have.
    #[serde(default)]
    without: Vec<String>,
    min_price: Option<String>,
    max_price: Option<String>,
    max_quantity: Option<String>,
    market_lot_size: Option<LotSizeFile>,
    percent_price: Option<PercentPriceFile>,
    percent_price_by_side: Option<PercentPriceBySideFile>,
    min_notional: Option<MinNotionalFile>,
    notional: Option<NotionalFile>,
    max_position: Option<String>,
    trailing_delta: Option<TrailingDeltaFile>,
    iceberg_parts: Option<u32>,
    max_num_orders: Option<u32>,
    max_num_algo_orders: Option<u32>,
    max_num_iceberg_orders: Option<u32>,
    max_num_order_amends: Option<u32>,
    max_num_order_lists: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct LotSizeFile {
    min_quantity: String,
    max_quantity: String,
    step_size: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PercentPriceFile {
    multiplier_up: String,
    multiplier_down: String,
    #[serde(default = "five")]
    average_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PercentPriceBySideFile {
    bid_multiplier_up: String,
    bid_multiplier_down: String,
    ask_multiplier_up: String,
    ask_multiplier_down: String,
    #[serde(default = "five")]
    average_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MinNotionalFile {
    min_notional: String,
    #[serde(default)]
    apply_to_market: bool,
    #[serde(default = "five")]
    average_minutes: u32,
}

/// The lower bound is `min_notional` of the instrument.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotionalFile {
    #[serde(default = "yes")]
    apply_min_to_market: bool,
    max_notional: String,
    #[serde(default)]
    apply_max_to_market: bool,
    #[serde(default = "five")]
    average_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrailingDeltaFile {
    min_above: u32,
    max_above: u32,
    min_below: u32,
    max_below: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the keys of venue.toml"
)]
pub(super) struct ExchangeFilterFile {
    max_num_orders: Option<u32>,
    max_num_algo_orders: Option<u32>,
    max_num_iceberg_orders: Option<u32>,
    max_num_order_lists: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssetFilterFile {
    asset: String,
    limit: String,
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

/// Reads the values of one table; every message starts with the table's name.
struct Table<'a> {
    name: String,
    instrument: &'a Instrument,
}

impl Table<'_> {
    fn below(&self, name: &str) -> Self {
        Self {
            name: format!("{}.{name}", self.name),
            instrument: self.instrument,
        }
    }

    fn scaled(&self, key: &str, text: &str, scale: u8) -> Result<i64, String> {
        let key = format!("{}.{key}", self.name);
        let wire = amount(&key, text, MOST_UNITS)?;
        rescale(wire, scale)
            .ok_or_else(|| format!("{key} = \"{text}\": allowed are at most {scale} decimals"))
    }

    fn price(&self, key: &str, text: &str) -> Result<i64, String> {
        self.scaled(key, text, self.instrument.price_scale)
    }

    fn quantity(&self, key: &str, text: &str) -> Result<i64, String> {
        self.scaled(key, text, self.instrument.quantity_scale)
    }

    fn money(&self, key: &str, text: &str) -> Result<i64, String> {
        let key = format!("{}.{key}", self.name);
        let wire = amount(&key, text, 90_000_000_000)?;
        i64::try_from(wire).map_err(|_| format!("{key} = \"{text}\": too large"))
    }

    fn minutes(&self, value: u32) -> Result<u32, String> {
        within(&format!("{}.average_minutes", self.name), value, 0..=1_440)
    }

    /// The count in the file instead of the usual one.
    fn count(&self, key: &str, value: Option<u32>, kept: &mut Option<u32>) -> Result<(), String> {
        if let Some(value) = value {
            *kept = Some(within(&format!("{}.{key}", self.name), value, 1..=MOST)?);
        }
        Ok(())
    }
}

impl FilterFile {
    /// The filters of one symbol.
    ///
    /// # Errors
    /// A message with the key, the value and the allowed range.
    pub(super) fn config(&self, instrument: &Instrument) -> Result<FilterConfig, String> {
        let table = Table {
            name: format!("instrument {}: filters", instrument.instrument_id),
            instrument,
        };
        let mut config = FilterConfig::for_instrument(instrument);
        if let Some(text) = &self.min_price {
            config.price.min_price = table.price("min_price", text)?;
        }
        if let Some(text) = &self.max_price {
            config.price.max_price = table.price("max_price", text)?;
        }
        if let Some(text) = &self.max_quantity {
            config.lot_size.max_quantity = table.quantity("max_quantity", text)?;
        }
        if let Some(text) = &self.max_position {
            config.max_position = Some(table.quantity("max_position", text)?);
        }
        self.lot_and_price(&table, &mut config)?;
        self.notionals(&table, &mut config)?;
        self.counts(&table, &mut config)?;
        self.leave_out(&table, &mut config)?;
        Ok(config)
    }

    fn lot_and_price(&self, table: &Table, config: &mut FilterConfig) -> Result<(), String> {
        if let Some(file) = &self.market_lot_size {
            let table = table.below("market_lot_size");
            config.market_lot_size = Some(LotSize {
                min_quantity: table.quantity("min_quantity", &file.min_quantity)?,
                max_quantity: table.quantity("max_quantity", &file.max_quantity)?,
                step_size: table.quantity("step_size", &file.step_size)?,
            });
        }
        if let Some(file) = &self.percent_price {
            let table = table.below("percent_price");
            config.percent_price = Some(PercentPrice {
                multiplier_up: table.money("multiplier_up", &file.multiplier_up)?,
                multiplier_down: table.money("multiplier_down", &file.multiplier_down)?,
                avg_price_mins: table.minutes(file.average_minutes)?,
            });
        }
        if let Some(file) = &self.percent_price_by_side {
            let table = table.below("percent_price_by_side");
            let read = |key: &str, text: &str| table.money(key, text);
            config.percent_price_by_side = Some(PercentPriceBySide {
                bid_multiplier_up: read("bid_multiplier_up", &file.bid_multiplier_up)?,
                bid_multiplier_down: read("bid_multiplier_down", &file.bid_multiplier_down)?,
                ask_multiplier_up: read("ask_multiplier_up", &file.ask_multiplier_up)?,
                ask_multiplier_down: read("ask_multiplier_down", &file.ask_multiplier_down)?,
                avg_price_mins: table.minutes(file.average_minutes)?,
            });
        }
        Ok(())
    }

    fn notionals(&self, table: &Table, config: &mut FilterConfig) -> Result<(), String> {
        if let Some(file) = &self.min_notional {
            let table = table.below("min_notional");
            config.min_notional = Some(MinNotional {
                min_notional: table.money("min_notional", &file.min_notional)?,
                apply_to_market: file.apply_to_market,
                avg_price_mins: table.minutes(file.average_minutes)?,
            });
        }
        if let (Some(file), Some(usual)) = (&self.notional, config.notional) {
            let table = table.below("notional");
            config.notional = Some(Notional {
                min_notional: usual.min_notional,
                apply_min_to_market: file.apply_min_to_market,
                max_notional: table.money("max_notional", &file.max_notional)?,
                apply_max_to_market: file.apply_max_to_market,
                avg_price_mins: table.minutes(file.average_minutes)?,
            });
        }
        Ok(())
    }

    fn counts(&self, table: &Table, config: &mut FilterConfig) -> Result<(), String> {
        let pairs = [
            (
                "iceberg_parts",
                self.iceberg_parts,
                &mut config.iceberg_parts,
            ),
            (
                "max_num_orders",
                self.max_num_orders,
                &mut config.max_num_orders,
            ),
            (
                "max_num_algo_orders",
                self.max_num_algo_orders,
                &mut config.max_num_algo_orders,
            ),
            (
                "max_num_iceberg_orders",
                self.max_num_iceberg_orders,
                &mut config.max_num_iceberg_orders,
            ),
            (
                "max_num_order_amends",
                self.max_num_order_amends,
                &mut config.max_num_order_amends,
            ),
            (
                "max_num_order_lists",
                self.max_num_order_lists,
                &mut config.max_num_order_lists,
            ),
        ];
        for (key, value, kept) in pairs {
            table.count(key, value, kept)?;
        }
        let Some(file) = &self.trailing_delta else {
            return Ok(());
        };
        let bound = |key: &str, least: u32, most: u32| {
            let key = format!("{}.trailing_delta.{key}", table.name);
            within(&key, least, 1..=most.clamp(1, 100_000)).map(|_| ())
        };
        bound("min_above", file.min_above, file.max_above)?;
        bound("min_below", file.min_below, file.max_below)?;
        config.trailing_delta = Some(TrailingDelta {
            min_trailing_above_delta: file.min_above,
            max_trailing_above_delta: file.max_above,
            min_trailing_below_delta: file.min_below,
            max_trailing_below_delta: file.max_below,
        });
        Ok(())
    }

    fn leave_out(&self, table: &Table, config: &mut FilterConfig) -> Result<(), String> {
        for name in &self.without {
            match name.as_str() {
                "MARKET_LOT_SIZE" => config.market_lot_size = None,
                "PERCENT_PRICE" => config.percent_price = None,
                "PERCENT_PRICE_BY_SIDE" => config.percent_price_by_side = None,
                "MIN_NOTIONAL" => config.min_notional = None,
                "NOTIONAL" => config.notional = None,
                "ICEBERG_PARTS" => config.iceberg_parts = None,
                "MAX_NUM_ORDERS" => config.max_num_orders = None,
                "MAX_NUM_ALGO_ORDERS" => config.max_num_algo_orders = None,
                "MAX_NUM_ICEBERG_ORDERS" => config.max_num_iceberg_orders = None,
                "MAX_NUM_ORDER_AMENDS" => config.max_num_order_amends = None,
                "MAX_NUM_ORDER_LISTS" => config.max_num_order_lists = None,
                "MAX_POSITION" => config.max_position = None,
                "TRAILING_DELTA" => config.trailing_delta = None,
                other => {
                    return Err(format!(
                        "{}.without holds \"{other}\": allowed {}",
                        table.name,
                        OPTIONAL.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }
}

impl ExchangeFilterFile {
    pub(super) fn resolve(&self, assets: Vec<AssetFilterFile>) -> Result<ExchangeFilters, String> {
        let count = |key: &str, value: Option<u32>| {
            let check = |value| within(&format!("exchange_filters.{key}"), value, 1..=MOST);
            value.map(check).transpose()
        };
        let mut max_asset = BTreeMap::new();
        for file in assets {
            let key = format!("asset_filter {}: limit", file.asset);
            let most = amount(&key, &file.limit, 90_000_000_000)?;
            let most = i64::try_from(most).map_err(|_| format!("{key}: too large"))?;
            max_asset.insert(file.asset, most);
        }
        Ok(ExchangeFilters {
            max_num_orders: count("max_num_orders", self.max_num_orders)?,
            max_num_algo_orders: count("max_num_algo_orders", self.max_num_algo_orders)?,
            max_num_iceberg_orders: count("max_num_iceberg_orders", self.max_num_iceberg_orders)?,
            max_num_order_lists: count("max_num_order_lists", self.max_num_order_lists)?,
            max_asset,
        })
    }
}
