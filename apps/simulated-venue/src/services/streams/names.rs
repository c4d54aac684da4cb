//! Stream names: `btcusd@kline_15m`, `btcusd@trade`, `!miniTicker@arr`.

use crate::services::core::VenueState;
use crate::services::core::market::Market;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Kline,
    Trade,
    MiniTicker,
    AllMiniTickers,
    BookTicker,
}

/// The name that events of `kind` in this market are published under.
pub fn name(kind: Kind, market: &Market) -> String {
    let symbol = market.symbol().to_lowercase();
    match kind {
        Kind::Kline => format!("{symbol}@kline_{}", market.interval),
        Kind::Trade => format!("{symbol}@trade"),
        Kind::MiniTicker => format!("{symbol}@miniTicker"),
        Kind::AllMiniTickers => "!miniTicker@arr".to_owned(),
        Kind::BookTicker => format!("{symbol}@bookTicker"),
    }
}

/// Why a requested name cannot be served; `None` if it can.
///
/// A name without `@` is a label that some clients append to the path; it carries nothing.
pub fn problem(state: &VenueState, requested: &str) -> Option<String> {
    if !requested.contains('@') {
        return None;
    }
    let kinds = [
        Kind::Kline,
        Kind::Trade,
        Kind::MiniTicker,
        Kind::AllMiniTickers,
        Kind::BookTicker,
    ];
    let known: Vec<String> = state
        .markets()
        .iter()
        .flat_map(|market| kinds.iter().map(|kind| name(*kind, market)))
        .collect();
    if known.iter().any(|known| known == requested) {
        return None;
    }
    Some(format!(
        "stream '{requested}' is not served here; served: {}",
        known.join(" ")
    ))
}
