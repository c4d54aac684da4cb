//! Reconciliation with the venue (C6, C7) and the count of executions seen on the user stream.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use rust_common::{ClientOrderId, InstrumentId, OrderStatus};

use super::{CallContext, State, Turn};
use crate::models::order::Role;
use crate::models::record::Record;
use crate::models::venue::{
    Lane, Outcome, Parts, Snapshot, Sweep, VenueAnswer, VenueCall, VenueReport, VenueStatus,
};
use crate::mutants::{Mutant, is_on};

/// Steady periods of open orders, trades and account (C7), and what they weigh per symbol.
const OPEN_EVERY_MS: i64 = 10_000;
const TRADES_EVERY_MS: i64 = 30_000;
const ACCOUNT_EVERY_MS: i64 = 60_000;
const WEIGHT_OPEN: i64 = 6;
const WEIGHT_TRADES: i64 = 20;
const WEIGHT_ACCOUNT: i64 = 20;
/// Two equal mismatches this far apart, and nothing in between, are one (C7).
pub(super) const CONFIRM_AFTER_MS: i64 = 5_000;

/// When to reconcile next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// All parts are wanted now.
    pub is_due: bool,
    pub is_running: bool,
    pub not_before: i64,
    /// Next time of each part.
    open_at: i64,
    trades_at: i64,
    account_at: i64,
    /// A mismatch is to be looked at again.
    pub(super) confirm_at: Option<i64>,
    /// Step at which the last finished reconciliation of all parts began.
    pub done_started_step: u64,
    pub failures: u32,
    round: u64,
}

/// What a running reconciliation began with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    pub step: u64,
    /// Without a newer one at its end the account stood still.
    pub activity: u64,
    pub parts: Parts,
    pub is_baseline: bool,
}

impl Schedule {
    fn parts_due(&self, now: i64) -> Parts {
        if self.confirm_at.is_some_and(|at| now >= at) {
            return Parts::ALL;
        }
        Parts {
            account: now >= self.account_at,
            open: now >= self.open_at,
            trades: now >= self.trades_at,
        }
    }

    pub(super) fn wakes(&self) -> impl Iterator<Item = i64> {
        let parts = [self.open_at, self.trades_at, self.account_at];
        parts
            .into_iter()
            .chain([self.not_before])
            .chain(self.confirm_at)
    }

    /// The next round of the parts that were done, apart by a tenth of their period: the jitter is
    /// a hash of the round, so a replay has the same.
    fn plan_next(&mut self, parts: Parts, now: i64, stretch: i64) {
        self.round += 1;
        if parts.open {
            self.open_at = now + jittered(OPEN_EVERY_MS * stretch, "open", self.round);
        }
        if parts.trades {
            self.trades_at = now + jittered(TRADES_EVERY_MS * stretch, "trades", self.round);
        }
        if parts.account {
            self.account_at = now + jittered(ACCOUNT_EVERY_MS * stretch, "account", self.round);
        }
        if parts == Parts::ALL {
            self.confirm_at = None;
        }
    }
}

fn jittered(period: i64, part: &str, round: u64) -> i64 {
    let digest = Sha256::digest(format!("{part}\n{round}"));
    let word = digest
        .iter()
        .take(4)
        .fold(0_i64, |word, byte| word << 8 | i64::from(*byte));
    let span = (period / 5).max(1);
    period - period / 10 + word % span
}

impl State {
    /// Factor on the periods that keeps reconciliation within a quarter of the request weight.
    fn stretch(&self) -> i64 {
        let symbols = i64::try_from(self.live.instruments.len()).unwrap_or(i64::MAX);
        let per_minute = |weight: i64, period: i64| weight * 60_000 / period;
        let of_symbols =
            per_minute(WEIGHT_OPEN, OPEN_EVERY_MS) + per_minute(WEIGHT_TRADES, TRADES_EVERY_MS);
        let of_account =
            per_minute(WEIGHT_ACCOUNT, ACCOUNT_EVERY_MS) + per_minute(WEIGHT_OPEN, OPEN_EVERY_MS);
        let needed = of_symbols.saturating_mul(symbols) + of_account;
        let allowed = (self.config.rules.weight_per_minute / 4).max(1);
        (needed + allowed - 1) / allowed
    }

    /// Own orders that the venue should know, open or with trades that we miss.
    fn own_open(&self) -> Vec<(InstrumentId, ClientOrderId)> {
        let orders = self.book.active.iter();
        orders
            .filter_map(|id| self.book.orders.get(id))
            .filter(|order| order.status.is_working() || order.has_missing_fills())
            .filter(|order| !matches!(order.role, Role::ListParent(_)))
            .map(|order| {
                let identity = &order.identity;
                let id = identity.client_order_id.clone();
                (identity.instrument_id.clone(), id)
            })
            .collect()
    }
}

impl Turn<'_> {
    pub(super) fn plan_reconcile(&mut self) {
        let step = self.state.live.step_no;
        self.state.live.executions.mark_up(step);
        let schedule = &self.state.live.reconcile;
        let is_full = schedule.is_due || !self.state.live.is_recovered || self.is_sync_waiting();
        let parts = if is_full {
            Parts::ALL
        } else {
            schedule.parts_due(self.now)
        };
        let can_run = self.state.live.is_stream_up
            && !schedule.is_running
            && self.now >= schedule.not_before
            && !self.state.live.instruments.is_empty()
            && self.state.can_call(Lane::Reconcile, self.now);
        if parts == Parts::default() || !can_run {
            return;
        }
        self.state.live.reconcile.is_running = true;
        self.state.live.reconcile.is_due = false;
        let ids = self.state.live.instruments.keys();
        let sweeps: Vec<Sweep> = ids
            .map(|id| Sweep {
                instrument_id: id.clone(),
                after_trade_id: self.state.book.swept.get(id).copied(),
            })
            .collect();
        let is_baseline = sweeps.iter().any(|sweep| sweep.after_trade_id.is_none());
        let mut parts = if is_baseline { Parts::ALL } else { parts };
        if is_on(Mutant::NoSweep) && !is_baseline {
            parts.trades = false;
        }
        let own_open = self.state.own_open();
        let started = Started {
            step,
            activity: self.state.live.activity,
            parts,
            is_baseline,
        };
        let call = VenueCall::Reconcile {
            parts,
            sweeps,
            own_open,
        };
        self.call(CallContext::Reconcile(started), call);
    }

    pub(super) fn reconciled(&mut self, started: &Started, outcome: Outcome) {
        self.state.live.reconcile.is_running = false;
        let Outcome::Done(VenueAnswer::Snapshot(snapshot)) = outcome else {
            return self.reconcile_failed(started);
        };
        let is_still = self.state.live.activity == started.activity;
        let stretch = self.state.stretch();
        let schedule = &mut self.state.live.reconcile;
        schedule.failures = 0;
        schedule.plan_next(started.parts, self.now, stretch);
        // After a recovery the account is compared even though the merge has booked what was
        // missed: entries wait for it (C6). Later a fill in between only makes us look again.
        let is_recovery = !self.state.live.is_recovered && self.state.live.buffer.is_empty();
        self.merge_snapshot(&snapshot, started);
        if started.parts == Parts::ALL {
            self.finish_recovery(started);
        }
        let is_unchanged = self.state.live.activity == started.activity;
        if started.parts.account && is_still && (is_recovery || is_unchanged) {
            self.check_positions();
        }
    }

    /// Incomplete is not empty: nothing is concluded, it is asked again.
    fn reconcile_failed(&mut self, started: &Started) {
        let base = if self.state.config.is_fast { 50 } else { 500 };
        let schedule = &mut self.state.live.reconcile;
        schedule.failures += 1;
        schedule.is_due |= started.parts == Parts::ALL;
        schedule.not_before = self.now + (base << schedule.failures.min(5));
        if self.state.live.is_stopping {
            self.note_final_reconcile();
        }
    }

    /// All parts are merged: if no gap has opened since they were asked for, the book is whole and
    /// the events that waited follow.
    fn finish_recovery(&mut self, started: &Started) {
        let is_current = started.step >= self.state.live.executions.up_since_step;
        self.state.live.reconcile.done_started_step = started.step;
        if !self.state.live.is_stream_up || !is_current {
            self.state.live.reconcile.is_due = true;
            return;
        }
        let through = self.syncs_covered(started.step);
        let live = &mut self.state.live;
        live.executions.reconciled(through);
        live.is_recovered = true;
        live.breaker.gap_since = None;
        for report in std::mem::take(&mut self.state.live.buffer) {
            if is_on(Mutant::DropBuffered) {
                continue;
            }
            self.take_report(&report);
        }
        // Buffered events may have come before the first event the reconciliation did not see.
        self.state.live.executions.reconciled(through);
        self.note_final_reconcile();
    }

    fn merge_snapshot(&mut self, snapshot: &Snapshot, started: &Started) {
        if started.parts.account {
            self.state.live.balances.clone_from(&snapshot.balances);
            let positions = &mut self.state.live.venue_positions;
            positions.clone_from(&snapshot.positions);
        }
        let swept: BTreeMap<InstrumentId, u64> = snapshot.swept.iter().cloned().collect();
        if started.is_baseline {
            self.take_baselines(&swept);
        }
        for report in &snapshot.reports {
            self.take_report(report);
        }
        if started.parts.open {
            self.find_zombies(&snapshot.reports);
        }
        for id in &snapshot.missing {
            let is_open = self.state.book.active.contains(id);
            if is_open && !self.state.live.probes.contains_key(id) {
                self.start_probe(id, 0);
            }
        }
        self.ask_for_listed(snapshot);
        for (instrument_id, trade_id) in swept {
            let known = self.state.book.swept.get(&instrument_id).copied();
            if trade_id > known.unwrap_or(0) {
                self.commit(Record::Swept {
                    instrument_id,
                    trade_id,
                });
            }
        }
    }

    /// A list that the venue holds open was accepted, whatever its reply was: its legs in doubt are
    /// asked for at once.
    fn ask_for_listed(&mut self, snapshot: &Snapshot) {
        let listed = snapshot.open_lists.iter().flat_map(|list| list.legs.iter());
        for id in listed {
            let order = self.state.book.orders.get(id);
            let is_doubtful = order.is_some_and(|order| order.status == OrderStatus::Unknown);
            if is_doubtful {
                self.start_probe(id, 0);
            }
        }
    }

    fn take_baselines(&mut self, swept: &BTreeMap<InstrumentId, u64>) {
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        for instrument_id in ids {
            if self.state.book.swept.contains_key(&instrument_id) {
                continue;
            }
            let base_total = self.state.held_at_venue(&instrument_id);
            let trade_id = swept.get(&instrument_id).copied().unwrap_or(0);
            self.commit(Record::Baseline {
                instrument_id,
                base_total,
                trade_id,
            });
        }
    }

    /// Orders that rest at the venue although our book holds them for ended: seen twice, they are
    /// cancelled, and entries of the instrument wait for an operator.
    fn find_zombies(&mut self, reports: &[VenueReport]) {
        let mut resting = BTreeSet::new();
        for report in reports {
            let is_open = matches!(report.status, VenueStatus::Working | VenueStatus::Triggered);
            let id = self.state.book.find_owner(report);
            let order = self.state.book.orders.get(&id);
            let has_ended = order.is_some_and(|order| order.status.is_terminal());
            if is_open && has_ended && report.trades.is_empty() {
                resting.insert(id);
            }
        }
        self.state.live.zombies.retain(|id, _| resting.contains(id));
        for id in resting {
            let now = self.now;
            let since = *self.state.live.zombies.entry(id.clone()).or_insert(now);
            if now - since >= CONFIRM_AFTER_MS {
                self.end_zombie(&id);
            }
        }
    }

    fn end_zombie(&mut self, id: &ClientOrderId) {
        let Some(order) = self.state.book.orders.get(id) else {
            return;
        };
        let instrument_id = order.identity.instrument_id.clone();
        let status: OrderStatus = order.status;
        let family = self.state.family_of(order);
        let reason = format!("{id} rests at the venue, but is {status} here");
        self.alarm("zombie_order", reason.clone());
        if !self.state.book.halts.contains_key(&instrument_id) {
            self.commit(Record::Halt {
                instrument_id: instrument_id.clone(),
                reason,
                evidence: vec![format!("open orders of the venue list {id} twice")],
            });
        }
        let call = VenueCall::Cancel {
            instrument_id,
            client_order_id: id.clone(),
            cancel_id: id.clone(),
            family,
        };
        self.call(CallContext::Cancel { id: id.clone() }, call);
    }
}
