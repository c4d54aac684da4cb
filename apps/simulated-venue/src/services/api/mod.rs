//! The venue's requests, independent of how they came in: REST and the WebSocket API share them.

pub mod account;
pub mod dispatch;
pub mod endpoints;
pub mod history;
pub mod info;
pub mod lists;
pub mod market;
mod market_live;
mod market_tickers;
pub mod params;
pub mod payloads;
pub mod replace;
mod tickets;
pub mod trade;
pub mod units;
