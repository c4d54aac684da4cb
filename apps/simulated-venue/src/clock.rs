//! Transport time: the wall clock, injected so that tests can hold it still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, UTC. Signing, recvWindow and rate windows use it; the market
/// never does.
#[derive(Debug, Clone)]
pub enum Clock {
    Wall,
    Fixed(Arc<AtomicI64>),
    /// Another clock, off by so many milliseconds.
    Skewed(Box<Clock>, Arc<AtomicI64>),
}

impl Clock {
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::Wall => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
                .unwrap_or(0),
            Self::Fixed(at) => at.load(Ordering::SeqCst),
            Self::Skewed(clock, offset) => clock.now_ms() + offset.load(Ordering::Acquire),
        }
    }
}
