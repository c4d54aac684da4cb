//! Random sequences of everything that can happen, over several orders and restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use rust_common::{ClientOrderId, Money, OrderSide, OrderStatus, Quantity, StopLevel};

use super::support::*;
use crate::models::input::Input;
use crate::models::order::OrderState;
use crate::models::venue::{Lane, Outcome, StreamEvent, VenueAnswer, VenueCall, VenueStatus};

const STATUSES: [VenueStatus; 6] = [
    VenueStatus::Working,
    VenueStatus::Triggered,
    VenueStatus::Filled,
    VenueStatus::Canceled,
    VenueStatus::Expired,
    VenueStatus::Rejected,
];
const LEVELS: [StopLevel; 4] = [
    StopLevel::NoEntries,
    StopLevel::ReduceOnly,
    StopLevel::CancelAll,
    StopLevel::Flatten,
];

/// A core under a random script, with what must be true of it.
struct Trial {
    bench: Bench,
    ids: Vec<ClientOrderId>,
    booked: BTreeMap<ClientOrderId, Quantity>,
    trades: BTreeMap<ClientOrderId, std::collections::BTreeSet<usize>>,
}

impl Trial {
    fn new() -> Self {
        let bench = Bench::ready_with(|config| config.limits.max_orders_per_minute = 1_000);
        Self {
            bench,
            ids: Vec::new(),
            booked: BTreeMap::new(),
            trades: BTreeMap::new(),
        }
    }

    fn submit(&mut self, pick: usize) {
        let decision = ["1", "2", "3", "4"][pick % 4];
        let order = approved_for(decision, "entry", 0, "open", &limit("BUY", "0.00100"));
        let order = lasting(&order);
        self.bench.submit(&order, 0);
        let id = order.client_order_id().unwrap();
        if self.bench.state.book.orders.contains_key(&id) && !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    /// A report of the venue with one of ten trades of each order.
    fn report(&mut self, pick: usize, status: VenueStatus) {
        let Some(index) = pick.checked_rem(self.ids.len()) else {
            return;
        };
        let id = self.ids[index].clone();
        let number = pick % 10 + 1;
        let executed = Quantity::new(i64::try_from(number).unwrap() * 10, 5).unwrap();
        let trade_id = u64::try_from(index * 100 + number).unwrap();
        let fills = vec![trade(trade_id, "0.00010", "39000.00", "0")];
        let told = report(&self.bench, &id, status, &executed.to_string(), fills);
        if self.bench.state.live.is_recovered {
            self.trades.entry(id).or_default().insert(number);
            self.bench.stream(told);
        }
    }

    fn answer(&mut self, pick: usize) {
        for (call, request) in std::mem::take(&mut self.bench.calls) {
            if matches!(request, VenueCall::Reconcile { .. }) && !pick.is_multiple_of(3) {
                self.bench.calls.push((call, request));
                self.bench.answer_reconcile(Vec::new());
                continue;
            }
            let detail = "x".to_owned();
            let code = [-1021, -2010, -1003][pick % 3];
            let outcome = match pick % 6 {
                0 => Outcome::Ambiguous { code: 0, detail },
                1 => Outcome::Refused { code, detail },
                2 => Outcome::NotSent { detail },
                3 => Outcome::Missing,
                4 => Outcome::Done(VenueAnswer::Absent(pick.is_multiple_of(4))),
                _ => Outcome::Done(VenueAnswer::Accepted),
            };
            self.bench.outcome(call, outcome);
        }
    }

    fn change(&mut self, pick: usize) {
        let Some(index) = pick.checked_rem(self.ids.len()) else {
            return;
        };
        let client_order_id = self.ids[index].clone();
        let steps = i64::try_from(pick % 100).unwrap();
        self.bench.ask(|request| {
            if pick.is_multiple_of(2) {
                Input::Cancel {
                    request,
                    client_order_id,
                    wait_ms: 0,
                }
            } else {
                let quantity = Quantity::new(steps, 5).unwrap();
                Input::Amend {
                    request,
                    client_order_id,
                    quantity,
                    wait_ms: 0,
                }
            }
        });
    }

    fn control(&mut self, pick: usize) {
        let until = self.bench.now + 500;
        let input = match pick % 9 {
            0 => Input::FileKill {
                level: Some(LEVELS[pick / 9 % 4]),
            },
            1 => Input::FileKill { level: None },
            2 => Input::Resume {
                request: 0,
                reason: "r".to_owned(),
            },
            3 => Input::Throttled {
                lane: Some(Lane::Exit),
                until,
            },
            4 => Input::Banned { until },
            5 => Input::Stream(StreamEvent::Down),
            6 => Input::Stream(StreamEvent::Gap),
            _ => Input::Stream(StreamEvent::Up),
        };
        self.bench.input(input);
    }

    fn restart(&mut self) {
        let mut again = self.bench.restarted();
        again.input(Input::Facts {
            instruments: vec![instrument()],
            offset_ms: 0,
        });
        again.input(Input::Stream(StreamEvent::Up));
        self.bench = again;
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        let state = &self.bench.state;
        let mut position = Money::ZERO;
        for order in state.book.orders.values() {
            let id = &order.identity.client_order_id;
            let booked = order.fills_total.quantity;
            let before = self.booked.insert(id.clone(), booked);
            prop_assert!(
                before.is_none_or(|before| booked >= before),
                "{id}: never less"
            );
            prop_assert!(
                booked <= order.terms.quantity,
                "{id}: never more than was ordered"
            );
            let known = self
                .trades
                .get(id)
                .map_or(0, std::collections::BTreeSet::len);
            if !order.identity.is_external && self.ids.contains(id) {
                prop_assert_eq!(order.evidence.fills.len(), known, "each trade once");
            }
            prop_assert!(
                is_proven(order),
                "{} without evidence: {:?}",
                order.status,
                order
            );
            prop_assert!(
                order.evidence.sends <= 2,
                "{id} was sent {} times",
                order.evidence.sends
            );
            let sign = order.terms.order_side == OrderSide::Buy;
            let amount = Money::from(booked);
            position = if sign {
                position.checked_add(amount).unwrap()
            } else {
                position.checked_sub(amount).unwrap()
            };
        }
        let id = instrument().instrument_id;
        let exposure = state.exposure(&id);
        prop_assert!(exposure.lowest <= exposure.held && exposure.held <= exposure.highest);
        if state.book.era == 0 {
            let booked = state
                .book
                .positions
                .get(&id)
                .copied()
                .unwrap_or(Money::ZERO);
            prop_assert_eq!(booked, position, "the position is the sum of the fills");
        }
        let wake = state.next_wake(self.bench.now);
        prop_assert!(
            wake.is_some_and(|at| at > self.bench.now),
            "there is always a next look"
        );
        Ok(())
    }
}

/// No end without evidence (I7).
fn is_proven(order: &OrderState) -> bool {
    let evidence = &order.evidence;
    match order.status {
        OrderStatus::Denied => evidence.denied,
        OrderStatus::Filled => order.fills_total.quantity >= order.ordered(),
        OrderStatus::Canceled | OrderStatus::Expired => evidence.ending.is_some(),
        OrderStatus::Rejected => evidence.ending.is_some() || evidence.is_refused(),
        OrderStatus::NotSent => evidence.is_absent(),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn nothing_is_lost_doubled_or_ended_without_proof(
        script in proptest::collection::vec((0..14_u8, 0..1_000_usize), 1..80)
    ) {
        let mut trial = Trial::new();
        trial.submit(0);
        for (word, pick) in script {
            match word {
                0 | 1 => trial.submit(pick),
                2..=4 => trial.report(pick, STATUSES[pick % 6]),
                5..=7 => trial.answer(pick),
                8 => trial.change(pick),
                9 => trial.control(pick),
                10 => trial.restart(),
                11 => trial.bench.tick(i64::try_from(pick).unwrap() * 10),
                _ => trial.bench.tick(i64::try_from(pick).unwrap()),
            }
            trial.check()?;
        }
        let again = trial.bench.restarted();
        prop_assert_eq!(again.state.state_hash(), trial.bench.state.state_hash());
    }
}
