//! What reaches the venue, and what comes back of it.

use super::{Crossing, Fate, PART_MS, ambiguous};
use crate::models::venue::{Outcome, Parts, VenueAnswer, VenueCall};
use crate::simulation::faults::Fault;
use crate::simulation::history::Kind;
use crate::simulation::venue::Whims;
use crate::simulation::world::{Event, World};
use rust_common::{ClientOrderId, OrderStatus};

impl World {
    pub(in crate::simulation) fn go_back(&mut self, crossing: &Crossing, outcome: Outcome) {
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

    pub(in crate::simulation) fn carry_out(&mut self, crossing: &Crossing) -> Outcome {
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
            } => self.cancel_at_venue(client_order_id, crossing.life),
            VenueCall::CancelList { list_id, .. } => {
                self.cancel_list_at_venue(list_id, crossing.life)
            }
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

    pub(in crate::simulation) fn placed(
        &mut self,
        placed: Result<Vec<usize>, (i64, String)>,
    ) -> Outcome {
        match placed {
            Ok(indexes) => {
                self.hash.mix(indexes.len() as u64 + 77);
                Outcome::Done(VenueAnswer::Reports(self.venue.reply(&indexes)))
            }
            Err((code, detail)) => Outcome::Refused { code, detail },
        }
    }

    pub(in crate::simulation) fn cancel_at_venue(
        &mut self,
        client: &ClientOrderId,
        life: u32,
    ) -> Outcome {
        let Some(index) = self.venue.find(client) else {
            return Outcome::Missing;
        };
        if life == self.life {
            self.maybe_lose_race(index, client);
        }
        match self.venue.cancel(self.now, index) {
            Some(ended) => Outcome::Done(VenueAnswer::Reports(self.venue.reply(&ended))),
            None => Outcome::Missing,
        }
    }

    /// The list's id is not an order's; its legs are found through the gateway's own naming.
    pub(in crate::simulation) fn cancel_list_at_venue(
        &mut self,
        list_id: &ClientOrderId,
        life: u32,
    ) -> Outcome {
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
            Some(leg) => self.cancel_at_venue(&leg, life),
            None => Outcome::Missing,
        }
    }

    pub(in crate::simulation) fn reconcile_part(&mut self, mut crossing: Crossing, parts: Parts) {
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

    pub(in crate::simulation) fn outcome_arrives(
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

    pub(in crate::simulation) fn subjects_of(&self, call: u64) -> Option<Vec<ClientOrderId>> {
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
    pub(in crate::simulation) fn check_arrival(&mut self, ids: &[ClientOrderId]) {
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
