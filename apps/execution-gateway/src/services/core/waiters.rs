//! Callers that wait: for an order to settle, for a synchronised position, for a stop to be done.

use std::collections::BTreeSet;

use serde_json::json;

use rust_common::{ClientOrderId, OrderStatus, OrderType};

use super::Turn;
use super::transitions::is_settled;
use crate::models::input::{Reply, RequestId};
use crate::models::order::{OrderState, Protection, Role};
use crate::models::problem::Problem;

const SYNC_DEADLINE_MS: i64 = 30_000;
/// After this long without the executions on the stream the venue is asked.
const SYNC_QUERY_AFTER_MS: i64 = 1_000;

/// What a waiter waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaiterKind {
    Submit,
    Cancel,
    Amend,
}

/// A caller waiting for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiter {
    pub request: RequestId,
    pub client_order_id: ClientOrderId,
    pub deadline: i64,
    pub kind: WaiterKind,
}

/// A caller of `/v1/sync`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncWaiter {
    pub request: RequestId,
    pub through: u64,
    pub since: i64,
    pub since_step: u64,
}

/// A caller of `/v1/kill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillWaiter {
    pub request: RequestId,
    pub deadline: i64,
    /// Orders that were open when the stop came.
    pub orders: BTreeSet<ClientOrderId>,
}

impl super::State {
    /// Whether a submitted order has reached a state its caller can act on.
    fn has_settled(&self, order: &OrderState) -> bool {
        if !is_settled(order) {
            return false;
        }
        match &order.role {
            Role::BracketEntry { protection, .. } => match protection {
                Protection::Wanted => false,
                Protection::Dropped => true,
                Protection::Made(ids) => [&ids.stop_id, &ids.target_id]
                    .into_iter()
                    .all(|id| self.book.orders.get(id).is_some_and(is_settled)),
            },
            _ => order.terms.order_type != OrderType::Market || order.status.is_terminal(),
        }
    }

    fn has_canceled(&self, id: &ClientOrderId) -> bool {
        self.cancel_targets(id).iter().all(|target| {
            self.book.orders.get(target).is_none_or(|order| {
                (order.status.is_terminal() && is_settled(order))
                    || (!order.pending.is_cancel() && is_settled(order))
            })
        })
    }

    /// No own order is in doubt or on its way, and no protection is waiting to be sent.
    pub fn is_quiescent(&self) -> bool {
        self.book
            .active
            .iter()
            .filter_map(|id| self.book.orders.get(id))
            .filter(|order| !order.identity.is_external)
            .filter(|order| !matches!(order.role, Role::ListParent(_)))
            .all(is_settled)
    }

    /// When the core must be stepped again although nothing happens. `now` is the time of the last
    /// step: what was due by then has been done or waits for an answer.
    pub fn next_wake(&self, now: i64) -> Option<i64> {
        let live = &self.live;
        let probes = live.probes.values();
        let questions = probes
            .clone()
            .filter(|probe| !probe.is_asking)
            .map(|probe| probe.next_at);
        let pages = probes.filter_map(super::probe::Probe::page_at);
        let waiters = live.waiters.iter().map(|waiter| waiter.deadline);
        let syncs = live.syncs.iter().flat_map(|sync| {
            [
                sync.since + SYNC_QUERY_AFTER_MS,
                sync.since + SYNC_DEADLINE_MS,
            ]
        });
        let kills = live.kills.iter().map(|kill| kill.deadline);
        let cancels = live.cancels.not_before.values().copied();
        questions
            .chain(pages)
            .chain(waiters)
            .chain(syncs)
            .chain(kills)
            .chain(cancels)
            .chain(self.retry_wakes())
            .chain(live.reconcile.wakes())
            .chain(live.breaker.wakes())
            .chain(self.upkeep_wakes())
            .filter(|at| *at > now)
            .min()
    }

    /// Deadlines of entries that wait for their one retry.
    fn retry_wakes(&self) -> impl Iterator<Item = i64> {
        let deadline_ms = self.config.rules.entry_deadline_ms;
        let ids = self.live.retries.keys();
        let orders = ids.filter_map(|id| self.book.orders.get(id));
        orders.map(move |order| order.born_at + deadline_ms)
    }
}

impl Turn<'_> {
    pub(super) fn begin_sync(&mut self, request: RequestId, through: u64) {
        let waiter = SyncWaiter {
            request,
            through,
            since: self.now,
            since_step: self.state.live.step_no,
        };
        self.state.live.syncs.push(waiter);
    }

    /// A sync whose executions do not come on the stream.
    pub(super) fn is_sync_waiting(&self) -> bool {
        let live = &self.state.live;
        live.syncs.iter().any(|sync| {
            sync.through > live.executions.watermark
                && self.now - sync.since >= SYNC_QUERY_AFTER_MS
                && live.reconcile.done_started_step <= sync.since_step
        })
    }

    /// The largest execution id that a reconciliation begun at this step has covered.
    pub(super) fn syncs_covered(&self, started_step: u64) -> u64 {
        let covered = self
            .state
            .live
            .syncs
            .iter()
            .filter(|sync| sync.since_step < started_step);
        covered.map(|sync| sync.through).max().unwrap_or(0)
    }

    pub(super) fn settle_waiters(&mut self) {
        self.settle_orders();
        self.settle_syncs();
        self.settle_kills();
    }

    fn settle_orders(&mut self) {
        let waiters = std::mem::take(&mut self.state.live.waiters);
        for waiter in waiters {
            let id = &waiter.client_order_id;
            let is_done = match waiter.kind {
                WaiterKind::Submit => self
                    .state
                    .book
                    .orders
                    .get(id)
                    .is_none_or(|o| self.state.has_settled(o)),
                WaiterKind::Cancel => self.state.has_canceled(id),
                WaiterKind::Amend => {
                    let order = self.state.book.orders.get(id);
                    order.is_none_or(|order| order.pending.is_none())
                }
            };
            if is_done || self.now >= waiter.deadline || self.state.live.is_stopping {
                let mut body = self.state.accepted_body(id);
                if waiter.kind != WaiterKind::Submit
                    && let Some(fields) = body.as_object_mut()
                {
                    fields.remove("children");
                }
                self.reply(waiter.request, Reply::Body { status: 202, body });
            } else {
                self.state.live.waiters.push(waiter);
            }
        }
    }

    fn settle_syncs(&mut self) {
        if self.state.live.syncs.is_empty() {
            return;
        }
        let is_quiescent = self.state.is_quiescent() && self.state.live.is_recovered;
        let syncs = std::mem::take(&mut self.state.live.syncs);
        for sync in syncs {
            let watermark = self.state.live.executions.watermark;
            if is_quiescent && watermark >= sync.through {
                let body = json!({
                    "gateway_seq": self.state.book.gateway_seq,
                    "through_execution_id": watermark,
                });
                self.reply(sync.request, Reply::ok(body));
            } else if self.now - sync.since >= SYNC_DEADLINE_MS || self.state.live.is_stopping {
                self.reply(sync.request, Reply::problem(self.sync_problem(&sync)));
            } else {
                self.state.live.syncs.push(sync);
            }
        }
    }

    fn sync_problem(&self, sync: &SyncWaiter) -> Problem {
        let open: Vec<String> = self
            .state
            .book
            .active
            .iter()
            .filter_map(|id| self.state.book.orders.get(id))
            .filter(|order| !is_settled(order))
            .map(|order| format!("{} {}", order.identity.client_order_id, order.status))
            .collect();
        let detail = format!(
            "executions are journaled up to {} of {}; open: [{}]",
            self.state.live.executions.watermark,
            sync.through,
            open.join(", ")
        );
        Problem::new(504, "sync-timeout", "Not synchronised within 30 s", detail)
            .next_step("check /v1/status for the venue link, then ask again")
    }

    fn settle_kills(&mut self) {
        let kills = std::mem::take(&mut self.state.live.kills);
        for kill in kills {
            let is_done = self
                .state
                .book
                .stop
                .as_ref()
                .is_none_or(|stop| stop.is_done);
            if is_done || self.now >= kill.deadline || self.state.live.is_stopping {
                let body = self.kill_body(&kill);
                self.reply(kill.request, Reply::ok(body));
            } else {
                self.state.live.kills.push(kill);
            }
        }
    }

    fn kill_body(&self, kill: &KillWaiter) -> serde_json::Value {
        let book = &self.state.book;
        let orders: Vec<&OrderState> = kill
            .orders
            .iter()
            .filter_map(|id| book.orders.get(id))
            .collect();
        let canceled = orders
            .iter()
            .filter(|order| order.status == OrderStatus::Canceled)
            .filter(|order| !matches!(order.role, Role::ListParent(_)))
            .count();
        let views: Vec<_> = orders
            .iter()
            .map(|order| self.state.order_view(order))
            .collect();
        json!({
            "trading_state": book.trading_state(),
            "level": book.stop.as_ref().map(|stop| stop.level),
            "canceled": canceled,
            "orders": views,
        })
    }
}
