//! Stream names: `btcusd@kline_15m`, `btcusd@depth5@100ms`, `!miniTicker@arr`.

use crate::services::core::VenueState;
use crate::services::core::market::Market;
use crate::services::core::tape::interval::Interval;
use crate::settings::Mode;

/// The longest symbol of a stream name that is looked up.
const LONGEST_NAME: usize = 100;

/// What one market's stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    AggregateTrade,
    Trade,
    /// `is_offset` is the variant whose days begin at UTC+8.
    Kline {
        interval: Interval,
        is_offset: bool,
    },
    MiniTicker,
    Ticker,
    RollingTicker(Window),
    BookTicker,
    AveragePrice,
    PartialDepth {
        levels: u8,
        is_fast: bool,
    },
    Depth {
        is_fast: bool,
    },
}

/// The windows of the rolling tickers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    Hour1,
    Hour4,
    Day1,
}

impl Window {
    pub const ALL: [Self; 3] = [Self::Hour1, Self::Hour4, Self::Day1];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hour1 => "1h",
            Self::Hour4 => "4h",
            Self::Day1 => "1d",
        }
    }
}

/// One stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    Market(usize, Kind),
    AllMiniTickers,
    AllRollingTickers(Window),
    /// A name without `@`: some clients append a label to the path; it carries nothing.
    Label,
}

impl Stream {
    /// The name that subscribers know it by.
    pub fn name(self, symbol: &str) -> String {
        match self {
            Self::Market(_, kind) => format!("{}@{}", symbol.to_lowercase(), kind.suffix()),
            Self::AllMiniTickers => "!miniTicker@arr".to_owned(),
            Self::AllRollingTickers(window) => format!("!ticker_{}@arr", window.name()),
            Self::Label => String::new(),
        }
    }
}

impl Kind {
    fn suffix(self) -> String {
        match self {
            Self::AggregateTrade => "aggTrade".to_owned(),
            Self::Trade => "trade".to_owned(),
            Self::Kline {
                interval,
                is_offset,
            } => format!(
                "kline_{}{}",
                interval.name(),
                if is_offset { "@+08:00" } else { "" }
            ),
            Self::MiniTicker => "miniTicker".to_owned(),
            Self::Ticker => "ticker".to_owned(),
            Self::RollingTicker(window) => format!("ticker_{}", window.name()),
            Self::BookTicker => "bookTicker".to_owned(),
            Self::AveragePrice => "avgPrice".to_owned(),
            Self::PartialDepth { levels, is_fast } => format!("depth{levels}{}", speed(is_fast)),
            Self::Depth { is_fast } => format!("depth{}", speed(is_fast)),
        }
    }

    fn parse(suffix: &str) -> Option<Self> {
        if let Some(rest) = suffix.strip_prefix("kline_") {
            let (name, is_offset) = match rest.strip_suffix("@+08:00") {
                Some(name) => (name, true),
                None => (rest, false),
            };
            let interval = Interval::parse(name)?;
            return Some(Self::Kline {
                interval,
                is_offset,
            });
        }
        let fixed = [
            Self::AggregateTrade,
            Self::Trade,
            Self::MiniTicker,
            Self::Ticker,
            Self::BookTicker,
            Self::AveragePrice,
        ];
        let rolling = Window::ALL.map(Self::RollingTicker);
        let depth = [true, false].map(|is_fast| Self::Depth { is_fast });
        let partial = [5, 10, 20]
            .map(|levels| [true, false].map(|is_fast| Self::PartialDepth { levels, is_fast }));
        fixed
            .into_iter()
            .chain(rolling)
            .chain(depth)
            .chain(partial.into_iter().flatten())
            .find(|kind| kind.suffix() == suffix)
    }
}

fn speed(is_fast: bool) -> &'static str {
    if is_fast { "@100ms" } else { "" }
}

/// The stream of a requested name.
///
/// # Errors
/// Why it cannot be served here.
pub fn parse(state: &VenueState, mode: Mode, requested: &str) -> Result<Stream, String> {
    if !requested.contains('@') {
        return Ok(Stream::Label);
    }
    if requested.len() > LONGEST_NAME {
        return Err(format!("stream names have at most {LONGEST_NAME} bytes"));
    }
    if requested == "!ticker@arr" {
        return Err(
            "stream '!ticker@arr' was retired on 2026-03-26; use !miniTicker@arr or \
                    <symbol>@ticker"
                .to_owned(),
        );
    }
    let found = lookup(state, requested);
    match found {
        Some(stream) if is_served(state, mode, stream) => Ok(stream),
        _ => Err(format!(
            "stream '{requested}' is not served here; served: {}",
            served(state, mode)
        )),
    }
}

fn lookup(state: &VenueState, requested: &str) -> Option<Stream> {
    // The speed may be spelled out: python-binance asks for it so.
    if matches!(requested, "!miniTicker@arr" | "!miniTicker@arr@1000ms") {
        return Some(Stream::AllMiniTickers);
    }
    let rolling = Window::ALL
        .into_iter()
        .find(|window| Stream::AllRollingTickers(*window).name("") == requested);
    if let Some(window) = rolling {
        return Some(Stream::AllRollingTickers(window));
    }
    let (symbol, suffix) = requested.split_once('@')?;
    let market = state
        .markets()
        .iter()
        .position(|market| market.symbol().to_lowercase() == symbol)?;
    Kind::parse(suffix).map(|kind| Stream::Market(market, kind))
}

/// The bar modes have closed bars of the recorded interval, own fills and a top of book; the
/// market mode has everything.
fn is_served(state: &VenueState, mode: Mode, stream: Stream) -> bool {
    if has_tape(mode) {
        return true;
    }
    match stream {
        Stream::Market(
            market,
            Kind::Kline {
                interval,
                is_offset: false,
            },
        ) => state
            .market(market)
            .is_ok_and(|market| market.interval == interval.name()),
        Stream::Market(_, Kind::Trade | Kind::MiniTicker | Kind::BookTicker)
        | Stream::AllMiniTickers => true,
        _ => false,
    }
}

/// Whether public data comes from a book and a tape.
pub fn has_tape(mode: Mode) -> bool {
    mode == Mode::Market
}

fn served(state: &VenueState, mode: Mode) -> String {
    if has_tape(mode) {
        return "<symbol>@aggTrade, trade, kline_<interval>[@+08:00], miniTicker, ticker, \
                ticker_1h|4h|1d, bookTicker, avgPrice, depth[5|10|20][@100ms]; !miniTicker@arr, \
                !ticker_1h|4h|1d@arr; symbols in lower case"
            .to_owned();
    }
    let of_market = |market: &Market| {
        let symbol = market.symbol().to_lowercase();
        format!(
            "{symbol}@kline_{} {symbol}@trade {symbol}@miniTicker {symbol}@bookTicker",
            market.interval
        )
    };
    let names: Vec<String> = state.markets().iter().map(of_market).collect();
    format!("{} !miniTicker@arr", names.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix_reads_back() {
        for text in [
            "aggTrade",
            "trade",
            "kline_1s",
            "kline_1M",
            "kline_1m@+08:00",
            "miniTicker",
            "ticker",
            "ticker_1h",
            "ticker_4h",
            "ticker_1d",
            "bookTicker",
            "avgPrice",
            "depth",
            "depth@100ms",
            "depth5",
            "depth10@100ms",
            "depth20",
        ] {
            let kind = Kind::parse(text).expect(text);
            assert_eq!(kind.suffix(), text);
        }
        for text in [
            "",
            "Trade",
            "kline_",
            "kline_7m",
            "kline_1m@+09:00",
            "depth7",
            "depth@1000ms",
            "ticker_2h",
            "blockTrade",
            "depth@100ms@100ms",
        ] {
            assert_eq!(Kind::parse(text), None, "{text}");
        }
    }
}
