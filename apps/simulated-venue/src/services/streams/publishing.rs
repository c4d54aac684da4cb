//! Events of the core to messages of the streams.

use serde_json::{Value, json};

use super::boards::{DueDepth, published};
use super::frames::TimeUnit;
use super::hub::Hub;
use super::names::{Kind, Stream, Window};
use super::payloads;
use crate::services::api::market::{best, day_summary};
use crate::services::core::market::Market;
use crate::services::core::payloads::{kline_event, price_text, quantity_text};
use crate::services::core::tape::interval::Interval;
use crate::services::core::tape::klines::Kline;
use crate::services::core::tape::{Pulse, STREAM_OFFSET_MS, TapeEvent};
use crate::services::core::{Event, VenueState};

/// Tickers of one second, market by market, for the `@arr` streams.
#[derive(Debug, Default)]
pub(super) struct Arrays {
    at: i64,
    pulses: Vec<(usize, Pulse)>,
}

impl Hub {
    /// A hub whose boards show the book as it stands: after a restart the log has rebuilt it.
    pub fn attached(state: &VenueState) -> Self {
        let mut hub = Self::default();
        for market in 0..state.markets().len() {
            if let Some((last_update_id, bids, asks)) = published(state, market, usize::MAX) {
                let board = hub.boards.entry(market).or_default();
                board.prime(&bids, &asks, last_update_id);
            }
        }
        hub
    }

    /// Hands one event to everybody who asked for it.
    pub fn publish(&mut self, event: &Event, state: &VenueState) {
        match event {
            // The boards follow the book whether somebody listens or not.
            Event::Depth {
                market,
                first,
                last,
                bids,
                asks,
                at,
            } => {
                self.roll(*market, *at, state);
                let board = self.boards.entry(*market).or_default();
                board.change((*first, *last), bids, asks);
                return;
            }
            Event::Forgotten => return,
            _ if self.is_silent() => return,
            _ => {}
        }
        match event {
            Event::User { payload, .. } => self.send_user(payload),
            Event::Trade { index } => self.own_trade(*index, state),
            Event::BarClosed { market, index } => self.recorded_bar(*market, *index, state),
            Event::Quote { market } => self.quote(*market, state),
            Event::Print { market, trade } => {
                self.roll(*market, trade.at, state);
                if let Ok(entry) = state.market(*market) {
                    let stream = Stream::Market(*market, Kind::Trade);
                    self.send(stream, entry.symbol(), &|unit| {
                        payloads::trade(entry, trade, unit)
                    });
                }
            }
            Event::Best {
                market,
                update_id,
                bid,
                ask,
                at,
            } => {
                self.roll(*market, *at, state);
                if let Ok(entry) = state.market(*market) {
                    let stream = Stream::Market(*market, Kind::BookTicker);
                    self.send(stream, entry.symbol(), &|_| {
                        payloads::book_ticker(entry, *update_id, (*bid, *ask))
                    });
                }
            }
            Event::Tape { market, event } => self.tape(*market, event, state),
            Event::Depth { .. } | Event::SymbolStatus { .. } | Event::Forgotten => {}
        }
    }

    /// Publishes everything that waits for market time to move on. Called at the end of an advance
    /// by the control API, so that its caller need not wait for more market time.
    pub fn flush(&mut self, state: &VenueState) {
        let markets: Vec<usize> = self.boards.keys().copied().collect();
        for market in markets {
            let at = state.market_time();
            let due = self.boards.get_mut(&market).map(|board| board.flush(at));
            self.send_depths(market, due.unwrap_or_default(), state);
        }
        if self.is_silent() {
            return;
        }
        for index in 0..state.markets().len() {
            let pulse = state.tape(index).and_then(|tape| {
                let at = tape.now();
                tape.pulse(at, true)
            });
            if let Some(pulse) = pulse {
                self.pulse(index, &pulse, state);
            }
        }
        self.send_arrays(state);
    }

    /// Moves market time for one market's depth streams.
    fn roll(&mut self, market: usize, at: i64, state: &VenueState) {
        let due = self.boards.entry(market).or_default().roll(at);
        self.send_depths(market, due, state);
        if !self.arrays.pulses.is_empty() && at.div_euclid(1_000) > self.arrays.at.div_euclid(1_000)
        {
            self.send_arrays(state);
        }
    }

    fn send_depths(&mut self, market: usize, due: Vec<DueDepth>, state: &VenueState) {
        let Ok(entry) = state.market(market) else {
            return;
        };
        for DueDepth { is_fast, at, batch } in due {
            let stream = Stream::Market(market, Kind::Depth { is_fast });
            self.send(stream, entry.symbol(), &|unit| {
                payloads::depth(entry, &batch, at, unit)
            });
            for levels in [5, 10, 20] {
                let stream = Stream::Market(market, Kind::PartialDepth { levels, is_fast });
                if !self.is_heard(stream) {
                    continue;
                }
                let Some(text) = self
                    .boards
                    .get(&market)
                    .map(|board| payloads::partial_depth(entry, board, levels))
                else {
                    continue;
                };
                self.send(stream, entry.symbol(), &|_| text.clone());
            }
        }
    }

    fn tape(&mut self, market: usize, event: &TapeEvent, state: &VenueState) {
        let Ok(entry) = state.market(market) else {
            return;
        };
        match event {
            TapeEvent::Aggregate(aggregate) => {
                let stream = Stream::Market(market, Kind::AggregateTrade);
                self.send(stream, entry.symbol(), &|unit| {
                    payloads::aggregate_trade(entry, aggregate, unit)
                });
            }
            TapeEvent::Closed {
                interval,
                offset_ms,
                kline,
            } => {
                let bar = (*interval, *offset_ms, kline);
                self.kline(market, entry, bar, (kline.ends_at, true));
            }
            TapeEvent::Pulse(pulse) => self.pulse(market, pulse, state),
        }
    }

    /// One bar on the streams that show it: UTC, UTC+8, or both where the offset moves nothing.
    fn kline(
        &mut self,
        market: usize,
        entry: &Market,
        (interval, offset_ms, bar): (Interval, i64, &Kline),
        moment: (i64, bool),
    ) {
        let is_shared = !interval.is_moved_by(STREAM_OFFSET_MS);
        for is_offset in [false, true] {
            if !is_shared && is_offset != (offset_ms != 0) {
                continue;
            }
            let kind = Kind::Kline {
                interval,
                is_offset,
            };
            self.send(Stream::Market(market, kind), entry.symbol(), &|unit| {
                payloads::kline(entry, interval, bar, moment, unit)
            });
        }
    }

    /// A second of market time: forming bars, tickers, average price.
    fn pulse(&mut self, market: usize, pulse: &Pulse, state: &VenueState) {
        self.roll(market, pulse.at, state);
        let Ok(entry) = state.market(market) else {
            return;
        };
        for (interval, offset_ms, bar) in &pulse.running {
            // One-second bars every second, all others every two (web-socket-streams.md).
            if *interval == Interval::Second1 || pulse.is_even {
                self.kline(
                    market,
                    entry,
                    (*interval, *offset_ms, bar),
                    (pulse.at, false),
                );
            }
        }
        let of = |kind| Stream::Market(market, kind);
        let symbol = entry.symbol();
        self.send(of(Kind::MiniTicker), symbol, &|unit| {
            payloads::mini_ticker(entry, pulse, unit)
        });
        if self.is_heard(of(Kind::Ticker)) {
            let board = self.boards.get(&market).cloned().unwrap_or_default();
            self.send(of(Kind::Ticker), symbol, &|unit| {
                payloads::ticker(entry, &board, pulse, unit)
            });
        }
        for (window, summary) in Window::ALL.into_iter().zip(&pulse.rolling) {
            self.send(of(Kind::RollingTicker(window)), symbol, &|unit| {
                payloads::rolling_ticker(entry, (window, summary), pulse, unit)
            });
        }
        self.send(of(Kind::AveragePrice), symbol, &|unit| {
            payloads::average_price(entry, pulse, unit)
        });
        self.arrays.at = pulse.at;
        self.arrays.pulses.retain(|(other, _)| *other != market);
        self.arrays.pulses.push((market, pulse.clone()));
    }

    /// The tickers that changed within a second, as one array each.
    fn send_arrays(&mut self, state: &VenueState) {
        let pulses = std::mem::take(&mut self.arrays.pulses);
        if pulses.is_empty() {
            return;
        }
        let array = |write: &dyn Fn(&Market, &Pulse) -> String| {
            let rows: Vec<String> = pulses
                .iter()
                .filter_map(|(market, pulse)| Some(write(state.market(*market).ok()?, pulse)))
                .collect();
            format!("[{}]", rows.join(","))
        };
        self.send(Stream::AllMiniTickers, "", &|unit| {
            array(&|market, pulse| payloads::mini_ticker(market, pulse, unit))
        });
        for (index, window) in Window::ALL.into_iter().enumerate() {
            self.send(Stream::AllRollingTickers(window), "", &|unit| {
                array(&|market, pulse| {
                    let summary = pulse.rolling.get(index).unwrap_or(&pulse.day);
                    payloads::rolling_ticker(market, (window, summary), pulse, unit)
                })
            });
        }
    }
}

/// The bar modes: closed bars as recorded, own fills, a top of book without depth.
impl Hub {
    fn own_trade(&mut self, index: usize, state: &VenueState) {
        let Some(trade) = state.book().trades.get(index) else {
            return;
        };
        let Ok(market) = state.market(trade.market) else {
            return;
        };
        self.send(
            Stream::Market(trade.market, Kind::Trade),
            market.symbol(),
            &|unit| {
                json!({
                    "e": "trade", "E": unit.of(trade.at), "s": market.symbol(), "t": trade.trade_id,
                    "p": price_text(market, trade.price),
                    "q": quantity_text(market, trade.quantity),
                    "T": unit.of(trade.at), "m": trade.is_maker, "M": true,
                })
                .to_string()
            },
        );
    }

    fn recorded_bar(&mut self, number: usize, index: usize, state: &VenueState) {
        let Ok(market) = state.market(number) else {
            return;
        };
        let (Some(row), Some(interval)) = (market.bar(index), Interval::parse(&market.interval))
        else {
            return;
        };
        let kind = Kind::Kline {
            interval,
            is_offset: false,
        };
        self.send(Stream::Market(number, kind), market.symbol(), &|unit| {
            in_unit(kline_event(market, &row), unit).to_string()
        });
    }

    fn quote(&mut self, number: usize, state: &VenueState) {
        let Ok(market) = state.market(number) else {
            return;
        };
        let symbol = market.symbol();
        self.send(Stream::Market(number, Kind::BookTicker), symbol, &|_| {
            book_ticker(market).to_string()
        });
        self.send(Stream::Market(number, Kind::MiniTicker), symbol, &|unit| {
            in_unit(mini_ticker(market), unit).to_string()
        });
        self.send(Stream::AllMiniTickers, "", &|unit| {
            json!([in_unit(mini_ticker(market), unit)]).to_string()
        });
    }
}

/// The times of a bar-mode message in the unit of the connection.
fn in_unit(mut body: Value, unit: TimeUnit) -> Value {
    if unit == TimeUnit::Microsecond {
        scale(&mut body, "E", 0);
        if let Some(bar) = body.get_mut("k") {
            scale(bar, "t", 0);
            scale(bar, "T", 999);
        }
    }
    body
}

fn scale(body: &mut Value, field: &str, add: i64) {
    if let Some(time) = body.get_mut(field)
        && let Some(ms) = time.as_i64()
    {
        *time = json!(ms * 1_000 + add);
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
