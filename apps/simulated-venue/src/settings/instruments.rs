//! `[[instrument]]`: what is traded, and under which rules.

use std::path::{Path, PathBuf};

use rust_common::Instrument;
use serde::Deserialize;
use serde_json::json;

use super::filters::FilterFile;
use crate::models::filters::FilterConfig;
use crate::models::orders::SelfTradePrevention;

/// One `[[instrument]]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstrumentSettings {
    pub instrument_id: String,
    pub symbol: String,
    pub base_currency: String,
    pub quote_currency: String,
    pub price_scale: u8,
    pub quantity_scale: u8,
    pub tick_size: String,
    pub step_size: String,
    pub min_quantity: String,
    pub min_notional: String,
    /// Needed where bars are replayed, as is `columns_dir`.
    #[serde(default)]
    pub timeframe: String,
    #[serde(default)]
    pub columns_dir: PathBuf,
    #[serde(default, rename = "filters")]
    filter_file: FilterFile,
    /// Where a generated market begins.
    pub start_price: Option<String>,
    #[serde(default)]
    pub default_self_trade_prevention_mode: SelfTradePrevention,
}

impl InstrumentSettings {
    /// The instrument itself.
    ///
    /// # Errors
    /// What makes it impossible.
    pub fn instrument(&self) -> Result<Instrument, String> {
        let fields = json!({
            "instrument_id": self.instrument_id,
            "symbol": self.symbol,
            "base_currency": self.base_currency,
            "quote_currency": self.quote_currency,
            "price_scale": self.price_scale,
            "quantity_scale": self.quantity_scale,
            "tick_size": self.tick_size,
            "step_size": self.step_size,
            "min_quantity": self.min_quantity,
            "min_notional": self.min_notional,
        });
        serde_json::from_value(fields)
            .map_err(|e| format!("instrument {}: {e}", self.instrument_id))
    }

    /// The symbol's filters; the bar modes have their own.
    ///
    /// # Errors
    /// A message with the key, the value and the allowed range.
    pub fn filters(&self) -> Result<FilterConfig, String> {
        self.filter_file.config(&self.instrument()?)
    }
}

/// The tables in instrument id order, checked.
pub(super) fn resolve(
    mut list: Vec<InstrumentSettings>,
    folder: &Path,
    has_bars: bool,
) -> Result<Vec<InstrumentSettings>, String> {
    if list.is_empty() {
        return Err("no [[instrument]]: at least one is needed".into());
    }
    list.sort_by(|a, b| a.instrument_id.cmp(&b.instrument_id));
    for instrument in &mut list {
        check_instrument(instrument, has_bars)?;
        instrument.filters()?;
        if has_bars {
            instrument.columns_dir = folder.join(&instrument.columns_dir);
        }
    }
    for pair in list.windows(2) {
        if let [a, b] = pair
            && a.instrument_id == b.instrument_id
        {
            return Err(format!("instrument {} is listed twice", a.instrument_id));
        }
    }
    Ok(list)
}

fn check_instrument(instrument: &InstrumentSettings, has_bars: bool) -> Result<(), String> {
    let key = format!("instrument {}", instrument.instrument_id);
    if instrument.price_scale > 8 || instrument.quantity_scale > 8 {
        return Err(format!(
            "{key}: price_scale and quantity_scale: allowed 0 to 8"
        ));
    }
    let frame = &instrument.timeframe;
    if has_bars && timeframe_ms(frame).is_none() {
        return Err(format!(
            "{key}: timeframe = \"{frame}\": allowed 1m to 12h, 1d"
        ));
    }
    let has_columns = !instrument.columns_dir.as_os_str().is_empty();
    if has_bars != has_columns || (!has_bars && !frame.is_empty()) {
        return Err(format!(
            "{key}: columns_dir and timeframe are needed where bars are replayed (lockstep, free, \
             feed kind bars) and refused elsewhere"
        ));
    }
    Ok(())
}

/// Length of a timeframe in milliseconds; the intervals Binance knows from 1m to 1d.
pub fn timeframe_ms(name: &str) -> Option<i64> {
    const MINUTE: i64 = 60_000;
    const NAMES: [(&str, i64); 12] = [
        ("1m", 1),
        ("3m", 3),
        ("5m", 5),
        ("15m", 15),
        ("30m", 30),
        ("1h", 60),
        ("2h", 120),
        ("4h", 240),
        ("6h", 360),
        ("8h", 480),
        ("12h", 720),
        ("1d", 1_440),
    ];
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, minutes)| minutes * MINUTE)
}
