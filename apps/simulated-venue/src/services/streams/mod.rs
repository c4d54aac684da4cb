//! WebSocket doors: market streams on `/ws` and `/stream`, requests and user events on
//! `/ws-api/v3`.

pub mod api;
pub mod connection;
pub mod hub;
pub mod market;
pub mod names;
