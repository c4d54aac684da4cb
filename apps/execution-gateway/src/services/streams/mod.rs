//! Long-lived links to the venue: load the rules, follow the user stream, fan out market data.

pub mod hub;
pub mod link;
