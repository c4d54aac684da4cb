//! The small tasks beside the engine: kill file, kill signals, heartbeat, clock, limits, key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use rust_common::StopLevel;

use crate::clock::Clock;
use crate::error::GatewayError;
use crate::models::input::{Input, Query, Reply};
use crate::models::venue::Lane;
use crate::services::engine::EngineHandle;
use crate::services::metrics::Metrics;
use crate::services::venues::{KeyRights, Throttle, Venue};
use crate::shutdown::Shutdown;

const KILL_FILE_EVERY: Duration = Duration::from_millis(100);
const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
const CLOCK_EVERY: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(250);
const ENGINE_PATIENCE: Duration = Duration::from_secs(2);

/// What the tasks share.
#[derive(Clone)]
pub struct Tasks {
    pub engine: EngineHandle,
    pub venue: Arc<dyn Venue>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub shutdown: Shutdown,
}

/// The level a kill file asks for: its text, or `cancel_all` when it holds none that is known.
fn level_in(text: &str) -> StopLevel {
    let quoted = format!("\"{}\"", text.trim());
    serde_json::from_str(&quoted).unwrap_or(StopLevel::CancelAll)
}

impl Tasks {
    /// Sleeps; false on shutdown.
    async fn pause(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.shutdown.requested() => false,
        }
    }

    /// Tells the core when the kill file comes, changes and goes.
    pub async fn follow_kill_file(mut self, path: PathBuf) {
        let mut known = None;
        loop {
            let level = match tokio::fs::read_to_string(&path).await {
                Ok(text) => Some(level_in(&text)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                // A kill file that cannot be read is still a wish to stop.
                Err(_) => Some(StopLevel::CancelAll),
            };
            if level != known {
                known = level;
                tracing::warn!(path = %path.display(), ?level, "the kill file changed");
                self.engine.tell(Input::FileKill { level }).await;
            }
            if !self.pause(KILL_FILE_EVERY).await {
                return;
            }
        }
    }

    /// SIGUSR1 cancels everything, SIGUSR2 also flattens.
    pub async fn follow_signals(mut self, mut signals: KillSignals) {
        loop {
            let level = tokio::select! {
                Some(()) = signals.cancel_all.recv() => StopLevel::CancelAll,
                Some(()) = signals.flatten.recv() => StopLevel::Flatten,
                () = self.shutdown.requested() => return,
            };
            tracing::warn!(?level, "a signal asks for a stop");
            self.engine.tell(Input::SignalKill { level }).await;
        }
    }

    /// Writes the heartbeat while the engine answers; it stops when the engine hangs.
    pub async fn beat(mut self, path: PathBuf, epoch: u32) {
        let mut counter = 0_u64;
        loop {
            let query = |request| Input::Read {
                request,
                query: Query::Positions,
            };
            let answer = tokio::time::timeout(ENGINE_PATIENCE, self.engine.ask(query)).await;
            if let Ok(Reply::Body { .. }) = answer {
                counter += 1;
                let text = heartbeat_text(epoch, counter, self.clock.now_ms());
                if let Err(error) = replace_file(&path, &text) {
                    tracing::error!(%error, path = %path.display(), "no heartbeat");
                }
            }
            if !self.pause(HEARTBEAT_EVERY).await {
                return;
            }
        }
    }

    /// Samples the venue's clock; at first until it is known, then every 30 s.
    pub async fn follow_clock(mut self) {
        loop {
            let pause = match self.venue.sync_clock().await {
                Ok(()) => {
                    let offset_ms = self.venue.clock_offset_ms();
                    self.metrics.clock_offset_ms.set(offset_ms);
                    let sampled_at = self.clock.now_ms();
                    let input = Input::ClockSync {
                        offset_ms,
                        sampled_at,
                    };
                    self.engine.tell(input).await;
                    CLOCK_EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "the venue's clock could not be read");
                    RETRY
                }
            };
            if !self.pause(pause).await {
                return;
            }
        }
    }

    /// Tells the core what the venue holds back. The limiter counts in the venue's time.
    pub async fn follow_throttles(mut self) {
        let mut throttles = self.venue.throttles();
        let mut known = Throttle::default();
        loop {
            tokio::select! {
                changed = throttles.changed() => if changed.is_err() { return },
                () = self.shutdown.requested() => return,
            }
            let now = *throttles.borrow_and_update();
            let offset = self.venue.clock_offset_ms();
            let mut inputs = Vec::new();
            if now.banned_until != known.banned_until {
                let until = now.banned_until - offset;
                inputs.push(Input::Banned { until });
            }
            for (lane, now, known) in [
                (None, now.paused_until, known.paused_until),
                (Some(Lane::Entry), now.orders_until, known.orders_until),
            ] {
                if now != known {
                    let until = now - offset;
                    inputs.push(Input::Throttled { lane, until });
                }
            }
            known = now;
            for input in inputs {
                self.engine.tell(input).await;
            }
        }
    }

    /// Asks until the venue tells what the key may do; a key that may withdraw ends the process.
    ///
    /// # Errors
    /// `KeyMayWithdraw`, unless the settings allow it.
    pub async fn check_key(mut self, is_allowed: bool) -> Result<(), GatewayError> {
        let rights = loop {
            match self.venue.key_rights().await {
                Ok(rights) => break rights,
                Err(error) => tracing::warn!(%error, "the key's permissions are not known yet"),
            }
            if !self.pause(RETRY).await {
                return Ok(());
            }
        };
        refuse_withdrawal(rights, is_allowed)?;
        let input = Input::KeyPermissions {
            can_trade: rights.can_trade,
            can_withdraw: rights.can_withdraw,
        };
        self.engine.tell(input).await;
        Ok(())
    }
}

/// Whether a key may be used.
///
/// # Errors
/// `KeyMayWithdraw`.
pub fn refuse_withdrawal(rights: KeyRights, is_allowed: bool) -> Result<(), GatewayError> {
    if rights.can_withdraw && !is_allowed {
        return Err(GatewayError::KeyMayWithdraw);
    }
    if rights.can_withdraw {
        tracing::warn!("the exchange key may withdraw; venue.allow_withdraw_key permits it");
    }
    Ok(())
}

/// Handlers of the two kill signals.
#[derive(Debug)]
pub struct KillSignals {
    cancel_all: Signal,
    flatten: Signal,
    /// A write beyond a file size limit shall be an error to handle, not the end of the process.
    _file_size: Signal,
}

const SIGXFSZ: i32 = 25;

impl KillSignals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            cancel_all: signal(SignalKind::user_defined1())?,
            flatten: signal(SignalKind::user_defined2())?,
            _file_size: signal(SignalKind::from_raw(SIGXFSZ))?,
        })
    }
}

fn heartbeat_text(epoch: u32, counter: u64, at_ms: i64) -> String {
    format!("{{\"at_ms\":{at_ms},\"counter\":{counter},\"epoch\":{epoch}}}\n")
}

/// Writes beside and renames, so that a reader never sees half a file.
fn replace_file(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_file_names_its_level_or_means_cancel_all() {
        assert_eq!(level_in("flatten\n"), StopLevel::Flatten);
        assert_eq!(level_in("no_entries"), StopLevel::NoEntries);
        for text in ["", "stop!", "\"quoted\""] {
            assert_eq!(level_in(text), StopLevel::CancelAll);
        }
    }

    #[test]
    fn a_withdrawal_right_is_refused_unless_allowed() {
        let rights = |can_withdraw| KeyRights {
            can_trade: true,
            can_withdraw,
        };
        refuse_withdrawal(rights(false), false).unwrap();
        refuse_withdrawal(rights(true), true).unwrap();
        let error = refuse_withdrawal(rights(true), false).unwrap_err();
        assert!(error.to_string().contains("allow_withdraw_key"), "{error}");
    }
}
