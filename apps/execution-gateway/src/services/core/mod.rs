//! The pure core: `step(state, input, now) -> effects`. No I/O, no clock, no randomness, and only
//! ordered maps, so the same inputs give the same effects on every machine.

pub mod answers;
pub mod apply;
pub mod book;
pub mod control;
pub mod guard;
pub mod making;
pub mod plan;
pub mod probe;
pub mod protection;
pub mod reconcile;
pub mod submit;
pub mod transitions;
pub mod view;
pub mod waiters;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_common::{AccountId, ClientOrderId, Instrument, InstrumentId, Price, UnixMillis};

use crate::models::input::{CallId, Effect, Input, Reply, RequestId};
use crate::models::record::{Entry, Record};
use crate::models::venue::{AssetBalance, StreamEvent, VenueCall, VenueReport};
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
    Query {
        id: ClientOrderId,
    },
    Absence {
        id: ClientOrderId,
    },
    Reconcile {
        started_step: u64,
        /// Last event when it began: without a newer one at its end the account stood still.
        started_seq: u64,
        is_baseline: bool,
    },
}

/// Everything that is not in the journal and starts empty.
#[derive(Debug, Clone)]
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
    pub calls: BTreeMap<CallId, CallContext>,
    pub next_call: CallId,
    pub probes: BTreeMap<ClientOrderId, probe::Probe>,
    /// Orders whose placing or cancelling call has not answered yet.
    pub placing: BTreeSet<ClientOrderId>,
    pub canceling: BTreeSet<ClientOrderId>,
    pub waiters: Vec<waiters::Waiter>,
    pub syncs: Vec<waiters::SyncWaiter>,
    pub kills: Vec<waiters::KillWaiter>,
    pub executions: reconcile::Executions,
    pub reconcile: reconcile::Schedule,
    /// Reports that arrived before the first reconciliation finished.
    pub buffer: Vec<VenueReport>,
    /// Acceptance times of the last minute.
    pub accepted_at: VecDeque<i64>,
    pub mismatches: BTreeMap<String, (i128, u32)>,
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
        let live = Live {
            step_no: 0,
            is_stream_up: false,
            is_recovered: false,
            is_stopping: false,
            damage: None,
            journal: Health::Good,
            instruments: BTreeMap::new(),
            prices: BTreeMap::new(),
            market_time: None,
            balances: Vec::new(),
            calls: BTreeMap::new(),
            next_call: 1,
            probes: BTreeMap::new(),
            placing: BTreeSet::new(),
            canceling: BTreeSet::new(),
            waiters: Vec::new(),
            syncs: Vec::new(),
            kills: Vec::new(),
            executions: reconcile::Executions::default(),
            reconcile: reconcile::Schedule::default(),
            buffer: Vec::new(),
            accepted_at: VecDeque::new(),
            mismatches: BTreeMap::new(),
            duplicate_reports: 0,
            clock_offset_ms: 0,
        };
        Self { config, book, live }
    }

    /// Orders may reach the venue.
    pub fn is_connected(&self) -> bool {
        self.live.is_stream_up && self.live.is_recovered && !self.live.is_stopping
    }

    /// Entries may be accepted.
    pub fn are_entries_open(&self) -> bool {
        self.is_connected()
            && self.live.damage.is_none()
            && self.live.journal == Health::Good
            && self.book.stop.is_none()
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
    });
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
            Input::Kill {
                request,
                level,
                reason,
            } => self.kill(request, level, &reason),
            Input::Resume { request, reason } => self.resume(request, &reason),
            Input::Answered { call, outcome } => self.answered(call, outcome),
            Input::Stream(event) => self.stream(event),
            Input::Facts {
                instruments,
                offset_ms,
            } => {
                self.state.live.clock_offset_ms = offset_ms;
                self.state.live.instruments = instruments
                    .into_iter()
                    .map(|i| (i.instrument_id.clone(), i))
                    .collect();
            }
            Input::Bar {
                instrument_id,
                close,
                closed_at,
                is_closed,
            } => {
                self.state
                    .live
                    .note_price(instrument_id, (close, closed_at));
                if is_closed {
                    let market_time = self.state.live.market_time;
                    self.state.live.market_time = market_time.max(Some(closed_at));
                }
            }
            Input::Journal(health) => self.state.live.journal = health,
            Input::ClockSync { offset_ms, .. } => self.state.live.clock_offset_ms = offset_ms,
            // The rules behind these follow with the breaker.
            Input::Amend { .. }
            | Input::Adjust { .. }
            | Input::Throttled { .. }
            | Input::Banned { .. }
            | Input::StreamSilent { .. }
            | Input::FileKill { .. }
            | Input::SignalKill { .. }
            | Input::KeyPermissions { .. }
            | Input::Tick => {}
            Input::Shutdown => self.shutdown(),
        }
    }

    fn stream(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Up => {
                self.state.live.is_stream_up = true;
                self.state.live.is_recovered = false;
                self.state.live.executions.stream_began();
                self.state.live.reconcile.is_due = true;
                self.state.live.reconcile.not_before = self.now;
            }
            StreamEvent::Down => {
                self.state.live.is_stream_up = false;
                self.state.live.is_recovered = false;
            }
            StreamEvent::Balances(changed) => {
                for balance in changed {
                    let known = &mut self.state.live.balances;
                    known.retain(|old| old.asset != balance.asset);
                    known.push(balance);
                }
                self.state
                    .live
                    .balances
                    .sort_by(|a, b| a.asset.cmp(&b.asset));
            }
            StreamEvent::Gap | StreamEvent::Transfer { .. } => {}
            StreamEvent::Execution(id) => self.state.live.executions.seen(id),
            StreamEvent::Report(report) => self.stream_report(*report),
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
        let known = self.state.book.orders.get(&report.client_order_id);
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
        let events = self.state.book.apply(&entry);
        self.effects.push(Effect::Journal(Box::new(entry)));
        for (gateway_seq, text) in events {
            self.effects.push(Effect::Publish { gateway_seq, text });
        }
        let after = self.state.book.counters;
        if after.late_fills > before.late_fills {
            self.alarm(
                "late_fill",
                "a fill arrived for an order that had ended".to_owned(),
            );
        }
        if after.overfills > before.overfills {
            self.alarm(
                "overfill",
                "an order was filled beyond its quantity".to_owned(),
            );
        }
    }

    pub(super) fn reply(&mut self, request: RequestId, reply: Reply) {
        self.effects.push(Effect::Reply { request, reply });
    }

    pub(super) fn call(&mut self, context: CallContext, request: VenueCall) {
        let call = self.state.live.next_call;
        self.state.live.next_call += 1;
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
