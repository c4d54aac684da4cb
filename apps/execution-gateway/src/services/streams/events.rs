//! What a venue's market streams bring, in our words, and what a venue must offer for it.

use std::sync::Arc;

use rust_common::{
    Bar, Instrument, InstrumentId, OrderSide, Price, Quantity, Timeframe, UnixMillis,
};

use super::book::Continuity;
use crate::services::venues::{BarQuery, Pending, VenueUnavailable};

/// A kind of market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    Bars,
    Trades,
    Best,
    Book,
}

impl Channel {
    pub const ALL: [Self; 4] = [Self::Bars, Self::Trades, Self::Best, Self::Book];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bars => "bars",
            Self::Trades => "trades",
            Self::Best => "best",
            Self::Book => "book",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// One price and what is offered there.
pub type Level = (Price, Quantity);

/// A public print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeTick {
    pub instrument_id: InstrumentId,
    pub trade_id: u64,
    pub price: Price,
    pub quantity: Quantity,
    pub taker_side: OrderSide,
    pub event_at: UnixMillis,
}

/// The top of a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BestQuote {
    pub instrument_id: InstrumentId,
    pub update_id: u64,
    pub bid: Level,
    pub ask: Level,
}

/// New absolute quantities of some levels; it covers the updates after `after` through `last`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthDiff {
    pub instrument_id: InstrumentId,
    /// Last update before this one: `U - 1` on spot, `pu` on USD-M futures.
    pub after: u64,
    pub last: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// The whole book as a query tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookSnapshot {
    pub last: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

/// One event of a market stream.
#[derive(Debug, Clone)]
pub enum MarketEvent {
    Bar(Bar),
    Trade(TradeTick),
    Best(BestQuote),
    Depth(DepthDiff),
}

/// What a text frame of a market stream says.
#[derive(Debug, Clone)]
pub enum Message {
    Event(MarketEvent),
    /// The venue will end this connection soon.
    ShutdownNotice,
    /// A control message was refused.
    Refused(String),
    /// Nothing for us: a confirmation, or a market we do not follow.
    Other,
}

/// Where a stream is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamName {
    /// Address up to and without `/stream`.
    pub base: String,
    pub name: String,
}

/// The market data side of a venue.
pub trait MarketSource: Send + Sync + 'static {
    /// The instruments of the settings; empty until the trading rules are loaded.
    fn instruments(&self) -> Vec<Arc<Instrument>>;

    /// The timeframe of the closed bars.
    fn timeframe(&self) -> Timeframe;

    fn continuity(&self) -> Continuity;

    fn stream(&self, channel: Channel, instrument: &Instrument) -> StreamName;

    /// Reads one text frame of a combined stream.
    ///
    /// # Errors
    /// What could not be read: such a message must not be lost, so the connection is made anew.
    fn read(&self, text: &str) -> Result<Message, String>;

    /// Learns the venue's market time before bars are judged closed (K2).
    fn learn_market_time(&self) -> Pending<'_, ()>;

    /// Closed bars, oldest first.
    fn closed_bars(&self, query: BarQuery) -> Pending<'_, Result<Vec<Bar>, VenueUnavailable>>;

    /// Public trades from an id on, oldest first, at most a page.
    fn trades_from(
        &self,
        instrument_id: InstrumentId,
        trade_id: u64,
    ) -> Pending<'_, Result<Vec<TradeTick>, VenueUnavailable>>;

    /// The whole book.
    fn book(
        &self,
        instrument_id: InstrumentId,
    ) -> Pending<'_, Result<BookSnapshot, VenueUnavailable>>;
}
