//! Market data of Binance spot: stream names, market time, and the queries behind the streams.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use rust_common::{Bar, Instrument, InstrumentId, Timeframe};

use super::BinanceSpot;
use super::market_parse;
use super::rest::Request;
use crate::services::streams::book::Continuity;
use crate::services::streams::events::{
    BookSnapshot, Channel, MarketSource, Message, StreamName, TradeTick,
};
use crate::services::venues::{BarQuery, Pending, VenueUnavailable};

/// Market time this far behind the clock means a replay (K2); an illiquid market is not.
const REPLAY_LAG_MS: i64 = 86_400_000;
/// Levels per side of a snapshot: the most the venue gives.
const BOOK_LEVELS: u32 = 5_000;
const UNKNOWN: i64 = i64::MIN;

/// The followed instruments by symbol, and the venue's market time.
#[derive(Debug)]
pub(super) struct Listing {
    by_symbol: RwLock<Arc<HashMap<String, Arc<Instrument>>>>,
    replay_time: AtomicI64,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            by_symbol: RwLock::default(),
            replay_time: AtomicI64::new(UNKNOWN),
        }
    }
}

impl Listing {
    pub(super) fn set(&self, instruments: &[Instrument]) {
        let listed = instruments.iter().map(|instrument| {
            let symbol = instrument.symbol.to_string();
            (symbol, Arc::new(instrument.clone()))
        });
        let listed = Arc::new(listed.collect());
        *self
            .by_symbol
            .write()
            .unwrap_or_else(PoisonError::into_inner) = listed;
    }

    fn get(&self) -> Arc<HashMap<String, Arc<Instrument>>> {
        Arc::clone(
            &self
                .by_symbol
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Notes an event's time. Only a replay's time is kept: a live market runs on the clock.
    fn note_time(&self, event_at: i64, now: i64) {
        let is_replay = now - event_at > REPLAY_LAG_MS;
        let time = if is_replay { event_at } else { UNKNOWN };
        self.replay_time.store(time, Ordering::Relaxed);
    }
}

impl BinanceSpot {
    /// The time bars are judged closed by.
    pub(super) fn market_now(&self) -> i64 {
        match self.listing.replay_time.load(Ordering::Relaxed) {
            UNKNOWN => self.rest.clock.now_ms() + self.rest.offset.get(),
            replay => replay,
        }
    }

    /// The 24 h ticker closes at the market's present. A venue without it has no market time of its
    /// own, and the clock decides.
    async fn ask_market_time(&self) {
        let symbol = self.listing.get().keys().min().cloned();
        let Some(symbol) = symbol else { return };
        let request = Request::get("/api/v3/ticker/24hr", 2, vec![("symbol", symbol)]);
        match self.rest.public(request).await {
            Ok(body) => {
                if let Some(at) = body.get("closeTime").and_then(Value::as_i64) {
                    self.listing.note_time(at, self.rest.clock.now_ms());
                }
            }
            Err(error) => tracing::debug!(%error, "no market time"),
        }
    }

    fn listed(&self, id: &InstrumentId) -> Result<Instrument, VenueUnavailable> {
        self.find(id).ok_or_else(|| VenueUnavailable {
            detail: format!("{id} is not listed"),
        })
    }

    async fn ask_trades(
        &self,
        id: &InstrumentId,
        from: u64,
    ) -> Result<Vec<TradeTick>, VenueUnavailable> {
        let instrument = self.listed(id)?;
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("fromId", from.to_string()),
            ("limit", "1000".to_owned()),
        ];
        let request = Request::get("/api/v3/historicalTrades", 25, params);
        let body = self.rest.public(request).await.map_err(unavailable)?;
        let rows = body.as_array().ok_or_else(|| VenueUnavailable {
            detail: "historicalTrades is not a list".to_owned(),
        })?;
        let ticks = rows
            .iter()
            .map(|row| market_parse::trade_row(row, &instrument));
        ticks.collect::<Result<_, _>>().map_err(unavailable)
    }

    async fn ask_book(&self, id: &InstrumentId) -> Result<BookSnapshot, VenueUnavailable> {
        let instrument = self.listed(id)?;
        let params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("limit", BOOK_LEVELS.to_string()),
        ];
        let body = self.rest.public(Request::get("/api/v3/depth", 250, params));
        let body = body.await.map_err(unavailable)?;
        market_parse::snapshot(&body, &instrument).map_err(unavailable)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn unavailable(error: impl ToString) -> VenueUnavailable {
    VenueUnavailable {
        detail: error.to_string(),
    }
}

impl MarketSource for BinanceSpot {
    fn instruments(&self) -> Vec<Arc<Instrument>> {
        let mut listed: Vec<_> = self.listing.get().values().map(Arc::clone).collect();
        listed.sort_by(|a, b| a.instrument_id.cmp(&b.instrument_id));
        listed
    }

    fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    fn continuity(&self) -> Continuity {
        Continuity::Adjacent
    }

    fn stream(&self, channel: Channel, instrument: &Instrument) -> StreamName {
        let symbol = instrument.symbol.as_str().to_lowercase();
        let name = match channel {
            Channel::Bars => format!("{symbol}@kline_{}", self.timeframe.code()),
            Channel::Trades => format!("{symbol}@trade"),
            Channel::Best => format!("{symbol}@bookTicker"),
            Channel::Book => format!("{symbol}@depth@100ms"),
        };
        StreamName {
            base: self.stream_url.clone(),
            name,
        }
    }

    fn read(&self, text: &str) -> Result<Message, String> {
        let listed = self.listing.get();
        let reader = market_parse::Reader {
            timeframe: self.timeframe,
            continuity: self.continuity(),
            find: &|symbol: &str| listed.get(symbol).map(Arc::clone),
        };
        let (message, event_at) = reader.read(text).map_err(|error| error.to_string())?;
        if let Some(event_at) = event_at {
            self.listing.note_time(event_at, self.rest.clock.now_ms());
        }
        Ok(message)
    }

    fn learn_market_time(&self) -> Pending<'_, ()> {
        Box::pin(self.ask_market_time())
    }

    fn closed_bars(&self, query: BarQuery) -> Pending<'_, Result<Vec<Bar>, VenueUnavailable>> {
        Box::pin(async move { BinanceSpot::closed_bars(self, &query).await })
    }

    fn trades_from(
        &self,
        instrument_id: InstrumentId,
        trade_id: u64,
    ) -> Pending<'_, Result<Vec<TradeTick>, VenueUnavailable>> {
        Box::pin(async move { self.ask_trades(&instrument_id, trade_id).await })
    }

    fn book(
        &self,
        instrument_id: InstrumentId,
    ) -> Pending<'_, Result<BookSnapshot, VenueUnavailable>> {
        Box::pin(async move { self.ask_book(&instrument_id).await })
    }
}
