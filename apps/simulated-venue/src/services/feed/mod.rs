//! Where the market of mode "market" comes from. Every feed but the mirror is a deterministic
//! sequence: position n is reached by taking n events from the start.

pub mod bars;
pub mod calibration;
pub mod generator;
pub mod merge;
pub mod order_book;
pub mod random;
pub mod recording;
pub mod trades;

use std::sync::Arc;

use rust_common::Instrument;

use crate::error::StartError;
use crate::models::decimal;
use crate::models::feed::{Feed, Level, NoFeed};
use crate::services::replay::Columns;
use crate::settings::{FeedKind, FeedSettings, InstrumentSettings, timeframe_ms};

/// Opens the feed that the settings name, for the instruments in their order. Under a mirror the
/// feed itself is empty: its events come from `mirror` as inputs of their own.
///
/// # Errors
/// `StartError` naming the file, or the setting, and what is wrong with it.
pub fn open(
    settings: &FeedSettings,
    instruments: &[InstrumentSettings],
) -> Result<Box<dyn Feed>, StartError> {
    let mut markets = Vec::new();
    for entry in instruments {
        let wrong = |message| StartError::config(&entry.columns_dir, message);
        markets.push(FeedMarket {
            instrument: entry.instrument().map_err(wrong)?,
            start_price: None,
        });
    }
    Ok(match settings.kind {
        FeedKind::Generator => Box::new(generator::GeneratorFeed::new(
            settings.seed,
            settings.events_per_second,
            &markets,
        )),
        FeedKind::OrderBook => {
            Box::new(order_book::OrderBookFeed::open(&settings.paths, &markets)?)
        }
        FeedKind::Trades => Box::new(trades::open(&settings.paths, &markets)?),
        FeedKind::Bars => Box::new(bars::open(recorded_bars(instruments, markets)?)),
        FeedKind::Mirror => Box::new(NoFeed),
    })
}

fn recorded_bars(
    instruments: &[InstrumentSettings],
    markets: Vec<FeedMarket>,
) -> Result<Vec<bars::RecordedBars>, StartError> {
    let mut recorded = Vec::new();
    for (entry, market) in instruments.iter().zip(markets) {
        let wrong = |message| StartError::columns(&entry.columns_dir, message);
        let interval_ms = timeframe_ms(&entry.timeframe)
            .ok_or_else(|| wrong(format!("timeframe \"{}\" is not known", entry.timeframe)))?;
        recorded.push(bars::RecordedBars {
            market,
            interval_ms,
            columns: Arc::new(Columns::read(&entry.columns_dir, interval_ms)?),
        });
    }
    Ok(recorded)
}

/// An instrument as a feed sees it; its place in the list is the market's number.
#[derive(Debug, Clone)]
pub struct FeedMarket {
    pub instrument: Instrument,
    /// Where a generated market begins, as a price mantissa.
    pub start_price: Option<i64>,
}

impl FeedMarket {
    pub fn symbol(&self) -> &str {
        self.instrument.symbol.as_str()
    }

    /// Decimal text as a price mantissa.
    pub fn price(&self, text: &str) -> Result<i64, String> {
        mantissa("price", text, self.instrument.price_scale, self.symbol())
    }

    /// Decimal text as a quantity mantissa.
    pub fn quantity(&self, text: &str) -> Result<i64, String> {
        let scale = self.instrument.quantity_scale;
        mantissa("quantity", text, scale, self.symbol())
    }

    /// Price and quantity as the venue writes them.
    pub fn level(&self, (price, quantity): (&str, &str)) -> Result<Level, String> {
        Ok(Level {
            price: self.price(price)?,
            quantity: self.quantity(quantity)?,
        })
    }
}

fn mantissa(what: &str, text: &str, scale: u8, symbol: &str) -> Result<i64, String> {
    let wire =
        decimal::parse(text).map_err(|_| format!("{what} \"{text}\" is no plain decimal"))?;
    decimal::rescale(wire, scale).ok_or_else(|| {
        format!(
            "{what} {text} of {symbol} does not fit {what}_scale = {scale}; \
             give the instrument the decimals of the recording"
        )
    })
}

/// Takes `position` events from a fresh feed.
///
/// # Errors
/// The number of events there are, if that is less.
pub fn seek(feed: &mut dyn Feed, position: u64) -> Result<(), u64> {
    for taken in 0..position {
        if feed.next().is_none() {
            return Err(taken);
        }
    }
    Ok(())
}
