//! Swing pivots and the price levels they form.

pub mod levels;
pub mod pivots;
