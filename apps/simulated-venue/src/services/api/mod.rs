//! The venue's requests, independent of how they came in: REST and the WebSocket API share them.

pub mod account;
pub mod dispatch;
pub mod endpoints;
pub mod market;
pub mod params;
mod tickets;
pub mod trade;
