//! The JSON of `/v1/market`: written once, shared by all subscribers.

use std::fmt::Write;

use axum::extract::ws::Utf8Bytes;

use rust_common::{Bar, InstrumentId, UnixMillis};

use super::book::LocalBook;
use super::events::{BestQuote, Channel, DepthDiff, Level, TradeTick};

/// One message, ready to be sent. Closed bars carry their closing time, so that a subscriber that
/// also reads history gets each once.
#[derive(Debug, Clone)]
pub struct Frame {
    pub text: Utf8Bytes,
    pub closed: Option<(InstrumentId, UnixMillis)>,
}

impl Frame {
    fn plain(text: String) -> Self {
        Self {
            text: text.into(),
            closed: None,
        }
    }

    /// A bar, closed or forming; None when it cannot be written as JSON.
    pub fn bar(bar: &Bar) -> Option<Self> {
        let body = serde_json::json!({ "type": "bar", "bar": bar });
        let text = rust_common::canonical_json(&body).ok()?;
        let closed = bar
            .is_closed
            .then(|| (bar.instrument_id.clone(), bar.closed_at));
        Some(Self {
            text: text.into(),
            closed,
        })
    }

    pub fn link(is_connected: bool, at: UnixMillis) -> Self {
        Self::plain(format!(
            r#"{{"at":"{at}","connected":{is_connected},"type":"link"}}"#
        ))
    }

    pub fn trade(tick: &TradeTick, received_at: UnixMillis) -> Self {
        let TradeTick {
            instrument_id,
            trade_id,
            price,
            quantity,
            taker_side,
            event_at,
        } = tick;
        Self::plain(format!(
            r#"{{"type":"trade","instrument_id":"{instrument_id}","trade_id":"{trade_id}","price":"{price}","quantity":"{quantity}","taker_side":"{taker_side}","event_at":"{event_at}","received_at":"{received_at}"}}"#
        ))
    }

    pub fn best(best: &BestQuote, received_at: UnixMillis) -> Self {
        let BestQuote {
            instrument_id,
            update_id,
            bid: (bid_price, bid_quantity),
            ask: (ask_price, ask_quantity),
        } = best;
        Self::plain(format!(
            r#"{{"type":"best","instrument_id":"{instrument_id}","update_id":{update_id},"bid_price":"{bid_price}","bid_quantity":"{bid_quantity}","ask_price":"{ask_price}","ask_quantity":"{ask_quantity}","received_at":"{received_at}"}}"#
        ))
    }

    /// A difference of a proven book; quantity zero removes a level.
    pub fn book_diff(diff: &DepthDiff) -> Self {
        let (bids, asks) = (diff.bids.iter().copied(), diff.asks.iter().copied());
        Self::plain(book_text(
            &diff.instrument_id,
            diff.last,
            (bids, asks),
            false,
        ))
    }

    /// The whole of a proven book, with the update id it stands at.
    pub fn book(instrument_id: &InstrumentId, book: &LocalBook) -> Option<(u64, Self)> {
        let last = book.update_id()?;
        let sides = (book.bids(), book.asks());
        let text = book_text(instrument_id, last, sides, true);
        Some((last, Self::plain(text)))
    }

    /// What a subscriber had is no longer whole: trades were lost, or the book is being rebuilt.
    pub fn gap(
        channel: Channel,
        instrument_id: &InstrumentId,
        missing: Option<(u64, u64)>,
        now: UnixMillis,
    ) -> Self {
        let range = match missing {
            Some((first, last)) => format!(r#","first_id":"{first}","last_id":"{last}""#),
            None => String::new(),
        };
        let channel = channel.name();
        Self::plain(format!(
            r#"{{"type":"gap","channel":"{channel}","instrument_id":"{instrument_id}","at":"{now}"{range}}}"#
        ))
    }
}

fn book_text(
    instrument_id: &InstrumentId,
    last: u64,
    (bids, asks): (impl Iterator<Item = Level>, impl Iterator<Item = Level>),
    is_snapshot: bool,
) -> String {
    let mut text =
        format!(r#"{{"type":"book","instrument_id":"{instrument_id}","update_id":{last},"bids":"#);
    write_levels(&mut text, bids);
    text.push_str(r#","asks":"#);
    write_levels(&mut text, asks);
    // Writing to a string cannot fail.
    let _ = write!(text, r#","is_snapshot":{is_snapshot}}}"#);
    text
}

fn write_levels(text: &mut String, levels: impl Iterator<Item = Level>) {
    for (index, (price, quantity)) in levels.enumerate() {
        let start = if index == 0 { '[' } else { ',' };
        let _ = write!(text, r#"{start}["{price}","{quantity}"]"#);
    }
    text.push_str(if text.ends_with(':') { "[]" } else { "]" });
}
