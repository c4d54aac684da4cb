//! Outcomes of venue calls, by class (A8).

use rust_common::ClientOrderId;

use super::{CallContext, Turn};
use crate::models::input::CallId;
use crate::models::record::Record;
use crate::models::venue::{Outcome, VenueAnswer, VenueReport};

impl Turn<'_> {
    pub(super) fn answered(&mut self, call: CallId, outcome: Outcome) {
        let Some(context) = self.state.live.calls.remove(&call) else {
            return;
        };
        match context {
            CallContext::Place { ids } => self.placed(&ids, outcome),
            CallContext::Cancel { id } => self.cancel_answered(&id, outcome),
            CallContext::Query { id } => self.query_answered(&id, outcome),
            CallContext::Absence { id } => match outcome {
                Outcome::Done(VenueAnswer::Absent(true)) => self.absence_proven(&id),
                Outcome::Done(VenueAnswer::Absent(false)) => {
                    if let Some(probe) = self.state.live.probes.get_mut(&id) {
                        probe.misses = 0;
                    }
                    self.probe_again(&id);
                }
                _ => self.probe_again(&id),
            },
            CallContext::Reconcile {
                started_step,
                started_seq,
                is_baseline,
            } => {
                self.reconciled(started_step, is_baseline, outcome);
                if self.state.book.gateway_seq == started_seq {
                    self.check_positions();
                }
            }
        }
    }

    fn placed(&mut self, ids: &[ClientOrderId], outcome: Outcome) {
        for id in ids {
            self.state.live.placing.remove(id);
        }
        let class = outcome.class().to_owned();
        let code = outcome.code();
        let (detail, resend) = match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => return self.take_reply(reports),
            Outcome::NotSent { detail } => {
                let first = ids.first().and_then(|id| self.state.book.orders.get(id));
                let resend = first.is_some_and(|order| self.may_send_again(order));
                (detail, resend)
            }
            Outcome::Refused { detail, .. } | Outcome::Ambiguous { detail, .. } => (detail, false),
            Outcome::Missing | Outcome::Done(_) => ("an answer of another kind".to_owned(), false),
        };
        self.commit(Record::Outcome {
            ids: ids.to_vec(),
            class,
            code,
            detail,
            resend,
        });
    }

    /// A reply tells at once that the order lives; its fills are booked from the user stream,
    /// which carries the execution ids, unless the stream is down.
    fn take_reply(&mut self, reports: Vec<VenueReport>) {
        for mut report in reports {
            if self.state.live.is_stream_up {
                report.trades.clear();
            }
            self.take_report(&report);
        }
    }

    fn cancel_answered(&mut self, id: &ClientOrderId, outcome: Outcome) {
        for target in self.state.cancel_targets(id) {
            self.state.live.canceling.remove(&target);
        }
        let class = outcome.class().to_owned();
        let code = outcome.code();
        let detail = match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => return self.take_reply(reports),
            Outcome::NotSent { detail }
            | Outcome::Refused { detail, .. }
            | Outcome::Ambiguous { detail, .. } => detail,
            Outcome::Missing => "the venue knows no such open order".to_owned(),
            Outcome::Done(_) => "an answer of another kind".to_owned(),
        };
        if class == "D" {
            self.alarm("cancel_refused", format!("{id}: {code} {detail}"));
        }
        for target in self.state.cancel_targets(id) {
            let is_open = self
                .state
                .book
                .orders
                .get(&target)
                .is_some_and(|order| order.pending_cancel.is_some());
            if is_open {
                self.commit(Record::CancelOutcome {
                    id: target.clone(),
                    class: class.clone(),
                    code,
                    detail: detail.clone(),
                });
                // The order may have ended before the cancel: ask, then cancel again if it lives.
                let delay = if class == "Q" { 0 } else { 50 };
                self.start_probe(&target, delay);
            }
        }
    }

    fn query_answered(&mut self, id: &ClientOrderId, outcome: Outcome) {
        match outcome {
            Outcome::Done(VenueAnswer::Reports(reports)) => {
                for report in &reports {
                    self.take_report(report);
                }
                let settled = self.state.book.orders.get(id).is_some_and(|order| {
                    !order.has_missing_fills()
                        && (order.status.is_working() || order.status.is_terminal())
                });
                if settled {
                    self.state.live.probes.remove(id);
                } else {
                    self.probe_again(id);
                }
            }
            Outcome::Missing => self.probe_missed(id),
            _ => self.probe_again(id),
        }
    }
}
