//! The road of a venue call: queue, network, venue, network back, each with its faults.

use rust_common::{ClientOrderId, OrderSide, OrderStatus};

use super::faults::{Fault, Planned, Scope, status_index};
use super::gateway::{HORIZON_MS, RECV_WINDOW_MS};
use super::history::Kind;
use super::venue::Whims;
use super::world::{Event, World};
use crate::models::venue::{Outcome, Parts, Snapshot, VenueAnswer, VenueCall};

/// Time between the parts of a reconciliation.
const PART_MS: (i64, i64) = (1, 12);

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    #[default]
    Whole,
    /// The venue acts, the reply does not come; the gateway learns so after this long.
    ReplyLost { told_after: i64, code: i64 },
    /// The venue refuses before it acts.
    Refused { code: i64, is_ambiguous: bool },
    /// The venue does not see what it has.
    Blind,
    /// The reply waits until the order is in this state or this long has passed.
    ReplyHeld { wanted: OrderStatus, until: i64 },
}

/// A call that waits for room in the rate limit.
#[derive(Debug, Clone)]
pub struct Waiting {
    life: u32,
    call: u64,
    request: VenueCall,
}

fn is_cancel(request: &VenueCall) -> bool {
    matches!(
        request,
        VenueCall::Cancel { .. } | VenueCall::CancelList { .. } | VenueCall::CancelAll { .. }
    )
}

fn request_reduces(request: &VenueCall) -> bool {
    match request {
        VenueCall::Place(order) => order.reduce_only || order.order_side == OrderSide::Sell,
        VenueCall::PlaceOco(oco) => oco.reduce_only || oco.order_side == OrderSide::Sell,
        _ => false,
    }
}

/// A call under way.
#[derive(Debug, Clone)]
pub struct Crossing {
    pub life: u32,
    pub call: u64,
    pub request: VenueCall,
    pub sent_at: i64,
    pub fate: Fate,
    pub fault: Option<Fault>,
    /// Next part of a reconciliation.
    pub part: u8,
    pub snapshot: Snapshot,
    /// The venue's answer, waiting to go back.
    pub answer: Option<Outcome>,
}

/// Orders a call is about; none means the whole account.
pub fn subjects(request: &VenueCall) -> Vec<ClientOrderId> {
    match request {
        VenueCall::Place(order) | VenueCall::Test(order) => vec![order.client_order_id.clone()],
        VenueCall::PlaceOco(oco) => vec![oco.stop_id.clone(), oco.target_id.clone()],
        VenueCall::Amend {
            client_order_id, ..
        }
        | VenueCall::Cancel {
            client_order_id, ..
        }
        | VenueCall::Query {
            client_order_id, ..
        }
        | VenueCall::Absence {
            client_order_id, ..
        } => vec![client_order_id.clone()],
        VenueCall::CancelList { .. }
        | VenueCall::CancelAll { .. }
        | VenueCall::Reconcile { .. }
        | VenueCall::SyncClock
        | VenueCall::Countdown { .. } => Vec::new(),
    }
}

fn ambiguous(code: i64, detail: &str) -> Outcome {
    Outcome::Ambiguous {
        code,
        detail: detail.to_owned(),
    }
}

impl World {
    /// A call is handed to the adapter: it waits by lane while the limiter holds calls back.
    pub(super) fn enqueue(&mut self, call: u64, request: VenueCall) {
        self.lanes.push(Waiting {
            life: self.life,
            call,
            request,
        });
        self.drain_lanes();
    }

    /// Lets waiting calls go, the most urgent first; one at a time after a hold.
    pub(super) fn drain_lanes(&mut self) {
        let clock = self.clock();
        self.expire_waiting(clock);
        if self.now < self.conditions.limited_until {
            let at = self.conditions.limited_until;
            return self.at(at, Event::Lanes);
        }
        while let Some(next) = self.most_urgent() {
            let Waiting { call, request, .. } = self.lanes.remove(next);
            let is_cancel = |waiting: &Waiting| is_cancel(&waiting.request);
            if request.is_placing() && !request_reduces(&request) {
                if let Some(late) = self.lanes.iter().find(|waiting| is_cancel(waiting)) {
                    let detail = format!("cancel {} waits behind entry {call}", late.call);
                    self.fail("I13", Kind::Other, detail);
                }
            }
            self.send_call(call, request);
        }
    }

    fn most_urgent(&self) -> Option<usize> {
        let ranked = self.lanes.iter().enumerate();
        ranked
            .min_by_key(|(at, waiting)| (waiting.request.lane(), *at))
            .map(|(at, _)| at)
    }

    /// Calls of a dead process are gone; entries die at their deadline.
    fn expire_waiting(&mut self, clock: i64) {
        let life = self.life;
        self.lanes.retain(|waiting| waiting.life == life);
        let (dead, alive) =
            std::mem::take(&mut self.lanes)
                .into_iter()
                .partition(|waiting: &Waiting| {
                    waiting.request.deadline().is_some_and(|at| clock >= at)
                });
        self.lanes = alive;
        for Waiting { call, .. } in dead {
            self.not_sent(call, "its deadline passed in the queue");
        }
    }

    /// The core takes a call back that still waits.
    pub(super) fn recall(&mut self, call: u64) {
        let life = self.life;
        if let Some(at) = self
            .lanes
            .iter()
            .position(|w| w.call == call && w.life == life)
        {
            self.lanes.remove(at);
            self.not_sent(call, "it was recalled");
        }
    }

    fn not_sent(&mut self, call: u64, detail: &str) {
        let outcome = Outcome::NotSent {
            detail: detail.to_owned(),
        };
        let life = self.life;
        self.after(
            0,
            Event::Outcome {
                life,
                call,
                outcome,
                fault: None,
            },
        );
    }

    /// A call leaves the gateway.
    fn send_call(&mut self, call: u64, request: VenueCall) {
        self.check_send(&request);
        self.say(|| format!("call > {call} {} {:?}", request.name(), subjects(&request)));
        self.next_call_sent += 1;
        let life = self.life;
        if self.is_venue_cut() {
            let outcome = match self.random.chance(50) {
                true => Outcome::NotSent {
                    detail: "connect: refused".to_owned(),
                },
                false => ambiguous(0, "the connection broke"),
            };
            let wait = self.random.between(1, 400);
            return self.after(
                wait,
                Event::Outcome {
                    life,
                    call,
                    outcome,
                    fault: None,
                },
            );
        }
        if self.follow_urge(call, &request) {
            return;
        }
        let crossing = Crossing {
            life,
            call,
            request,
            sent_at: self.clock(),
            fate: Fate::Whole,
            fault: None,
            part: 0,
            snapshot: Snapshot::default(),
            answer: None,
        };
        let wait = self.random.between(1, 25);
        match self.fault_for(&crossing.request) {
            None => self.after(wait, Event::Call(Box::new(crossing))),
            Some(planned) => self.send_with(planned, crossing, wait),
        }
    }

    fn fault_for(&mut self, request: &VenueCall) -> Option<Planned> {
        if self.faults_are_over {
            return None;
        }
        let about = subjects(request);
        let states: Vec<usize> = if about.is_empty() {
            self.present_states().into_iter().collect()
        } else {
            about
                .iter()
                .filter_map(|id| self.state_of(id))
                .map(status_index)
                .collect()
        };
        self.take_armed(|planned, is_late| {
            let fits = planned.fault.scope() == Scope::Call && applies(planned.fault, request);
            fits && (is_late || states.contains(&status_index(planned.wanted)))
        })
    }

    /// Counts a fault on a call for the orders it is about.
    fn count_call(&mut self, fault: Fault, request: &VenueCall) {
        let about = subjects(request);
        if about.is_empty() {
            return self.count_everything(fault);
        }
        let states: Vec<OrderStatus> = about.iter().filter_map(|id| self.state_of(id)).collect();
        for status in states {
            self.count(fault, status);
        }
    }

    fn send_with(&mut self, planned: Planned, mut crossing: Crossing, wait: i64) {
        let fault = planned.fault;
        self.note_fired(fault);
        let (life, call) = (crossing.life, crossing.call);
        let executed = planned.variant & 1 == 0;
        let tell = |outcome| Event::Outcome {
            life,
            call,
            outcome,
            fault: None,
        };
        let lost = |told_after, code| Fate::ReplyLost { told_after, code };
        let refused = |code, is_ambiguous| Fate::Refused { code, is_ambiguous };
        match fault {
            Fault::DropBeforeSend => {
                self.count_call(fault, &crossing.request);
                let detail = "connect: refused".to_owned();
                return self.after(wait, tell(Outcome::NotSent { detail }));
            }
            Fault::Disconnect if !executed => {
                // Cut in the middle of the request: the venue never sees a whole one.
                self.count_call(fault, &crossing.request);
                return self.after(wait, tell(ambiguous(0, "the connection broke")));
            }
            Fault::ExecutedThenReset | Fault::Disconnect => crossing.fate = lost(wait, 0),
            Fault::DropReply | Fault::LateReply => crossing.fate = lost(HORIZON_MS, 0),
            Fault::ReplyAfterEvent | Fault::EventBeforeReply => {
                let until = self.now
                    + if fault == Fault::ReplyAfterEvent {
                        6_000
                    } else {
                        400
                    };
                crossing.fate = Fate::ReplyHeld {
                    wanted: planned.wanted,
                    until,
                };
            }
            Fault::TooManyRequests => crossing.fate = refused(-1003, false),
            Fault::Banned => crossing.fate = refused(-1003, false),
            Fault::Forbidden => crossing.fate = refused(403, false),
            Fault::Overloaded => crossing.fate = refused(-1008, !executed),
            Fault::ServerError if executed => crossing.fate = lost(wait, -1000),
            Fault::ServerError => crossing.fate = refused(-1000, true),
            Fault::EngineTimeout if executed => crossing.fate = lost(10_000, -1007),
            Fault::EngineTimeout => crossing.fate = refused(-1006, true),
            Fault::Garbage => crossing.fate = lost(wait, 0),
            Fault::QueryLag => crossing.fate = Fate::Blind,
            _ => {}
        }
        crossing.fault = Some(fault);
        // A lost reply leaves the time of arrival open, up to the engine's own timeout.
        let is_slow = planned.variant & 6 == 0 && matches!(crossing.fate, Fate::ReplyLost { .. });
        let travel = if is_slow {
            self.random.between(100, RECV_WINDOW_MS - 100)
        } else {
            wait
        };
        let in_engine = if is_slow {
            self.random.between(0, 9_500)
        } else {
            0
        };
        if let Fate::ReplyLost { told_after, code } = crossing.fate {
            let outcome = ambiguous(code, fault.about());
            let told = Event::Outcome {
                life,
                call,
                outcome,
                fault: Some(fault),
            };
            self.after(told_after, told);
        }
        self.after(travel + in_engine, Event::Call(Box::new(crossing)));
    }

    /// A call arrives at the venue, or its next part does.
    pub(super) fn call_arrives(&mut self, mut crossing: Crossing) {
        if let Some(outcome) = crossing.answer.take() {
            return self.release_reply(crossing, outcome);
        }
        if self.is_venue_cut() {
            if !matches!(crossing.fate, Fate::ReplyLost { .. }) {
                self.go_back(&crossing, ambiguous(0, "the connection broke"));
            }
            return;
        }
        if let Fate::Refused { code, is_ambiguous } = crossing.fate {
            let detail = "refused by the venue".to_owned();
            let outcome = match is_ambiguous {
                true => Outcome::Ambiguous { code, detail },
                false => Outcome::Refused { code, detail },
            };
            return self.go_back(&crossing, outcome);
        }
        if let VenueCall::Reconcile { parts, .. } = crossing.request.clone() {
            return self.reconcile_part(crossing, parts);
        }
        let outcome = self.carry_out(&crossing);
        match crossing.fate {
            Fate::ReplyLost { .. } => {}
            Fate::ReplyHeld { until, .. } => {
                crossing.answer = Some(outcome);
                self.at(until, Event::Call(Box::new(crossing)));
            }
            _ => self.go_back(&crossing, outcome),
        }
    }

    /// Lets held replies go whose order has reached the state they wait for.
    fn release_reply(&mut self, crossing: Crossing, outcome: Outcome) {
        self.go_back(&crossing, outcome);
    }

    fn go_back(&mut self, crossing: &Crossing, outcome: Outcome) {
        let wait = self.random.between(1, 25);
        let (life, call, fault) = (crossing.life, crossing.call, crossing.fault);
        self.after(
            wait,
            Event::Outcome {
                life,
                call,
                outcome,
                fault,
            },
        );
    }

    fn carry_out(&mut self, crossing: &Crossing) -> Outcome {
        let is_blind = crossing.fate == Fate::Blind;
        self.venue.requests += 1;
        let done = |reports| Outcome::Done(VenueAnswer::Reports(reports));
        match &crossing.request {
            VenueCall::Place(order) => {
                self.check_arrival(&[order.client_order_id.clone()]);
                let placed = self.venue.place(self.now, order, Whims::default());
                self.placed(placed)
            }
            VenueCall::PlaceOco(oco) => {
                let ids = [oco.stop_id.clone(), oco.target_id.clone()];
                self.check_arrival(&ids);
                let whims = self.whims_for_list(&ids);
                let placed = self.venue.place_oco(self.now, oco, whims);
                self.placed(placed)
            }
            VenueCall::Query {
                client_order_id, ..
            } if is_blind => {
                self.say(|| format!("venue hides {client_order_id}"));
                Outcome::Missing
            }
            VenueCall::Query {
                client_order_id, ..
            } => self.venue.query(self.now, client_order_id),
            VenueCall::Absence {
                client_order_id, ..
            } => self.venue.absence(self.now, client_order_id),
            VenueCall::Cancel {
                client_order_id, ..
            } => self.cancel_at_venue(client_order_id),
            VenueCall::CancelList { list_id, .. } => self.cancel_list_at_venue(list_id),
            VenueCall::CancelAll { instrument_id } => {
                let market = self.venue.market_of(instrument_id);
                let open: Vec<usize> = self.venue.open.clone();
                let mut ended = Vec::new();
                for index in open {
                    let is_its = self
                        .venue
                        .orders
                        .get(index)
                        .is_some_and(|order| Some(order.market) == market);
                    if is_its {
                        ended.extend(self.venue.cancel(self.now, index).unwrap_or_default());
                    }
                }
                if ended.is_empty() {
                    Outcome::Missing
                } else {
                    done(self.venue.reply(&ended))
                }
            }
            VenueCall::Amend {
                client_order_id,
                quantity,
                ..
            } => {
                let Some(index) = self.venue.find(client_order_id) else {
                    return Outcome::Missing;
                };
                match self.venue.amend(self.now, index, quantity.mantissa()) {
                    Ok(()) => done(self.venue.reply(&[index])),
                    Err((code, detail)) => Outcome::Refused { code, detail },
                }
            }
            VenueCall::Test(_) | VenueCall::Countdown { .. } => {
                Outcome::Done(VenueAnswer::Accepted)
            }
            VenueCall::SyncClock => Outcome::Done(VenueAnswer::Clock {
                offset_ms: -self.conditions.clock_skew,
            }),
            VenueCall::Reconcile { .. } => Outcome::Missing,
        }
    }

    fn placed(&mut self, placed: Result<Vec<usize>, (i64, String)>) -> Outcome {
        match placed {
            Ok(indexes) => {
                self.hash.mix(indexes.len() as u64 + 77);
                Outcome::Done(VenueAnswer::Reports(self.venue.reply(&indexes)))
            }
            Err((code, detail)) => Outcome::Refused { code, detail },
        }
    }

    fn cancel_at_venue(&mut self, client: &ClientOrderId) -> Outcome {
        let Some(index) = self.venue.find(client) else {
            return Outcome::Missing;
        };
        self.maybe_lose_race(index, client);
        match self.venue.cancel(self.now, index) {
            Some(ended) => Outcome::Done(VenueAnswer::Reports(self.venue.reply(&ended))),
            None => Outcome::Missing,
        }
    }

    /// The list's id is not an order's; its legs are found through the gateway's own naming.
    fn cancel_list_at_venue(&mut self, list_id: &ClientOrderId) -> Outcome {
        let legs = self.node.as_ref().and_then(|node| {
            node.state
                .book
                .orders
                .values()
                .find_map(|order| match &order.role {
                    crate::models::order::Role::Leg(list) if list.list_id == *list_id => {
                        Some(list.stop_id.clone())
                    }
                    _ => None,
                })
        });
        match legs {
            Some(leg) => self.cancel_at_venue(&leg),
            None => Outcome::Missing,
        }
    }

    fn reconcile_part(&mut self, mut crossing: Crossing, parts: Parts) {
        if self.conditions.fail_reconcile && crossing.part == 1 {
            self.conditions.fail_reconcile = false;
            self.count_everything(Fault::RecoveryQueryError);
            return self.go_back(&crossing, ambiguous(-1001, "a query failed"));
        }
        let VenueCall::Reconcile {
            sweeps, own_open, ..
        } = &crossing.request
        else {
            return;
        };
        let now = if crossing.fate == Fate::Blind {
            self.now - 8_000
        } else {
            self.now
        };
        match crossing.part {
            0 if parts.account => crossing.snapshot.balances = self.venue.balances(),
            1 if parts.open => self.venue.open_part(now, own_open, &mut crossing.snapshot),
            2 if parts.trades => self.venue.trades_part(now, sweeps, &mut crossing.snapshot),
            _ => {}
        }
        crossing.part += 1;
        if crossing.part < 3 {
            let wait = self.random.between(PART_MS.0, PART_MS.1);
            return self.after(wait, Event::Call(Box::new(crossing)));
        }
        let snapshot = Box::new(std::mem::take(&mut crossing.snapshot));
        let outcome = Outcome::Done(VenueAnswer::Snapshot(snapshot));
        match crossing.fate {
            Fate::ReplyLost { .. } => {}
            Fate::ReplyHeld { until, .. } => {
                crossing.answer = Some(outcome);
                self.at(until, Event::Call(Box::new(crossing)));
            }
            _ => self.go_back(&crossing, outcome),
        }
    }

    pub(super) fn outcome_arrives(
        &mut self,
        life: u32,
        call: u64,
        outcome: Outcome,
        fault: Option<Fault>,
    ) {
        if life != self.life || self.node.is_none() {
            return;
        }
        if let Some(fault) = fault {
            let about = self.subjects_of(call);
            match about {
                Some(ids) if !ids.is_empty() => {
                    let states: Vec<OrderStatus> =
                        ids.iter().filter_map(|id| self.state_of(id)).collect();
                    for status in states {
                        self.count(fault, status);
                    }
                }
                _ => self.count_everything(fault),
            }
        }
        self.hash.mix(call ^ outcome.code().unsigned_abs() << 32);
        self.say(|| format!("call < {call} {} {}", outcome.class(), outcome.code()));
        self.input(crate::models::input::Input::Answered { call, outcome });
    }

    fn subjects_of(&self, call: u64) -> Option<Vec<ClientOrderId>> {
        use crate::services::core::CallContext;
        let node = self.node.as_ref()?;
        node.state
            .live
            .calls
            .get(&call)
            .map(|context| match context {
                CallContext::Place { ids } => ids.clone(),
                CallContext::Cancel { id }
                | CallContext::Query { id }
                | CallContext::Absence { id } => vec![id.clone()],
                _ => Vec::new(),
            })
    }

    /// An order may not arrive once the gateway has called it never executed.
    fn check_arrival(&mut self, ids: &[ClientOrderId]) {
        for id in ids {
            let state = self.state_of(id);
            let is_over = matches!(state, Some(OrderStatus::NotSent | OrderStatus::Denied));
            if is_over {
                let detail = format!("{id} arrives at the venue while it is {state:?}");
                self.fail("I7", Kind::Other, detail);
            }
        }
    }
}

/// Faults that mean something for a kind of call only.
fn applies(fault: Fault, request: &VenueCall) -> bool {
    let is_query = matches!(
        request,
        VenueCall::Query { .. } | VenueCall::Reconcile { .. }
    );
    match fault {
        Fault::QueryLag => is_query,
        Fault::PartialOutcome => false,
        _ => !matches!(request, VenueCall::SyncClock | VenueCall::Test(_)),
    }
}
