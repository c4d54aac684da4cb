//! The four stops (K32) and shutdown.

use serde_json::json;
use sha2::{Digest, Sha256};

use rust_common::{ApprovedOrder, InstrumentId, OrderSide, StopLevel, UnixMillis};

use super::Turn;
use super::waiters::KillWaiter;
use crate::models::input::{Reply, RequestId};
use crate::models::order::Role;
use crate::models::record::Record;

const KILL_DEADLINE_MS: i64 = 10_000;
/// A flatten order is tried at most this often per instrument and stop.
const FLATTEN_ATTEMPTS: u8 = 5;

impl Turn<'_> {
    pub(super) fn kill(&mut self, request: RequestId, level: StopLevel, reason: &str) {
        let orders = self.state.book.active.clone();
        // A stop is only ever made harder; `resume` is the way back.
        let current = self.state.book.stop.as_ref().map(|stop| stop.level);
        if current.is_none_or(|current| current < level) {
            self.commit(Record::Stop {
                level,
                reason: reason.to_owned(),
            });
        }
        let deadline = self.now + KILL_DEADLINE_MS;
        self.state.live.kills.push(KillWaiter {
            request,
            deadline,
            orders,
        });
    }

    pub(super) fn resume(&mut self, request: RequestId, reason: &str) {
        self.state.live.damage = None;
        self.state.live.mismatches.clear();
        if self.state.book.stop.is_some() || !self.state.book.halts.is_empty() {
            self.commit(Record::Resume {
                reason: reason.to_owned(),
            });
        }
        let body = json!({ "trading_state": self.state.book.trading_state() });
        self.reply(request, Reply::ok(body));
    }

    pub(super) fn shutdown(&mut self) {
        self.state.live.is_stopping = true;
        self.commit(Record::Shutdown);
    }

    /// Carries a stop on: flattens once nothing rests, and says so when it is done.
    pub(super) fn plan_stop(&mut self) {
        let Some(stop) = self.state.book.stop.clone() else {
            return;
        };
        if stop.is_done || !self.state.is_connected() {
            return;
        }
        let is_open = self.state.book.active.iter().any(|id| {
            self.state.book.orders.get(id).is_some_and(|order| {
                !matches!(order.role, Role::ListParent(_)) && !order.status.is_terminal()
            })
        });
        if is_open {
            return;
        }
        let flattening = stop.level == StopLevel::Flatten && self.flatten(stop.seq);
        if !flattening {
            self.commit(Record::StopDone);
        }
    }

    /// Sends a market exit for each position; true while one is on its way.
    fn flatten(&mut self, stop_seq: u64) -> bool {
        let ids: Vec<InstrumentId> = self.state.live.instruments.keys().cloned().collect();
        let mut is_busy = false;
        for instrument_id in ids {
            for attempt in 0..FLATTEN_ATTEMPTS {
                let Some(order) = self.exit_order(&instrument_id, stop_seq, attempt) else {
                    break;
                };
                if self.state.book.keys.contains_key(&order.idempotency_key()) {
                    continue;
                }
                self.send_exit(order);
                is_busy = true;
                break;
            }
        }
        is_busy
    }

    fn send_exit(&mut self, order: ApprovedOrder) {
        let (Ok(id), Ok(body_hash)) = (order.client_order_id(), order.body_hash()) else {
            return;
        };
        self.commit(Record::Intent {
            key: order.idempotency_key(),
            body_hash,
            approved: Box::new(order),
            denial: None,
        });
        self.send(&id);
    }

    /// A market order over the whole position in steps; `None` when there is none.
    fn exit_order(
        &self,
        instrument_id: &InstrumentId,
        stop_seq: u64,
        attempt: u8,
    ) -> Option<ApprovedOrder> {
        let instrument = self.state.live.instruments.get(instrument_id)?;
        let position = self.state.book.positions.get(instrument_id).copied()?;
        let quantity = position.floor_to_step(instrument.step_size).ok()?;
        if quantity.is_zero() || quantity < instrument.min_quantity {
            return None;
        }
        let account = &self.state.config.account;
        let seed = format!("{account}\nflatten\n{instrument_id}\n{stop_seq}");
        let at = UnixMillis::new(self.now).ok()?;
        let body = json!({
            "schema": 1,
            "account": account,
            "strategy": "gateway",
            "decision_id": hex::encode(Sha256::digest(seed)),
            "leg": "exit",
            "attempt": attempt,
            "instrument_id": instrument_id,
            "order": {
                "order_type": "MARKET", "order_side": OrderSide::Sell, "quantity": quantity,
            },
            "intent": "reduce",
            "risk_digest": "",
            "issued_at": at,
            "expires_at": at,
        });
        let text = rust_common::canonical_json(&body).ok()?;
        ApprovedOrder::from_canonical(text.as_bytes()).ok()
    }
}
