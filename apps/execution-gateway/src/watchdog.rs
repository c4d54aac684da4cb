//! The dead man's switch for venues without one: a second process with a key of its own that
//! cancels every open order when the gateway's heartbeat stops (C8).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use rust_common::InstrumentId;

use crate::clock::{Clock, SystemClock};
use crate::error::GatewayError;
use crate::models::venue::{Outcome, VenueCall};
use crate::secrets::load_credentials;
use crate::services::metrics::Metrics;
use crate::services::venues::{self, Venue};
use crate::settings::{ConfigError, Settings};
use crate::shutdown;
use crate::tasks::refuse_withdrawal;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// While the gateway stays silent, orders of it may still come to rest.
const AGAIN_MS: i64 = 5_000;
const RETRY_MS: i64 = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Beat {
    epoch: u32,
    counter: u64,
}

/// When the heartbeat last moved, and when to act.
#[derive(Debug)]
struct Pulse {
    silence_ms: i64,
    last: Option<Beat>,
    /// Steady time of the last move; the start counts as one.
    moved_at: i64,
    act_at: Option<i64>,
}

impl Pulse {
    fn new(silence_ms: i64, now: i64) -> Self {
        Self {
            silence_ms,
            last: None,
            moved_at: now,
            act_at: None,
        }
    }

    /// Whether everything has to be cancelled now.
    fn look(&mut self, beat: Option<Beat>, now: i64) -> bool {
        if beat.is_some() && beat != self.last {
            if self.act_at.take().is_some() {
                tracing::warn!("the gateway is back");
            }
            (self.last, self.moved_at) = (beat, now);
        }
        let is_silent = now - self.moved_at >= self.silence_ms;
        is_silent && self.act_at.is_none_or(|at| now >= at)
    }

    fn acted(&mut self, is_done: bool, now: i64) {
        self.act_at = Some(now + if is_done { AGAIN_MS } else { RETRY_MS });
    }
}

fn read_beat(path: &Path) -> Option<Beat> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn no_section(config: &Path) -> ConfigError {
    ConfigError {
        file: config.display().to_string(),
        line: None,
        key: "watchdog".to_owned(),
        problem: "the section is missing; the watchdog is off by default".to_owned(),
        allowed: "[watchdog] with credentials_file (a key of its own) and silence_ms".to_owned(),
    }
}

/// Watches until SIGTERM or SIGINT.
///
/// # Errors
/// Everything that keeps it from watching.
pub async fn run(config: &Path) -> Result<(), GatewayError> {
    let settings = Settings::load(config)?;
    let watchdog = settings
        .watchdog
        .clone()
        .ok_or_else(|| no_section(config))?;
    let credentials = load_credentials(&watchdog.credentials_file)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let metrics = Arc::new(Metrics::new()?);
    let venue = venues::connect(&settings.venue, credentials, Arc::clone(&clock), metrics)?;
    let (trigger, mut stop) = shutdown::channel();
    let mut pulse = Pulse::new(watchdog.silence_ms, clock.steady_ms());
    let mut hands = Hands {
        venue,
        instruments: Vec::new(),
        is_checked: false,
        may_withdraw: settings.venue.allow_withdraw_key,
    };
    tokio::spawn(async move {
        let ended = shutdown::signaled().await;
        tracing::info!(?ended, "stopping");
        trigger.fire();
    });
    tracing::info!(silence_ms = watchdog.silence_ms, "watching the gateway");
    while !stop.is_requested() {
        hands.prepare().await?;
        let beat = read_beat(&settings.heartbeat_file);
        if pulse.look(beat, clock.steady_ms()) {
            let silent_ms = clock.steady_ms() - pulse.moved_at;
            tracing::error!(
                silent_ms,
                "the gateway is silent: cancelling every open order"
            );
            let is_done = hands.cancel_all().await;
            pulse.acted(is_done, clock.steady_ms());
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.requested() => {}
        }
    }
    Ok(())
}

struct Hands {
    venue: Arc<dyn Venue>,
    instruments: Vec<InstrumentId>,
    is_checked: bool,
    may_withdraw: bool,
}

impl Hands {
    /// Loads rules and key rights while all is well: no time is lost when it is not.
    async fn prepare(&mut self) -> Result<(), GatewayError> {
        if self.instruments.is_empty() {
            match self.venue.load().await {
                Ok(list) => {
                    self.instruments = list.into_iter().map(|i| i.instrument_id).collect();
                }
                Err(error) => tracing::warn!(%error, "the venue's rules could not be loaded"),
            }
        }
        if !self.is_checked
            && let Ok(rights) = self.venue.key_rights().await
        {
            refuse_withdrawal(rights, self.may_withdraw)?;
            self.is_checked = true;
        }
        Ok(())
    }

    /// True when nothing rests on any instrument.
    async fn cancel_all(&self) -> bool {
        let mut is_done = !self.instruments.is_empty();
        for instrument_id in &self.instruments {
            let instrument_id = instrument_id.clone();
            let name = instrument_id.to_string();
            let outcome = self
                .venue
                .call(VenueCall::CancelAll { instrument_id })
                .await;
            match outcome {
                Outcome::Done(_) => tracing::warn!(instrument_id = name, "cancelled"),
                Outcome::Missing => tracing::info!(instrument_id = name, "nothing rests"),
                failed => {
                    is_done = false;
                    let (class, code) = (failed.class(), failed.code());
                    tracing::error!(instrument_id = name, class, code, "cancel failed");
                }
            }
        }
        is_done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(pulse: &mut Pulse, counter: u64, now: i64) -> bool {
        pulse.look(Some(Beat { epoch: 1, counter }), now)
    }

    #[test]
    fn it_acts_after_the_silence_and_again_until_the_gateway_is_back() {
        let mut pulse = Pulse::new(15_000, 0);
        assert!(!look(&mut pulse, 1, 10_000));
        assert!(
            !look(&mut pulse, 2, 24_000),
            "a move starts the silence anew"
        );
        assert!(!look(&mut pulse, 2, 38_999));
        assert!(look(&mut pulse, 2, 39_000));
        pulse.acted(false, 39_000);
        assert!(!look(&mut pulse, 2, 39_500));
        assert!(pulse.look(None, 40_000), "a failed cancel is tried again");
        pulse.acted(true, 40_000);
        assert!(!pulse.look(None, 44_999));
        assert!(
            pulse.look(None, 45_000),
            "orders may have come to rest since"
        );
        assert!(!look(&mut pulse, 3, 45_001), "the gateway is back");
        assert!(!look(&mut pulse, 3, 60_000));
    }

    #[test]
    fn a_gateway_that_never_came_is_silent_too() {
        let mut pulse = Pulse::new(1_000, 500);
        assert!(!pulse.look(None, 1_499));
        assert!(pulse.look(None, 1_500));
    }
}
