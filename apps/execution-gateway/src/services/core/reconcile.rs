//! Reconciliation with the venue (C6, C7) and the count of executions seen on the user stream.

use std::collections::{BTreeMap, BTreeSet};

use rust_common::{InstrumentId, Money};

use super::book::base_currency;
use super::{CallContext, Turn};
use crate::models::record::Record;
use crate::models::venue::{Outcome, Parts, Snapshot, Sweep, VenueAnswer, VenueCall};

pub const SWEEP_EVERY_MS: i64 = 30_000;

/// Execution ids seen on the user stream. Contiguous per account on the simulated venue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Executions {
    /// Every execution up to here is journaled.
    pub watermark: u64,
    /// Seen beyond a gap.
    beyond: BTreeSet<u64>,
    first_since_up: Option<u64>,
    pub up_since_step: u64,
    began: bool,
}

impl Executions {
    pub fn starting_at(watermark: u64) -> Self {
        Self {
            watermark,
            ..Self::default()
        }
    }

    pub(super) fn stream_began(&mut self) {
        self.first_since_up = None;
        self.began = true;
    }

    pub(super) fn mark_up(&mut self, step: u64) {
        if self.began {
            self.up_since_step = step;
            self.began = false;
        }
    }

    pub(super) fn seen(&mut self, id: u64) {
        self.first_since_up = Some(self.first_since_up.map_or(id, |first| first.min(id)));
        if id > self.watermark {
            self.beyond.insert(id);
        }
        self.close_gap();
    }

    /// A reconciliation that began after the stream covers everything before its first event.
    pub(super) fn reconciled(&mut self, through: u64) {
        let before_stream = self
            .first_since_up
            .map_or(0, |first| first.saturating_sub(1));
        self.watermark = self.watermark.max(through).max(before_stream);
        self.close_gap();
    }

    fn close_gap(&mut self) {
        self.beyond = self.beyond.split_off(&(self.watermark + 1));
        while self.beyond.remove(&(self.watermark + 1)) {
            self.watermark += 1;
        }
    }
}

/// When to reconcile next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    pub is_due: bool,
    pub is_running: bool,
    pub not_before: i64,
    pub last_done_at: i64,
    /// Step at which the last finished reconciliation began.
    pub done_started_step: u64,
    pub failures: u32,
}

impl Turn<'_> {
    pub(super) fn plan_reconcile(&mut self) {
        let step = self.state.live.step_no;
        self.state.live.executions.mark_up(step);
        let schedule = &self.state.live.reconcile;
        let is_stale = self.now - schedule.last_done_at >= SWEEP_EVERY_MS;
        let is_wanted = schedule.is_due || is_stale || self.is_sync_waiting();
        let can_run = self.state.live.is_stream_up
            && !schedule.is_running
            && self.now >= schedule.not_before
            && !self.state.live.instruments.is_empty();
        if !is_wanted || !can_run {
            return;
        }
        self.state.live.reconcile.is_running = true;
        self.state.live.reconcile.is_due = false;
        let sweeps: Vec<Sweep> = self
            .state
            .live
            .instruments
            .keys()
            .map(|id| Sweep {
                instrument_id: id.clone(),
                after_trade_id: self.state.book.swept.get(id).copied(),
            })
            .collect();
        let is_baseline = sweeps.iter().any(|sweep| sweep.after_trade_id.is_none());
        let own_open = self
            .state
            .book
            .active
            .iter()
            .filter_map(|id| self.state.book.orders.get(id))
            .filter(|order| order.status.is_working() || order.has_missing_fills())
            .filter(|order| !matches!(order.role, crate::models::order::Role::ListParent(_)))
            .map(|o| {
                (
                    o.identity.instrument_id.clone(),
                    o.identity.client_order_id.clone(),
                )
            })
            .collect();
        let started_seq = self.state.book.gateway_seq;
        let context = CallContext::Reconcile {
            started_step: step,
            started_seq,
            is_baseline,
        };
        self.call(
            context,
            VenueCall::Reconcile {
                parts: Parts::ALL,
                sweeps,
                own_open,
            },
        );
    }

    pub(super) fn reconciled(&mut self, started_step: u64, is_baseline: bool, outcome: Outcome) {
        self.state.live.reconcile.is_running = false;
        let Outcome::Done(VenueAnswer::Snapshot(snapshot)) = outcome else {
            // Incomplete is not empty: nothing is concluded, it is asked again.
            let schedule = &mut self.state.live.reconcile;
            schedule.failures += 1;
            schedule.is_due = true;
            let base = if self.state.config.is_fast { 50 } else { 500 };
            schedule.not_before = self.now + (base << schedule.failures.min(5));
            return;
        };
        self.state.live.reconcile.failures = 0;
        self.state.live.reconcile.last_done_at = self.now;
        self.merge_snapshot(&snapshot, is_baseline);
        let is_current = started_step >= self.state.live.executions.up_since_step;
        self.state.live.reconcile.done_started_step = started_step;
        if !self.state.live.is_stream_up || !is_current {
            self.state.live.reconcile.is_due = true;
            return;
        }
        let through = self.syncs_covered(started_step);
        self.state.live.executions.reconciled(through);
        self.state.live.is_recovered = true;
        for report in std::mem::take(&mut self.state.live.buffer) {
            self.take_report(&report);
        }
        // Buffered events may have come before the first event the reconciliation did not see.
        self.state.live.executions.reconciled(through);
    }

    fn merge_snapshot(&mut self, snapshot: &Snapshot, is_baseline: bool) {
        self.state.live.balances.clone_from(&snapshot.balances);
        let swept: BTreeMap<InstrumentId, u64> = snapshot.swept.iter().cloned().collect();
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        if is_baseline {
            for instrument_id in &ids {
                if self.state.book.swept.contains_key(instrument_id) {
                    continue;
                }
                let base_total = self.held_at_venue(instrument_id);
                let trade_id = swept.get(instrument_id).copied().unwrap_or(0);
                let instrument_id = instrument_id.clone();
                self.commit(Record::Baseline {
                    instrument_id,
                    base_total,
                    trade_id,
                });
            }
        }
        for report in &snapshot.reports {
            self.take_report(report);
        }
        for id in &snapshot.missing {
            if !self.state.live.probes.contains_key(id) {
                self.start_probe(id, 0);
            }
        }
        for (instrument_id, trade_id) in swept {
            let known = self
                .state
                .book
                .swept
                .get(&instrument_id)
                .copied()
                .unwrap_or(0);
            if trade_id > known {
                self.commit(Record::Swept {
                    instrument_id,
                    trade_id,
                });
            }
        }
    }

    fn held_at_venue(&self, instrument_id: &InstrumentId) -> Money {
        let base = base_currency(instrument_id);
        self.state
            .live
            .balances
            .iter()
            .find(|balance| Some(&balance.asset) == base.as_ref())
            .and_then(|balance| balance.free.checked_add(balance.locked).ok())
            .unwrap_or(Money::ZERO)
    }

    /// Position by fills = position at the venue, else entries of the instrument stay closed.
    pub(super) fn check_positions(&mut self) {
        if !self.state.live.is_recovered {
            return;
        }
        let is_moving = self.state.book.active.iter().any(|id| {
            self.state
                .book
                .orders
                .get(id)
                .is_some_and(|order| order.has_missing_fills() || !order.status.is_working())
        });
        if is_moving {
            return;
        }
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        for id in ids {
            let shares_base = self
                .state
                .live
                .instruments
                .keys()
                .any(|other| *other != id && base_currency(other) == base_currency(&id));
            let held = self.held_at_venue(&id);
            let booked = self.state.book.base_held(&id);
            let gap = held.mantissa() - booked.mantissa();
            let entry = self
                .state
                .live
                .mismatches
                .entry(id.to_string())
                .or_insert((0, 0));
            let repeats = if gap != 0 && entry.0 == gap {
                entry.1 + 1
            } else {
                u32::from(gap != 0)
            };
            *entry = (gap, repeats);
            if !shares_base && repeats >= 2 && !self.state.book.halts.contains_key(&id) {
                let reason = format!("position differs: booked {booked}, at the venue {held}");
                self.alarm("reconcile_mismatch", format!("{id}: {reason}"));
                self.commit(Record::Halt {
                    instrument_id: id,
                    reason,
                });
            }
        }
    }
}
