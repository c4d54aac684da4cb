//! The pure core: `step(state, input, now) -> effects`. No I/O, no clock, no randomness, and only
//! ordered maps, so the same inputs give the same effects on every machine.

pub mod answers;
pub mod apply;
pub mod book;
pub mod breaker;
pub mod cancels;
pub mod control;
pub mod guard;
pub mod holdings;
pub mod making;
pub mod plan;
pub mod probe;
pub mod protection;
pub mod reconcile;
pub mod records;
pub mod submit;
pub mod transitions;
pub mod upkeep;
pub mod view;
pub mod waiters;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_common::{AccountId, ClientOrderId, Instrument, InstrumentId, Price, UnixMillis};

use crate::models::input::{CallId, Effect, Input, Reply, RequestId};
use crate::models::record::{Entry, Record};
use crate::models::venue::{AssetBalance, StreamEvent, VenueCall, VenuePosition, VenueReport};
use crate::services::journal::writer::Health;
use crate::settings::Limits;
use book::Book;

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
    last_call: CallId,
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
    pub executions: reconcile::Executions,
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
    fn note_price(&mut self, id: InstrumentId, price: (Price, UnixMillis)) {
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
    fn event_time(&self, now: i64) -> UnixMillis {
        match self.live.market_time {
            Some(market) if (now - market.as_millis()).abs() > REPLAY_GAP_MS => market,
            _ => UnixMillis::new(now).unwrap_or_default(),
        }
    }
}

/// Advances the state by one input.
pub fn step(state: &mut State, input: Input, now: i64) -> Vec<Effect> {
    state.live.step_no += 1;
    let mut turn = Turn {
        state,
        now,
        effects: Vec::new(),
    };
    turn.handle(input);
    turn.plan();
    turn.settle_waiters();
    turn.effects
}

/// Starts an epoch on a replayed book: journals it and publishes events whose records survived a
/// crash but which were not journaled themselves.
pub fn begin(
    state: &mut State,
    now: i64,
    config_hash: &str,
    unpublished: Vec<book::Event>,
) -> Vec<Effect> {
    let mut turn = Turn {
        state,
        now,
        effects: Vec::new(),
    };
    for (gateway_seq, text) in unpublished {
        turn.effects.push(Effect::Publish { gateway_seq, text });
    }
    let epoch = turn.state.book.epoch + 1;
    let build = turn.state.config.version.clone();
    turn.commit(Record::Epoch {
        epoch,
        build,
        config_hash: config_hash.to_owned(),
        seq_floor: turn.state.book.gateway_seq,
    });
    if let Some(reason) = turn.state.live.damage.clone()
        && turn.state.book.damage.as_ref() != Some(&reason)
    {
        // A second start must not forget it: the damaged part is set aside by then.
        turn.commit(Record::Damage { reason });
    }
    turn.effects
}

/// One step in the making.
pub struct Turn<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: i64,
    pub(super) effects: Vec<Effect>,
}

impl Turn<'_> {
    fn handle(&mut self, input: Input) {
        match input {
            Input::Submit {
                request,
                order,
                wait_ms,
            } => self.submit(request, *order, wait_ms),
            Input::Cancel {
                request,
                client_order_id,
                wait_ms,
            } => {
                self.cancel(request, &client_order_id, wait_ms);
            }
            Input::Amend {
                request,
                client_order_id,
                quantity,
                wait_ms,
            } => self.amend(request, &client_order_id, quantity, wait_ms),
            Input::Read { request, query } => {
                let reply = self.state.answer(&query);
                self.reply(request, reply);
            }
            Input::Sync {
                request,
                through_execution_id,
            } => {
                self.begin_sync(request, through_execution_id);
            }
            Input::Answered { call, outcome } => self.answered(call, outcome),
            Input::Stream(event) => self.stream(event),
            Input::Bar {
                instrument_id,
                close,
                closed_at,
                is_closed,
            } => {
                let live = &mut self.state.live;
                live.note_price(instrument_id, (close, closed_at));
                if is_closed {
                    live.market_time = live.market_time.max(Some(closed_at));
                }
            }
            Input::Tick => {}
            other => self.handle_control(other),
        }
    }

    fn handle_control(&mut self, input: Input) {
        match input {
            Input::Kill {
                request,
                level,
                reason,
            } => self.kill(request, level, &reason),
            Input::FileKill { level } => self.file_kill(level),
            Input::SignalKill { level } => self.stop(level, "a signal of the operating system"),
            Input::Resume { request, reason } => self.resume(request, &reason),
            Input::Adjust {
                request,
                asset,
                amount,
                cause,
                reason,
            } => self.adjust(request, &asset, amount, (cause, reason)),
            Input::Facts {
                instruments,
                offset_ms,
            } => {
                // The clock is sampled with the rules.
                self.state.note_clock(offset_ms, self.now);
                let named = instruments.into_iter();
                let named = named.map(|i| (i.instrument_id.clone(), i));
                self.state.live.instruments = named.collect();
            }
            Input::Journal(health) => self.state.live.journal = health,
            Input::Shutdown => self.shutdown(),
            other => self.state.note_fact(&other),
        }
    }

    fn stream(&mut self, event: StreamEvent) {
        if !matches!(event, StreamEvent::Down) {
            self.state.live.breaker.silent_since = None;
        }
        match event {
            StreamEvent::Up | StreamEvent::Gap => {
                let live = &mut self.state.live;
                live.is_stream_up = true;
                live.is_recovered = false;
                live.executions.stream_began();
                live.reconcile.is_due = true;
                live.reconcile.not_before = self.now;
                live.breaker.gap_since.get_or_insert(self.now);
            }
            StreamEvent::Down => {
                let live = &mut self.state.live;
                live.is_stream_up = false;
                live.is_recovered = false;
                live.breaker.gap_since.get_or_insert(self.now);
            }
            StreamEvent::Balances(changed) => {
                let known = &mut self.state.live.balances;
                for balance in changed {
                    known.retain(|old| old.asset != balance.asset);
                    known.push(balance);
                }
                known.sort_by(|a, b| a.asset.cmp(&b.asset));
            }
            StreamEvent::Execution(id) => self.state.live.executions.seen(id),
            StreamEvent::Report(report) => self.stream_report(*report),
            StreamEvent::Transfer {
                asset,
                amount,
                reference,
                ..
            } => self.transfer(asset, amount, reference),
        }
    }

    fn stream_report(&mut self, report: VenueReport) {
        self.state.live.market_time = self.state.live.market_time.max(Some(report.at));
        if self.state.live.is_recovered {
            self.take_report(&report);
        } else {
            // Fills that were missed come first: the reconciliation books them, then these.
            self.state.live.buffer.push(report);
        }
    }

    /// Books a report when it says something new, and counts its execution id.
    pub(super) fn take_report(&mut self, report: &VenueReport) {
        let owner = self.state.book.find_owner(report);
        let known = self.state.book.orders.get(&owner);
        if known.is_none_or(|order| transitions::is_news(order, report)) {
            self.commit(Record::Report {
                report: Box::new(report.clone()),
            });
        } else {
            self.state.live.duplicate_reports += 1;
        }
        if let Some(id) = report.execution_id {
            self.state.live.executions.seen(id);
        }
    }

    /// Applies a record to the book, journals it, and publishes what it caused.
    pub(super) fn commit(&mut self, record: Record) {
        let event_at = self.state.event_time(self.now);
        let entry = Entry {
            at: self.now,
            event_at,
            record,
        };
        let before = self.state.book.counters;
        let is_activity = matches!(
            entry.record,
            Record::Report { .. } | Record::Sent { .. } | Record::Adjustment { .. }
        );
        self.state.live.activity += u64::from(is_activity);
        let events = self.state.book.apply(&entry);
        self.effects.push(Effect::Journal(Box::new(entry)));
        for (gateway_seq, text) in events {
            self.effects.push(Effect::Publish { gateway_seq, text });
        }
        self.raise_alarms(before);
    }

    fn raise_alarms(&mut self, before: book::Counters) {
        let after = self.state.book.counters;
        let grown = [
            (
                "late_fill",
                before.late_fills,
                after.late_fills,
                "a fill arrived for an order that had ended",
            ),
            (
                "overfill",
                before.overfills,
                after.overfills,
                "an order was filled beyond its quantity; its instrument is halted",
            ),
            (
                "revived_order",
                before.revived,
                after.revived,
                "the venue knows an order that was held for never sent; it is cancelled",
            ),
            (
                "duplicate_fill",
                before.duplicate_fills,
                after.duplicate_fills,
                "a trade was told again under another order and not booked twice",
            ),
        ];
        for (name, old, new, detail) in grown {
            if new > old {
                self.alarm(name, detail.to_owned());
            }
        }
    }

    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        self.effects.push(Effect::Reply { request, reply });
    }

    pub(super) fn call(&mut self, context: CallContext, request: VenueCall) {
        self.state.live.last_call += 1;
        let call = self.state.live.last_call;
        self.state.live.calls.insert(call, context);
        self.effects.push(Effect::Call {
            call,
            request: Box::new(request),
        });
    }

    pub(super) fn alarm(&mut self, name: &'static str, detail: String) {
        self.effects.push(Effect::Alarm { name, detail });
    }
}
