//! The pure core: `step(state, input, now) -> effects`. No I/O, no clock, no randomness, and only
//! ordered maps, so the same inputs give the same effects on every machine.

pub mod answers;
pub mod apply;
pub mod book;
pub mod breaker;
pub mod cancels;
pub mod control;
pub mod executions;
pub mod guard;
pub mod holdings;
pub mod making;
pub mod plan;
pub mod probe;
pub mod protection;
pub mod reconcile;
pub mod records;
pub mod state;
pub mod submit;
pub mod transitions;
pub mod upkeep;
pub mod view;
pub mod waiters;

#[cfg(test)]
mod tests;

use crate::models::input::{Effect, Input, Reply, RequestId};
use crate::models::record::{Entry, Record};
use crate::models::venue::{StreamEvent, VenueCall, VenueReport};
pub use state::{CallContext, CoreConfig, Live, Resting, Rules, State};

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
