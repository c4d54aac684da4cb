//! Queries that fill what the streams did not bring, each in a task of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use rust_common::{Bar, InstrumentId};

use super::bars::BarFill;
use super::events::{BookSnapshot, MarketSource, TradeTick};
use crate::services::venues::{BarQuery, VenueUnavailable};

/// Bars per page of the venue.
pub const PAGE: u32 = 1_000;

/// A query came back.
#[derive(Debug)]
pub enum Repaired {
    Bars(Result<Vec<Bar>, VenueUnavailable>),
    Trades(Result<Vec<TradeTick>, VenueUnavailable>),
    Book(Result<BookSnapshot, VenueUnavailable>),
}

/// Asks the venue and sends the answers to one place.
#[derive(Clone)]
pub struct Repairs {
    pub source: Arc<dyn MarketSource>,
    pub sink: mpsc::UnboundedSender<(InstrumentId, Repaired)>,
}

impl Repairs {
    pub fn bars(&self, id: InstrumentId, fill: BarFill, pause: Duration) {
        self.spawn(id, pause, move |source, id| {
            Box::pin(async move {
                source.learn_market_time().await;
                Repaired::Bars(missed_bars(&*source, id, fill).await)
            })
        });
    }

    pub fn trades(&self, id: InstrumentId, from: u64, pause: Duration) {
        self.spawn(id, pause, move |source, id| {
            Box::pin(async move { Repaired::Trades(source.trades_from(id, from).await) })
        });
    }

    pub fn book(&self, id: InstrumentId, pause: Duration) {
        self.spawn(id, pause, |source, id| {
            Box::pin(async move { Repaired::Book(source.book(id).await) })
        });
    }

    fn spawn(
        &self,
        id: InstrumentId,
        pause: Duration,
        ask: impl FnOnce(
            Arc<dyn MarketSource>,
            InstrumentId,
        ) -> std::pin::Pin<Box<dyn Future<Output = Repaired> + Send>>
        + Send
        + 'static,
    ) {
        let (source, sink) = (Arc::clone(&self.source), self.sink.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let repaired = ask(source, id.clone()).await;
            if sink.send((id, repaired)).is_err() {
                tracing::debug!("an answer came after the market task ended");
            }
        });
    }
}

/// Every closed bar of a fill, page by page.
///
/// # Errors
/// When a page could not be had; a part is never taken for the whole.
pub async fn missed_bars(
    source: &dyn MarketSource,
    instrument_id: InstrumentId,
    fill: BarFill,
) -> Result<Vec<Bar>, VenueUnavailable> {
    let (start_at, limit) = match fill {
        // The newest row may still be forming.
        BarFill::Newest => (None, 2),
        BarFill::From(start_at) => (Some(start_at), PAGE),
    };
    let mut query = BarQuery {
        instrument_id,
        timeframe: source.timeframe(),
        start_at,
        end_at: None,
        limit,
    };
    let mut bars: Vec<Bar> = Vec::new();
    loop {
        let page = source.closed_bars(query.clone()).await?;
        let Some(last) = page.last() else { break };
        query.start_at = Some(last.closed_at);
        bars.extend(page);
        if fill == BarFill::Newest {
            return Ok(bars.pop().into_iter().collect());
        }
    }
    Ok(bars)
}
