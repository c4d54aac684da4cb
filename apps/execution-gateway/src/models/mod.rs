//! The gateway's own types: values only, no behaviour with effects.

pub mod input;
pub mod order;
pub mod problem;
pub mod record;
pub mod report;
pub mod venue;
