//! Everything that acts.

pub mod core;
pub mod engine;
pub mod http;
pub mod journal;
pub mod metrics;
pub mod streams;
pub mod venues;
