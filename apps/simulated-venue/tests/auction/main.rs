//! Market mode: the continuous double auction, rule by rule and under random order flow.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod changes;
mod feed;
mod filters;
mod generators;
mod lists;
mod orders;
mod properties;
mod reference;
mod self_trade;
mod support;
