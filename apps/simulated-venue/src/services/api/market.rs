//! Public requests: time, rules, recorded bars up to now, the price.

use serde_json::{Value, json};

use super::endpoints::Endpoint;
use super::market_live;
use super::params::Params;
use crate::error::VenueError;
use crate::services::core::market::Market;
use crate::services::core::payloads::{kline_row, price_text};
use crate::services::rollup;
use crate::services::shell::Shell;

const DAY_MS: i64 = 86_400_000;
/// The venue has no volume limit; this is the quantity it shows on each side of its book.
const BOOK_QUANTITY: &str = "9000000.00000000";
const MOST_ROWS: i64 = 1_000;

/// Answers a public request for market data.
pub fn answer(
    shell: &Shell,
    endpoint: Endpoint,
    params: &mut Params,
    now: i64,
) -> Result<Value, VenueError> {
    if shell.state.is_market_mode() {
        return market_live::answer(shell, endpoint, params, now);
    }
    match endpoint {
        Endpoint::Ping => ping(params),
        Endpoint::Time => time(params, now),
        Endpoint::Klines | Endpoint::UiKlines => klines(shell, params),
        Endpoint::Depth => depth(shell, params),
        Endpoint::TickerPrice => ticker_price(shell, params),
        Endpoint::BookTicker => book_ticker(shell, params),
        Endpoint::Ticker24h => ticker_24h(shell, params),
        // Replayed bars hold no trades and no book.
        _ => Err(VenueError {
            status: 404,
            ..VenueError::unsupported()
        }),
    }
}

pub fn ping(params: &Params) -> Result<Value, VenueError> {
    params.finish()?;
    Ok(json!({}))
}

/// Transport time, never market time.
pub fn time(params: &Params, now: i64) -> Result<Value, VenueError> {
    params.finish()?;
    Ok(json!({"serverTime": now}))
}

/// The markets that `symbol` or `symbols` select; all of them without either.
pub(super) fn selected<'a>(
    shell: &'a Shell,
    params: &mut Params,
) -> Result<Vec<&'a Market>, VenueError> {
    let symbol = params.symbol()?;
    let list = params.take("symbols")?;
    let names: Vec<String> = match (symbol, list) {
        (Some(_), Some(_)) => {
            let text = "Combination of optional parameters invalid.";
            return Err(VenueError::bad_request(-1128, text));
        }
        (Some(symbol), None) => vec![symbol],
        (None, Some(list)) => serde_json::from_str(&list)
            .map_err(|_| VenueError::illegal("symbols", "[\"BTCUSDT\",\"BNBUSDT\"]"))?,
        (None, None) => return Ok(shell.state.markets().iter().collect()),
    };
    let find = |name: &String| {
        let index = shell.state.market_index(name)?;
        shell.state.market(index)
    };
    names.iter().map(find).collect()
}

fn market_of<'a>(shell: &'a Shell, params: &mut Params) -> Result<&'a Market, VenueError> {
    let symbol = params
        .symbol()?
        .ok_or_else(|| VenueError::missing("symbol"))?;
    shell.state.market(shell.state.market_index(&symbol)?)
}

/// `limit` within `1..=most`; larger values are cut, as the venue does.
pub fn limit(params: &mut Params, default: i64, most: i64) -> Result<usize, VenueError> {
    let limit = params.integer("limit")?.unwrap_or(default).min(most);
    if limit < 1 {
        let text = "Data sent for parameter 'limit' is not valid.";
        return Err(VenueError::bad_request(-1130, text));
    }
    usize::try_from(limit).map_err(|_| VenueError::internal())
}

/// Closed bars only: oldest first from `startTime`, else the newest up to `endTime`.
pub fn klines(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let market = market_of(shell, params)?;
    let interval = params.required("interval")?;
    let start = params.integer("startTime")?;
    let end = params.integer("endTime")?.unwrap_or(i64::MAX);
    if params
        .take("timeZone")?
        .is_some_and(|zone| !matches!(zone.as_str(), "0" | "00:00" | "+00:00"))
    {
        return Err(VenueError::bad_request(
            -1130,
            "Data sent for parameter 'timeZone' is not valid.",
        ));
    }
    let limit = limit(params, 500, MOST_ROWS)?;
    params.finish()?;
    let from = start.unwrap_or(0);
    if interval != market.interval {
        let bars = rollup::closed_bars(market, &interval, (from, end))
            .ok_or_else(|| VenueError::bad_request(-1120, "Invalid interval."))?;
        let rows: Vec<Value> = newest_or_oldest(&bars, start.is_some(), limit)
            .iter()
            .map(|bar| kline_row(market, &bar.row, bar.length_ms))
            .collect();
        return Ok(Value::Array(rows));
    }
    let indices: Vec<usize> = market.closed_between(from, end).collect();
    let rows: Vec<Value> = newest_or_oldest(&indices, start.is_some(), limit)
        .iter()
        .filter_map(|index| market.bar(*index))
        .map(|row| kline_row(market, &row, market.interval_ms))
        .collect();
    Ok(Value::Array(rows))
}

/// The range rule of every list the venue serves.
pub fn newest_or_oldest<T>(rows: &[T], from_start: bool, limit: usize) -> &[T] {
    let cut = limit.min(rows.len());
    let range = if from_start {
        0..cut
    } else {
        rows.len() - cut..rows.len()
    };
    rows.get(range).unwrap_or_default()
}

/// Best bid and ask: the market price and one tick above it.
pub fn best(market: &Market) -> (String, String) {
    let price = market.last_price();
    let tick = market.instrument.tick_size.mantissa();
    (price_text(market, price), price_text(market, price + tick))
}

/// One level on each side. Its identity is the number of bars closed so far.
pub fn depth(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let market = market_of(shell, params)?;
    limit(params, 100, 5_000)?;
    params.finish()?;
    let (bid, ask) = best(market);
    Ok(json!({
        "lastUpdateId": market.closed() + 1,
        "bids": [[bid, BOOK_QUANTITY]],
        "asks": [[ask, BOOK_QUANTITY]],
    }))
}

pub fn ticker_price(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    each(shell, params, |market| {
        let price = price_text(market, market.last_price());
        json!({"symbol": market.symbol(), "price": price})
    })
}

pub fn book_ticker(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    each(shell, params, |market| {
        let (bid, ask) = best(market);
        json!({
            "symbol": market.symbol(), "bidPrice": bid, "bidQty": BOOK_QUANTITY,
            "askPrice": ask, "askQty": BOOK_QUANTITY,
        })
    })
}

pub fn ticker_24h(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let is_mini = params.take("type")?.is_some_and(|kind| kind == "MINI");
    each(shell, params, |market| day_ticker(market, is_mini))
}

/// One object for `symbol`, an array otherwise.
fn each(
    shell: &Shell,
    params: &mut Params,
    show: impl Fn(&Market) -> Value,
) -> Result<Value, VenueError> {
    let is_single = params.has("symbol");
    let markets = selected(shell, params)?;
    params.finish()?;
    let mut rows: Vec<Value> = markets.into_iter().map(show).collect();
    match (is_single, rows.pop()) {
        (true, Some(row)) => Ok(row),
        (false, Some(row)) => {
            rows.push(row);
            Ok(Value::Array(rows))
        }
        (_, None) => Ok(Value::Array(rows)),
    }
}

/// High, low, open and volume of the closed bars of the last 24 hours of market time.
pub fn day_summary(market: &Market) -> Option<crate::services::replay::Row> {
    let now = market.time();
    let rows = market
        .closed_between(now - DAY_MS, now)
        .filter_map(|index| market.bar(index));
    rows.reduce(|day, row| crate::services::replay::Row {
        opened_at: day.opened_at,
        open: day.open,
        high: day.high.max(row.high),
        low: day.low.min(row.low),
        close: row.close,
        volume: day.volume + row.volume,
    })
}

fn day_ticker(market: &Market, is_mini: bool) -> Value {
    let last = market.last_price();
    let day = day_summary(market);
    let (open, high, low) = day.map_or((last, last, last), |day| (day.open, day.high, day.low));
    let mut body = json!({
        "symbol": market.symbol(),
        "openPrice": price_text(market, open),
        "highPrice": price_text(market, high),
        "lowPrice": price_text(market, low),
        "lastPrice": price_text(market, last),
        "volume": day.map_or(0.0, |day| day.volume).to_string(),
        "quoteVolume": "0",
        "openTime": day.map_or(market.time(), |day| day.opened_at),
        "closeTime": market.time(),
        "firstId": -1, "lastId": -1, "count": 0,
    });
    if let (false, Some(fields)) = (is_mini, body.as_object_mut()) {
        let (bid, ask) = best(market);
        let change = i128::from(last - open);
        let percent = change * 100_000 / i128::from(open.max(1));
        let full = json!({
            "priceChange": price_text(market, last - open),
            "priceChangePercent": crate::models::decimal::format8(percent * 100_000, 8),
            "weightedAvgPrice": "0", "prevClosePrice": price_text(market, open), "lastQty": "0",
            "bidPrice": bid, "bidQty": BOOK_QUANTITY, "askPrice": ask, "askQty": BOOK_QUANTITY,
        });
        fields.extend(full.as_object().cloned().unwrap_or_default());
    }
    body
}
