//! What has to be done by the clock: checkpoints, ageing of keys, the dead-man switch, shutdown.

use std::collections::BTreeMap;

use rust_common::InstrumentId;

use super::transitions::is_closed;
use super::{CallContext, Resting, State, Turn};
use crate::models::order::Role;
use crate::models::record::Record;
use crate::models::venue::{Lane, Outcome, VenueCall};

const CHECKPOINT_EVERY_MS: i64 = 3_600_000;
/// Old keys are looked for this often.
const AGE_EVERY_MS: i64 = 86_400_000;

/// Times of regular work in this run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upkeep {
    aged_at: Option<i64>,
    /// Last renewal of the dead-man switch per instrument.
    renewed_at: BTreeMap<InstrumentId, i64>,
    shutdown: Option<Ending>,
}

/// A shutdown under way (C9).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ending {
    /// What has not been answered by then stays open in the journal.
    deadline: i64,
    is_reconciling: bool,
    is_reconciled: bool,
    has_ended: bool,
}

impl State {
    /// The epoch is closed: the process may exit.
    pub fn has_ended(&self) -> bool {
        let ending = self.live.upkeep.shutdown.as_ref();
        ending.is_some_and(|ending| ending.has_ended)
    }

    pub(super) fn upkeep_wakes(&self) -> Vec<i64> {
        let upkeep = &self.live.upkeep;
        let mut wakes = vec![self.book.checkpoint_at + CHECKPOINT_EVERY_MS];
        wakes.extend(upkeep.aged_at.map(|at| at + AGE_EVERY_MS));
        if let Some(countdown) = self.config.rules.countdown_ms {
            wakes.extend(upkeep.renewed_at.values().map(|at| at + countdown / 4));
        }
        wakes.extend(upkeep.shutdown.as_ref().map(|ending| ending.deadline));
        wakes
    }

    fn is_in_flight(&self) -> bool {
        let live = &self.live;
        let is_sent = !live.placing.is_empty() || !live.amending.is_empty();
        is_sent || !live.canceling.is_empty()
    }

    /// Orders that the shutdown policy wants gone.
    fn rests_unwanted(&self) -> bool {
        self.config.rules.resting_at_shutdown == Resting::Cancel
            && self.book.active.iter().any(|id| {
                let order = self.book.orders.get(id);
                order.is_some_and(|order| {
                    order.status.is_working() && !matches!(order.role, Role::ListParent(_))
                })
            })
    }
}

impl Turn<'_> {
    pub(super) fn plan_upkeep(&mut self) {
        self.plan_ageing();
        self.plan_checkpoint();
        self.plan_countdown();
        self.plan_shutdown();
    }

    /// Drops keys older than the venue's own archive (C4), by the time of the journal.
    fn plan_ageing(&mut self) {
        let aged_at = self.state.live.upkeep.aged_at.get_or_insert(self.now);
        if self.now - *aged_at < AGE_EVERY_MS {
            return;
        }
        *aged_at = self.now;
        let before = self.now - self.state.config.rules.key_retention_ms;
        let book = &self.state.book;
        let is_done = |id| book.orders.get(id).is_none_or(is_closed);
        let mut keys = book.keys.values();
        if keys.any(|known| known.at < before && is_done(&known.client_order_id)) {
            self.commit(Record::KeysDropped { before });
        }
    }

    /// The hash lets a later replay prove that it arrived at the same book (I9).
    fn plan_checkpoint(&mut self) {
        let book = &self.state.book;
        if book.last_at == 0 || self.now - book.checkpoint_at < CHECKPOINT_EVERY_MS {
            return;
        }
        self.checkpoint();
    }

    fn checkpoint(&mut self) {
        let state_hash = self.state.book.state_hash();
        self.commit(Record::Checkpoint { state_hash });
    }

    /// Renews the venue's dead-man switch every quarter of its countdown (C8).
    fn plan_countdown(&mut self) {
        let Some(countdown_ms) = self.state.config.rules.countdown_ms else {
            return;
        };
        let may_call = self.state.can_call(Lane::Exit, self.now);
        if !self.state.is_connected() || !may_call {
            return;
        }
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        for instrument_id in ids {
            let renewed = &mut self.state.live.upkeep.renewed_at;
            let last = renewed.get(&instrument_id);
            if last.is_some_and(|at| self.now - at < countdown_ms / 4) {
                continue;
            }
            renewed.insert(instrument_id.clone(), self.now);
            let call = VenueCall::Countdown {
                instrument_id,
                countdown_ms,
            };
            self.call(CallContext::Countdown, call);
        }
    }

    pub(super) fn countdown_answered(&mut self, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Done(_)) {
            let class = outcome.class();
            let detail = format!("the dead-man switch was not renewed: class {class}");
            self.alarm("countdown", detail);
        }
    }

    /// Stops the intake: entries still queued are recalled, what is in flight gets until the
    /// horizon, and what is open by then stays open in the journal.
    pub(super) fn shutdown(&mut self) {
        if self.state.live.upkeep.shutdown.is_some() {
            return;
        }
        self.state.live.is_stopping = true;
        self.state.live.upkeep.shutdown = Some(Ending {
            deadline: self.now + self.state.config.horizon_ms,
            is_reconciling: false,
            is_reconciled: false,
            has_ended: false,
        });
        self.recall_entries();
        if self.state.config.rules.countdown_ms.is_some() {
            self.stop_countdown();
        }
        if self.state.config.rules.resting_at_shutdown == Resting::Cancel {
            let active: Vec<_> = self.state.book.active.iter().cloned().collect();
            for id in active {
                self.begin_cancel(&id);
            }
        }
    }

    /// An orderly end is no death: what rests by policy is left alone.
    fn stop_countdown(&mut self) {
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        for instrument_id in ids {
            let call = VenueCall::Countdown {
                instrument_id,
                countdown_ms: 0,
            };
            self.call(CallContext::Countdown, call);
        }
    }

    fn plan_shutdown(&mut self) {
        let Some(mut ending) = self.state.live.upkeep.shutdown.clone() else {
            return;
        };
        if ending.has_ended {
            return;
        }
        let is_late = self.now >= ending.deadline;
        let is_busy = self.state.is_in_flight() || self.state.rests_unwanted();
        if !is_busy && !ending.is_reconciling && self.state.live.is_stream_up {
            ending.is_reconciling = true;
            self.state.live.reconcile.is_due = true;
            self.state.live.reconcile.not_before = self.now;
            self.state.live.upkeep.shutdown = Some(ending.clone());
            self.plan_reconcile();
        }
        let can_reconcile = self.state.live.is_stream_up;
        let is_done = !is_busy && (ending.is_reconciled || !can_reconcile);
        if is_done || is_late {
            ending.has_ended = true;
            self.checkpoint();
            self.commit(Record::Shutdown);
        }
        self.state.live.upkeep.shutdown = Some(ending);
    }

    /// A reconciliation begun in the shutdown has finished.
    pub(super) fn note_final_reconcile(&mut self) {
        if let Some(ending) = &mut self.state.live.upkeep.shutdown {
            ending.is_reconciled |= ending.is_reconciling;
        }
    }
}
