//! Settings to the state of a venue in market mode: symbols, accounts, and the market's feed.

use std::sync::Arc;

use rust_common::Instrument;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::StartError;
use crate::models::accounts::AccountConfig;
use crate::models::decimal::{self, rescale};
use crate::models::feed::{Feed, NoFeed};
use crate::services::core::VenueState;
use crate::services::core::auction::AuctionConfig;
use crate::services::core::market::Market;
use crate::services::feed::generator::GeneratorFeed;
use crate::services::feed::mirror::Mirror;
use crate::services::feed::order_book::OrderBookFeed;
use crate::services::feed::{FeedMarket, bars, trades};
use crate::services::replay::Columns;
use crate::settings::{FeedKind, FeedSettings, InstrumentSettings, Settings, timeframe_ms};

/// A venue in market mode before its first input, and what its log belongs to.
///
/// # Errors
/// `StartError` naming the file or the key that is wrong.
pub fn open(settings: &Settings) -> Result<(VenueState, String), StartError> {
    let wrong = |message: String| StartError::State {
        path: settings.state_dir.clone(),
        message,
    };
    let mut markets = Vec::new();
    let mut rules = Vec::new();
    for entry in &settings.instruments {
        let instrument = entry.instrument().map_err(wrong)?;
        let filters = entry.filters().map_err(wrong)?;
        rules.push(json!({"instrument": instrument, "filters": filters}));
        markets.push(Market::live(instrument, filters));
    }
    let feed = open_feed(settings, &markets)?;
    let accounts: Vec<AccountConfig> = settings
        .accounts
        .iter()
        .map(|account| AccountConfig {
            name: account.name.clone(),
            balances: account.balances.clone().into_iter().collect(),
            maker_fee_rate: settings.maker_fee_rate,
            taker_fee_rate: settings.taker_fee_rate,
            trade_group: account.trade_group,
        })
        .collect();
    let identity = json!({
        "mode": settings.mode.name(), "rules": rules, "accounts": accounts,
        "exchange_filters": settings.exchange_filters, "feed": feed.identity(),
    });
    let config = AuctionConfig {
        accounts,
        exchange_filters: settings.exchange_filters.clone(),
        opens_at: feed.next_at().unwrap_or(0),
        feed,
    };
    let identity = hex::encode(Sha256::digest(identity.to_string()));
    Ok((VenueState::market_mode(config, markets), identity))
}

fn open_feed(settings: &Settings, markets: &[Market]) -> Result<Box<dyn Feed>, StartError> {
    let Some(feed) = &settings.feed else {
        return Ok(Box::new(NoFeed));
    };
    let mut entries = Vec::new();
    for (market, entry) in markets.iter().zip(&settings.instruments) {
        entries.push(FeedMarket {
            start_price: start_price(entry, &market.instrument)
                .map_err(|message| StartError::state(&settings.state_dir, message))?,
            instrument: market.instrument.clone(),
        });
    }
    Ok(match feed.kind {
        FeedKind::Generator => Box::new(generator(feed, &entries)),
        FeedKind::Trades => Box::new(trades::open(&feed.paths, &entries)?),
        FeedKind::OrderBook => Box::new(OrderBookFeed::open(&feed.paths, &entries)?),
        FeedKind::Bars => Box::new(bars::open(recorded(settings, entries)?)),
        // Its events arrive from outside, as inputs of their own.
        FeedKind::Mirror => Box::new(NoFeed),
    })
}

/// The live market that the settings name.
///
/// # Errors
/// Which address is missing or cannot be used.
pub fn mirror(settings: &Settings, feed: &FeedSettings) -> Result<Mirror, StartError> {
    let wrong = |message: String| StartError::state(&settings.state_dir, message);
    let mut entries = Vec::new();
    for entry in &settings.instruments {
        entries.push(FeedMarket {
            instrument: entry.instrument().map_err(wrong)?,
            start_price: None,
        });
    }
    Mirror::new(
        feed.rest_url.as_deref(),
        feed.stream_url.as_deref(),
        entries,
    )
    .map_err(wrong)
}

fn generator(feed: &FeedSettings, entries: &[FeedMarket]) -> GeneratorFeed {
    GeneratorFeed::new(feed.seed, feed.events_per_second, entries)
}

/// Where a generated market begins, if the configuration says so.
fn start_price(entry: &InstrumentSettings, instrument: &Instrument) -> Result<Option<i64>, String> {
    let Some(text) = &entry.start_price else {
        return Ok(None);
    };
    let tick = instrument.tick_size.mantissa().max(1);
    let price = decimal::parse(text)
        .ok()
        .and_then(|wire| rescale(wire, instrument.price_scale))
        .filter(|price| *price > 0 && price % tick == 0);
    price.map(Some).ok_or_else(|| {
        format!(
            "instrument {}: start_price = \"{text}\": allowed are multiples of tick_size above 0",
            entry.instrument_id
        )
    })
}

fn recorded(
    settings: &Settings,
    entries: Vec<FeedMarket>,
) -> Result<Vec<bars::RecordedBars>, StartError> {
    let mut list = Vec::new();
    for (entry, market) in settings.instruments.iter().zip(entries) {
        let frame = &entry.timeframe;
        let interval_ms = timeframe_ms(frame).ok_or_else(|| {
            let text = format!("timeframe {frame} is not known");
            StartError::columns(&entry.columns_dir, text)
        })?;
        list.push(bars::RecordedBars {
            market,
            interval_ms,
            columns: Arc::new(Columns::read(&entry.columns_dir, interval_ms)?),
        });
    }
    Ok(list)
}
