//! Recorded Binance streams: one message per line, receive time in nanoseconds, a space, the JSON
//! as the exchange sent it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub received_ns: u64,
    /// As the exchange writes it; a REST snapshot does not name it.
    pub symbol: Option<String>,
    pub body: Body,
}

/// Prices and quantities stay text until the instrument's scales are known.
pub type TextLevel = (String, String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    Snapshot {
        last_update_id: u64,
        bids: Vec<TextLevel>,
        asks: Vec<TextLevel>,
    },
    Depth(DepthMessage),
    Trade {
        trade_id: u64,
        price: String,
        quantity: String,
        is_buyer_maker: bool,
        at: i64,
    },
    Best {
        update_id: u64,
        bid: TextLevel,
        ask: TextLevel,
        at: Option<i64>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthMessage {
    pub first: u64,
    pub last: u64,
    /// Futures name the previous message's last id; on spot ids follow each other.
    pub previous: Option<u64>,
    pub bids: Vec<TextLevel>,
    pub asks: Vec<TextLevel>,
    pub at: i64,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Snapshot {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
    bids: Vec<TextLevel>,
    asks: Vec<TextLevel>,
}

#[derive(Deserialize)]
struct Depth {
    #[serde(rename = "E")]
    at: i64,
    s: String,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: Option<u64>,
    b: Vec<TextLevel>,
    a: Vec<TextLevel>,
}

#[derive(Deserialize)]
struct Trade {
    s: String,
    t: u64,
    p: String,
    q: String,
    #[serde(rename = "T")]
    at: i64,
    m: bool,
}

#[derive(Deserialize)]
struct BookTicker {
    s: String,
    u: u64,
    b: String,
    #[serde(rename = "B")]
    bid_quantity: String,
    a: String,
    #[serde(rename = "A")]
    ask_quantity: String,
    #[serde(rename = "T")]
    at: Option<i64>,
}

/// Reads one line; `None` for a stream that a book does not need.
pub fn parse(line: &str) -> Result<Option<Message>, String> {
    let (received, json) = line
        .split_once(' ')
        .ok_or("expected a receive time, a space and a JSON message")?;
    let received_ns = received
        .parse()
        .map_err(|_| format!("receive time \"{received}\" is no whole number"))?;
    let message = payload(json)?;
    Ok(message.map(|(symbol, body)| Message {
        received_ns,
        symbol,
        body,
    }))
}

/// A combined stream message or a REST depth snapshot.
pub fn payload(json: &str) -> Result<Option<(Option<String>, Body)>, String> {
    let wrong = |e: serde_json::Error| format!("unexpected JSON: {e}");
    let envelope: Envelope = serde_json::from_str(json).map_err(wrong)?;
    let (Some(stream), Some(data)) = (envelope.stream, envelope.data) else {
        let snapshot: Snapshot = serde_json::from_str(json).map_err(wrong)?;
        let body = Body::Snapshot {
            last_update_id: snapshot.last_update_id,
            bids: snapshot.bids,
            asks: snapshot.asks,
        };
        return Ok(Some((None, body)));
    };
    let kind = stream.split('@').nth(1).unwrap_or_default();
    let (symbol, body) = match kind {
        "depth" => depth(data.get()).map_err(wrong)?,
        "trade" => trade(data.get()).map_err(wrong)?,
        "bookTicker" => best(data.get()).map_err(wrong)?,
        _ => return Ok(None),
    };
    Ok(Some((Some(symbol), body)))
}

fn depth(data: &str) -> Result<(String, Body), serde_json::Error> {
    let depth: Depth = serde_json::from_str(data)?;
    let body = DepthMessage {
        first: depth.first,
        last: depth.u,
        previous: depth.pu,
        bids: depth.b,
        asks: depth.a,
        at: depth.at,
    };
    Ok((depth.s, Body::Depth(body)))
}

fn trade(data: &str) -> Result<(String, Body), serde_json::Error> {
    let trade: Trade = serde_json::from_str(data)?;
    let body = Body::Trade {
        trade_id: trade.t,
        price: trade.p,
        quantity: trade.q,
        is_buyer_maker: trade.m,
        at: trade.at,
    };
    Ok((trade.s, body))
}

fn best(data: &str) -> Result<(String, Body), serde_json::Error> {
    let best: BookTicker = serde_json::from_str(data)?;
    let body = Body::Best {
        update_id: best.u,
        bid: (best.b, best.bid_quantity),
        ask: (best.a, best.ask_quantity),
        at: best.at,
    };
    Ok((best.s, body))
}

/// The lines of a file, unpacked if its name ends in `.gz`.
pub fn lines(path: &Path) -> Result<Box<dyn BufRead + Send>, String> {
    let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    Ok(if is_packed {
        Box::new(BufReader::with_capacity(
            1 << 16,
            MultiGzDecoder::new(BufReader::new(file)),
        ))
    } else {
        Box::new(BufReader::with_capacity(1 << 16, file))
    })
}

/// SHA-256 of a file, as hex.
pub fn digest(path: &Path) -> Result<String, String> {
    use sha2::{Digest, Sha256};
    let fail = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut chunk).map_err(fail)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            return Ok(hex::encode(hasher.finalize()));
        };
        hasher.update(part);
    }
}
