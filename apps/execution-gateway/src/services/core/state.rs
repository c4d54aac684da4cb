//! What the core knows: constants of the run, the journaled book, and what starts empty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_common::{AccountId, ClientOrderId, Instrument, InstrumentId, Price, UnixMillis};

use super::book::Book;
use super::{breaker, cancels, executions, holdings, probe, reconcile, submit, upkeep, waiters};
use crate::models::input::CallId;
use crate::models::venue::{AssetBalance, VenuePosition, VenueReport};
use crate::services::journal::writer::Health;
use crate::settings::Limits;

/// Two readings of market time and transport time this far apart mean a replayed market.
const REPLAY_GAP_MS: i64 = 86_400_000;

/// Constants of one run.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    pub account: AccountId,
    pub limits: Limits,
    pub recv_window_ms: i64,
    /// After this long no request of ours can still take effect at the venue (C5).
    pub horizon_ms: i64,
    /// Loopback venue: short waits (K4).
    pub is_fast: bool,
    pub version: String,
    pub rules: Rules,
}

/// Rules with a default that fits Binance spot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// An entry that has not left after this long dies in its queue (C8).
    pub entry_deadline_ms: i64,
    /// Idempotency keys are kept this long (C4).
    pub key_retention_ms: i64,
    /// Dead-man switch of the venue, renewed every quarter of it; `None` is off.
    pub countdown_ms: Option<i64>,
    pub resting_at_shutdown: Resting,
    /// Accept an exchange key that may withdraw.
    pub allow_withdraw_key: bool,
    /// Positions instead of balances, conditional orders in a family of their own (A13).
    pub is_derivative: bool,
    /// Request weight the venue allows per minute; reconciliation takes at most a quarter.
    pub weight_per_minute: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            entry_deadline_ms: 2_000,
            key_retention_ms: 90 * 86_400_000,
            countdown_ms: None,
            resting_at_shutdown: Resting::Leave,
            allow_withdraw_key: false,
            is_derivative: false,
            weight_per_minute: 6_000,
        }
    }
}

/// What happens to resting orders at shutdown (C9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resting {
    Leave,
    Cancel,
}

/// Why a venue call was made.
#[derive(Debug, Clone)]
pub enum CallContext {
    Place {
        ids: Vec<ClientOrderId>,
    },
    Cancel {
        id: ClientOrderId,
    },
    CancelAll {
        ids: Vec<ClientOrderId>,
    },
    Amend {
        id: ClientOrderId,
    },
    Query {
        id: ClientOrderId,
    },
    Absence {
        id: ClientOrderId,
    },
    Reconcile(reconcile::Started),
    /// The order test of the half-open breaker.
    Test,
    SyncClock,
    Countdown,
}

/// Everything that is not in the journal and starts empty.
#[derive(Debug, Clone, Default)]
pub struct Live {
    pub step_no: u64,
    pub is_stream_up: bool,
    /// Reconciled since the stream came up.
    pub is_recovered: bool,
    pub is_stopping: bool,
    /// Corruption found at start, until an operator resumes.
    pub damage: Option<String>,
    pub journal: Health,
    pub instruments: BTreeMap<InstrumentId, Instrument>,
    /// Last price of each instrument and the end of the bar it comes from.
    pub prices: BTreeMap<InstrumentId, (Price, UnixMillis)>,
    pub market_time: Option<UnixMillis>,
    pub balances: Vec<AssetBalance>,
    pub venue_positions: Vec<VenuePosition>,
    pub calls: BTreeMap<CallId, CallContext>,
    pub(super) last_call: CallId,
    pub probes: BTreeMap<ClientOrderId, probe::Probe>,
    /// Orders whose placing, cancelling or amending call has not answered yet.
    pub placing: BTreeSet<ClientOrderId>,
    pub canceling: BTreeSet<ClientOrderId>,
    pub amending: BTreeSet<ClientOrderId>,
    pub cancels: cancels::Cancels,
    /// Orders refused for their timestamp, to be sent once more (C5.5).
    pub retries: BTreeMap<ClientOrderId, submit::Retry>,
    pub waiters: Vec<waiters::Waiter>,
    pub syncs: Vec<waiters::SyncWaiter>,
    pub kills: Vec<waiters::KillWaiter>,
    pub executions: executions::Executions,
    pub reconcile: reconcile::Schedule,
    pub breaker: breaker::Breaker,
    pub upkeep: upkeep::Upkeep,
    /// Reports that arrived before the first reconciliation finished.
    pub buffer: Vec<VenueReport>,
    /// Acceptance times of the last minute.
    pub accepted_at: VecDeque<i64>,
    pub mismatches: BTreeMap<InstrumentId, holdings::Mismatch>,
    /// Orders that rest at the venue although we hold them for ended, and since when.
    pub zombies: BTreeMap<ClientOrderId, i64>,
    /// Grows with everything that may change a holding.
    pub activity: u64,
    pub duplicate_reports: u64,
    pub clock_offset_ms: i64,
}

impl Live {
    /// An older bar (a backfill beside the stream) does not take the price back.
    pub(super) fn note_price(&mut self, id: InstrumentId, price: (Price, UnixMillis)) {
        if self.prices.get(&id).is_none_or(|known| known.1 <= price.1) {
            self.prices.insert(id, price);
        }
    }
}

/// The gateway's whole state, owned by one task.
#[derive(Debug, Clone)]
pub struct State {
    pub config: CoreConfig,
    pub book: Book,
    pub live: Live,
}

impl State {
    pub fn new(config: CoreConfig, book: Book) -> Self {
        let live = Live::default();
        Self { config, book, live }
    }

    /// Orders may reach the venue.
    pub fn is_connected(&self) -> bool {
        self.live.is_stream_up && self.live.is_recovered && !self.live.is_stopping
    }

    /// Entries may be accepted.
    pub fn are_entries_open(&self) -> bool {
        self.is_connected()
            && self.live.journal == Health::Good
            && self.book.stop.is_none()
            && self.refusal().is_none()
    }

    /// Corruption that no operator has looked at.
    pub fn damage(&self) -> Option<&String> {
        if crate::mutants::is_on(crate::mutants::Mutant::IgnoreDamage) {
            return None;
        }
        self.live.damage.as_ref().or(self.book.damage.as_ref())
    }

    /// Time for events of our own: market time where the market is replayed, else transport time.
    pub(super) fn event_time(&self, now: i64) -> UnixMillis {
        match self.live.market_time {
            Some(market) if (now - market.as_millis()).abs() > REPLAY_GAP_MS => market,
            _ => UnixMillis::new(now).unwrap_or_default(),
        }
    }
}
