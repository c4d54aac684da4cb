//! The four stops (K32), resuming, and adjustments by hand.

use serde_json::json;
use sha2::{Digest, Sha256};

use rust_common::{
    ApprovedOrder, ClientOrderId, Currency, InstrumentId, Intent, Money, OrderSide, StopLevel,
    UnixMillis,
};

use super::waiters::KillWaiter;
use super::{CallContext, Turn};
use crate::models::input::{Effect, Reply, RequestId};
use crate::models::order::Role;
use crate::models::problem::Problem;
use crate::models::record::{Cause, Record};
use crate::models::venue::Lane;

const KILL_DEADLINE_MS: i64 = 10_000;
/// A flatten order is tried at most this often per instrument and stop.
const FLATTEN_ATTEMPTS: u8 = 5;

impl Turn<'_> {
    pub(super) fn kill(&mut self, request: RequestId, level: StopLevel, reason: &str) {
        let orders = self.state.book.active.clone();
        self.stop(level, reason);
        let deadline = self.now + KILL_DEADLINE_MS;
        self.state.live.kills.push(KillWaiter {
            request,
            deadline,
            orders,
        });
    }

    /// The kill file is there, or gone; going away resumes nothing.
    pub(super) fn file_kill(&mut self, level: Option<StopLevel>) {
        self.state.live.breaker.file_kill = level;
        if let Some(level) = level {
            self.stop(level, "the kill file exists");
        }
    }

    /// Stops trading at a level, from whatever source. A stop is only ever made harder; `resume`
    /// is the way back.
    pub(super) fn stop(&mut self, level: StopLevel, reason: &str) {
        let current = self.state.book.stop.as_ref().map(|stop| stop.level);
        if current.is_none_or(|current| current < level) {
            self.commit(Record::Stop {
                level,
                reason: reason.to_owned(),
            });
        }
        self.recall_entries();
    }

    /// Entries that still wait in a queue must not leave any more (I11).
    pub(super) fn recall_entries(&mut self) {
        let is_entry = |id: &ClientOrderId| {
            let order = self.state.book.orders.get(id);
            order.is_some_and(|order| order.identity.intent == Intent::Open)
        };
        let mut calls = Vec::new();
        for (call, context) in &self.state.live.calls {
            if let CallContext::Place { ids } = context
                && ids.iter().any(is_entry)
            {
                calls.push(*call);
            }
        }
        for call in calls {
            self.effects.push(Effect::Recall { call });
        }
    }

    pub(super) fn resume(&mut self, request: RequestId, reason: &str) {
        if let Some(level) = self.state.live.breaker.file_kill {
            let detail = format!("the kill file still asks for {level:?}");
            let problem = Problem::new(409, "kill-file", "Trading stays stopped", detail)
                .next_step("remove the kill file, then resume");
            return self.reply(request, Reply::problem(problem));
        }
        self.state.live.damage = None;
        self.state.live.mismatches.clear();
        self.state.live.zombies.clear();
        let book = &self.state.book;
        let is_stopped = book.stop.is_some() || book.damage.is_some() || book.forgotten.is_some();
        if is_stopped || !book.halts.is_empty() {
            self.commit(Record::Resume {
                reason: reason.to_owned(),
            });
            self.state.live.reconcile.is_due = true;
        }
        let body = json!({ "trading_state": self.state.book.trading_state() });
        self.reply(request, Reply::ok(body));
    }

    /// An operator explains a difference.
    pub(super) fn adjust(
        &mut self,
        request: RequestId,
        asset: &Currency,
        amount: Money,
        (cause, reason): (Cause, String),
    ) {
        let reference = format!("operator-{}-{}", self.now, self.state.live.step_no);
        self.commit(Record::Adjustment {
            asset: asset.clone(),
            amount,
            cause,
            reference,
            reason,
        });
        let held = self.state.book.asset_held(asset);
        let body = json!({ "asset": asset, "booked": held });
        self.reply(request, Reply::ok(body));
    }

    /// Funds came or went without an order.
    pub(super) fn transfer(&mut self, asset: Currency, amount: Money, reference: String) {
        if self.state.book.references.contains(&reference) {
            self.state.live.duplicate_reports += 1;
            return;
        }
        let cause = if amount < Money::ZERO {
            Cause::Withdrawal
        } else {
            Cause::Deposit
        };
        self.commit(Record::Adjustment {
            asset,
            amount,
            cause,
            reference,
            reason: "told by the venue".to_owned(),
        });
    }

    /// Carries a stop on: flattens once nothing rests, and says so when it is done.
    pub(super) fn plan_stop(&mut self) {
        let Some(stop) = self.state.book.stop.clone() else {
            return;
        };
        let may_call = self.state.can_call(Lane::Exit, self.now);
        if stop.is_done || !self.state.is_connected() || !may_call {
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
        let is_short = position < Money::ZERO;
        if is_short && !self.state.config.rules.is_derivative {
            return None; // Spot sold what it held before; there is no position to close.
        }
        let size = Money::from_mantissa(position.mantissa().abs());
        let quantity = size.floor_to_step(instrument.step_size).ok()?;
        if quantity.is_zero() || quantity < instrument.min_quantity {
            return None;
        }
        let order_side = if is_short {
            OrderSide::Buy
        } else {
            OrderSide::Sell
        };
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
                "order_type": "MARKET", "order_side": order_side, "quantity": quantity,
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
