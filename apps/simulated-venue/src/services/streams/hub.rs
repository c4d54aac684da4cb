//! Who listens to what. Lives on the engine thread, so events leave in the order they happened.
//!
//! Every listener has a bounded queue. One that does not keep up is cut off: it must reconnect and
//! ask for what it missed, as with the real venue; it never misses an event without noticing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::names::{self, Kind};
use crate::services::api::market::{best, day_summary};
use crate::services::core::market::Market;
use crate::services::core::payloads::{kline_event, price_text, quantity_text};
use crate::services::core::{Event, VenueState};

/// Frames that may wait for one listener.
pub const QUEUE: usize = 8_192;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interest {
    Streams {
        names: BTreeSet<String>,
        is_combined: bool,
    },
}

#[derive(Debug)]
struct Listener {
    frames: mpsc::Sender<String>,
    interest: Interest,
}

/// The listeners by connection number.
#[derive(Debug, Default)]
pub struct Hub {
    listeners: BTreeMap<u64, Listener>,
    last: u64,
}

impl Hub {
    /// Adds a listener and returns its number.
    pub fn join(&mut self, frames: mpsc::Sender<String>, interest: Interest) -> u64 {
        self.last += 1;
        self.listeners
            .insert(self.last, Listener { frames, interest });
        self.last
    }

    pub fn leave(&mut self, connection: u64) {
        self.listeners.remove(&connection);
    }

    /// The interest of a connection, to read or change; `None` once it was cut off.
    pub fn interest(&mut self, connection: u64) -> Option<&mut Interest> {
        self.listeners
            .get_mut(&connection)
            .map(|listener| &mut listener.interest)
    }

    /// Hands one event to everybody who asked for it.
    pub fn publish(&mut self, event: &Event, state: &VenueState) {
        if self.listeners.is_empty() {
            return;
        }
        match event {
            Event::Trade { index } => {
                let trade = state.book().trades.get(*index);
                let Some(trade) = trade else { return };
                let Ok(market) = state.market(trade.market) else {
                    return;
                };
                self.send_stream(Kind::Trade, market, || {
                    json!({
                        "e": "trade", "E": trade.at, "s": market.symbol(), "t": trade.trade_id,
                        "p": price_text(market, trade.price),
                        "q": quantity_text(market, trade.quantity),
                        "T": trade.at, "m": trade.is_maker, "M": true,
                    })
                });
            }
            Event::BarClosed { market, index } => {
                let Ok(market) = state.market(*market) else {
                    return;
                };
                let Some(row) = market.bar(*index) else {
                    return;
                };
                self.send_stream(Kind::Kline, market, || kline_event(market, &row));
            }
            Event::Quote { market } => {
                let Ok(market) = state.market(*market) else {
                    return;
                };
                self.send_stream(Kind::BookTicker, market, || book_ticker(market));
                self.send_stream(Kind::MiniTicker, market, || mini_ticker(market));
                self.send_stream(Kind::AllMiniTickers, market, || {
                    json!([mini_ticker(market)])
                });
            }
            // Market mode; the streams of that mode take them from here.
            // User events go to the sessions of the WebSocket API.
            Event::User { .. }
            | Event::Print { .. }
            | Event::Depth { .. }
            | Event::Best { .. }
            | Event::SymbolStatus { .. }
            | Event::Forgotten => {}
        }
    }

    fn send_stream(&mut self, kind: Kind, market: &Market, body: impl Fn() -> Value) {
        let name = names::name(kind, market);
        let mut rendered: Option<Value> = None;
        self.listeners
            .retain(|_, listener| match &listener.interest {
                Interest::Streams { names, is_combined } if names.contains(&name) => {
                    let data = rendered.get_or_insert_with(&body);
                    let frame = if *is_combined {
                        json!({"stream": name, "data": data}).to_string()
                    } else {
                        data.to_string()
                    };
                    listener.frames.try_send(frame).is_ok()
                }
                _ => true,
            });
    }
}

fn book_ticker(market: &Market) -> Value {
    let (bid, ask) = best(market);
    json!({
        "u": market.closed() + 1, "s": market.symbol(),
        "b": bid, "B": "9000000.00000000", "a": ask, "A": "9000000.00000000",
    })
}

fn mini_ticker(market: &Market) -> Value {
    let last = market.last_price();
    let day = day_summary(market);
    let (open, high, low) = day.map_or((last, last, last), |day| (day.open, day.high, day.low));
    json!({
        "e": "24hrMiniTicker", "E": market.time(), "s": market.symbol(),
        "c": price_text(market, last), "o": price_text(market, open),
        "h": price_text(market, high), "l": price_text(market, low),
        "v": day.map_or(0.0, |day| day.volume).to_string(), "q": "0",
    })
}
