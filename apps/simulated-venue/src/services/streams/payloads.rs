//! The bodies of the market streams (web-socket-streams.md), written as text.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::boards::{Batch, Board};
use super::frames::TimeUnit;
use super::names::Window;
use crate::models::decimal::format8;
use crate::models::feed::Level;
use crate::models::orders::Side;
use crate::services::core::PublicTrade;
use crate::services::core::market::Market;
use crate::services::core::payloads::{money_text, price_text, quantity_text};
use crate::services::core::tape::Pulse;
use crate::services::core::tape::interval::Interval;
use crate::services::core::tape::klines::Kline;
use crate::services::core::tape::trades::AggregateTrade;
use crate::services::core::tape::windows::Summary;

pub(super) fn trade(market: &Market, trade: &PublicTrade, unit: TimeUnit) -> String {
    let at = unit.of(trade.at);
    format!(
        r#"{{"e":"trade","E":{at},"s":"{}","t":{},"p":"{}","q":"{}","T":{at},"m":{},"M":true}}"#,
        market.symbol(),
        trade.trade_id,
        price_text(market, trade.price),
        quantity_text(market, trade.quantity),
        trade.taker == Side::Sell,
    )
}

pub(super) fn aggregate_trade(market: &Market, trade: &AggregateTrade, unit: TimeUnit) -> String {
    let at = unit.of(trade.at);
    format!(
        r#"{{"e":"aggTrade","E":{at},"s":"{}","a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{at},"m":{},"M":true}}"#,
        market.symbol(),
        trade.aggregate_id,
        price_text(market, trade.price),
        volume_text(market, trade.quantity),
        trade.first_trade_id,
        trade.last_trade_id,
        trade.is_buyer_maker,
    )
}

fn volume_text(market: &Market, mantissa: i128) -> String {
    format8(mantissa, market.instrument.quantity_scale)
}

/// A kline event that leaves at `at`.
pub(super) fn kline(
    market: &Market,
    interval: Interval,
    bar: &Kline,
    (at, is_closed): (i64, bool),
    unit: TimeUnit,
) -> String {
    json!({
        "e": "kline",
        "E": unit.of(at),
        "s": market.symbol(),
        "k": {
            "t": unit.of(bar.opened_at),
            "T": last_instant(bar.ends_at, unit),
            "s": market.symbol(),
            "i": interval.name(),
            "f": bar.first_trade_id,
            "L": bar.last_trade_id,
            "o": price_text(market, bar.open),
            "c": price_text(market, bar.close),
            "h": price_text(market, bar.high),
            "l": price_text(market, bar.low),
            "v": volume_text(market, bar.volume),
            "n": bar.trades,
            "x": is_closed,
            "q": money_text(bar.quote_volume),
            "V": volume_text(market, bar.taker_volume),
            "Q": money_text(bar.taker_quote_volume),
            "B": "0",
        },
    })
    .to_string()
}

/// The last instant before `end` that the unit can tell.
fn last_instant(end: i64, unit: TimeUnit) -> i64 {
    unit.of(end) - 1
}

/// Open, high, low, close of a window; the last price where nothing traded.
fn prices(summary: &Summary, last: i64) -> [i64; 4] {
    summary
        .bar
        .map_or([last; 4], |bar| [bar.open, bar.high, bar.low, bar.close])
}

pub(super) fn mini_ticker(market: &Market, pulse: &Pulse, unit: TimeUnit) -> String {
    let [open, high, low, close] = prices(&pulse.day, pulse.last.price);
    json!({
        "e": "24hrMiniTicker", "E": unit.of(pulse.at), "s": market.symbol(),
        "c": price_text(market, close), "o": price_text(market, open),
        "h": price_text(market, high), "l": price_text(market, low),
        "v": volume_text(market, pulse.day.bar.map_or(0, |bar| bar.volume)),
        "q": money_text(pulse.day.bar.map_or(0, |bar| bar.quote_volume)),
    })
    .to_string()
}

pub(super) fn rolling_ticker(
    market: &Market,
    (window, summary): (Window, &Summary),
    pulse: &Pulse,
    unit: TimeUnit,
) -> String {
    let name = format!("{}Ticker", window.name());
    statistics(market, (&name, summary), pulse, unit).to_string()
}

/// The fields that all full tickers share.
fn statistics(
    market: &Market,
    (event, summary): (&str, &Summary),
    pulse: &Pulse,
    unit: TimeUnit,
) -> Value {
    let [open, high, low, close] = prices(summary, pulse.last.price);
    let bar = summary.bar;
    let average = summary.average(market.instrument.quantity_scale);
    json!({
        "e": event, "E": unit.of(pulse.at), "s": market.symbol(),
        "p": price_text(market, summary.change()),
        "P": percent_text(summary),
        "o": price_text(market, open), "h": price_text(market, high),
        "l": price_text(market, low), "c": price_text(market, close),
        "w": money_text(average.unwrap_or_default()),
        "v": volume_text(market, bar.map_or(0, |bar| bar.volume)),
        "q": money_text(bar.map_or(0, |bar| bar.quote_volume)),
        "O": unit.of(summary.opened_at), "C": unit.of(summary.closed_at),
        "F": trade_number(bar.map(|bar| bar.first_trade_id)),
        "L": trade_number(bar.map(|bar| bar.last_trade_id)),
        "n": bar.map_or(0, |bar| bar.trades),
    })
}

fn trade_number(id: Option<u64>) -> i64 {
    id.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
}

/// The change in percent with three decimals.
pub(crate) fn percent_text(summary: &Summary) -> String {
    let milli = summary.change_percent_milli();
    let sign = if milli < 0 { "-" } else { "" };
    let size = milli.unsigned_abs();
    format!("{sign}{}.{:03}", size / 1_000, size % 1_000)
}

pub(super) fn ticker(market: &Market, board: &Board, pulse: &Pulse, unit: TimeUnit) -> String {
    let mut body = statistics(market, ("24hrTicker", &pulse.day), pulse, unit);
    let (bid, ask) = board.best();
    let text = |level: Option<Level>| {
        let level = level.unwrap_or(Level {
            price: 0,
            quantity: 0,
        });
        (
            price_text(market, level.price),
            quantity_text(market, level.quantity),
        )
    };
    let (bid, ask) = (text(bid), text(ask));
    let previous = pulse.day.previous_close;
    let previous = previous.or(pulse.day.bar.map(|bar| bar.open));
    let extra = json!({
        "x": price_text(market, previous.unwrap_or(pulse.last.price)),
        "Q": quantity_text(market, pulse.last.quantity),
        "b": bid.0, "B": bid.1, "a": ask.0, "A": ask.1,
    });
    if let (Some(fields), Value::Object(extra)) = (body.as_object_mut(), extra) {
        fields.extend(extra);
    }
    body.to_string()
}

pub(super) fn average_price(market: &Market, pulse: &Pulse, unit: TimeUnit) -> String {
    format!(
        r#"{{"e":"avgPrice","E":{},"s":"{}","i":"5m","w":"{}","T":{}}}"#,
        unit.of(pulse.at),
        market.symbol(),
        money_text(pulse.average),
        unit.of(pulse.last.at),
    )
}

pub(super) fn book_ticker(market: &Market, update_id: u64, (bid, ask): (Level, Level)) -> String {
    format!(
        r#"{{"u":{update_id},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}}"#,
        market.symbol(),
        price_text(market, bid.price),
        quantity_text(market, bid.quantity),
        price_text(market, ask.price),
        quantity_text(market, ask.quantity),
    )
}

pub(super) fn depth(market: &Market, batch: &Batch, at: i64, unit: TimeUnit) -> String {
    format!(
        r#"{{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"b":{},"a":{}}}"#,
        unit.of(at),
        market.symbol(),
        batch.first,
        batch.last,
        levels(market, batch.bids.iter().rev()),
        levels(market, batch.asks.iter()),
    )
}

pub(super) fn partial_depth(market: &Market, board: &Board, most: u8) -> String {
    let most = usize::from(most);
    format!(
        r#"{{"lastUpdateId":{},"bids":{},"asks":{}}}"#,
        board.last_update_id,
        levels(market, board.bids.iter().rev().take(most)),
        levels(market, board.asks.iter().take(most)),
    )
}

fn levels<'a>(market: &Market, rows: impl Iterator<Item = (&'a i64, &'a i64)>) -> String {
    let mut text = String::from("[");
    for (price, quantity) in rows {
        let comma = if text.len() > 1 { "," } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#"{comma}["{}","{}"]"#,
            price_text(market, *price),
            quantity_text(market, *quantity)
        );
    }
    text.push(']');
    text
}
