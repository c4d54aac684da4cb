//! Market stream messages and public answers of Binance, spot and USD-M, in our types.
//!
//! Documents: web-socket-streams.md (trade, kline, bookTicker, depth; serverShutdown) and
//! rest-api.md (depth, historicalTrades). bookTicker of spot carries no event type.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use rust_common::{Instrument, OrderSide, Price, Quantity, Timeframe, UnixMillis};

use super::parse::{ParseError, Parsed, fail, flag, integer, text, time, trim};
use super::rules;
use crate::services::streams::book::Continuity;
use crate::services::streams::events::{
    BestQuote, BookSnapshot, DepthDiff, Level, MarketEvent, Message, TradeTick,
};

/// The envelope of a combined stream, or the answer to a control message.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
    code: Option<i64>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
    error: Option<Value>,
}

type Text<'a> = Cow<'a, str>;

#[derive(Deserialize)]
struct Trade<'a> {
    #[serde(borrow)]
    s: Text<'a>,
    t: u64,
    #[serde(borrow)]
    p: Text<'a>,
    #[serde(borrow)]
    q: Text<'a>,
    #[serde(rename = "T")]
    at: i64,
    m: bool,
}

#[derive(Deserialize)]
struct Ticker<'a> {
    u: u64,
    #[serde(borrow)]
    s: Text<'a>,
    #[serde(borrow)]
    b: Text<'a>,
    #[serde(borrow, rename = "B")]
    bid_quantity: Text<'a>,
    #[serde(borrow)]
    a: Text<'a>,
    #[serde(borrow, rename = "A")]
    ask_quantity: Text<'a>,
}

#[derive(Deserialize)]
struct Depth<'a> {
    #[serde(rename = "E")]
    at: i64,
    #[serde(borrow)]
    s: Text<'a>,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: Option<u64>,
    #[serde(borrow)]
    b: Vec<[Text<'a>; 2]>,
    #[serde(borrow)]
    a: Vec<[Text<'a>; 2]>,
}

#[derive(Deserialize)]
struct SnapshotBody<'a> {
    #[serde(rename = "lastUpdateId")]
    last: u64,
    #[serde(borrow)]
    bids: Vec<[Text<'a>; 2]>,
    #[serde(borrow)]
    asks: Vec<[Text<'a>; 2]>,
}

/// What is needed to understand a message.
pub(crate) struct Reader<'a> {
    pub(crate) timeframe: Timeframe,
    pub(crate) continuity: Continuity,
    pub(crate) find: &'a dyn Fn(&str) -> Option<Arc<Instrument>>,
}

impl Reader<'_> {
    /// Reads a text frame; the second value is the event's time, where it has one.
    pub(crate) fn read(&self, text: &str) -> Parsed<(Message, Option<i64>)> {
        let envelope: Envelope = read(text)?;
        if let Some(data) = envelope.data {
            let stream = envelope.stream.unwrap_or_default();
            return self.event(&stream, data.get());
        }
        if envelope.e.is_some_and(|kind| kind == "serverShutdown") {
            return Ok((Message::ShutdownNotice, None));
        }
        if let Some(error) = envelope.error {
            return Ok((Message::Refused(error.to_string()), None));
        }
        if let Some(code) = envelope.code {
            let reason = format!("{code}: {}", envelope.msg.unwrap_or_default());
            return Ok((Message::Refused(reason), None));
        }
        Ok((Message::Other, None))
    }

    fn event(&self, stream: &str, data: &str) -> Parsed<(Message, Option<i64>)> {
        let kind = stream.split_once('@').map_or(stream, |(_, kind)| kind);
        if kind == "trade" {
            return self.trade(data);
        }
        if kind == "bookTicker" {
            return self.best(data);
        }
        if kind.starts_with("depth") {
            return self.depth(data);
        }
        if kind.starts_with("kline_") {
            return self.bar(data);
        }
        if stream == "!serverShutdown" {
            return Ok((Message::ShutdownNotice, None));
        }
        Ok((Message::Other, None))
    }

    fn bar(&self, data: &str) -> Parsed<(Message, Option<i64>)> {
        let body: Value = read(data)?;
        let at = integer(&body, "E")?;
        let Some(k) = body.get("k") else {
            return fail("k", "missing");
        };
        let symbol = k.get("s").and_then(Value::as_str).unwrap_or_default();
        let Some(instrument) = (self.find)(symbol) else {
            return Ok((Message::Other, None));
        };
        let bar = rules::kline_event(k, self.timeframe, &instrument)?;
        Ok((Message::Event(MarketEvent::Bar(bar)), Some(at)))
    }

    fn trade(&self, data: &str) -> Parsed<(Message, Option<i64>)> {
        let body: Trade = read(data)?;
        let Some(instrument) = (self.find)(&body.s) else {
            return Ok((Message::Other, None));
        };
        let (price, quantity) = level([body.p, body.q], &instrument)?;
        let tick = TradeTick {
            instrument_id: instrument.instrument_id.clone(),
            trade_id: body.t,
            price,
            quantity,
            taker_side: taker_side(body.m),
            event_at: UnixMillis::new(body.at).or_else(|error| fail("T", error))?,
        };
        Ok((Message::Event(MarketEvent::Trade(tick)), Some(body.at)))
    }

    fn best(&self, data: &str) -> Parsed<(Message, Option<i64>)> {
        let body: Ticker = read(data)?;
        let Some(instrument) = (self.find)(&body.s) else {
            return Ok((Message::Other, None));
        };
        let best = BestQuote {
            instrument_id: instrument.instrument_id.clone(),
            update_id: body.u,
            bid: level([body.b, body.bid_quantity], &instrument)?,
            ask: level([body.a, body.ask_quantity], &instrument)?,
        };
        Ok((Message::Event(MarketEvent::Best(best)), None))
    }

    fn depth(&self, data: &str) -> Parsed<(Message, Option<i64>)> {
        let body: Depth = read(data)?;
        let Some(instrument) = (self.find)(&body.s) else {
            return Ok((Message::Other, None));
        };
        let Some(after) = self.continuity.after(body.first, body.pu) else {
            return fail("pu", "missing, or U is 0");
        };
        let diff = DepthDiff {
            instrument_id: instrument.instrument_id.clone(),
            after,
            last: body.u,
            bids: levels(body.b, &instrument)?,
            asks: levels(body.a, &instrument)?,
        };
        Ok((Message::Event(MarketEvent::Depth(diff)), Some(body.at)))
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Parsed<T> {
    serde_json::from_str(text).map_err(|error| ParseError {
        field: "message",
        detail: error.to_string(),
    })
}

/// The maker was the buyer, so the taker sold.
fn taker_side(is_buyer_maker: bool) -> OrderSide {
    if is_buyer_maker {
        OrderSide::Sell
    } else {
        OrderSide::Buy
    }
}

/// Public orders may be finer than the rules of today: they were placed under older ones, or what
/// a fill left of them is (25.426189 BTC at a step of 0.00001). Such a value keeps its decimals.
fn level([price, quantity]: [Text<'_>; 2], instrument: &Instrument) -> Parsed<Level> {
    let price: Price = trim(&price).parse().or_else(|error| fail("price", error))?;
    let quantity: Quantity = trim(&quantity)
        .parse()
        .or_else(|error| fail("quantity", error))?;
    Ok((
        price.to_scale(instrument.price_scale).unwrap_or(price),
        quantity
            .to_scale(instrument.quantity_scale)
            .unwrap_or(quantity),
    ))
}

fn levels(rows: Vec<[Text<'_>; 2]>, instrument: &Instrument) -> Parsed<Vec<Level>> {
    rows.into_iter().map(|row| level(row, instrument)).collect()
}

/// `GET depth`.
pub(crate) fn snapshot(body: &Value, instrument: &Instrument) -> Parsed<BookSnapshot> {
    let body = SnapshotBody::deserialize(body).or_else(|error| fail("depth", error))?;
    Ok(BookSnapshot {
        last: body.last,
        bids: levels(body.bids, instrument)?,
        asks: levels(body.asks, instrument)?,
    })
}

/// A row of `GET historicalTrades`.
pub(super) fn trade_row(row: &Value, instrument: &Instrument) -> Parsed<TradeTick> {
    let id = integer(row, "id")?;
    let texts = [text(row, "price")?.into(), text(row, "qty")?.into()];
    let (price, quantity) = level(texts, instrument)?;
    Ok(TradeTick {
        instrument_id: instrument.instrument_id.clone(),
        trade_id: u64::try_from(id).or_else(|error| fail("id", error))?,
        price,
        quantity,
        taker_side: taker_side(flag(row, "isBuyerMaker")),
        event_at: time(row, "time")?,
    })
}
