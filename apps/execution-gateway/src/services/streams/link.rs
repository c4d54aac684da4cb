//! The tasks that keep the venue connected.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use rust_common::{Bar, Instrument, Timeframe, UnixMillis};

use super::hub::MarketHub;
use crate::clock::Clock;
use crate::models::input::Input;
use crate::models::venue::StreamEvent;
use crate::services::engine::EngineHandle;
use crate::services::metrics::Metrics;
use crate::services::venues::{BackOff, BarQuery, MarketEvent, Venue, VenueUnavailable};
use crate::shutdown::Shutdown;

const QUEUE: usize = 4_096;
const CLOCK_EVERY: Duration = Duration::from_secs(30);

/// What the tasks share.
#[derive(Clone)]
pub struct Link {
    pub venue: Arc<dyn Venue>,
    pub engine: EngineHandle,
    pub hub: Arc<MarketHub>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub is_fast: bool,
    pub timeframe: Timeframe,
    pub shutdown: Shutdown,
}

impl Link {
    /// Loads the trading rules, then keeps the user stream; reloads the rules at each reconnect.
    pub async fn follow_user_stream(mut self) {
        let mut back_off = BackOff::new(self.is_fast);
        let mut down_since = self.clock.now_ms();
        while !self.shutdown.is_requested() {
            if self.load().await {
                let lived = self.one_user_stream(&mut back_off, &mut down_since).await;
                tracing::warn!(reason = lived, "user stream ended");
            }
            let gap = self.clock.now_ms() - down_since;
            self.metrics.stream_gap_seconds.set(gap as f64 / 1_000.0);
            if !back_off.wait(&mut self.shutdown).await {
                return;
            }
        }
    }

    async fn load(&mut self) -> bool {
        let loaded = match self.venue.load().await {
            Ok(instruments) => self.tell_facts(instruments).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &loaded {
            tracing::warn!(%error, "the venue's rules could not be loaded");
        }
        loaded.is_ok()
    }

    /// Rules, clock, and the newest price of each instrument: limits need one before any order.
    async fn tell_facts(&self, instruments: Vec<Instrument>) -> Result<(), VenueUnavailable> {
        let offset_ms = self.venue.clock_offset_ms();
        let ids: Vec<_> = instruments
            .iter()
            .map(|i| i.instrument_id.clone())
            .collect();
        self.engine
            .tell(Input::Facts {
                instruments,
                offset_ms,
            })
            .await;
        for instrument_id in ids {
            let query = BarQuery {
                instrument_id,
                timeframe: self.timeframe,
                start_at: None,
                end_at: None,
                limit: 2, // The newest row may be a bar that is still open.
            };
            for bar in self.venue.bars(query).await? {
                self.tell_price(&bar).await;
            }
        }
        Ok(())
    }

    async fn tell_price(&self, bar: &Bar) {
        let input = Input::Bar {
            instrument_id: bar.instrument_id.clone(),
            close: bar.close,
            closed_at: bar.closed_at,
            is_closed: bar.is_closed,
        };
        self.engine.tell(input).await;
    }

    async fn one_user_stream(&mut self, back_off: &mut BackOff, down_since: &mut i64) -> String {
        let (sink, mut events) = mpsc::channel(QUEUE);
        let venue = Arc::clone(&self.venue);
        let stream = venue.user_stream(sink);
        tokio::pin!(stream);
        let ended = loop {
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else { break "the sink closed".to_owned() };
                    if event == StreamEvent::Up {
                        back_off.reset();
                        self.metrics.stream_gap_seconds.set(0.0);
                    }
                    self.engine.tell(Input::Stream(event)).await;
                }
                ended = &mut stream => break ended,
                () = self.shutdown.requested() => return "shutdown".to_owned(),
            }
        };
        while let Ok(event) = events.try_recv() {
            self.engine.tell(Input::Stream(event)).await;
        }
        *down_since = self.clock.now_ms();
        self.engine.tell(Input::Stream(StreamEvent::Down)).await;
        ended
    }

    /// Keeps the market stream and hands its bars to subscribers and to the core.
    pub async fn follow_market(mut self) {
        let mut back_off = BackOff::new(self.is_fast);
        while !self.shutdown.is_requested() {
            let ended = self.one_market_stream(&mut back_off).await;
            tracing::info!(reason = ended, "market stream ended");
            self.tell_link(false);
            if !back_off.wait(&mut self.shutdown).await {
                return;
            }
        }
    }

    async fn one_market_stream(&mut self, back_off: &mut BackOff) -> String {
        let (sink, mut events) = mpsc::channel(QUEUE);
        let venue = Arc::clone(&self.venue);
        let stream = venue.market_stream(sink);
        tokio::pin!(stream);
        loop {
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else { return "the sink closed".to_owned() };
                    if matches!(event, MarketEvent::Link { is_connected: true }) {
                        back_off.reset();
                    }
                    self.market_event(event).await;
                }
                ended = &mut stream => {
                    while let Ok(event) = events.try_recv() {
                        self.market_event(event).await;
                    }
                    return ended;
                }
                () = self.shutdown.requested() => return "shutdown".to_owned(),
            }
        }
    }

    async fn market_event(&self, event: MarketEvent) {
        match event {
            MarketEvent::Link { is_connected } => self.tell_link(is_connected),
            MarketEvent::Bar(bar) => {
                // The core learns the price before a subscriber can act on the bar.
                self.tell_price(&bar).await;
                self.hub.bar(&bar);
            }
        }
    }

    fn tell_link(&self, is_connected: bool) {
        let at = UnixMillis::new(self.clock.now_ms()).unwrap_or_default();
        self.hub.link(is_connected, at);
    }

    /// Samples the venue's clock now and then.
    pub async fn follow_clock(mut self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(CLOCK_EVERY) => {
                    self.load().await;
                }
                () = self.shutdown.requested() => return,
            }
        }
    }
}
