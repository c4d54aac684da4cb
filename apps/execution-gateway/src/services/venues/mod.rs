//! Venue adapters. A new venue is one folder and one line in `connect`.

pub mod binance_spot;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use rust_common::{Bar, Instrument, InstrumentId, Timeframe, UnixMillis};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::models::venue::{Outcome, StreamEvent, VenueCall};
use crate::secrets::Credentials;
use crate::services::metrics::Metrics;
use crate::services::streams::events::MarketSource;
use crate::settings::VenueSettings;

/// A boxed future, so that the trait can be an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which bars are asked for.
#[derive(Debug, Clone)]
pub struct BarQuery {
    pub instrument_id: InstrumentId,
    pub timeframe: Timeframe,
    pub start_at: Option<UnixMillis>,
    pub end_at: Option<UnixMillis>,
    pub limit: u32,
}

/// Why public data could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the venue did not answer: {detail}")]
pub struct VenueUnavailable {
    pub detail: String,
}

/// One trading venue.
pub trait Venue: Send + Sync + 'static {
    /// Carries out a call of the core; never panics, every failure has a class.
    fn call(&self, request: VenueCall) -> Pending<'_, Outcome>;

    /// Synchronises the clock and loads the trading rules and rate limits.
    fn load(&self) -> Pending<'_, Result<Vec<Instrument>, VenueUnavailable>>;

    /// Offset of the venue's clock to ours, in milliseconds.
    fn clock_offset_ms(&self) -> i64;

    /// Closed bars, oldest first.
    fn bars(&self, query: BarQuery) -> Pending<'_, Result<Vec<Bar>, VenueUnavailable>>;

    /// One life of the user stream: `Up` after the subscription, then events; returns when it ends.
    fn user_stream(&self, sink: mpsc::Sender<StreamEvent>) -> Pending<'_, String>;

    /// The venue's market data, if it has any.
    fn market(self: Arc<Self>) -> Option<Arc<dyn MarketSource>> {
        None
    }
}

/// The adapter named in the settings.
pub fn connect(
    settings: &VenueSettings,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> Result<Arc<dyn Venue>, VenueUnavailable> {
    // `kind` was checked when the settings were read: binance_spot is the only one so far.
    let venue = binance_spot::BinanceSpot::new(settings, credentials, clock, metrics)?;
    Ok(Arc::new(venue))
}
