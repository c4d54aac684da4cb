//! Venue adapters. A new venue is one folder and one line in `connect`.

pub mod binance_spot;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rust_common::{Bar, Instrument, InstrumentId, Timeframe, UnixMillis};
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::Clock;
use crate::models::venue::{Outcome, StreamEvent, VenueCall};
use crate::secrets::Credentials;
use crate::services::metrics::Metrics;
use crate::services::streams::events::MarketSource;
use crate::settings::VenueSettings;

/// A boxed future, so that the trait can be an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells a call that still waits in a queue not to leave any more.
#[derive(Debug, Default)]
pub struct Recall {
    is_recalled: AtomicBool,
    told: Notify,
}

impl Recall {
    pub fn recall(&self) {
        self.is_recalled.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    pub fn is_recalled(&self) -> bool {
        self.is_recalled.load(Ordering::Acquire)
    }

    /// Waits for the recall; look at `is_recalled` after making this future.
    pub async fn told(&self) {
        self.told.notified().await;
    }
}

tokio::task_local! {
    /// The recall of the core's call that the running requests belong to.
    pub static RECALL: Arc<Recall>;
}

/// What the venue holds back from us, in our wall time; 0 when nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttle {
    /// Nothing at all before this time (418).
    pub banned_until: i64,
    /// No request before this time (429 of the request weight).
    pub paused_until: i64,
    /// No new order before this time (429 of the order count).
    pub orders_until: i64,
}

/// What the venue says the exchange key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRights {
    pub can_trade: bool,
    pub can_withdraw: bool,
}

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

    /// Synchronises the clock alone.
    fn sync_clock(&self) -> Pending<'_, Result<(), VenueUnavailable>>;

    /// Asks what the key may do.
    fn key_rights(&self) -> Pending<'_, Result<KeyRights, VenueUnavailable>>;

    /// Changes of what the venue holds back.
    fn throttles(&self) -> watch::Receiver<Throttle>;

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
