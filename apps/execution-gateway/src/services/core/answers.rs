//! Outcomes of venue calls, by class (A8).

use rust_common::ClientOrderId;

use super::submit::Retry;
use super::{CallContext, Turn};
use crate::models::input::CallId;
use crate::models::record::Record;
use crate::models::venue::{Outcome, VenueAnswer, VenueReport};
use crate::mutants::{Mutant, is_on};

/// The venue refused a timestamp: definitive, so one more try is safe.
const WRONG_TIMESTAMP: i64 = -1021;

impl Turn<'_> {
    pub(super) fn answered(&mut self, call: CallId, outcome: Outcome) {
        let Some(context) = self.state.live.calls.remove(&call) else {
            return;
        };
        match context {
            CallContext::Place { ids } => {
                self.count_outcome(&outcome, true);
                self.placed(&ids, outcome);
            }
            CallContext::Cancel { id } => {
                self.count_outcome(&outcome, false);
                let targets = self.state.cancel_targets(&id);
                self.cancel_answered(&targets, outcome);
            }
            CallContext::CancelAll { ids } => {
                self.count_outcome(&outcome, false);
                self.cancel_answered(&ids, outcome);
            }
            CallContext::Amend { id } => {
                self.count_outcome(&outcome, false);
                self.amend_answered(&id, outcome);
            }
            CallContext::Query { id } => self.query_answered(&id, outcome),
            CallContext::Absence { id } => self.absence_answered(&id, outcome),
            CallContext::Reconcile(started) => self.reconciled(&started, outcome),
            CallContext::Test => self.test_answered(&outcome),
            CallContext::SyncClock => self.clock_answered(&outcome),
            CallContext::Countdown => self.countdown_answered(&outcome),
        }
    }

    fn placed(&mut self, ids: &[ClientOrderId], outcome: Outcome) {
        for id in ids {
            self.state.live.placing.remove(id);
        }
        let class = outcome.class().to_owned();
        let code = outcome.code();
        let mut resend = false;
        let detail = match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => {
                self.take_reply(reports);
                return;
            }
            Outcome::NotSent { detail } => {
                let first = ids.first().and_then(|id| self.state.book.orders.get(id));
                resend = first.is_some_and(|order| self.may_send_again(order));
                detail
            }
            Outcome::Refused { code, detail } => {
                resend = code == WRONG_TIMESTAMP && self.plan_retry(ids);
                detail
            }
            Outcome::Ambiguous { code, detail } => {
                resend = is_on(Mutant::BlindResend) && code != -1000
                    || is_on(Mutant::RetryServerError) && code == -1000;
                detail
            }
            Outcome::Missing | Outcome::Done(_) => "an answer of another kind".to_owned(),
        };
        let class = mutated_class(class, resend);
        self.commit(Record::Outcome {
            ids: ids.to_vec(),
            class,
            code,
            detail,
            resend,
        });
    }

    /// One more try after a refused timestamp, once the clock has been sampled anew.
    fn plan_retry(&mut self, ids: &[ClientOrderId]) -> bool {
        let Some(order) = ids.first().and_then(|id| self.state.book.orders.get(id)) else {
            return false;
        };
        let is_in_time = self.deadline_of(order).is_none_or(|at| self.now < at);
        let is_wanted = order.evidence.sends < 2 && is_in_time && !self.state.live.is_stopping;
        if is_wanted {
            let retry = Retry {
                refused_at: self.now,
                is_syncing: false,
            };
            let id = order.identity.client_order_id.clone();
            self.state.live.retries.insert(id, retry);
        }
        is_wanted
    }

    /// A reply tells at once that the order lives; its fills are booked from the user stream,
    /// which carries the execution ids, unless the stream is down.
    pub(super) fn take_reply(&mut self, reports: Vec<VenueReport>) -> String {
        for mut report in reports {
            if self.state.live.is_stream_up {
                report.trades.clear();
            }
            self.take_report(&report);
        }
        "the answer does not say how the order ended".to_owned()
    }

    fn query_answered(&mut self, id: &ClientOrderId, outcome: Outcome) {
        match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => {
                let is_about = |report: &VenueReport| self.state.book.find_owner(report) == *id;
                let is_hit = reports.iter().any(is_about);
                for report in &reports {
                    self.take_report(report);
                }
                if !is_hit {
                    // The id now names an outsider's order (A6): ours was not found.
                    return self.probe_missed(id);
                }
                self.judge_amendment(id);
                let settled = self.state.book.orders.get(id).is_some_and(|order| {
                    !order.has_missing_fills()
                        && (order.status.is_working() || order.status.is_terminal())
                        && (order.pending.is_cancel() || !order.pending.is_unknown())
                });
                if settled {
                    self.state.live.probes.remove(id);
                } else {
                    self.probe_again(id);
                }
            }
            Outcome::Missing => self.probe_missed(id),
            _ if is_on(Mutant::FailedQueryIsEmpty) => self.probe_missed(id),
            // A failed question is no answer.
            _ => self.probe_again(id),
        }
    }

    fn absence_answered(&mut self, id: &ClientOrderId, outcome: Outcome) {
        match outcome {
            Outcome::Done(VenueAnswer::Absent(true)) => self.absence_proven(id),
            Outcome::Done(VenueAnswer::Reports(reports)) => {
                let is_about = |report: &VenueReport| self.state.book.find_owner(report) == *id;
                let is_hit = reports.iter().any(is_about);
                for report in &reports {
                    self.take_report(report);
                }
                if is_hit {
                    self.absence_refuted(id);
                } else {
                    self.absence_proven(id);
                }
            }
            Outcome::Done(VenueAnswer::Absent(false)) => self.absence_refuted(id),
            _ if is_on(Mutant::FailedQueryIsEmpty) => self.absence_proven(id),
            _ => self.probe_again(id),
        }
    }

    fn clock_answered(&mut self, outcome: &Outcome) {
        if let Outcome::Done(VenueAnswer::Clock { offset_ms }) = outcome {
            self.state.note_clock(*offset_ms, self.now);
        }
        for retry in self.state.live.retries.values_mut() {
            retry.is_syncing = false;
        }
    }
}

/// The class as told; seeded bugs take a doubt for something else.
fn mutated_class(class: String, resend: bool) -> String {
    let is_doubt = class == "A";
    if is_doubt && is_on(Mutant::TimeoutRejects) {
        "D".to_owned()
    } else if is_doubt && (is_on(Mutant::AmbiguousIsNotSent) || resend) {
        "N".to_owned()
    } else {
        class
    }
}
