//! Public requests of market mode, answered from the book and the tape (rest-api.md, "Market Data
//! endpoints").

use serde_json::{Value, json};

use super::endpoints::Endpoint;
use super::market::{limit, newest_or_oldest, ping, time};
use super::market_tickers as tickers;
use super::params::Params;
use crate::error::VenueError;
use crate::models::decimal::format8;
use crate::models::feed::Level;
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};
use crate::services::core::tape::Tape;
use crate::services::core::tape::interval::{Interval, offset_ms};
use crate::services::core::tape::klines::Kline;
use crate::services::core::tape::trades::{AggregateTrade, PublicTrade};
use crate::services::shell::Shell;
use crate::services::streams::boards::published;

const MOST_ROWS: i64 = 1_000;
const MOST_LEVELS: i64 = 5_000;
/// Times beyond this are microseconds: it is the year 5138 in milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// Answers a public request for market data.
pub(super) fn answer(
    shell: &Shell,
    endpoint: Endpoint,
    params: &mut Params,
    now: i64,
) -> Result<Value, VenueError> {
    match endpoint {
        Endpoint::Ping => ping(params),
        Endpoint::Time => time(params, now),
        Endpoint::Klines | Endpoint::UiKlines => klines(shell, params),
        Endpoint::Depth => depth(shell, params),
        Endpoint::Trades => trades(shell, params, false),
        Endpoint::HistoricalTrades => trades(shell, params, true),
        Endpoint::AggTrades => aggregate_trades(shell, params),
        Endpoint::AvgPrice => average_price(shell, params),
        Endpoint::TickerPrice => tickers::price(shell, params),
        Endpoint::BookTicker => tickers::book(shell, params),
        Endpoint::Ticker24h => tickers::day(shell, params),
        Endpoint::TradingDay => tickers::trading_day(shell, params),
        Endpoint::TickerWindow => tickers::window(shell, params),
        _ => Err(VenueError {
            status: 404,
            ..VenueError::unsupported()
        }),
    }
}

/// A market with its number, and its tape.
pub(super) struct View<'a> {
    pub(super) index: usize,
    pub(super) market: &'a Market,
    pub(super) tape: &'a Tape,
}

pub(super) fn view<'a>(shell: &'a Shell, symbol: &str) -> Result<View<'a>, VenueError> {
    let index = shell.state.market_index(symbol)?;
    Ok(View {
        index,
        market: shell.state.market(index)?,
        tape: shell.state.tape(index).ok_or_else(VenueError::internal)?,
    })
}

fn one<'a>(shell: &'a Shell, params: &mut Params) -> Result<View<'a>, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    view(shell, &symbol)
}

/// A time in milliseconds; clients may send microseconds.
fn instant(params: &mut Params, name: &str) -> Result<Option<i64>, VenueError> {
    let time = params.integer(name)?;
    Ok(time.map(|time| {
        if time >= MICROSECONDS_FROM {
            time / 1_000
        } else {
            time
        }
    }))
}

/// `startTime` and `endTime`; an end before the start is refused.
fn range(params: &mut Params) -> Result<(Option<i64>, Option<i64>), VenueError> {
    let (start, end) = (instant(params, "startTime")?, instant(params, "endTime")?);
    match (start, end) {
        (Some(start), Some(end)) if start > end => Err(VenueError::bad_request(
            -1130,
            "Data sent for parameter 'endTime' is not valid.",
        )),
        range => Ok(range),
    }
}

pub(super) fn time_zone(params: &mut Params) -> Result<i64, VenueError> {
    let Some(text) = params.take("timeZone")? else {
        return Ok(0);
    };
    let invalid =
        || VenueError::bad_request(-1130, "Data sent for parameter 'timeZone' is not valid.");
    offset_ms(&text).ok_or_else(invalid)
}

/// Oldest first from `startTime`, else the newest up to `endTime`; the running bar included.
fn klines(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let view = one(shell, params)?;
    let interval = Interval::parse(&params.required("interval")?)
        .ok_or_else(|| VenueError::bad_request(-1120, "Invalid interval."))?;
    let (start, end) = range(params)?;
    let offset = time_zone(params)?;
    let limit = limit(params, 500, MOST_ROWS)?;
    params.finish()?;
    let span = (start.unwrap_or(0), end.unwrap_or(i64::MAX));
    let bars = view
        .tape
        .klines((interval, offset), span, (start.is_some(), limit));
    let rows = bars.iter().map(|bar| kline_row(view.market, bar));
    Ok(rows.collect())
}

fn kline_row(market: &Market, bar: &Kline) -> Value {
    let volume = |mantissa: i128| format8(mantissa, market.instrument.quantity_scale);
    json!([
        bar.opened_at,
        price_text(market, bar.open),
        price_text(market, bar.high),
        price_text(market, bar.low),
        price_text(market, bar.close),
        volume(bar.volume),
        bar.ends_at - 1,
        money_text(bar.quote_volume),
        bar.trades,
        volume(bar.taker_volume),
        money_text(bar.taker_quote_volume),
        "0",
    ])
}

fn depth(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let view = one(shell, params)?;
    tickers::check_status(&[&view], params)?;
    let limit = limit(params, 100, MOST_LEVELS)?;
    params.finish()?;
    let levels = published(&shell.state, view.index, limit);
    let (last_update_id, bids, asks) = levels.ok_or_else(VenueError::internal)?;
    let rows = |levels: &[Level]| -> Value {
        let row = |level: &Level| {
            json!([
                price_text(view.market, level.price),
                quantity_text(view.market, level.quantity)
            ])
        };
        levels.iter().map(row).collect()
    };
    Ok(json!({"lastUpdateId": last_update_id, "bids": rows(&bids), "asks": rows(&asks)}))
}

/// `trades` and `historicalTrades`; only the latter takes `fromId`.
fn trades(shell: &Shell, params: &mut Params, takes_id: bool) -> Result<Value, VenueError> {
    let view = one(shell, params)?;
    let from = if takes_id {
        params.integer("fromId")?
    } else {
        None
    };
    let limit = limit(params, 500, MOST_ROWS)?;
    params.finish()?;
    let log = view.tape.log();
    let row = |trade: &PublicTrade| trade_row(view.market, trade);
    if let Some(from) = from {
        let from = u64::try_from(from).unwrap_or(0);
        return Ok(log.trades_from(from).take(limit).map(row).collect());
    }
    let skipped = log.trades().len().saturating_sub(limit);
    Ok(log.trades().iter().skip(skipped).map(row).collect())
}

fn trade_row(market: &Market, trade: &PublicTrade) -> Value {
    json!({
        "id": trade.trade_id,
        "price": price_text(market, trade.price),
        "qty": quantity_text(market, trade.quantity),
        "quoteQty": money_text(trade.quote),
        "time": trade.at,
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": true,
    })
}

fn aggregate_trades(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let view = one(shell, params)?;
    let from = params.integer("fromId")?;
    let (start, end) = range(params)?;
    let limit = limit(params, 500, MOST_ROWS)?;
    params.finish()?;
    if from.is_some() && (start.is_some() || end.is_some()) {
        let text = "Combination of optional parameters invalid.";
        return Err(VenueError::bad_request(-1128, text));
    }
    let first_id = from.and_then(|from| u64::try_from(from).ok()).unwrap_or(0);
    let (since, until) = (start.unwrap_or(0), end.unwrap_or(i64::MAX));
    let found: Vec<&AggregateTrade> = view
        .tape
        .log()
        .aggregates()
        .filter(|trade| trade.aggregate_id >= first_id && (since..=until).contains(&trade.at))
        .collect();
    let is_forward = from.is_some() || start.is_some();
    let rows = newest_or_oldest(&found, is_forward, limit);
    let rows = rows.iter().map(|trade| aggregate_row(view.market, trade));
    Ok(rows.collect())
}

fn aggregate_row(market: &Market, trade: &AggregateTrade) -> Value {
    json!({
        "a": trade.aggregate_id,
        "p": price_text(market, trade.price),
        "q": format8(trade.quantity, market.instrument.quantity_scale),
        "f": trade.first_trade_id,
        "l": trade.last_trade_id,
        "T": trade.at,
        "m": trade.is_buyer_maker,
        "M": true,
    })
}

fn average_price(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let view = one(shell, params)?;
    params.finish()?;
    let last = view.tape.log().last();
    Ok(json!({
        "mins": 5,
        "price": money_text(view.tape.average_price().unwrap_or_default()),
        "closeTime": last.map_or(0, |trade| trade.at),
    }))
}
