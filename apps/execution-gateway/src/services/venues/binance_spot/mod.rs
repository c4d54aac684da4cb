//! Binance spot and every venue that speaks its protocol (the simulated venue does).

mod calls;
mod keys;
mod limiter;
mod market;
mod market_parse;
#[cfg(test)]
mod market_recorded;
mod outcome;
mod parse;
mod rest;
mod rules;
pub mod sign;
mod snapshot;
mod streams;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use rust_common::{Bar, Instrument, InstrumentId, Timeframe};

use super::{BarQuery, KeyRights, Pending, Throttle, Venue, VenueUnavailable};
use crate::clock::Clock;
use crate::models::venue::{Lane, Outcome, StreamEvent, VenueCall};
use crate::secrets::Credentials;
use crate::services::metrics::Metrics;
use crate::services::streams::events::MarketSource;
use crate::services::streams::times::StreamTimes;
use crate::settings::VenueSettings;
use market::Listing;
use rest::{Request, Rest, in_lane};

/// The adapter of one account.
pub struct BinanceSpot {
    rest: Rest,
    stream_url: String,
    ws_api_url: String,
    venue_name: String,
    symbols: Vec<String>,
    timeframe: Timeframe,
    rules: RwLock<BTreeMap<InstrumentId, Instrument>>,
    listing: Listing,
    times: StreamTimes,
    metrics: Arc<Metrics>,
}

impl BinanceSpot {
    /// An adapter that has not connected yet.
    ///
    /// # Errors
    /// When the HTTP client or the timeframe cannot be made.
    pub fn new(
        settings: &VenueSettings,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, VenueUnavailable> {
        let unusable = |detail: String| VenueUnavailable { detail };
        let timeframe = settings.timeframe.parse::<Timeframe>();
        Ok(Self {
            rest: Rest::new(settings, credentials, clock).map_err(unusable)?,
            stream_url: settings.stream_url.trim_end_matches('/').to_owned(),
            ws_api_url: settings.ws_api_url.clone(),
            venue_name: settings.venue_name.clone(),
            symbols: settings.symbols.clone(),
            timeframe: timeframe.map_err(|error| unusable(error.to_string()))?,
            rules: RwLock::default(),
            listing: Listing::default(),
            times: StreamTimes::of(settings.is_fast_profile()),
            metrics,
        })
    }

    fn find(&self, id: &InstrumentId) -> Option<Instrument> {
        self.rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    fn find_symbol(&self, symbol: &str) -> Option<Instrument> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules
            .values()
            .find(|instrument| instrument.symbol.as_str() == symbol)
            .cloned()
    }

    async fn load_rules(&self) -> Result<Vec<Instrument>, VenueUnavailable> {
        let failed = |what: &str, detail: &dyn std::fmt::Display| VenueUnavailable {
            detail: format!("{what}: {detail}"),
        };
        self.rest
            .sync_clock()
            .await
            .map_err(|failure| failed("time", &failure))?;
        let names = serde_json::to_string(&self.symbols).unwrap_or_default();
        let request = Request::get("/api/v3/exchangeInfo", 20, vec![("symbols", names)]);
        let body = self.rest.public(request).await;
        let body = body.map_err(|failure| failed("exchangeInfo", &failure))?;
        self.rest
            .limiter
            .load(body.get("rateLimits").unwrap_or(&Value::Null));
        let mut found = BTreeMap::new();
        for symbol in body
            .get("symbols")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let instrument = rules::instrument(symbol, &self.venue_name)
                .map_err(|error| failed("exchangeInfo", &error))?;
            found.insert(instrument.instrument_id.clone(), instrument);
        }
        let is_listed = |name: &String| {
            found
                .values()
                .any(|instrument| instrument.symbol.as_str() == name.as_str())
        };
        if let Some(missing) = self.symbols.iter().find(|name| !is_listed(name)) {
            return Err(failed("exchangeInfo", &format!("{missing} is not listed")));
        }
        let list: Vec<Instrument> = found.values().cloned().collect();
        self.listing.set(&list);
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(list)
    }

    async fn closed_bars(&self, query: &BarQuery) -> Result<Vec<Bar>, VenueUnavailable> {
        let failed = |detail: String| VenueUnavailable { detail };
        let instrument = self
            .find(&query.instrument_id)
            .ok_or_else(|| failed(format!("{} is not listed", query.instrument_id)))?;
        let mut params = vec![
            ("symbol", instrument.symbol.to_string()),
            ("interval", query.timeframe.code().to_owned()),
            ("limit", query.limit.to_string()),
        ];
        for (name, at) in [("startTime", query.start_at), ("endTime", query.end_at)] {
            params.extend(at.map(|at| (name, at.as_millis().to_string())));
        }
        let body = self
            .rest
            .public(Request::get("/api/v3/klines", 2, params))
            .await;
        let body = body.map_err(|failure| failed(failure.to_string()))?;
        let rows = body
            .as_array()
            .ok_or_else(|| failed("klines is not a list".to_owned()))?;
        let now = self.market_now();
        let bars = rows
            .iter()
            .map(|row| rules::kline_row(row, query.timeframe, &instrument, now));
        let bars: Result<Vec<Bar>, _> = bars.collect();
        let bars = bars.map_err(|error| failed(error.to_string()))?;
        Ok(bars.into_iter().filter(|bar| bar.is_closed).collect())
    }
}

impl Venue for BinanceSpot {
    fn call(&self, request: VenueCall) -> Pending<'_, Outcome> {
        Box::pin(async move {
            let name = request.name();
            let (lane, deadline) = (request.lane(), request.deadline());
            let answer = in_lane(lane, deadline, self.carry_out(request)).await;
            let outcome = calls::outcome(answer);
            self.metrics.outcome(name, outcome.class(), outcome.code());
            self.metrics
                .weight_used_ratio
                .set(self.rest.limiter.weight_ratio());
            outcome
        })
    }

    fn load(&self) -> Pending<'_, Result<Vec<Instrument>, VenueUnavailable>> {
        Box::pin(in_lane(Lane::Probe, None, self.load_rules()))
    }

    fn sync_clock(&self) -> Pending<'_, Result<(), VenueUnavailable>> {
        Box::pin(async {
            let synced = in_lane(Lane::Probe, None, self.rest.sync_clock()).await;
            synced.map_err(|failure| VenueUnavailable {
                detail: format!("time: {failure}"),
            })
        })
    }

    fn key_rights(&self) -> Pending<'_, Result<KeyRights, VenueUnavailable>> {
        Box::pin(async {
            let asked = in_lane(Lane::Probe, None, self.ask_key_rights()).await;
            asked.map_err(|failure| VenueUnavailable {
                detail: format!("key permissions: {failure}"),
            })
        })
    }

    fn throttles(&self) -> watch::Receiver<Throttle> {
        self.rest.limiter.throttles()
    }

    fn clock_offset_ms(&self) -> i64 {
        self.rest.offset.get()
    }

    fn bars(&self, query: BarQuery) -> Pending<'_, Result<Vec<Bar>, VenueUnavailable>> {
        Box::pin(async move { self.closed_bars(&query).await })
    }

    fn user_stream(&self, sink: mpsc::Sender<StreamEvent>) -> Pending<'_, String> {
        Box::pin(async move {
            let ended = self.run_user_stream(&sink).await;
            ended.err().unwrap_or_else(|| "ended".to_owned())
        })
    }

    fn market(self: Arc<Self>) -> Option<Arc<dyn MarketSource>> {
        Some(self)
    }
}
