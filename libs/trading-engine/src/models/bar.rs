use rust_common::UnixMillis;

/// One bar, `[opened_at, closed_at)`; prices are mantissas at the instrument's price scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    pub opened_at: UnixMillis,
    pub closed_at: UnixMillis,
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: f64,
}
