//! The end of a schedule: everything heals, the system comes to rest, both logs are compared. And
//! the preparations that bring orders into the states a planned fault waits for.

use std::collections::{BTreeMap, BTreeSet};

use rust_common::OrderStatus;
use serde_json::Value;

use super::caller::Ask;
use super::disk::Defects;
use super::faults::{Fault, Planned};
use super::history::{FinalRead, Moment, ReadOrder, check};
use super::venue::{Kind, MarketStatus, Whims};
use super::world::{Conditions, Event, World};
use crate::models::input::{Effect, Input, Query, Reply};
use crate::models::venue::{Outcome, VenueAnswer, VenueCall};

/// What a planned fault would like to happen to the next order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urge {
    Drop,
    Doubt,
    Orphan,
}

/// From the end of the faults to the last look: restart, lost replies, horizon, sweeps.
pub const REST_MS: i64 = 130_000;
const READ_REQUEST: u64 = u64::MAX;

impl World {
    /// From here on everything is reachable and healthy.
    pub(super) fn end_faults(&mut self) {
        self.say(|| "-- faults end".to_owned());
        let slow = self.conditions.slow_disk;
        self.conditions = Conditions {
            slow_disk: slow,
            ..Conditions::default()
        };
        self.conditions.slow_disk = false;
        self.disk.set_defects(Defects::default());
        for market in &mut self.venue.markets {
            market.status = MarketStatus::Trading;
            market.min_quantity = 1;
        }
        self.faults_are_over = true;
        self.armed.clear();
        self.urge = None;
        self.forget_tick();
        self.restart_if_failed();
        if self.node.is_some() {
            self.stream_down(100);
        }
        self.after(REST_MS, Event::Check);
    }

    /// Brings orders into the state that a fault waits for.
    pub(super) fn prepare(&mut self, planned: Planned) {
        match planned.wanted {
            OrderStatus::Triggered => {
                let stop = self.venue.open.iter().copied().find(|at| {
                    self.venue.orders.get(*at).is_some_and(|order| {
                        order.kind == Kind::Stop && order.more_fills_at.is_none()
                    })
                });
                let found = stop.and_then(|at| self.venue.orders.get(at));
                if let Some((market, trigger)) = found.map(|o| (o.market, o.trigger)) {
                    self.venue.move_price(self.now, market, trigger);
                }
            }
            OrderStatus::PartiallyFilled => {
                let limit = self.venue.open.iter().copied().find(|at| {
                    self.venue.orders.get(*at).is_some_and(|order| {
                        matches!(order.kind, Kind::Limit(_))
                            && order.more_fills_at.is_none()
                            && order.remaining() > 1
                            && order.list.is_none()
                    })
                });
                if let Some(index) = limit {
                    let price = self.venue.orders.get(index).map_or(1, |order| order.price);
                    self.venue.fill_some(self.now, index, price, true);
                }
            }
            OrderStatus::Unknown => self.urge = Some(Urge::Doubt),
            OrderStatus::NotSent => self.urge = Some(Urge::Drop),
            OrderStatus::Initialized => self.urge = Some(Urge::Orphan),
            _ => {}
        }
    }

    /// A preparation that waits for the next order to be sent.
    pub(super) fn follow_urge(&mut self, call: u64, request: &VenueCall) -> bool {
        let Some(urge) = self.urge.filter(|_| !self.faults_are_over) else {
            return false;
        };
        let VenueCall::Place(order) = request else {
            return false;
        };
        let life = self.life;
        let is_bracket = self.node.as_ref().is_some_and(|node| {
            node.state
                .book
                .orders
                .get(&order.client_order_id)
                .is_some_and(|order| {
                    matches!(order.role, crate::models::order::Role::BracketEntry { .. })
                })
        });
        match urge {
            Urge::Drop => {
                let detail = "connect: refused".to_owned();
                let outcome = Outcome::NotSent { detail };
                self.after(
                    5,
                    Event::Outcome {
                        life,
                        call,
                        outcome,
                        fault: None,
                    },
                );
                self.count(Fault::DropBeforeSend, OrderStatus::Submitted);
            }
            Urge::Doubt => {
                // Either the request or its reply is lost.
                if self.random.chance(50) {
                    let placed = self.venue.place(self.now, order, Whims::default());
                    self.hash.mix(u64::from(placed.is_ok()));
                }
                let detail = "the connection broke".to_owned();
                let outcome = Outcome::Ambiguous { code: 0, detail };
                self.after(
                    5,
                    Event::Outcome {
                        life,
                        call,
                        outcome,
                        fault: None,
                    },
                );
                self.count(Fault::Disconnect, OrderStatus::Submitted);
            }
            Urge::Orphan if is_bracket => {
                // The stream falls before the reply tells of the entry's fill: its protection is
                // made and has to wait.
                let placed = self.venue.place(self.now, order, Whims::default());
                if let Ok(indexes) = placed {
                    let reports = self.venue.reply(&indexes);
                    let outcome = Outcome::Done(VenueAnswer::Reports(reports));
                    self.after(
                        8,
                        Event::Outcome {
                            life,
                            call,
                            outcome,
                            fault: None,
                        },
                    );
                } else {
                    return false;
                }
                self.after(2, Event::Heal(Fault::StreamEnd));
            }
            Urge::Orphan => return false,
        }
        self.urge = None;
        true
    }

    /// The last look: the caller reads, and every end-of-run invariant is checked.
    pub(super) fn finish(&mut self) {
        if self.node.is_none() {
            let detail = "the gateway does not run at the end".to_owned();
            return self.fail("I8", super::history::Kind::Other, detail);
        }
        if self.damage_open {
            self.operator_resumes();
        }
        self.check_stop();
        self.check_published();
        self.check_holdings();
        self.finish_replay();
        let read = self.final_read();
        self.caller.log.push(Moment::Read(read));
        let found = check(&self.caller.log, &self.venue.ledger());
        for broken in found {
            self.fail(broken.invariant, broken.kind, broken.detail);
        }
    }

    fn finish_replay(&mut self) {
        let Some(node) = self.node.take() else { return };
        if !node.has_unsynced() {
            self.check_replay(&node);
        }
        self.node = Some(node);
    }

    fn read(&mut self, query: Query) -> Value {
        let now = self.clock();
        let Some(node) = &mut self.node else {
            return Value::Null;
        };
        let released = node.advance(
            Input::Read {
                request: READ_REQUEST,
                query,
            },
            now,
        );
        let bodies = released
            .effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Reply {
                    request: READ_REQUEST,
                    reply: Reply::Body { body, .. },
                } => Some(body),
                _ => None,
            });
        bodies.last().unwrap_or_default()
    }

    fn final_read(&mut self) -> FinalRead {
        let orders = self.read(Query::Orders { open_only: false });
        let positions = self.read(Query::Positions);
        let status = self.read(Query::Status);
        let list = |value: &Value, name: &str| {
            value
                .get(name)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let mut told: BTreeMap<String, i128> = BTreeMap::new();
        for position in list(&positions, "positions") {
            let name = text(&position, "instrument_id");
            told.insert(name, i128::from(steps(&text(&position, "quantity"))));
        }
        let mut halted: BTreeSet<String> = list(&status, "unresolved")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if status.get("entries_open") == Some(&Value::Bool(false)) {
            // Everything is closed.
            let markets = self.venue.markets.iter();
            halted.extend(markets.map(|market| market.instrument.instrument_id.to_string()));
        }
        FinalRead {
            orders: list(&orders, "orders").iter().map(read_order).collect(),
            positions: told,
            halted,
        }
    }

    /// A read of the caller during the run (its answer is not judged).
    pub fn ask_read(&mut self) {
        self.ask(Ask::Read);
    }
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// Steps of a quantity written with five decimals.
fn steps(text: &str) -> i64 {
    let digits: String = text.chars().filter(|c| *c != '.').collect();
    let scale = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let number: i64 = digits.parse().unwrap_or(0);
    let missing = u32::try_from(5_usize.saturating_sub(scale)).unwrap_or(0);
    number * 10_i64.pow(missing)
}

fn read_order(value: &Value) -> ReadOrder {
    let attempt = value.get("attempt").and_then(Value::as_u64).unwrap_or(0);
    let key = format!(
        "{}.{}.{attempt}",
        text(value, "decision_id"),
        text(value, "leg")
    );
    let fills = value
        .get("fills")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    ReadOrder {
        client_id: text(value, "client_order_id"),
        key,
        strategy: text(value, "strategy"),
        status: text(value, "status"),
        instrument: text(value, "instrument_id"),
        filled: steps(&text(value, "filled_quantity")),
        fills: fills
            .iter()
            .map(|fill| (text(fill, "trade_id"), steps(&text(fill, "quantity"))))
            .collect(),
        is_external: text(value, "account") == "external",
        is_list: text(value, "order_type") == "OCO",
    }
}
