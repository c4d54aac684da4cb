//! How long a stream may be silent, how long it lives, and how long to wait between attempts.

use std::time::Duration;

use crate::shutdown::Shutdown;

/// Times of one profile; tests scale them down.
#[derive(Debug, Clone, Copy)]
pub struct StreamTimes {
    /// A connection without a frame of any kind for this long is dead.
    pub silence: Duration,
    /// After this much quiet we ask with a ping.
    pub ping_after: Duration,
    pub connect: Duration,
    /// Age at which a successor is opened; the venue closes at 24 h.
    pub life: Duration,
    /// How long both connections run before the old one is closed.
    pub overlap: Duration,
    /// Least time between our control messages: at most 4 a second, the venue allows 5.
    pub control_gap: Duration,
    /// First and longest wait between attempts to connect.
    pub retry_first: Duration,
    pub retry_cap: Duration,
    /// Wait before a query of missing data is repeated.
    pub repair: Duration,
}

impl StreamTimes {
    /// A venue on loopback (`is_fast`) is back within milliseconds after a restart.
    pub fn of(is_fast: bool) -> Self {
        let (first, cap, repair) = if is_fast {
            (50, 1_000, 20)
        } else {
            (1_000, 30_000, 1_000)
        };
        Self {
            silence: Duration::from_secs(30),
            ping_after: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            life: Duration::from_hours(23),
            overlap: Duration::from_secs(10),
            control_gap: Duration::from_millis(250),
            retry_first: Duration::from_millis(first),
            retry_cap: Duration::from_millis(cap),
            repair: Duration::from_millis(repair),
        }
    }
}

/// Waits 1, 2, 4 ... times the first wait up to the cap, each longer by up to a quarter. The
/// addition follows from seed and attempt alone, so that a run can be repeated.
#[derive(Debug, Clone)]
pub struct BackOff {
    first: Duration,
    cap: Duration,
    seed: u64,
    attempt: u32,
}

impl BackOff {
    pub fn new(times: &StreamTimes, seed: u64) -> Self {
        Self {
            first: times.retry_first,
            cap: times.retry_cap,
            seed,
            attempt: 0,
        }
    }

    pub fn reset(&mut self) {
        self.attempt = 0;
    }

    /// The next wait; each call counts as an attempt.
    pub fn next_delay(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.attempt.min(20));
        let base = doubled.min(self.cap);
        let share = mix(self.seed ^ u64::from(self.attempt)) % 256;
        self.attempt = self.attempt.saturating_add(1);
        (base + base / 4 * u32::try_from(share).unwrap_or(0) / 255).min(self.cap)
    }

    /// Sleeps for the next delay; returns early (false) on shutdown.
    pub async fn wait(&mut self, shutdown: &mut Shutdown) -> bool {
        let delay = self.next_delay();
        tokio::select! {
            () = tokio::time::sleep(delay) => true,
            () = shutdown.requested() => false,
        }
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014): neighbouring inputs give unrelated outputs.
fn mix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_cap_with_a_jitter_that_repeats() {
        let times = StreamTimes::of(false);
        let waits = |seed| {
            let mut back_off = BackOff::new(&times, seed);
            (0..8).map(|_| back_off.next_delay()).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7), "the same seed waits the same");
        assert_ne!(waits(7), waits(8), "two lines do not knock together");
        for (index, wait) in waits(7).iter().enumerate() {
            let base = (1_u64 << index).min(30) * 1_000;
            let most = (base * 5 / 4).min(30_000);
            let wait = u64::try_from(wait.as_millis()).unwrap_or(0);
            assert!((base..=most).contains(&wait), "{index}: {wait} ms");
        }
        let mut back_off = BackOff::new(&times, 7);
        let first = back_off.next_delay();
        back_off.next_delay();
        back_off.reset();
        assert_eq!(back_off.next_delay(), first);
    }
}
