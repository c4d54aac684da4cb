//! A Binance-compatible spot exchange on loopback that replays recorded bars.
//!
//! `services::core` is the venue as a pure state machine; the rest is how it is reached and kept.

pub mod clock;
pub mod error;
pub mod models;
pub mod services;
pub mod settings;
