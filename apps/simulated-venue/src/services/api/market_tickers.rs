//! Tickers of market mode: prices, best bid and ask, and statistics of windows.

use serde_json::{Value, json};

use super::market_live::{View, time_zone, view};
use super::params::Params;
use crate::error::VenueError;
use crate::models::decimal::format8;
use crate::models::feed::Level;
use crate::services::core::payloads::{money_text, price_text, quantity_text};
use crate::services::core::tape::interval::{DAY_MS, HOUR_MS, Interval, MINUTE_MS};
use crate::services::core::tape::windows::Summary;
use crate::services::shell::Shell;
use crate::services::streams::boards::published;
use crate::services::streams::percent_text;

/// Symbols that the windows with a price per symbol take at once.
const MOST_SYMBOLS: usize = 100;
const NOTHING: Level = Level {
    price: 0,
    quantity: 0,
};

/// The markets that a request names, and whether it named just one.
struct Selection<'a> {
    views: Vec<View<'a>>,
    is_single: bool,
}

impl<'a> Selection<'a> {
    /// `symbol`, `symbols`, or all markets where that is allowed.
    fn read(shell: &'a Shell, params: &mut Params, may_be_all: bool) -> Result<Self, VenueError> {
        let is_single = params.has("symbol");
        let names: Vec<String> = match (params.symbol()?, params.take("symbols")?) {
            (Some(_), Some(_)) => {
                let text = "Combination of optional parameters invalid.";
                return Err(VenueError::bad_request(-1128, text));
            }
            (Some(symbol), None) => vec![symbol],
            (None, Some(list)) => serde_json::from_str(&list)
                .map_err(|_| VenueError::illegal("symbols", "[\"BTCUSDT\",\"BNBUSDT\"]"))?,
            (None, None) if may_be_all => {
                let markets = shell.state.markets().iter();
                markets.map(|market| market.symbol().to_owned()).collect()
            }
            (None, None) => return Err(VenueError::missing_both("symbol", "symbols")),
        };
        if !may_be_all && names.len() > MOST_SYMBOLS {
            let text = format!("Too many symbols; at most {MOST_SYMBOLS} are allowed.");
            return Err(VenueError::bad_request(-1101, text));
        }
        let views: Result<Vec<View>, VenueError> =
            names.iter().map(|name| view(shell, name)).collect();
        let mut views = views?;
        if is_single || !may_be_all {
            check_status(&views.iter().collect::<Vec<_>>(), params)?;
        } else if let Some(status) = params.take("symbolStatus")? {
            views.retain(|view| view.market.status().name() == status);
        }
        Ok(Self { views, is_single })
    }

    fn show(self, row: impl Fn(&View) -> Value) -> Value {
        let mut rows: Vec<Value> = self.views.iter().map(row).collect();
        match rows.pop() {
            Some(row) if self.is_single => row,
            last => {
                rows.extend(last);
                Value::Array(rows)
            }
        }
    }
}

/// `-1220` if a symbol has another status than `symbolStatus` asks for.
pub(super) fn check_status(views: &[&View], params: &mut Params) -> Result<(), VenueError> {
    match params.take("symbolStatus")? {
        Some(status) if views.iter().any(|v| v.market.status().name() != status) => {
            let text = "The symbol's status does not match the requested symbolStatus.";
            Err(VenueError::bad_request(-1220, text))
        }
        _ => Ok(()),
    }
}

/// Whether `type` asks for the short form.
fn is_mini(params: &mut Params) -> Result<bool, VenueError> {
    match params.take("type")?.as_deref() {
        None | Some("FULL") => Ok(false),
        Some("MINI") => Ok(true),
        Some(_) => Err(VenueError::bad_request(
            -1130,
            "Data sent for parameter 'type' is not valid.",
        )),
    }
}

pub(super) fn price(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let selection = Selection::read(shell, params, true)?;
    params.finish()?;
    Ok(selection.show(|view| {
        json!({
            "symbol": view.market.symbol(),
            "price": price_text(view.market, last_price(view)),
        })
    }))
}

fn last_price(view: &View) -> i64 {
    let last = view.tape.log().last();
    last.map_or_else(|| view.market.last_price(), |trade| trade.price)
}

fn touch(shell: &Shell, view: &View) -> (Level, Level) {
    let levels = published(&shell.state, view.index, 1);
    levels.map_or((NOTHING, NOTHING), |(_, bids, asks)| {
        (
            bids.first().copied().unwrap_or(NOTHING),
            asks.first().copied().unwrap_or(NOTHING),
        )
    })
}

pub(super) fn book(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let selection = Selection::read(shell, params, true)?;
    params.finish()?;
    Ok(selection.show(|view| {
        let (bid, ask) = touch(shell, view);
        json!({
            "symbol": view.market.symbol(),
            "bidPrice": price_text(view.market, bid.price),
            "bidQty": quantity_text(view.market, bid.quantity),
            "askPrice": price_text(view.market, ask.price),
            "askQty": quantity_text(view.market, ask.quantity),
        })
    }))
}

/// The last 24 hours.
pub(super) fn day(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let is_mini = is_mini(params)?;
    let selection = Selection::read(shell, params, true)?;
    params.finish()?;
    Ok(selection.show(|view| {
        let summary = view.tape.day();
        let mut row = statistics(view, &summary, is_mini);
        if !is_mini {
            let (bid, ask) = touch(shell, view);
            let last = view.tape.log().last();
            let previous = summary.previous_close;
            let previous = previous.or(summary.bar.map(|bar| bar.open));
            extend(
                &mut row,
                json!({
                    "prevClosePrice": price_text(view.market, previous.unwrap_or(0)),
                    "lastQty": quantity_text(view.market, last.map_or(0, |last| last.quantity)),
                    "bidPrice": price_text(view.market, bid.price),
                    "bidQty": quantity_text(view.market, bid.quantity),
                    "askPrice": price_text(view.market, ask.price),
                    "askQty": quantity_text(view.market, ask.quantity),
                }),
            );
        }
        row
    }))
}

/// The calendar day, in the time zone asked for.
pub(super) fn trading_day(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let is_mini = is_mini(params)?;
    let offset = time_zone(params)?;
    let selection = Selection::read(shell, params, false)?;
    params.finish()?;
    Ok(selection.show(|view| {
        let (opened_at, ends_at) = Interval::Day1.span(view.tape.now(), offset);
        let summary = Summary {
            closed_at: ends_at - 1,
            ..view.tape.summary(opened_at)
        };
        statistics(view, &summary, is_mini)
    }))
}

/// A window of minutes, hours or days that ends now.
pub(super) fn window(shell: &Shell, params: &mut Params) -> Result<Value, VenueError> {
    let is_mini = is_mini(params)?;
    let size = params.take("windowSize")?;
    let invalid =
        || VenueError::bad_request(-1130, "Data sent for parameter 'windowSize' is not valid.");
    let length = window_ms(size.as_deref().unwrap_or("1d")).ok_or_else(invalid)?;
    let selection = Selection::read(shell, params, false)?;
    params.finish()?;
    Ok(selection.show(|view| statistics(view, &view.tape.rolling(length), is_mini)))
}

/// `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
fn window_ms(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = number.parse().ok()?;
    let (most, unit_ms) = match unit {
        "m" => (59, MINUTE_MS),
        "h" => (23, HOUR_MS),
        "d" => (7, DAY_MS),
        _ => return None,
    };
    (1..=most).contains(&number).then_some(number * unit_ms)
}

fn statistics(view: &View, summary: &Summary, is_mini: bool) -> Value {
    let market = view.market;
    let last = last_price(view);
    let bar = summary.bar;
    let [open, high, low, close] =
        bar.map_or([last; 4], |bar| [bar.open, bar.high, bar.low, bar.close]);
    let number = |id: Option<u64>| id.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1);
    let mut row = json!({
        "symbol": market.symbol(),
        "openPrice": price_text(market, open),
        "highPrice": price_text(market, high),
        "lowPrice": price_text(market, low),
        "lastPrice": price_text(market, close),
        "volume": format8(bar.map_or(0, |bar| bar.volume), market.instrument.quantity_scale),
        "quoteVolume": money_text(bar.map_or(0, |bar| bar.quote_volume)),
        "openTime": summary.opened_at,
        "closeTime": summary.closed_at,
        "firstId": number(bar.map(|bar| bar.first_trade_id)),
        "lastId": number(bar.map(|bar| bar.last_trade_id)),
        "count": bar.map_or(0, |bar| bar.trades),
    });
    if !is_mini {
        let average = summary.average(market.instrument.quantity_scale);
        extend(
            &mut row,
            json!({
                "priceChange": price_text(market, summary.change()),
                "priceChangePercent": percent_text(summary),
                "weightedAvgPrice": money_text(average.unwrap_or_default()),
            }),
        );
    }
    row
}

fn extend(row: &mut Value, more: Value) {
    if let (Some(fields), Value::Object(more)) = (row.as_object_mut(), more) {
        fields.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_sizes_as_documented() {
        for (text, length) in [
            ("1m", Some(MINUTE_MS)),
            ("59m", Some(59 * MINUTE_MS)),
            ("23h", Some(23 * HOUR_MS)),
            ("7d", Some(7 * DAY_MS)),
            ("60m", None),
            ("0m", None),
            ("24h", None),
            ("8d", None),
            ("1w", None),
            ("m", None),
            ("+1m", None),
            ("", None),
        ] {
            assert_eq!(window_ms(text), length, "{text}");
        }
    }
}
