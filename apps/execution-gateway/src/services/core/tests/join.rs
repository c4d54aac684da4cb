//! Merging evidence is a join: commutative, associative, idempotent (C2).

use proptest::prelude::*;

use rust_common::{Fill, Quantity};

use super::support::trade;
use crate::models::order::{Absence, Doubt, Ending, Evidence};

fn fill(id: u64, has_execution_id: bool) -> Fill {
    let told = trade(id, "0.00010", "40000.00", "0");
    Fill {
        client_order_id: "ats1-x".parse().unwrap(),
        execution_id: has_execution_id.then_some(id),
        trade_id: told.trade_id,
        venue_order_id: "7".to_owned(),
        instrument_id: "BTC-USD.SIM".parse().unwrap(),
        leg: "entry".parse().unwrap(),
        order_side: rust_common::OrderSide::Buy,
        price: told.price,
        quantity: told.quantity,
        fee: told.fee,
        fee_asset: told.fee_asset,
        liquidity_side: told.liquidity_side,
        market_time: told.at,
    }
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (0..100_i64).prop_map(|steps| Quantity::new(steps, 5).unwrap())
}

prop_compose! {
    fn answers()(
        doubt in proptest::option::of((0..4_u8, "[a-c]{1,2}")),
        absent in proptest::option::of((0..4_u8, any::<bool>())),
        refused in proptest::option::of(0..4_u8),
        denied in any::<bool>(),
        sends in 0..4_u8,
    ) -> Evidence {
        Evidence {
            denied,
            sends,
            doubt: doubt.map(|(send, reason)| Doubt { send, reason }),
            absent: absent.map(|(send, is_final)| Absence { send, is_final }),
            refused,
            ..Evidence::none(5)
        }
    }
}

prop_compose! {
    fn evidence()(
        answers in answers(),
        accepted in any::<bool>(),
        triggered in any::<bool>(),
        ending in proptest::option::of(prop_oneof![
            Just(Ending::Rejected), Just(Ending::Expired), Just(Ending::Canceled),
            Just(Ending::Filled),
        ]),
        reported in quantity(),
        amended in proptest::option::of(quantity()),
        venue_order_id in proptest::option::of("[1-9]{1,2}"),
        fills in proptest::collection::btree_map(1..8_u64, any::<bool>(), 0..6),
    ) -> Evidence {
        let fills = fills.into_iter().map(|(id, has)| (id.to_string(), fill(id, has)));
        Evidence {
            accepted, triggered, ending, reported, amended, venue_order_id,
            fills: fills.collect(),
            ..answers
        }
    }
}

fn joined(left: &Evidence, right: &Evidence) -> Evidence {
    let mut sum = left.clone();
    sum.join(right);
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn evidence_is_a_join(a in evidence(), b in evidence(), c in evidence()) {
        prop_assert_eq!(joined(&a, &b), joined(&b, &a), "commutative");
        prop_assert_eq!(joined(&joined(&a, &b), &c), joined(&a, &joined(&b, &c)), "associative");
        prop_assert_eq!(joined(&a, &a), a.clone(), "idempotent");
        let none = Evidence::none(5);
        prop_assert_eq!(joined(&a, &none), a.clone(), "nothing adds nothing");
        let both = joined(&a, &b);
        prop_assert_eq!(joined(&both, &a), both.clone(), "absorbs what it holds");
        prop_assert!(both.reported >= a.reported && both.fills.len() >= a.fills.len(), "grows");
    }
}
