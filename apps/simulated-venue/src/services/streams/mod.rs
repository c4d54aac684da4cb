//! WebSocket doors: market streams on `/ws` and `/stream`, requests and user events on
//! `/ws-api/v3`.

pub mod api;
pub mod boards;
pub mod connection;
pub mod frames;
pub mod hub;
pub mod market;
pub mod names;
mod payloads;
pub(crate) use payloads::percent_text;
mod publishing;
