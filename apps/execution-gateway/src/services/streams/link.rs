//! The tasks that keep the venue connected.

use std::sync::Arc;

use rust_common::{Bar, Instrument, Timeframe};

use super::market::Prices;
use super::relay::{Relay, Relayed};
use super::times::{BackOff, StreamTimes};
use crate::clock::Clock;
use crate::models::input::Input;
use crate::models::venue::StreamEvent;
use crate::services::engine::EngineHandle;
use crate::services::metrics::Metrics;
use crate::services::venues::{BarQuery, Pending, Venue, VenueUnavailable};
use crate::shutdown::Shutdown;

/// What the tasks share.
#[derive(Clone)]
pub struct Link {
    pub venue: Arc<dyn Venue>,
    pub engine: EngineHandle,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub times: StreamTimes,
    pub timeframe: Timeframe,
    pub shutdown: Shutdown,
}

impl Link {
    /// Loads the trading rules, then keeps the user stream; reloads the rules at each reconnect.
    pub async fn follow_user_stream(mut self) {
        let mut back_off = BackOff::new(&self.times, 0);
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
                self.engine.tell(price_of(&bar)).await;
            }
        }
        Ok(())
    }

    /// One unbroken run of the user stream; successors take over while it lasts.
    async fn one_user_stream(&mut self, back_off: &mut BackOff, down_since: &mut i64) -> String {
        let mut relay = Relay::new(Arc::clone(&self.venue), self.times);
        let ended = loop {
            let turn = tokio::select! {
                turn = relay.next() => turn,
                () = self.shutdown.requested() => return "shutdown".to_owned(),
            };
            match turn {
                Relayed::Event(event) => {
                    if event == StreamEvent::Up {
                        back_off.reset();
                        self.metrics.stream_gap_seconds.set(0.0);
                    }
                    self.engine.tell(Input::Stream(event)).await;
                }
                Relayed::Ended(reason) => break reason,
            }
        };
        *down_since = self.clock.now_ms();
        self.engine.tell(Input::Stream(StreamEvent::Down)).await;
        ended
    }
}

fn price_of(bar: &Bar) -> Input {
    Input::Bar {
        instrument_id: bar.instrument_id.clone(),
        close: bar.close,
        closed_at: bar.closed_at,
        is_closed: bar.is_closed,
    }
}

impl Prices for EngineHandle {
    fn tell<'a>(&'a self, bar: &'a Bar) -> Pending<'a, ()> {
        Box::pin(async move { EngineHandle::tell(self, price_of(bar)).await })
    }
}
