//! Long-lived links to the venue: the user stream, market data with a proven local book, fan-out.

pub mod bars;
pub mod book;
pub mod events;
pub mod frames;
pub mod hub;
pub mod line;
pub mod link;
pub mod market;
mod market_book;
pub mod plan;
pub mod prints;
pub mod queue;
pub mod relay;
pub mod repair;
pub mod resume;
pub mod socket;
pub mod subscription;
pub mod times;
