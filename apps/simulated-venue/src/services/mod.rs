//! Everything that acts: the pure core, the engine thread around it, and its doors.

pub mod accounts;
pub mod api;
pub mod control;
pub mod core;
pub mod engine;
pub mod faults;
pub mod feed;
pub mod http;
pub mod limits;
pub mod opening;
pub mod playing;
pub mod replay;
pub mod rollup;
pub mod server;
pub mod sessions;
pub mod shell;
pub mod signing;
pub mod store;
pub mod streams;
