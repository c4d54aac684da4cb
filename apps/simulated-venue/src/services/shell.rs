//! The one owner of the venue's state: applies inputs, makes them durable, then tells the world.

use rust_common::Instrument;

use crate::clock::Clock;
use crate::error::VenueError;
use crate::models::orders::{Input, SelfTradePrevention};
use crate::services::accounts::Accounts;
use crate::services::core::{Event, Outcome, VenueState};
use crate::services::faults::engine::lag::Lag;
use crate::services::limits::Limits;
use crate::services::sessions::Sessions;
use crate::services::store::{Store, Sync};
use crate::services::streams::hub::Hub;
use crate::settings::Mode;
use serde::{Deserialize, Serialize};

/// A line of the input log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "nearly every line is an input")]
pub enum LogRecord {
    /// What the log belongs to; always the first line.
    Start { version: u32, identity: String },
    /// An accepted input and the state after it.
    Input {
        seq: u64,
        input: Input,
        outcome: LogOutcome,
        hash: String,
    },
}

/// The ids an input led to, for people who read the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogOutcome {
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub orders: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub list: Option<u64>,
    pub last_execution_id: u64,
}

/// State and everything around it; lives on the engine thread and is touched by nothing else.
#[derive(Debug)]
pub struct Shell {
    pub state: VenueState,
    pub limits: Limits,
    pub hub: Hub,
    pub clock: Clock,
    pub accounts: Accounts,
    pub sessions: Sessions,
    /// The default self-trade prevention by market.
    pub preventions: Vec<SelfTradePrevention>,
    pub mode: Mode,
    pub lag: Lag,
    store: Store,
    /// Events of inputs that are not durable yet.
    unpublished: Vec<Event>,
    /// The streams show everything at the next commit.
    is_flush_due: bool,
    failure: Option<String>,
}

impl Shell {
    pub fn new(
        state: VenueState,
        store: Store,
        limits: Limits,
        clock: Clock,
        (accounts, mode): (Accounts, Mode),
    ) -> Self {
        Self {
            hub: Hub::attached(&state),
            state,
            limits,
            clock,
            accounts,
            sessions: Sessions::default(),
            preventions: Vec::new(),
            mode,
            lag: Lag::default(),
            store,
            unpublished: Vec::new(),
            is_flush_due: false,
            failure: None,
        }
    }

    /// Trades places with a state that lags behind; called in pairs.
    pub fn swap_state(&mut self, at: usize) {
        if let Some(other) = self.lag.state_mut(at) {
            std::mem::swap(&mut self.state, other);
        }
    }

    /// The self-trade prevention of orders that name none.
    pub fn default_prevention(&self, market: usize) -> SelfTradePrevention {
        self.preventions.get(market).copied().unwrap_or_default()
    }

    /// Why the venue had to stop, if it had to.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Applies `input` and writes it to the log. Nothing of it may leave before [`Shell::commit`].
    ///
    /// `valid_until` is the end of the request's recvWindow: it is checked again here because the
    /// request may have waited.
    pub fn apply(
        &mut self,
        input: &Input,
        valid_until: Option<i64>,
    ) -> Result<Outcome, VenueError> {
        if self.failure.is_some() {
            return Err(VenueError::internal());
        }
        if valid_until.is_some_and(|until| self.clock.now_ms() > until) {
            return Err(VenueError::stale_timestamp());
        }
        let input = &*self.state.canonical(input);
        let applied = match self.state.apply(input) {
            Ok(applied) => applied,
            // The core refuses with 4xx; a 5xx means that its own records contradict each other.
            Err(e) if e.status >= 500 => {
                self.fail(format!("inconsistent state after {input:?}"));
                return Err(e);
            }
            Err(e) => return Err(e),
        };
        let record = LogRecord::Input {
            seq: self.state.inputs(),
            input: input.clone(),
            outcome: self.log_outcome(&applied.outcome),
            hash: self.state.chain_hash(),
        };
        if let Err(e) = self.store.append(&record, Sync::Later) {
            self.fail(format!("{}: {e}", self.store.path().display()));
            return Err(VenueError::internal());
        }
        for (account, count) in &applied.first_fills {
            self.limits.release_orders(*account, *count);
        }
        self.unpublished.extend(applied.events);
        Ok(applied.outcome)
    }

    /// How often the disk was waited for: far less often than there are inputs under load.
    pub fn syncs(&self) -> u64 {
        self.store.syncs()
    }

    /// Makes every input since the last commit durable and publishes what they led to. Returns
    /// whether their answers may leave.
    pub fn commit(&mut self) -> bool {
        if self.failure.is_some() {
            return false;
        }
        if let Err(e) = self.store.flush() {
            self.fail(format!("{}: {e}", self.store.path().display()));
            return false;
        }
        for event in std::mem::take(&mut self.unpublished) {
            self.publish(&event);
        }
        if std::mem::take(&mut self.is_flush_due) {
            self.hub.flush(&self.state);
        }
        true
    }

    /// Lets the streams show with the next commit what else would wait for more market time.
    pub fn show_now(&mut self) {
        self.is_flush_due = true;
    }

    /// Puts what still waits on disk; the last act of the engine thread.
    pub fn close(&mut self) {
        if let Err(e) = self.store.flush() {
            tracing::error!(error = %e, "the input log could not be synced");
        }
    }

    fn fail(&mut self, reason: String) {
        tracing::error!(
            reason,
            "the venue stops: its log and its state no longer agree"
        );
        self.failure = Some(reason);
    }

    fn log_outcome(&self, outcome: &Outcome) -> LogOutcome {
        let (orders, list) = match outcome {
            Outcome::Order(id) | Outcome::Amended(id) => (vec![*id], None),
            Outcome::List(id) => {
                let legs = self
                    .state
                    .book()
                    .lists
                    .get(id)
                    .map(|list| list.orders.clone());
                (legs.unwrap_or_default(), Some(*id))
            }
            Outcome::Canceled(ids) => (ids.clone(), None),
            Outcome::Replaced(both) => {
                let canceled = both.canceled.iter().flatten().copied();
                let placed = both.placed.iter().flatten().copied();
                (canceled.chain(placed).collect(), None)
            }
            Outcome::Step(_) | Outcome::Advanced(_) | Outcome::Done => (Vec::new(), None),
        };
        LogOutcome {
            orders,
            list,
            last_execution_id: self.state.last_execution_id(),
        }
    }

    fn publish(&mut self, event: &Event) {
        match event {
            Event::User { account, payload } => self.sessions.publish(*account, payload),
            _ => self.hub.publish(event, &self.state),
        }
    }
}

/// What the inputs in a log belong to: instruments, recordings, fees, opening balances.
pub fn identity(
    instruments: &[(Instrument, String)],
    account: &serde_json::Value,
) -> Result<String, serde_json::Error> {
    use sha2::{Digest, Sha256};
    let text = serde_json::to_vec(&serde_json::json!({
        "instruments": instruments,
        "account": account,
    }))?;
    Ok(hex::encode(Sha256::digest(&text)))
}

/// Rebuilds the state from a log.
///
/// # Errors
/// A message naming the record that does not lead to the state it once led to.
pub fn replay(state: &mut VenueState, records: &[LogRecord], identity: &str) -> Result<(), String> {
    for (line, record) in records.iter().enumerate() {
        match record {
            LogRecord::Start {
                version: 1,
                identity: found,
            } if found == identity => {}
            LogRecord::Start { version, .. } if *version != 1 => {
                return Err(format!(
                    "format version {version} is not known to this build (1)"
                ));
            }
            LogRecord::Start { .. } => {
                return Err(
                    "belongs to other instruments, data, fees or balances than venue.toml \
                            names. Restore the configuration or choose an empty state_dir."
                        .to_owned(),
                );
            }
            LogRecord::Input {
                seq, input, hash, ..
            } => {
                let refused = |e| format!("line {}: input {seq} was refused: {e}", line + 1);
                state.apply(input).map_err(refused)?;
                if *hash != state.chain_hash() {
                    return Err(format!(
                        "line {}: input {seq} leads to another state than it did when it was \
                         written. The build or the data changed; choose an empty state_dir.",
                        line + 1
                    ));
                }
            }
        }
    }
    Ok(())
}
