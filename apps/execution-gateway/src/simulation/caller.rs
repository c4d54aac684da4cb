//! The caller: a model of the orchestrator. It submits, cancels, synchronises, stops, repeats its
//! keys when it has no answer, and writes down what it did and saw.

use std::collections::BTreeMap;

use rust_common::client_order_id::OrderKey;
use rust_common::{ApprovedOrder, ClientOrderId, Leg, OrderSide, StopLevel, canonical_json};
use serde_json::{Value, json};

use super::faults::Fault;
use super::history::Moment;
use super::plan::{Deed, Wish};
use super::venue::answers::EPOCH_MS;
use super::world::{Event, World};
use crate::models::input::{Input, Query, Reply};

const PATIENCE_MS: i64 = 6_000;
const TRIES: u32 = 4;

/// An order that was submitted, and how often.
#[derive(Debug, Clone)]
pub struct Submission {
    pub order: ApprovedOrder,
    pub key: String,
    pub id: ClientOrderId,
    pub ids: Vec<String>,
    pub wait_ms: i64,
    pub tries: u32,
    pub is_settled: bool,
    /// Nothing of it is asked again after the journal was lost under it.
    pub is_given_up: bool,
}

/// A request on its way or waiting for its answer.
#[derive(Debug, Clone)]
pub enum Ask {
    Submit(usize),
    Cancel(ClientOrderId),
    Sync(u64),
    Read,
    Kill(StopLevel),
    Resume,
}

#[derive(Debug, Default)]
pub struct Caller {
    pub submissions: Vec<Submission>,
    pub open: BTreeMap<u64, Ask>,
    pub log: Vec<Moment>,
    next_request: u64,
}

/// Cents, a share of the price in per mille.
fn share(price: i64, per_mille: i64) -> i64 {
    price + (price / 1_000) * per_mille
}

fn cents(value: i64) -> String {
    let value = value.max(1);
    format!("{}.{:02}", value / 100, value % 100)
}

fn steps(value: i64) -> String {
    format!("{}.{:05}", value / 100_000, value % 100_000)
}

/// The order's JSON at a price in cents.
fn order_json(wish: Wish, price: i64, quantity: i64) -> (Value, &'static str) {
    let quantity = steps(quantity);
    let intent = |side| {
        if side == OrderSide::Buy {
            "open"
        } else {
            "reduce"
        }
    };
    match wish {
        Wish::Market { side } => (
            json!({ "order_type": "MARKET", "order_side": side, "quantity": quantity }),
            intent(side),
        ),
        Wish::Limit {
            side,
            away,
            time_in_force,
        } => (
            json!({
                "order_type": "LIMIT", "order_side": side, "quantity": quantity,
                "price": cents(share(price, away)), "time_in_force": time_in_force,
            }),
            intent(side),
        ),
        Wish::Stop { side, away } => (
            json!({
                "order_type": "STOP_MARKET", "order_side": side, "quantity": quantity,
                "trigger_price": cents(share(price, away)),
            }),
            intent(side),
        ),
        Wish::Bracket { stop, target } => (
            json!({
                "order_type": "BRACKET", "order_side": "BUY", "quantity": quantity,
                "stop_offset": cents((price / 1_000) * stop),
                "target_offset": cents((price / 1_000) * target),
            }),
            "open",
        ),
        Wish::Oco { stop, target } => (
            json!({
                "order_type": "OCO", "order_side": "SELL", "quantity": quantity,
                "trigger_price": cents(share(price, -stop)), "price": cents(share(price, target)),
            }),
            "reduce",
        ),
    }
}

impl World {
    pub(super) fn do_deed(&mut self, index: usize) {
        let Some(operation) = self.plan.operations.get(index).copied() else {
            return;
        };
        match operation.deed {
            Deed::Submit {
                market,
                wish,
                lots,
                wait_ms,
            } => {
                if let Some(made) = self.make(index, market, wish, lots, wait_ms) {
                    self.caller.submissions.push(made);
                    let last = self.caller.submissions.len() - 1;
                    self.submit_again(last);
                }
            }
            Deed::Cancel { back } => {
                let count = self.caller.submissions.len();
                let wanted = count.checked_sub(back + 1);
                let found = wanted.and_then(|at| self.caller.submissions.get(at));
                if let Some(id) = found.map(|submission| submission.id.clone()) {
                    self.ask(Ask::Cancel(id));
                }
            }
            Deed::Sync => {
                let through = self.venue.next_execution - 1;
                self.ask(Ask::Sync(through));
            }
            Deed::Read => self.ask(Ask::Read),
            Deed::Kill { level } => self.ask(Ask::Kill(level)),
            Deed::Resume => self.ask(Ask::Resume),
        }
    }

    fn make(
        &self,
        number: usize,
        market: usize,
        wish: Wish,
        lots: i64,
        wait_ms: i64,
    ) -> Option<Submission> {
        let entry = self.venue.markets.get(market)?;
        // One lot is worth about a hundred.
        let lot = (1_000_000_000 / entry.price).max(1);
        let (order, intent) = order_json(wish, entry.price, lot * lots);
        let seed = format!("{:016x}{number:048x}", self.plan.seed);
        let at = rust_common::UnixMillis::new(EPOCH_MS + self.now).ok()?;
        let expires = rust_common::UnixMillis::new(EPOCH_MS + self.now + 60_000).ok()?;
        let body = json!({
            "schema": 1, "account": "paper-1", "strategy": "model", "decision_id": seed,
            "leg": "main", "attempt": 0, "instrument_id": entry.instrument.instrument_id,
            "order": order, "intent": intent, "risk_digest": "", "issued_at": at,
            "expires_at": expires,
        });
        let text = canonical_json(&body).ok()?;
        let order = ApprovedOrder::from_canonical(text.as_bytes()).ok()?;
        let id = order.client_order_id().ok()?;
        let mut ids = vec![id.to_string()];
        let key: OrderKey<'_> = order.order_key();
        for child in ["main.stop", "main.target"] {
            let child = Leg::new(child).and_then(|leg| key.client_order_id(&leg, 0));
            ids.extend(child.ok().map(|id| id.to_string()));
        }
        let key = order.idempotency_key();
        let (tries, is_settled, is_given_up) = (0, false, false);
        Some(Submission {
            order,
            key,
            id,
            ids,
            wait_ms,
            tries,
            is_settled,
            is_given_up,
        })
    }

    pub(super) fn submit_again(&mut self, index: usize) {
        let Some(submission) = self.caller.submissions.get_mut(index) else {
            return;
        };
        if submission.is_given_up {
            return;
        }
        submission.tries += 1;
        let (key, ids) = (submission.key.clone(), submission.ids.clone());
        self.caller.log.push(Moment::Invoke { key, ids });
        self.ask(Ask::Submit(index));
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.caller.next_request += 1;
        let request = self.caller.next_request;
        self.say(|| format!("caller > {request} {ask:?}"));
        self.caller.open.insert(request, ask);
        let wait = self.random.between(1, 5);
        if self.now >= self.conditions.caller_cut_until || self.random.chance(50) {
            self.after(wait, Event::Ask(request));
        }
        self.after(PATIENCE_MS, Event::GiveUp(request));
    }

    /// A request reaches the gateway; a dead gateway refuses connections.
    pub(super) fn ask_arrives(&mut self, request: u64) {
        let Some(ask) = self.caller.open.get(&request).cloned() else {
            return;
        };
        if self.node.is_none() {
            return;
        }
        let input = match ask {
            Ask::Submit(index) => {
                let Some(submission) = self.caller.submissions.get(index).cloned() else {
                    return;
                };
                if submission.tries > 1
                    && let Some(status) = self.state_of(&submission.id)
                {
                    self.count(Fault::CallerRetry, status);
                }
                let order = Box::new(submission.order);
                Input::Submit {
                    request,
                    order,
                    wait_ms: submission.wait_ms,
                }
            }
            Ask::Cancel(client_order_id) => Input::Cancel {
                request,
                client_order_id,
                wait_ms: 1_000,
            },
            Ask::Sync(through_execution_id) => Input::Sync {
                request,
                through_execution_id,
            },
            Ask::Read => Input::Read {
                request,
                query: Query::Orders { open_only: true },
            },
            Ask::Kill(level) => Input::Kill {
                request,
                level,
                reason: "a test".to_owned(),
            },
            Ask::Resume => {
                self.damage_open = false;
                Input::Resume {
                    request,
                    reason: "the test is over".to_owned(),
                }
            }
        };
        self.input(input);
    }

    /// The gateway's answer leaves; a cut link loses it.
    pub(super) fn send_answer(&mut self, request: u64, reply: Reply) {
        let is_accepted = matches!(&reply, Reply::Body { status: 202, .. });
        if is_accepted
            && let Some(Ask::Submit(index)) = self.caller.open.get(&request)
            && let Some(submission) = self.caller.submissions.get(*index)
        {
            self.acked.insert(submission.id.clone());
        }
        if self.now < self.conditions.caller_cut_until {
            return;
        }
        let wait = self.random.between(1, 5);
        self.after(wait, Event::Answer(request, reply));
    }

    pub(super) fn answer_arrives(&mut self, request: u64, reply: &Reply) {
        let Some(ask) = self.caller.open.remove(&request) else {
            return;
        };
        let status = match reply {
            Reply::Body { status, .. } => *status,
            Reply::Problem(problem) => problem.status,
        };
        self.say(|| format!("caller < {request} {status}"));
        let Ask::Submit(index) = ask else { return };
        let Some(submission) = self.caller.submissions.get_mut(index) else {
            return;
        };
        let key = submission.key.clone();
        if status == 202 {
            submission.is_settled = true;
            self.caller.log.push(Moment::Ok { key });
            return;
        }
        self.caller.log.push(Moment::Fail { key, status });
        let again = status >= 500 && submission.tries < TRIES;
        submission.is_settled = !again;
        if again {
            let wait = self.random.between(1_000, 5_000);
            self.after(wait, Event::Retry(index));
        }
    }

    /// No answer in time: unknown to the caller, which asks again under the same key.
    pub(super) fn give_up(&mut self, request: u64) {
        let Some(ask) = self.caller.open.remove(&request) else {
            return;
        };
        let Ask::Submit(index) = ask else { return };
        let again = self.random.chance(70);
        let wait = self.random.between(100, 3_000);
        let Some(submission) = self.caller.submissions.get_mut(index) else {
            return;
        };
        let key = submission.key.clone();
        let again = again && submission.tries < TRIES;
        self.caller.log.push(Moment::Info { key });
        if again {
            self.after(wait, Event::Retry(index));
        }
    }

    /// F43: repeats a key whose order is in the wanted state; now and then twice at once.
    pub(super) fn retry_known(&mut self, wanted: rust_common::OrderStatus, twice: bool) -> bool {
        let found = self.caller.submissions.iter().position(|submission| {
            !submission.is_given_up && self.state_of(&submission.id) == Some(wanted)
        });
        let Some(index) = found else { return false };
        self.submit_again(index);
        if twice {
            self.submit_again(index);
        }
        true
    }
}
