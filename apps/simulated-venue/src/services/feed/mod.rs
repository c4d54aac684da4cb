//! Where the market of mode "market" comes from. Every feed but the mirror is a deterministic
//! sequence: position n is reached by taking n events from the start.

pub mod bars;
pub mod calibration;
pub mod generator;
pub mod merge;
pub mod mirror;
pub mod order_book;
pub mod random;
pub mod recording;
pub mod trades;

use rust_common::Instrument;

use crate::models::decimal;
use crate::models::feed::{Feed, Level};

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
