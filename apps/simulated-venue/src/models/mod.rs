//! Types: what the venue is told and what it keeps.

pub mod decimal;
pub mod feed;
pub mod orders;
