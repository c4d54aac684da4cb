//! Types: what the venue is told and what it keeps.

pub mod accounts;
pub mod decimal;
pub mod events;
pub mod feed;
pub mod filters;
pub mod orders;
