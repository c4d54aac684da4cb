//! Transport time (contract K1): wall-clock UTC in milliseconds, injected everywhere, and the
//! venue's time for signatures, which runs on a monotonic clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Source of transport time.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch; may jump when somebody sets the machine's clock.
    fn now_ms(&self) -> i64;

    /// Milliseconds that only ever grow, sleep of the machine included; the start is arbitrary.
    fn steady_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn steady_ms(&self) -> i64 {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

/// One comparison of the venue's clock with our steady one.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Venue time minus steady time.
    lead_ms: i64,
    taken_at: i64,
}

/// One question for the venue's time: when it left, what came back, when it arrived (steady).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSample {
    pub sent: i64,
    pub server: i64,
    pub received: i64,
}

/// The venue's time. Between two synchronisations it runs on the steady clock, so setting the
/// machine's clock moves no signature.
pub struct VenueClock {
    clock: Arc<dyn Clock>,
    reading: Mutex<Option<Reading>>,
}

impl VenueClock {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            reading: Mutex::default(),
        }
    }

    fn reading(&self) -> Option<Reading> {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the sample with the shortest round trip: its middle is known best.
    pub fn synchronise(&self, samples: &[TimeSample]) -> bool {
        let best = samples
            .iter()
            .filter(|sample| sample.received >= sample.sent)
            .min_by_key(|sample| sample.received - sample.sent);
        let Some(best) = best else { return false };
        let middle = best.sent + (best.received - best.sent) / 2;
        let reading = Reading {
            lead_ms: best.server - middle,
            taken_at: best.received,
        };
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        true
    }

    /// The venue's time now; `None` until the first synchronisation.
    pub fn now_ms(&self) -> Option<i64> {
        let reading = self.reading()?;
        Some(self.clock.steady_ms() + reading.lead_ms)
    }

    pub fn is_synced(&self) -> bool {
        self.reading().is_some()
    }

    /// Time since the last synchronisation.
    pub fn age_ms(&self) -> Option<i64> {
        Some(self.clock.steady_ms() - self.reading()?.taken_at)
    }

    /// Venue time minus the machine's wall clock, now; 0 until synchronised.
    pub fn get(&self) -> i64 {
        self.now_ms().map_or(0, |venue| venue - self.clock.now_ms())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Default)]
    struct SetClock {
        wall: AtomicI64,
        steady: AtomicI64,
    }

    impl Clock for SetClock {
        fn now_ms(&self) -> i64 {
            self.wall.load(Ordering::Relaxed)
        }
        fn steady_ms(&self) -> i64 {
            self.steady.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn the_shortest_round_trip_decides() {
        let clock = Arc::new(SetClock::default());
        clock.steady.store(1_000, Ordering::Relaxed);
        let venue = VenueClock::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert_eq!(venue.now_ms(), None);
        let sample = |sent, server, received| TimeSample {
            sent,
            server,
            received,
        };
        assert!(!venue.synchronise(&[]));
        assert!(venue.synchronise(&[
            sample(900, 5_500, 990),
            sample(990, 6_000, 1_000),
            sample(800, 9_999, 1_000),
        ]));
        assert_eq!(venue.now_ms(), Some(6_005));
    }

    #[test]
    fn jumps_of_the_wall_clock_do_not_move_the_signing_time() {
        let clock = Arc::new(SetClock::default());
        clock.wall.store(1_000_000, Ordering::Relaxed);
        let venue = VenueClock::new(Arc::clone(&clock) as Arc<dyn Clock>);
        venue.synchronise(&[TimeSample {
            sent: 0,
            server: 1_000_250,
            received: 0,
        }]);
        assert_eq!((venue.now_ms(), venue.get()), (Some(1_000_250), 250));
        for jump in [5_000, -5_000, 86_400_000] {
            clock.wall.store(1_000_000 + jump, Ordering::Relaxed);
            assert_eq!(venue.now_ms(), Some(1_000_250), "jump of {jump} ms");
            assert_eq!(venue.get(), 250 - jump, "the offset tells of the jump");
        }
        clock.steady.store(400, Ordering::Relaxed);
        assert_eq!(venue.now_ms(), Some(1_000_650));
        assert_eq!(venue.age_ms(), Some(400));
    }

    #[test]
    fn the_steady_clock_only_grows() {
        let first = SystemClock.steady_ms();
        assert!(SystemClock.steady_ms() >= first && first > 0);
    }
}
